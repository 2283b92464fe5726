//! Instances: from pending to terminated.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Ec2,
    addresses::Address,
    attributes::Metadata,
    filters::{Asked, Findable, ReadFound, wanted},
    images,
    interfaces::{self, remove_interface},
    tags,
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

/// An instance.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Instance {
    pub(super) image: String,
    pub(super) kind: String,
    pub(super) subnet: String,
    pub(super) groups: Vec<String>,
    pub(super) interface: String,
    pub(super) private_ip: String,
    pub(super) public_ip: String,
    pub(super) user_data: Option<String>,
    pub(super) key_name: Option<String>,
    /// ARN and id of its profile, and the id of their association.
    pub(super) profile: Option<(String, String, String)>,
    pub(super) volume: String,
    pub(super) delete_on_termination: bool,
    pub(super) metadata: Metadata,
    /// Whether it must not be terminated.
    pub(super) keeps_alive: bool,
    /// Whether it must not be stopped.
    pub(super) keeps_running: bool,
    pub(super) token: Option<String>,
    pub(super) launched: Time,
    /// What it was last told to be, and from when on it is.
    pub(super) will: Will,
    pub(super) from: Time,
}

impl Made for Instance {
    fn made(&self) -> Time {
        self.launched
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Will {
    Run,
    Stop,
    Terminate,
}

/// The states of an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl State {
    /// As EC2 calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// The number of it.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    pub(super) fn shown(self) -> Value {
        json!({ "code": self.code(), "name": self.name() })
    }
}

impl Instance {
    /// Follows from what it was last told and when.
    pub(super) fn state(&self, now: Time) -> State {
        match (self.will, self.from <= now) {
            (Will::Run, false) => State::Pending,
            (Will::Run, true) => State::Running,
            (Will::Stop, false) => State::Stopping,
            (Will::Stop, true) => State::Stopped,
            (Will::Terminate, false) => State::ShuttingDown,
            (Will::Terminate, true) => State::Terminated,
        }
    }

    /// Whether a volume goes when it goes. What was attached later stays.
    pub(super) fn takes_along(&self, volume: &str) -> bool {
        self.volume == volume && self.delete_on_termination
    }

    pub(super) fn is_terminated(&self, now: Time) -> bool {
        self.state(now) == State::Terminated
    }
}

/// The private address of a running instance, by its id.
pub(crate) fn instance_address(cx: &Context<'_>, id: &str) -> Option<String> {
    let instance = cx.region.ec2.instances.get(id)?;
    (instance.state(cx.now) == State::Running).then(|| instance.private_ip.clone())
}

/// The instance that an interface belongs to.
pub(super) fn with_interface<'a>(ec2: &'a Ec2, interface: &str) -> Option<&'a str> {
    let mut instances = ec2.instances.iter();
    instances.find(|(_, it)| it.interface == interface).map(|(id, _)| id.as_str())
}

/// The address by which the world reaches an instance: an Elastic IP address, or its own while it runs.
pub(super) fn public_address(ec2: &Ec2, id: &str, now: Time) -> Option<String> {
    let leads = |it: &&Address| it.instance.as_ref().is_some_and(|(instance, _)| instance == id);
    let elastic = ec2.addresses.values().find(leads).map(|it| it.ip.clone());
    let instance = ec2.instances.get(id)?;
    elastic.or_else(|| (instance.state(now) == State::Running).then(|| instance.public_ip.clone()))
}

/// Its own address belongs to somebody else from now on; it will have another one when it needs one again.
pub(super) fn renew_address(cx: &mut Context<'_>, id: &str) {
    if let Some(instance) = cx.region.ec2.instances.get_mut(id) {
        instance.public_ip = interfaces::public_address(cx.chance);
    }
}

/// What a terminated instance gives up, and instances that nobody remembers any more.
pub(super) fn sweep(cx: &mut Context<'_>) {
    let now = cx.now;
    let ec2 = &mut cx.region.ec2;
    for (id, instance) in &ec2.instances {
        if instance.is_terminated(now) {
            for volume in ec2.volumes.values_mut() {
                volume.attachment.take_if(|it| it.instance == *id);
            }
            for address in ec2.addresses.values_mut() {
                if address.instance.as_ref().is_some_and(|(it, _)| it == id) {
                    address.instance = None;
                }
            }
        }
    }
    let remembered = cx.times.of(|it| it.instance_remembered);
    let forgotten = |it: &Instance| it.is_terminated(now) && it.from + remembered <= now;
    let old: Vec<_> =
        ec2.instances.iter().filter(|(_, it)| forgotten(it)).map(|(id, _)| id.clone()).collect();
    for id in old {
        ec2.instances.remove(&id);
        ec2.tags.remove(&id);
        ec2.tokens.retain(|_, (_, instance)| *instance != id);
    }
}

impl Findable<State> for Instance {
    fn named(filter: &str) -> Option<ReadFound<Self, State>> {
        let read: ReadFound<Self, State> = match filter {
            "instance-id" => |it| vec![it.id.to_owned()],
            "instance-state-name" => |it| vec![it.more.name().to_owned()],
            "instance-type" => |it| vec![it.it.kind.clone()],
            "image-id" => |it| vec![it.it.image.clone()],
            "subnet-id" => |it| vec![it.it.subnet.clone()],
            "client-token" => |it| it.it.token.clone().into_iter().collect(),
            "instance.group-id" => |it| it.it.groups.clone(),
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "InstanceId")?;
    let state = |_: &str, it: &Instance| it.state(cx.now);
    let (page, next) = asked.among(ec2, &ec2.instances, no_such_instance, state)?;
    let shown: Vec<Value> =
        page.iter().map(|it| show_reservation(cx, it.id, show(cx, it.id, it.it))).collect();
    Ok(json!({ "reservationSet": shown, "nextToken": next }))
}

pub(super) fn show_reservation(cx: &Context<'_>, id: &str, instance: Value) -> Value {
    json!({
        "reservationId": id.replacen("i-", "r-", 1),
        "ownerId": cx.account,
        "groupSet": [],
        "instancesSet": [instance],
    })
}

pub(super) fn show(cx: &Context<'_>, id: &str, it: &Instance) -> Value {
    let ec2 = &cx.region.ec2;
    let state = it.state(cx.now);
    let over = state == State::Terminated;
    // While it is pending it has none yet.
    let volumes = ec2.volumes.iter().filter(|(_, it)| it.is_at(id) && state != State::Pending);
    let volumes: Vec<_> = volumes
        .filter_map(|(volume, shown)| Some((volume, shown.attachment.as_ref()?)))
        .map(|(volume, attachment)| {
            json!({ "deviceName": attachment.device, "ebs": {
                "volumeId": volume,
                "status": attachment.status(cx.now),
                "attachTime": attachment.asked.iso(),
                "deleteOnTermination": it.takes_along(volume),
            } })
        })
        .collect();
    let groups: Vec<_> = it
        .groups
        .iter()
        .map(|group| json!({ "groupId": group, "groupName": ec2.groups.get(group).map(|it| it.name.clone()) }))
        .collect();
    let subnet = ec2.subnets.get(&it.subnet);
    json!({
        "instanceId": id,
        "imageId": it.image,
        "instanceState": state.shown(),
        "instanceType": it.kind,
        "keyName": it.key_name,
        "amiLaunchIndex": 0,
        "launchTime": it.launched.iso(),
        "placement": { "availabilityZone": subnet.map(|it| it.zone.clone()), "tenancy": "default" },
        "monitoring": { "state": "disabled" },
        "subnetId": (!over).then_some(&it.subnet),
        "vpcId": subnet.filter(|_| !over).map(|it| it.vpc.clone()),
        "privateIpAddress": (!over).then_some(&it.private_ip),
        "ipAddress": public_address(ec2, id, cx.now),
        "groupSet": if over { json!([]) } else { json!(groups) },
        "stateReason": (it.will == Will::Terminate).then(|| json!({
            "code": "Client.UserInitiatedShutdown",
            "message": "Client.UserInitiatedShutdown: User initiated shutdown",
        })),
        "architecture": images::find(&it.image).map(|it| it.architecture),
        "rootDeviceType": "ebs",
        "rootDeviceName": images::ROOT,
        "blockDeviceMapping": volumes,
        "virtualizationType": "hvm",
        "clientToken": it.token,
        "tagSet": tags::shown(&ec2.tags_of(id)),
        "iamInstanceProfile": it.profile.as_ref().map(|(arn, id, _)| json!({ "arn": arn, "id": id })),
        "metadataOptions": it.metadata.shown("applied"),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeStatus {
    #[serde(default)]
    instance_id: Vec<String>,
    include_all_instances: Option<bool>,
}

/// Checks are initializing while an instance is pending, and pass as soon as it runs.
pub(super) fn describe_status(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: DescribeStatus = call.input()?;
    for id in &input.instance_id {
        there(cx, id)?;
    }
    let all = input.include_all_instances == Some(true);
    let instances = cx.region.ec2.instances.iter().filter(|(id, _)| wanted(&input.instance_id, id));
    let shown = instances.filter_map(|(id, it)| {
        let state = it.state(cx.now);
        let checks = match state {
            State::Running => "ok",
            State::Pending => "initializing",
            _ => "not-applicable",
        };
        (all || state == State::Running).then(|| {
            json!({
                "instanceId": id,
                "instanceState": state.shown(),
                "systemStatus": { "status": checks, "details": [] },
                "instanceStatus": { "status": checks, "details": [] },
            })
        })
    });
    Ok(json!({ "instanceStatusSet": shown.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Ids {
    instance_id: Vec<String>,
}

pub(super) fn start(cx: &mut Context<'_>, call: &Call) -> Answer {
    turn(cx, call, Will::Run)
}

pub(super) fn stop(cx: &mut Context<'_>, call: &Call) -> Answer {
    turn(cx, call, Will::Stop)
}

pub(super) fn terminate(cx: &mut Context<'_>, call: &Call) -> Answer {
    turn(cx, call, Will::Terminate)
}

/// Tells instances to be otherwise. What is so already, or on its way there, stays on it.
fn turn(cx: &mut Context<'_>, call: &Call, will: Will) -> Answer {
    let input: Ids = call.input()?;
    for id in &input.instance_id {
        let instance = there(cx, id)?;
        let state = instance.state(cx.now);
        let wrong = match will {
            Will::Run => matches!(state, State::Stopping | State::ShuttingDown | State::Terminated),
            Will::Stop => {
                matches!(state, State::Pending | State::ShuttingDown | State::Terminated)
            }
            Will::Terminate => false,
        };
        if wrong {
            let verb = if will == Will::Run { "started" } else { "stopped" };
            let words = match state {
                State::Pending => format!(
                    "Instance '{id}' cannot be stopped as it has never reached the 'running' state."
                ),
                _ => format!("The instance '{id}' is not in a state from which it can be {verb}."),
            };
            return Err(Refusal::new("IncorrectInstanceState", words));
        }
        let protected = match will {
            Will::Stop if instance.keeps_running => Some(("stopped", "disableApiStop")),
            Will::Terminate if instance.keeps_alive => {
                Some(("terminated", "disableApiTermination"))
            }
            _ => None,
        };
        if let Some((verb, attribute)) = protected {
            let words = format!(
                "The instance '{id}' may not be {verb}. Modify its '{attribute}' instance attribute and try again."
            );
            return Err(Refusal::new("OperationNotPermitted", words));
        }
    }
    let takes = match will {
        Will::Run => cx.times.of(|it| it.instance_pending),
        Will::Stop | Will::Terminate => cx.times.of(|it| it.instance_stopping),
    };
    let now = cx.now;
    let mut changes = Vec::new();
    for id in &input.instance_id {
        let Some(instance) = cx.region.ec2.instances.get_mut(id) else { continue };
        let before = instance.state(now);
        if instance.will != will {
            (instance.will, instance.from) = (will, now + takes);
            if will == Will::Stop {
                instance.public_ip = interfaces::public_address(cx.chance);
            }
            if will == Will::Terminate {
                let (interface, volume) = (instance.interface.clone(), instance.volume.clone());
                let gone = instance.delete_on_termination.then_some(now + takes);
                if let Some(volume) = cx.region.ec2.volumes.get_mut(&volume) {
                    volume.gone = gone;
                }
                remove_interface(cx, &interface, takes);
            }
        }
        let Some(instance) = cx.region.ec2.instances.get(id) else { continue };
        changes.push(json!({
            "instanceId": id,
            "previousState": before.shown(),
            "currentState": instance.state(now).shown(),
        }));
    }
    super::sweep(cx);
    Ok(json!({ "instancesSet": changes }))
}

/// An instance, which must be there.
pub(super) fn there<'a>(cx: &'a Context<'_>, id: &str) -> Result<&'a Instance, Refusal> {
    cx.region.ec2.instances.get(id).ok_or_else(|| no_such_instance(id))
}

pub(super) fn no_such_instance(id: &str) -> Refusal {
    if id.strip_prefix("i-").is_none_or(|it| it.len() < 8) {
        return Refusal::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\""));
    }
    Refusal::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}
