//! Which instance profile an instance has.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    filters::{Filter, Filtered, Read, select},
    instances::{Instance, State, there},
};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    services::iam::{self, Unusable},
    world::Context,
};

/// A profile by name or ARN.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    name: Option<String>,
    arn: Option<String>,
}

/// ARN and id of a profile that EC2 can give to an instance. One that IAM has not spread yet is as good as none.
pub(super) fn usable(cx: &Context<'_>, named: &Named) -> Result<(String, String), Refusal> {
    let (text, field) = match (&named.name, &named.arn) {
        (Some(name), _) => (name, "name"),
        (None, Some(arn)) => (arn, "arn"),
        (None, None) => {
            return Err(Refusal::new(
                "MissingParameter",
                "The request must contain the parameter iamInstanceProfile.name",
            ));
        }
    };
    iam::instance_profile(cx, text).map_err(|why| {
        let words = match why {
            Unusable::Untrusted => format!(
                "Value ({text}) for parameter iamInstanceProfile.{field} is invalid. IAM Instance Profile has no associated IAM Roles"
            ),
            Unusable::Missing | Unusable::NotYet => format!(
                "Value ({text}) for parameter iamInstanceProfile.{field} is invalid. Invalid IAM Instance Profile {field}"
            ),
        };
        Refusal::new("InvalidParameterValue", words)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Associate {
    instance_id: String,
    iam_instance_profile: Named,
}

pub(super) fn associate(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Associate = call.input()?;
    let instance = there(cx, &input.instance_id)?;
    if !matches!(instance.state(cx.now), State::Running | State::Stopped) {
        let words = format!(
            "The instance '{}' is not in the 'running' or 'stopped' state.",
            input.instance_id
        );
        return Err(Refusal::new("IncorrectInstanceState", words));
    }
    if instance.profile.is_some() {
        let words = format!("There is an existing association for instance {}", input.instance_id);
        return Err(Refusal::new("IncorrectState", words));
    }
    give(cx, &input.instance_id, &input.iam_instance_profile)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Replace {
    association_id: String,
    iam_instance_profile: Named,
}

pub(super) fn replace(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Replace = call.input()?;
    let id = associated(cx, &input.association_id)?;
    give(cx, &id, &input.iam_instance_profile)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Disassociate {
    association_id: String,
}

pub(super) fn disassociate(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Disassociate { association_id: association } = call.input()?;
    let id = associated(cx, &association)?;
    let instance = cx.region.ec2.instances.get_mut(&id);
    let profile = instance.and_then(|it| it.profile.take());
    let shown =
        profile.map(|(arn, profile, _)| show(&id, &arn, &profile, &association, "disassociating"));
    Ok(json!({ "iamInstanceProfileAssociation": shown }))
}

/// The instance of an association.
pub(crate) fn instance_of(cx: &Context<'_>, association: &str) -> Option<String> {
    let mut instances = cx.region.ec2.instances.iter().filter(|(_, it)| !it.is_terminated(cx.now));
    let has = |it: &Instance| it.profile.as_ref().is_some_and(|it| it.2 == association);
    instances.find(|(_, it)| has(it)).map(|(id, _)| id.clone())
}

fn associated(cx: &Context<'_>, association: &str) -> Result<String, Refusal> {
    instance_of(cx, association).ok_or_else(|| {
        let words = format!("The association ID '{association}' does not exist");
        Refusal::new("InvalidAssociationID.NotFound", words)
    })
}

fn give(cx: &mut Context<'_>, instance: &str, named: &Named) -> Answer {
    let (arn, profile) = usable(cx, named)?;
    let association = format!("iip-assoc-{}", cx.chance.hex(17));
    let shown = show(instance, &arn, &profile, &association, "associating");
    if let Some(it) = cx.region.ec2.instances.get_mut(instance) {
        it.profile = Some((arn, profile, association));
    }
    Ok(json!({ "iamInstanceProfileAssociation": shown }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    association_id: Vec<String>,
    #[serde(default)]
    filter: Vec<Filter>,
}

struct Found {
    instance: String,
    profile: (String, String, String),
}

impl Filtered for Found {
    fn named(filter: &str) -> Option<Read<Self>> {
        let read: Read<Self> = match filter {
            "instance-id" => |it| vec![it.instance.clone()],
            "state" => |_| vec!["associated".to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Describe = call.input()?;
    let all = cx.region.ec2.instances.iter().filter(|(_, it)| !it.is_terminated(cx.now));
    let all = all.filter_map(|(id, it)| {
        let profile = it.profile.clone()?;
        let asked = input.association_id.is_empty() || input.association_id.contains(&profile.2);
        asked.then(|| Found { instance: id.clone(), profile })
    });
    let shown: Vec<Value> = select(all, &input.filter)?
        .iter()
        .map(|Found { instance, profile: (arn, id, association), .. }| {
            show(instance, arn, id, association, "associated")
        })
        .collect();
    Ok(json!({ "iamInstanceProfileAssociationSet": shown }))
}

fn show(instance: &str, arn: &str, profile: &str, association: &str, state: &str) -> Value {
    json!({
        "associationId": association,
        "instanceId": instance,
        "iamInstanceProfile": { "arn": arn, "id": profile },
        "state": state,
    })
}
