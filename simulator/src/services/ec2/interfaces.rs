//! Network interfaces: of load balancers, tasks and instances. What has one in a security group holds the group.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    filters::{Asked, Findable, Found, ReadFound},
    instances,
    launch::{asked, check_groups, remembered},
    network::{next_address, no_such_subnet},
    tags::{self, Specification},
};
use crate::{
    call::Call,
    chance::Chance,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// A network interface that another service keeps.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Interface {
    /// `eni-…`
    pub(crate) id: String,
    /// In the subnet's range.
    pub(crate) private_ip: String,
    /// If one was asked for.
    pub(crate) public_ip: Option<String>,
}

/// A network interface as EC2 keeps it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Kept {
    pub(super) description: String,
    owner: String,
    /// Made by a caller, and attached to nothing.
    #[serde(default)]
    free: bool,
    pub(super) subnet: String,
    pub(super) groups: Vec<String>,
    pub(super) private_ip: String,
    pub(super) public_ip: Option<String>,
    gone: Option<Time>,
}

impl Kept {
    fn status(&self) -> &'static str {
        if self.free { "available" } else { "in-use" }
    }

    pub(super) fn is_gone(&self, now: Time) -> bool {
        self.gone.is_some_and(|it| it <= now)
    }
}

/// Makes a network interface for another service (`owner` as in `amazon-elb`), with these groups.
pub(crate) fn add_interface(
    cx: &mut Context<'_>,
    owner: &str,
    description: &str,
    subnet: &str,
    groups: &[String],
    public: bool,
) -> Option<Interface> {
    let ec2 = &mut cx.region.ec2;
    let private_ip = next_address(ec2, subnet)?;
    let public_ip = public.then(|| public_address(cx.chance));
    let id = format!("eni-{}", cx.chance.hex(17));
    let kept = Kept {
        description: description.to_owned(),
        owner: owner.to_owned(),
        free: false,
        subnet: subnet.to_owned(),
        groups: groups.to_vec(),
        private_ip: private_ip.clone(),
        public_ip: public_ip.clone(),
        gone: None,
    };
    ec2.interfaces.insert(id.clone(), kept);
    Some(Interface { id, private_ip, public_ip })
}

/// The groups of an interface change.
pub(crate) fn set_interface_groups(cx: &mut Context<'_>, interface: &str, groups: &[String]) {
    if let Some(kept) = cx.region.ec2.interfaces.get_mut(interface) {
        kept.groups = groups.to_vec();
    }
}

/// The service gives it up: it is gone after a time.
pub(crate) fn remove_interface(cx: &mut Context<'_>, interface: &str, after: Duration) {
    if let Some(kept) = cx.region.ec2.interfaces.get_mut(interface) {
        kept.gone = Some(cx.now + after);
    }
}

/// An address of those that belong to nobody: RFC 2544 keeps them for measurements.
pub(super) fn public_address(chance: &mut Chance) -> String {
    let (b, c, d) = (chance.between(18, 19), chance.between(0, 255), chance.between(1, 254));
    format!("198.{b}.{c}.{d}")
}

/// Forgets what is gone.
pub(super) fn sweep(cx: &mut Context<'_>) {
    let now = cx.now;
    cx.region.ec2.interfaces.retain(|_, it| !it.is_gone(now));
}

/// Where an interface is.
struct Place<'a> {
    vpc: String,
    /// Whose it is, if it is an instance's.
    instance: Option<&'a str>,
}

fn place<'a>(cx: &'a Context<'_>, id: &str, it: &Kept) -> Place<'a> {
    let subnet = cx.region.ec2.subnets.get(&it.subnet);
    Place {
        vpc: subnet.map(|it| it.vpc.clone()).unwrap_or_default(),
        instance: instances::with_interface(&cx.region.ec2, id),
    }
}

impl<'p> Findable<Place<'p>> for Kept {
    fn named(filter: &str) -> Option<ReadFound<Self, Place<'p>>> {
        let read: ReadFound<Self, Place<'p>> = match filter {
            "group-id" => |it| it.it.groups.clone(),
            "network-interface-id" => |it| vec![it.id.to_owned()],
            "description" => |it| vec![it.it.description.clone()],
            "requester-id" => |it| vec![it.it.owner.clone()],
            "subnet-id" => |it| vec![it.it.subnet.clone()],
            "vpc-id" => |it| vec![it.more.vpc.clone()],
            "attachment.instance-id" => {
                |it| it.more.instance.into_iter().map(str::to_owned).collect()
            }
            "private-ip-address" | "addresses.private-ip-address" => {
                |it| vec![it.it.private_ip.clone()]
            }
            "status" => |it| vec![it.it.status().to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "NetworkInterfaceId")?;
    let (page, next) =
        asked.among(ec2, &ec2.interfaces, no_such_interface, |id, it| place(cx, id, it))?;
    let shown = page.iter().map(|it| show(cx, it));
    Ok(json!({ "networkInterfaceSet": shown.collect::<Vec<_>>(), "nextToken": next }))
}

fn show(cx: &Context<'_>, found: &Found<'_, Kept, Place<'_>>) -> Value {
    let ec2 = &cx.region.ec2;
    let Found { id, it: kept, more: Place { vpc, instance }, tags } = found;
    let groups = kept.groups.iter().map(|group| {
        let name = ec2.groups.get(group).map(|it| it.name.clone());
        json!({ "groupId": group, "groupName": name })
    });
    let public = match instance {
        Some(instance) => instances::public_address(ec2, instance, cx.now),
        None => kept.public_ip.clone(),
    };
    let attachment = instance.map(|instance| {
        json!({
            "attachmentId": id.replacen("eni-", "eni-attach-", 1),
            "instanceId": instance,
            "instanceOwnerId": cx.account,
            "deviceIndex": 0,
            "status": "attached",
            "deleteOnTermination": true,
        })
    });
    let of_service = instance.is_none() && !kept.free;
    json!({
        "networkInterfaceId": id,
        "subnetId": kept.subnet,
        "vpcId": vpc,
        "availabilityZone": ec2.subnets.get(&kept.subnet).map(|it| it.zone.clone()),
        "description": kept.description,
        "ownerId": cx.account,
        "requesterId": of_service.then_some(&kept.owner),
        "requesterManaged": of_service,
        "status": kept.status(),
        "privateIpAddress": kept.private_ip,
        "groupSet": groups.collect::<Vec<_>>(),
        "attachment": attachment,
        "association": public.map(|it| json!({ "publicIp": it })),
        "interfaceType": "interface",
        "tagSet": tags::shown(tags),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    subnet_id: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    security_group_id: Vec<String>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
    client_token: Option<String>,
}

pub(super) fn create(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Create = call.input()?;
    if let Some(id) = remembered(cx, call, input.client_token.as_ref())? {
        return made(cx, &id);
    }
    let [tags] = tags::given(&input.tag_specification, ["network-interface"])?;
    let subnet = input.subnet_id;
    let vpc =
        cx.region.ec2.subnets.get(&subnet).ok_or_else(|| no_such_subnet(&subnet))?.vpc.clone();
    let groups = match input.security_group_id {
        none if none.is_empty() => super::default_security_group(cx, &vpc).into_iter().collect(),
        groups => groups,
    };
    check_groups(cx, &groups, &vpc)?;
    let account = cx.account.to_owned();
    let added = add_interface(cx, &account, &input.description, &subnet, &groups, false);
    let id = added.ok_or_else(|| no_such_subnet(&subnet))?.id;
    let ec2 = &mut cx.region.ec2;
    ec2.tags.insert(id.clone(), tags);
    if let Some(kept) = ec2.interfaces.get_mut(&id) {
        kept.free = true;
    }
    if let Some(token) = input.client_token {
        ec2.tokens.insert(token, (asked(call), id.clone()));
    }
    made(cx, &id)
}

fn made(cx: &Context<'_>, id: &str) -> Answer {
    let it = cx.region.ec2.interfaces.get(id).ok_or_else(|| no_such_interface(id))?;
    let found = Found { id, it, tags: cx.region.ec2.tags_of(id), more: place(cx, id, it) };
    Ok(json!({ "networkInterface": show(cx, &found) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    network_interface_id: String,
}

pub(super) fn delete(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Delete { network_interface_id: id } = call.input()?;
    let ec2 = &mut cx.region.ec2;
    if !ec2.interfaces.get(&id).ok_or_else(|| no_such_interface(&id))?.free {
        let words = format!("Network interface '{id}' is currently in use.");
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    ec2.interfaces.remove(&id);
    ec2.tags.remove(&id);
    ec2.tokens.retain(|_, (_, made)| *made != id);
    Ok(Value::Null)
}

fn no_such_interface(id: &str) -> Refusal {
    let words = format!("The networkInterface ID '{id}' does not exist");
    Refusal::new("InvalidNetworkInterfaceID.NotFound", words)
}
