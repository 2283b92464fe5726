//! What can be seen and changed of an instance that is there.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    images,
    instances::{State, there},
    interfaces::set_interface_groups,
    launch::{Mapping, check_groups, check_type, check_user_data},
};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// How an instance gives out its own data.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Metadata {
    pub(super) tokens: String,
    pub(super) hops: i32,
    pub(super) endpoint: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct MetadataOptions {
    pub(super) http_tokens: Option<String>,
    pub(super) http_put_response_hop_limit: Option<i32>,
    pub(super) http_endpoint: Option<String>,
}

impl Metadata {
    /// What is not given stays.
    /// Changes some.
    pub(super) fn change(&mut self, to: MetadataOptions) -> Result<(), Refusal> {
        let tokens = to.http_tokens.unwrap_or_else(|| self.tokens.clone());
        let hops = to.http_put_response_hop_limit.unwrap_or(self.hops);
        let endpoint = to.http_endpoint.unwrap_or_else(|| self.endpoint.clone());
        for (name, value, legal) in [
            ("HttpTokens", tokens.clone(), ["optional", "required"].contains(&tokens.as_str())),
            ("HttpPutResponseHopLimit", hops.to_string(), (1..=64).contains(&hops)),
            (
                "HttpEndpoint",
                endpoint.clone(),
                ["disabled", "enabled"].contains(&endpoint.as_str()),
            ),
        ] {
            if !legal {
                let words = format!("Invalid value '{value}' for {name}.");
                return Err(Refusal::new("InvalidParameterValue", words));
            }
        }
        *self = Self { tokens, hops, endpoint };
        Ok(())
    }

    pub(super) fn shown(&self, state: &str) -> Value {
        json!({
            "state": state,
            "httpTokens": self.tokens,
            "httpPutResponseHopLimit": self.hops,
            "httpEndpoint": self.endpoint,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    instance_id: String,
    attribute: String,
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Describe = call.input()?;
    let it = there(cx, &input.instance_id)?;
    let value = match input.attribute.as_str() {
        "userData" => json!({ "value": it.user_data }),
        "instanceType" => json!({ "value": it.kind }),
        "disableApiStop" => json!({ "value": it.keeps_running }),
        "disableApiTermination" => json!({ "value": it.keeps_alive }),
        other => return Err(Refusal::not_modelled(format_args!("the instance attribute {other}"))),
    };
    Ok(json!({ "instanceId": input.instance_id, input.attribute: value }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Modify {
    instance_id: String,
    instance_type: Option<Text>,
    user_data: Option<Text>,
    disable_api_stop: Option<Switch>,
    disable_api_termination: Option<Switch>,
    #[serde(default)]
    group_id: Vec<String>,
    #[serde(default)]
    block_device_mapping: Vec<Mapping>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Text {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Switch {
    value: bool,
}

pub(super) fn modify(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Modify = call.input()?;
    let id = input.instance_id;
    let instance = there(cx, &id)?;
    let given = [
        input.instance_type.is_some(),
        input.user_data.is_some(),
        input.disable_api_stop.is_some(),
        input.disable_api_termination.is_some(),
        !input.group_id.is_empty(),
        !input.block_device_mapping.is_empty(),
    ];
    let words = match given.iter().filter(|it| **it).count() {
        0 => Some("No attributes specified."),
        1 => None,
        _ => Some("Fields for multiple attribute types specified"),
    };
    if let Some(words) = words {
        return Err(Refusal::new("InvalidParameterCombination", words));
    }
    let needs_rest = input.instance_type.is_some() || input.user_data.is_some();
    if needs_rest && instance.state(cx.now) != State::Stopped {
        let words = format!("The instance '{id}' is not in the 'stopped' state.");
        return Err(Refusal::new("IncorrectInstanceState", words));
    }
    if let Some(kind) = &input.instance_type {
        let architecture = images::find(&instance.image).map_or("x86_64", |it| it.architecture);
        check_type(&kind.value, architecture)?;
    }
    let vpc = cx.region.ec2.subnets.get(&instance.subnet).map(|it| it.vpc.clone());
    check_groups(cx, &input.group_id, &vpc.unwrap_or_default())?;
    check_user_data(input.user_data.as_ref().map(|it| it.value.as_str()))?;
    let interface = instance.interface.clone();
    if !input.group_id.is_empty() {
        set_interface_groups(cx, &interface, &input.group_id);
    }
    if let Some(instance) = cx.region.ec2.instances.get_mut(&id) {
        if let Some(kind) = input.instance_type {
            instance.kind = kind.value;
        }
        if let Some(data) = input.user_data {
            instance.user_data = Some(data.value);
        }
        if let Some(keeps) = input.disable_api_stop {
            instance.keeps_running = keeps.value;
        }
        if let Some(keeps) = input.disable_api_termination {
            instance.keeps_alive = keeps.value;
        }
        if !input.group_id.is_empty() {
            instance.groups = input.group_id;
        }
        for mapping in input.block_device_mapping {
            if let Some(delete) = mapping.ebs.delete_on_termination {
                instance.delete_on_termination = delete;
            }
        }
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ModifyMetadataOptions {
    instance_id: String,
    pub(super) http_tokens: Option<String>,
    pub(super) http_put_response_hop_limit: Option<i32>,
    pub(super) http_endpoint: Option<String>,
}

pub(super) fn modify_metadata_options(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: ModifyMetadataOptions = call.input()?;
    there(cx, &input.instance_id)?;
    let Some(instance) = cx.region.ec2.instances.get_mut(&input.instance_id) else {
        return Ok(Value::Null);
    };
    instance.metadata.change(MetadataOptions {
        http_tokens: input.http_tokens,
        http_put_response_hop_limit: input.http_put_response_hop_limit,
        http_endpoint: input.http_endpoint,
    })?;
    let shown = instance.metadata.shown("pending");
    Ok(json!({ "instanceId": input.instance_id, "instanceMetadataOptions": shown }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_options_that_are_not_named_stay() -> Result<(), Refusal> {
        let mut options =
            Metadata { tokens: "required".to_owned(), hops: 2, endpoint: "enabled".to_owned() };
        options.change(MetadataOptions {
            http_put_response_hop_limit: Some(3),
            ..MetadataOptions::default()
        })?;
        assert_eq!((options.tokens.as_str(), options.hops), ("required", 3));
        Ok(())
    }
}
