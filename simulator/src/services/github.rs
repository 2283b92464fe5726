//! GitHub: the addresses that its webhooks come from.
//!
//! Source: GitHub's REST API, "Get GitHub meta information", as far as the provisioner reads it.

use serde_json::json;

use crate::{call::Call, refusal::Answer, world::Context};

/// Answers a call.
pub(crate) fn answer(_cx: &mut Context<'_>, call: &Call) -> Answer {
    match call.action.as_str() {
        "GET /meta" => Ok(json!({
            "verifiable_password_authentication": false,
            "hooks": [
                "192.30.252.0/22",
                "185.199.108.0/22",
                "140.82.112.0/20",
                "143.55.64.0/20",
                "2a0a:a440::/29",
                "2606:50c0::/32",
            ],
        })),
        _ => Err(call.not_modelled()),
    }
}

/// Which call a request is.
pub(crate) fn action(method: &http::Method, path: &str) -> String {
    format!("{method} {path}")
}
