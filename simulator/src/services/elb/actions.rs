//! Actions: what becomes of a request.

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use super::{Elb, invalid, within};
use crate::{refusal::Refusal, world::Context};

/// One action.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Action {
    r#type: String,
    order: Option<i64>,
    target_group_arn: Option<String>,
    forward_config: Option<Forward>,
    redirect_config: Option<Redirect>,
    fixed_response_config: Option<FixedResponse>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Forward {
    #[serde(default)]
    target_groups: Vec<Weighted>,
    target_group_stickiness_config: Option<Stickiness>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Weighted {
    target_group_arn: String,
    weight: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Stickiness {
    enabled: Option<bool>,
    duration_seconds: Option<i64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Redirect {
    protocol: Option<String>,
    port: Option<String>,
    host: Option<String>,
    path: Option<String>,
    query: Option<String>,
    status_code: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FixedResponse {
    message_body: Option<String>,
    status_code: String,
    content_type: Option<String>,
}

/// Most target groups that one action chooses from.
const GROUPS: usize = 5;

const CONTENT_TYPES: &[&str] =
    &["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

impl Action {
    /// Whether requests may get to a target group by it.
    pub(super) fn leads_to(&self, target_group: &str) -> bool {
        let groups = self.forward_config.iter().flat_map(|it| &it.target_groups);
        groups.into_iter().any(|it| it.target_group_arn == target_group)
    }
}

/// The actions of a listener of this load balancer, in the form that AWS gives back.
pub(super) fn checked(
    cx: &Context<'_>,
    actions: Vec<Action>,
    balancer: &str,
    protocol: &str,
) -> Result<Vec<Action>, Refusal> {
    // Actions that come before another one authenticate, and those are not modelled.
    let [mut action] = <[Action; 1]>::try_from(actions).map_err(|_| {
        let message = "You must specify exactly one forward, redirect or fixed-response action";
        invalid(message)
    })?;
    if let Some(order) = action.order {
        within("order", order, 1, 50_000)?;
    }
    let kind = action.r#type.clone();
    let configured = [
        ("forward", action.forward_config.is_some() || action.target_group_arn.is_some()),
        ("redirect", action.redirect_config.is_some()),
        ("fixed-response", action.fixed_response_config.is_some()),
    ];
    if !configured.iter().any(|(known, _)| *known == kind) {
        return Err(Refusal::not_modelled(format_args!("actions of the type {kind}")));
    }
    if configured.iter().any(|(known, is)| (*known == kind) != *is) {
        return Err(invalid(format!(
            "The action type '{kind}' must have a configuration for '{kind}' and no other"
        )));
    }
    if let Some(redirect) = &mut action.redirect_config {
        redirect.check(protocol)?;
    }
    if let Some(response) = &action.fixed_response_config {
        response.check()?;
    }
    if kind == "forward" {
        let forward = filled(action.target_group_arn.take(), action.forward_config.take())?;
        check_groups(cx, &forward, balancer)?;
        if let [only] = forward.target_groups.as_slice() {
            action.target_group_arn = Some(only.target_group_arn.clone());
        }
        action.forward_config = Some(forward);
    }
    Ok(vec![action])
}

/// One target group may be said in either of two ways, or in both.
fn filled(arn: Option<String>, config: Option<Forward>) -> Result<Forward, Refusal> {
    let mut groups = config.as_ref().map(|it| it.target_groups.clone()).unwrap_or_default();
    if let Some(arn) = arn {
        if groups.is_empty() {
            groups.push(Weighted { target_group_arn: arn, weight: None });
        } else if groups.len() > 1 || groups.iter().any(|it| it.target_group_arn != arn) {
            return Err(invalid(
                "You can specify both a top-level target group ARN and a ForwardConfig only if the ForwardConfig \
                 contains that one target group",
            ));
        }
    }
    if groups.is_empty() || groups.len() > GROUPS {
        let message = format!("A forward action must have between 1 and {GROUPS} target groups");
        return Err(invalid(message));
    }
    for (index, group) in groups.iter_mut().enumerate() {
        let weight = group.weight.unwrap_or(1);
        within(&format!("targetGroups.{}.weight", index + 1), weight, 0, 999)?;
        group.weight = Some(weight);
    }
    let stickiness = config.and_then(|it| it.target_group_stickiness_config);
    let off = Stickiness { enabled: Some(false), duration_seconds: None };
    Ok(Forward {
        target_groups: groups,
        target_group_stickiness_config: Some(stickiness.unwrap_or(off)),
    })
}

fn check_groups(cx: &Context<'_>, forward: &Forward, balancer: &str) -> Result<(), Refusal> {
    let elb: &Elb = &cx.region.elb;
    let own = elb.balancers.get(balancer).map(|it| &it.vpc);
    for Weighted { target_group_arn: arn, .. } in &forward.target_groups {
        let group = elb.target_groups.get(arn).ok_or_else(|| {
            Refusal::new("TargetGroupNotFound", format!("Target group '{arn}' not found"))
        })?;
        if Some(&group.settings.vpc) != own {
            let message = format!(
                "The following target groups are not in the VPC of the load balancer: '{arn}'"
            );
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        if elb.balancers_of(arn).into_iter().any(|it| it != balancer) {
            let message = format!(
                "The following target groups cannot be associated with more than one load balancer: {arn}"
            );
            return Err(Refusal::new("TargetGroupAssociationLimit", message));
        }
    }
    Ok(())
}

impl Redirect {
    fn check(&mut self, listener: &str) -> Result<(), Refusal> {
        if !["HTTP_301", "HTTP_302"].contains(&self.status_code.as_str()) {
            return Err(not_one_of("statusCode", &self.status_code, "HTTP_302, HTTP_301"));
        }
        let or = |value: &mut Option<String>, own: &str| {
            value.get_or_insert_with(|| own.to_owned()).clone()
        };
        let protocol = or(&mut self.protocol, "#{protocol}");
        let port = or(&mut self.port, "#{port}");
        let host = or(&mut self.host, "#{host}");
        let path = or(&mut self.path, "/#{path}");
        let query = or(&mut self.query, "#{query}");
        if !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol.as_str()) {
            return Err(invalid(format!("The redirect protocol '{protocol}' is not valid")));
        }
        if port != "#{port}" && !port.parse::<u16>().is_ok_and(|it| it > 0) {
            return Err(invalid(format!(
                "The redirect port '{port}' must be a number between 1 and 65535 or '#{{port}}'"
            )));
        }
        if !path.starts_with('/') || path.len() > 128 {
            return Err(invalid(format!("The redirect path '{path}' must begin with a '/'")));
        }
        if host.is_empty() || host.len() > 128 || query.len() > 128 {
            return Err(invalid("The redirect host or query is not valid"));
        }
        if listener == "HTTPS" && protocol == "HTTP" {
            return Err(invalid("You cannot redirect from HTTPS to HTTP"));
        }
        let keeps = [
            (protocol.as_str(), "#{protocol}"),
            (port.as_str(), "#{port}"),
            (host.as_str(), "#{host}"),
            (path.as_str(), "/#{path}"),
            (query.as_str(), "#{query}"),
        ];
        if keeps.iter().all(|(value, own)| value == own) {
            let message = "The redirect configuration is not valid because it creates a loop";
            return Err(Refusal::new("InvalidLoadBalancerAction", message));
        }
        Ok(())
    }
}

impl FixedResponse {
    fn check(&self) -> Result<(), Refusal> {
        let code = Regex::new(r"^[245]\d\d$").is_ok_and(|it| it.is_match(&self.status_code));
        if !code {
            let message = format!(
                "1 validation error detected: Value '{}' at 'fixedResponseConfig.statusCode' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$",
                self.status_code
            );
            return Err(invalid(message));
        }
        if let Some(kind) = &self.content_type
            && !CONTENT_TYPES.contains(&kind.as_str())
        {
            let message =
                format!("The content type must be one of:'{}'", CONTENT_TYPES.join("','"));
            return Err(Refusal::new("InvalidLoadBalancerAction", message));
        }
        let body = self.message_body.as_deref().unwrap_or_default();
        if body.len() > 1024 {
            let message = "1 validation error detected: Value at 'fixedResponseConfig.messageBody' failed to satisfy \
                           constraint: Member must have length less than or equal to 1024";
            return Err(invalid(message));
        }
        Ok(())
    }
}

/// As every action refuses a word that it does not know.
pub(super) fn not_one_of(name: &str, value: &str, words: &str) -> Refusal {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must satisfy \
         enum value set: [{words}]"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(protocol: Option<&str>, port: Option<&str>) -> Redirect {
        Redirect {
            protocol: protocol.map(str::to_owned),
            port: port.map(str::to_owned),
            host: None,
            path: None,
            query: None,
            status_code: "HTTP_301".to_owned(),
        }
    }

    #[test]
    fn a_redirect_leads_elsewhere() {
        assert!(redirect(Some("HTTPS"), Some("443")).check("HTTP").is_ok());
        assert!(redirect(None, None).check("HTTP").is_err());
        assert!(redirect(Some("HTTP"), Some("80")).check("HTTPS").is_err());
        assert!(redirect(Some("HTTPS"), Some("0")).check("HTTP").is_err());
    }

    #[test]
    fn one_target_group_is_said_in_either_way() -> Result<(), Refusal> {
        let one = Weighted { target_group_arn: "a".to_owned(), weight: Some(1) };
        let config =
            Forward { target_groups: vec![one.clone()], target_group_stickiness_config: None };
        let plain = filled(Some("a".to_owned()), None)?;
        assert_eq!(plain.target_groups, [one]);
        assert_eq!(filled(None, Some(config.clone()))?, plain);
        assert_eq!(filled(Some("a".to_owned()), Some(config.clone()))?, plain);
        assert!(filled(Some("b".to_owned()), Some(config)).is_err());
        assert!(filled(None, None).is_err());
        Ok(())
    }

    #[test]
    fn a_fixed_response_has_a_known_code_and_kind() {
        let response = |code: &str, kind: &str| FixedResponse {
            message_body: None,
            status_code: code.to_owned(),
            content_type: Some(kind.to_owned()),
        };
        assert!(response("404", "text/plain").check().is_ok());
        assert!(response("302", "text/plain").check().is_err());
        assert!(response("404", "text/markdown").check().is_err());
    }
}
