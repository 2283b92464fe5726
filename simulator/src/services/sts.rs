//! Security Token Service: who calls, and roles for whom an identity provider vouches for. Every caller is one user who
//! may do everything.

use serde::Deserialize;
use serde_json::json;

use super::iam;
use crate::{call::Call, refusal::Answer, world::Context};

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "AssumeRoleWithWebIdentity" => iam::assume_with_web_identity(cx, call.input()?),
        "GetCallerIdentity" => get_caller_identity(cx, call.input()?),
        _ => Err(call.not_modelled()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn get_caller_identity(cx: &mut Context<'_>, _: Nothing) -> Answer {
    Ok(json!({ "UserId": "AIDASIMULATOR23456772", "Account": cx.account, "Arn": iam::caller(cx) }))
}
