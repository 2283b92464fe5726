//! The addresses that GitHub's webhooks come from.

use std::collections::BTreeSet;

use ipnet::IpNet;
use reqwest::{StatusCode, header::ACCEPT};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Cloud, http},
    engine::{Class, Error, Lookup, Output, Result},
};

const SERVICE: &str = "GitHub";
const OPERATION: &str = "GET /meta";

/// The addresses that GitHub's webhooks come from. They change a few times a year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GithubHooks {}

/// The addresses that were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GithubHooksOutputs {
    /// CIDR blocks, IPv4 before IPv6, sorted.
    pub cidrs: Vec<String>,
}

impl Lookup for GithubHooks {
    type Outputs = GithubHooksOutputs;

    async fn find(&self, cloud: &Cloud) -> Result<Option<GithubHooksOutputs>> {
        let url = format!("{}/meta", cloud.github.trim_end_matches('/'));
        let request = cloud.http.client().get(url).header(ACCEPT, "application/vnd.github+json");
        let response = cloud.http.send(SERVICE, OPERATION, request).await?;
        let status = response.status();
        let body = http::body(SERVICE, OPERATION, response).await?;
        if !status.is_success() {
            return Err(refused(status));
        }
        Ok(Some(GithubHooksOutputs { cidrs: cidrs(&body)? }))
    }
}

fn refused(status: StatusCode) -> Error {
    match status {
        // Without a token 60 calls an hour are free for each address, and a machine may share its address.
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            let message =
                format!("{status}: too many calls from this address; try again within the hour");
            http::error(SERVICE, OPERATION, message, Class::Final)
        }
        _ if status.is_server_error() => {
            http::error(SERVICE, OPERATION, status.to_string(), Class::Transient)
        }
        _ => http::error(SERVICE, OPERATION, status.to_string(), Class::Final),
    }
}

fn cidrs(body: &[u8]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Meta {
        hooks: BTreeSet<IpNet>,
    }
    let meta: Meta = serde_json::from_slice(body).map_err(|error| {
        let class = if error.is_eof() { Class::Transient } else { Class::Final };
        http::error(SERVICE, OPERATION, format!("unexpected answer: {error}"), class)
    })?;
    if meta.hooks.is_empty() {
        return Err(Error::missing("hooks"));
    }
    Ok(meta.hooks.iter().map(|it| it.trunc().to_string()).collect())
}

impl Output<GithubHooksOutputs> {
    /// CIDR blocks, IPv4 before IPv6, sorted.
    pub fn cidrs(&self) -> Output<Vec<String>> {
        self.map(|it| it.cidrs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_are_given_in_a_fixed_order() {
        let body =
            br#"{ "hooks": ["2a0a:a440::/29", "192.30.252.0/22", "140.82.112.0/20"], "web": [] }"#;
        assert_eq!(cidrs(body).unwrap(), ["140.82.112.0/20", "192.30.252.0/22", "2a0a:a440::/29"]);
    }

    #[test]
    fn no_answer_is_no_empty_list() {
        assert_eq!(cidrs(br#"{ "hooks": ["140.82"#).unwrap_err().class(), Class::Transient);
        assert!(cidrs(br#"{ "hooks": [] }"#).is_err());
        assert!(cidrs(br#"{ "hooks": ["everywhere"] }"#).is_err());
    }
}
