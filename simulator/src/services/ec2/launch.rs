//! RunInstances: what a new instance is to be, checked.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::json;

use super::{
    attachments::Attachment,
    attributes::{Metadata, MetadataOptions},
    groups::no_such_group,
    images,
    instances::{Instance, State, Will, show, show_reservation, there},
    interfaces::{self, add_interface},
    keys,
    network::{no_default_network, no_such_subnet},
    profiles,
    tags::{self, Specification},
    volumes::{self, Volume},
};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Most bytes of user data.
const MOST_USER_DATA: usize = 16384;
/// Most groups of a network interface.
const MOST_GROUPS: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Run {
    image_id: String,
    instance_type: String,
    min_count: usize,
    max_count: usize,
    client_token: Option<String>,
    subnet_id: Option<String>,
    #[serde(default)]
    security_group_id: Vec<String>,
    user_data: Option<String>,
    key_name: Option<String>,
    disable_api_stop: Option<bool>,
    disable_api_termination: Option<bool>,
    iam_instance_profile: Option<profiles::Named>,
    metadata_options: Option<MetadataOptions>,
    #[serde(default)]
    block_device_mapping: Vec<Mapping>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Mapping {
    device_name: String,
    pub(super) ebs: Ebs,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Ebs {
    volume_size: Option<i32>,
    volume_type: Option<String>,
    encrypted: Option<bool>,
    pub(super) delete_on_termination: Option<bool>,
}

pub(super) fn run(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Run = call.input()?;
    if let Some(id) = remembered(cx, call, input.client_token.as_ref())? {
        if there(cx, &id)?.is_terminated(cx.now) {
            let words = format!("The instance {id} of this client token has been terminated.");
            return Err(Refusal::new("IdempotentInstanceTerminated", words));
        }
        return reservation(cx, &id);
    }
    if (input.min_count, input.max_count) != (1, 1) {
        return Err(Refusal::not_modelled("more than one instance a call"));
    }
    let image = images::find(&input.image_id).ok_or_else(|| {
        let words = format!("The image id '[{}]' does not exist", input.image_id);
        Refusal::new("InvalidAMIID.NotFound", words)
    })?;
    check_type(&input.instance_type, image.architecture)?;
    let ec2 = &cx.region.ec2;
    let default = || ec2.subnets.iter().find(|(_, it)| it.default).map(|(id, _)| id.clone());
    let subnet = input.subnet_id.or_else(default).ok_or_else(no_default_network)?;
    let place = ec2.subnets.get(&subnet).ok_or_else(|| no_such_subnet(&subnet))?;
    let (vpc, zone) = (place.vpc.clone(), place.zone.clone());
    let groups = match input.security_group_id.as_slice() {
        [] => super::default_security_group(cx, &vpc).into_iter().collect(),
        groups => groups.to_vec(),
    };
    check_groups(cx, &groups, &vpc)?;
    if let Some(absent) = input.key_name.as_ref().filter(|it| !keys::exists(cx, it)) {
        return Err(keys::no_such_key(absent));
    }
    let profile = match &input.iam_instance_profile {
        Some(named) => Some(profiles::usable(cx, named)?),
        None => None,
    };
    let mut mappings = input.block_device_mapping.into_iter();
    let ebs =
        mappings.find(|it| it.device_name == images::ROOT).map(|it| it.ebs).unwrap_or_default();
    if mappings.next().is_some() {
        return Err(Refusal::not_modelled("more volumes than the root"));
    }
    let volume = Volume {
        size: ebs.volume_size.unwrap_or(images::ROOT_GIB),
        kind: ebs.volume_type.unwrap_or_else(|| "gp2".to_owned()),
        encrypted: ebs.encrypted.unwrap_or(false),
        snapshot: Some(input.image_id.replacen("ami-", "snap-", 1)),
        zone,
        created: cx.now,
        ready: cx.now,
        attachment: None,
        changes: Vec::new(),
        gone: None,
    };
    volumes::check_root(volume.size, &volume.kind)?;
    let [instance_tags, volume_tags] =
        tags::given(&input.tag_specification, ["instance", "volume"])?;
    check_user_data(input.user_data.as_deref())?;

    let id = format!("i-{}", cx.chance.hex(17));
    let volume_id = format!("vol-{}", cx.chance.hex(17));
    let association = format!("iip-assoc-{}", cx.chance.hex(17));
    let account = cx.account.to_owned();
    let interface = add_interface(cx, &account, "", &subnet, &groups, false)
        .ok_or_else(|| no_such_subnet(&subnet))?;
    let mut metadata =
        Metadata { tokens: "optional".to_owned(), hops: 1, endpoint: "enabled".to_owned() };
    metadata.change(input.metadata_options.unwrap_or_default())?;
    let from = cx.now + cx.times.of(|it| it.instance_pending);
    let instance = Instance {
        image: input.image_id,
        kind: input.instance_type,
        subnet,
        groups,
        interface: interface.id,
        private_ip: interface.private_ip,
        public_ip: interfaces::public_address(cx.chance),
        user_data: input.user_data,
        key_name: input.key_name,
        profile: profile.map(|(arn, profile)| (arn, profile, association)),
        volume: volume_id.clone(),
        delete_on_termination: ebs.delete_on_termination.unwrap_or(true),
        metadata,
        keeps_alive: input.disable_api_termination.unwrap_or(false),
        keeps_running: input.disable_api_stop.unwrap_or(false),
        token: input.client_token.clone(),
        launched: cx.now,
        will: Will::Run,
        from,
    };
    let ec2 = &mut cx.region.ec2;
    let attachment = Some(Attachment::root(&id, cx.now));
    ec2.volumes.insert(volume_id.clone(), Volume { attachment, ..volume });
    ec2.instances.insert(id.clone(), instance);
    ec2.tags.insert(id.clone(), instance_tags);
    ec2.tags.insert(volume_id, volume_tags);
    if let Some(token) = input.client_token {
        ec2.tokens.insert(token, (asked(call), id.clone()));
    }
    reservation(cx, &id)
}

/// What the call itself answers with. However fast it goes, a new instance is pending and has no volume yet.
fn reservation(cx: &Context<'_>, id: &str) -> Answer {
    let instance = there(cx, id)?;
    let mut shown = show(cx, id, instance);
    if instance.launched == cx.now && instance.will == Will::Run {
        shown["blockDeviceMapping"] = json!([]);
        shown["instanceState"] = State::Pending.shown();
    }
    Ok(show_reservation(cx, id, shown))
}

/// It comes as base64; what counts is its size without that.
pub(super) fn check_user_data(encoded: Option<&str>) -> Result<(), Refusal> {
    let refused = |words| Refusal::new("InvalidParameterValue", words);
    let decoded = BASE64_STANDARD.decode(encoded.unwrap_or_default());
    let decoded = decoded.map_err(|_| refused("Invalid BASE64 encoding of user data."))?;
    match decoded.len() > MOST_USER_DATA {
        true => Err(refused("User data is limited to 16384 bytes")),
        false => Ok(()),
    }
}

pub(super) fn check_type(kind: &str, architecture: &str) -> Result<(), Refusal> {
    let (family, size) = kind.split_once('.').unwrap_or((kind, ""));
    let sizes = ["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge"];
    let families =
        ["t3", "t3a", "m5", "m6i", "m7i", "c5", "c6i", "t4g", "m6g", "m7g", "c6g", "c7g"];
    if !families.contains(&family) || !sizes.contains(&size) {
        let words = format!("Invalid value '{kind}' for InstanceType.");
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    let arm = family.ends_with('g');
    if arm != (architecture == "arm64") {
        let words = format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{architecture}' of the specified AMI.",
            if arm { "arm64" } else { "x86_64" }
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    Ok(())
}

/// What a call with this client token has made; refused if it asked for something else.
pub(super) fn remembered(
    cx: &Context<'_>,
    call: &Call,
    token: Option<&String>,
) -> Result<Option<String>, Refusal> {
    if token.is_some_and(|it| it.len() > 64) {
        let words = "The client token exceeds the maximum length of 64 characters";
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    match token.and_then(|it| cx.region.ec2.tokens.get(it)) {
        Some((before, _)) if *before != asked(call) => {
            let words = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).";
            Err(Refusal::new("IdempotentParameterMismatch", words))
        }
        made => Ok(made.map(|(_, id)| id.clone())),
    }
}

/// All that a call asks for. The order of the parameters says nothing.
pub(super) fn asked(call: &Call) -> String {
    let body = String::from_utf8_lossy(&call.body);
    let mut parameters: Vec<&str> = body.split('&').collect();
    parameters.sort_unstable();
    parameters.join("&")
}

pub(super) fn check_groups(cx: &Context<'_>, groups: &[String], vpc: &str) -> Result<(), Refusal> {
    if groups.len() > MOST_GROUPS {
        let words = "You have exceeded the number of security groups per network interface";
        return Err(Refusal::new("SecurityGroupsPerInterfaceLimitExceeded", words));
    }
    let known = |id: &String| cx.region.ec2.groups.get(id).is_some_and(|it| it.vpc == vpc);
    match groups.iter().find(|it| !known(it)) {
        Some(absent) => Err(no_such_group(absent)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_must_be_there_and_fit_the_image() {
        assert_eq!(check_type("t3.small", "x86_64"), Ok(()));
        assert_eq!(check_type("t4g.small", "arm64"), Ok(()));
        for (kind, image) in [("t3.small", "arm64"), ("t4g.small", "x86_64"), ("t3", "x86_64")] {
            assert!(check_type(kind, image).is_err(), "{kind} {image}");
        }
    }

    #[test]
    fn user_data_counts_without_its_encoding() {
        let encoded = |bytes| BASE64_STANDARD.encode(vec![b'x'; bytes]);
        assert_eq!(check_user_data(None), Ok(()));
        assert_eq!(check_user_data(Some(&encoded(MOST_USER_DATA))), Ok(()));
        assert!(check_user_data(Some(&encoded(MOST_USER_DATA + 1))).is_err());
        assert!(check_user_data(Some("no base64")).is_err());
    }
}
