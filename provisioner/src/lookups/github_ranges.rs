//! The addresses that GitHub's webhooks come from.

use std::{collections::BTreeSet, time::Duration};

use ipnet::IpNet;
use reqwest::{Response, StatusCode, header::ACCEPT};
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
        let refused = (!status.is_success()).then(|| refused(&response));
        let body = http::body(SERVICE, OPERATION, response).await?;
        match refused {
            Some(error) => Err(error),
            None => Ok(Some(GithubHooksOutputs { cidrs: cidrs(&body)? })),
        }
    }
}

/// Without a token 60 calls an hour are free for each address, and a machine may share its address. Source: GitHub's
/// "Rate limits for the REST API", which asks for a minute's wait where it does not say how long.
fn refused(response: &Response) -> Error {
    let status = response.status();
    let spent = response.headers().get("x-ratelimit-remaining").is_some_and(|it| it == "0");
    let asked = http::retry_after(response);
    let limited = match status {
        StatusCode::FORBIDDEN => asked.is_some(),
        StatusCode::TOO_MANY_REQUESTS => asked.is_some() || !spent,
        _ => false,
    };
    let message = match status {
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            format!("{status}: too many calls from this address; try again within the hour")
        }
        _ => status.to_string(),
    };
    let class = if limited || status.is_server_error() { Class::Transient } else { Class::Final };
    let mut error = http::error(SERVICE, OPERATION, message, class);
    if let Error::Api(it) = &mut error {
        it.retry_after = asked.or(limited.then_some(Duration::from_secs(60)));
    }
    error
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
    fn a_limit_that_passes_soon_is_waited_for() {
        let refusal = |status: u16, headers: &[(&str, &str)]| {
            let mut answer = ::http::Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            match refused(&answer.body("").unwrap().into()) {
                Error::Api(it) => (it.class, it.retry_after.map(|it| it.as_secs())),
                other => panic!("{other}"),
            }
        };
        assert_eq!(refusal(429, &[]), (Class::Transient, Some(60)));
        assert_eq!(refusal(429, &[("retry-after", "7")]), (Class::Transient, Some(7)));
        assert_eq!(refusal(403, &[("retry-after", "7")]), (Class::Transient, Some(7)));
        assert_eq!(refusal(429, &[("x-ratelimit-remaining", "0")]), (Class::Final, None));
        assert_eq!(refusal(403, &[]), (Class::Final, None));
        assert_eq!(refusal(502, &[]), (Class::Transient, None));
        assert_eq!(refusal(404, &[]), (Class::Final, None));
    }

    #[test]
    fn no_answer_is_no_empty_list() {
        assert_eq!(cidrs(br#"{ "hooks": ["140.82"#).unwrap_err().class(), Class::Transient);
        assert!(cidrs(br#"{ "hooks": [] }"#).is_err());
        assert!(cidrs(br#"{ "hooks": ["everywhere"] }"#).is_err());
    }
}
