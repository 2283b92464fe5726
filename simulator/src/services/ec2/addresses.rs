//! Elastic IP addresses.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    filters::{Asked, Findable, Found, ReadFound},
    instances::{self, State, there},
    interfaces::public_address,
    tags::{self, Specification},
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    visibility::Made,
    world::Context,
};

/// An address of the account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Address {
    #[serde(default)]
    pub(super) made: Time,
    pub(super) ip: String,
    /// The instance it leads to, and the id of their association.
    pub(super) instance: Option<(String, String)>,
}

impl Made for Address {
    fn made(&self) -> Time {
        self.made
    }
}

/// The quota of a new account.
const MOST: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Allocate {
    domain: Option<String>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

pub(super) fn allocate(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Allocate = call.input()?;
    if input.domain.as_deref().is_some_and(|it| it != "vpc") {
        return Err(Refusal::not_modelled("addresses of another domain than vpc"));
    }
    let [tags] = tags::given(&input.tag_specification, ["elastic-ip"])?;
    if cx.region.ec2.addresses.len() >= MOST {
        let words = "The maximum number of addresses has been reached.";
        return Err(Refusal::new("AddressLimitExceeded", words));
    }
    let id = format!("eipalloc-{}", cx.chance.hex(17));
    let address = Address { made: cx.now, ip: public_address(cx.chance), instance: None };
    let answer = json!({ "publicIp": address.ip, "allocationId": id, "domain": "vpc" });
    cx.region.ec2.addresses.insert(id.clone(), address);
    cx.region.ec2.tags.insert(id, tags);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Associate {
    allocation_id: String,
    instance_id: String,
    allow_reassociation: Option<bool>,
}

pub(super) fn associate(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Associate = call.input()?;
    let state = there(cx, &input.instance_id)?.state(cx.now);
    if !matches!(state, State::Running | State::Stopped) {
        let words = format!(
            "The {} instance '{}' is not in a valid state for this operation.",
            state.name(),
            input.instance_id
        );
        return Err(Refusal::new("InvalidInstanceID", words));
    }
    let association = format!("eipassoc-{}", cx.chance.hex(17));
    let ec2 = &mut cx.region.ec2;
    let address = ec2.addresses.get_mut(&input.allocation_id);
    let address = address.ok_or_else(|| no_such_allocation(&input.allocation_id))?;
    let elsewhere = address.instance.as_ref().is_some_and(|(it, _)| *it != input.instance_id);
    if elsewhere && input.allow_reassociation == Some(false) {
        let words =
            format!("resource {} is already associated with associate-id", input.allocation_id);
        return Err(Refusal::new("Resource.AlreadyAssociated", words));
    }
    address.instance = Some((input.instance_id.clone(), association.clone()));
    // An instance leads to one address: another one that led to it is free again, and its own is given up.
    for (id, other) in &mut ec2.addresses {
        let led = other.instance.as_ref().is_some_and(|(it, _)| *it == input.instance_id);
        if led && *id != input.allocation_id {
            other.instance = None;
        }
    }
    instances::renew_address(cx, &input.instance_id);
    Ok(json!({ "associationId": association }))
}

/// The allocation id of the address with this association.
pub(crate) fn address_of(cx: &Context<'_>, association: &str) -> Option<String> {
    let has = |it: &Address| it.instance.as_ref().is_some_and(|it| it.1 == association);
    let mut addresses = cx.region.ec2.addresses.iter();
    addresses.find(|(_, it)| has(it)).map(|(id, _)| id.clone())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Disassociate {
    association_id: String,
}

pub(super) fn disassociate(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Disassociate = call.input()?;
    let mut addresses = cx.region.ec2.addresses.values_mut();
    let has = |it: &Address| it.instance.as_ref().is_some_and(|it| it.1 == input.association_id);
    let address = addresses.find(|it| has(it)).ok_or_else(|| {
        let words = format!("The association ID '{}' does not exist", input.association_id);
        Refusal::new("InvalidAssociationID.NotFound", words)
    })?;
    address.instance = None;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Release {
    allocation_id: String,
}

pub(super) fn release(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Release { allocation_id: id } = call.input()?;
    let address = cx.region.ec2.addresses.get(&id).ok_or_else(|| no_such_allocation(&id))?;
    if address.instance.is_some() {
        let words = format!("Address {} is in use.", address.ip);
        return Err(Refusal::new("InvalidIPAddress.InUse", words));
    }
    cx.region.ec2.addresses.remove(&id);
    cx.region.ec2.tags.remove(&id);
    Ok(Value::Null)
}

impl Findable for Address {
    fn named(filter: &str) -> Option<ReadFound<Self>> {
        let read: ReadFound<Self> = match filter {
            "allocation-id" => |it| vec![it.id.to_owned()],
            "public-ip" => |it| vec![it.it.ip.clone()],
            "domain" => |_| vec!["vpc".to_owned()],
            "instance-id" => |it| it.it.instance.iter().map(|it| it.0.clone()).collect(),
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "AllocationId")?;
    let (page, _) = asked.among(ec2, &ec2.addresses, no_such_allocation, |_, _| ())?;
    let shown: Vec<Value> = page
        .iter()
        .map(|Found { id, it: address, tags, .. }| {
            json!({
                "publicIp": address.ip,
                "allocationId": id,
                "domain": "vpc",
                "instanceId": address.instance.as_ref().map(|it| &it.0),
                "associationId": address.instance.as_ref().map(|it| &it.1),
                "tagSet": tags::shown(tags),
            })
        })
        .collect();
    Ok(json!({ "addressesSet": shown }))
}

pub(super) fn no_such_allocation(id: &str) -> Refusal {
    let words = format!("The allocation ID '{id}' does not exist");
    Refusal::new("InvalidAllocationID.NotFound", words)
}
