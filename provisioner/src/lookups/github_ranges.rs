//! The addresses that GitHub's webhooks come from.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::Cloud,
    engine::{Error, Lookup, Output, Result},
};

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
        let meta: Meta = cloud.github.public("/meta").await?;
        Ok(Some(GithubHooksOutputs { cidrs: meta.cidrs()? }))
    }
}

/// GitHub's `GET /meta`, as far as it is needed.
#[derive(Deserialize)]
struct Meta {
    hooks: BTreeSet<IpNet>,
}

impl Meta {
    fn cidrs(&self) -> Result<Vec<String>> {
        if self.hooks.is_empty() {
            return Err(Error::missing("hooks"));
        }
        Ok(self.hooks.iter().map(|it| it.trunc().to_string()).collect())
    }
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

    fn cidrs(body: &str) -> Result<Vec<String>> {
        serde_json::from_str::<Meta>(body)?.cidrs()
    }

    #[test]
    fn both_families_are_given_in_a_fixed_order() {
        let body =
            r#"{ "hooks": ["2a0a:a440::/29", "192.30.252.0/22", "140.82.112.0/20"], "web": [] }"#;
        assert_eq!(cidrs(body).unwrap(), ["140.82.112.0/20", "192.30.252.0/22", "2a0a:a440::/29"]);
    }

    #[test]
    fn no_answer_is_no_empty_list() {
        assert!(cidrs(r#"{ "hooks": [] }"#).is_err());
        assert!(cidrs(r#"{ "hooks": ["everywhere"] }"#).is_err());
    }
}
