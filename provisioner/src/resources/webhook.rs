//! GitHub webhook of a repository: tells Jenkins of a push.
//!
//! Webhooks take no tags, and GitHub gives their secret to nobody. Both are in the address, which whoever is called there
//! does not mind: `?provisioner:stack=gsm&secret=3`. So the stack's own is known without our state, and so is whether it
//! has the secret that the parameter holds now.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    engine::{Class, Error, Existing, Found, Output, Progress, Resource, Result, Sealed},
    resources::Kind,
};

const STACK: &str = "provisioner:stack";
const VERSION: &str = "secret";
/// What GitHub signs and sends; anything else it calls a form.
const CONTENT_TYPE: &str = "json";

/// A webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// `owner/name`.
    pub repository: String,
    /// Where it calls, without what is ours in the address.
    pub url: Output<String>,
    /// What it tells of, sorted, such as `push`.
    pub events: Vec<String>,
    /// `json` or `form`.
    pub content_type: String,
    /// Whether it calls at all.
    pub active: bool,
    /// Whether it minds a certificate that does not fit.
    pub verify_tls: bool,
    /// Name of the SSM parameter that holds the secret with which GitHub signs.
    pub secret: Output<String>,
    /// The version of the parameter.
    pub secret_version: Output<i64>,
}

/// What it takes to find a webhook again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookOutputs {
    /// `owner/name`.
    pub repository: String,
    /// Its number.
    pub id: u64,
}

/// One as GitHub shows it.
#[derive(Deserialize)]
struct Live {
    id: u64,
    active: bool,
    events: Vec<String>,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    url: String,
    content_type: Option<String>,
    /// A number in words or in digits, as it was given.
    insecure_ssl: Option<Value>,
}

impl Resource for Webhook {
    type Outputs = WebhookOutputs;
    const KIND: Kind = Kind::Webhook;
    const REPLACED_BY: &'static [&'static str] = &["repository"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        if let Some(Existing { outputs, .. }) = recorded
            && let Some(live) = get(outputs, cloud).await?
        {
            return Ok(self.found(&outputs.repository, live, cloud));
        }
        let all: Vec<Live> = cloud.github.list(&hooks(&self.repository)).await.map_err(seen)?;
        let (mut ours, mut alike) = (None, None);
        for live in all {
            let address = Address::parse(&live.config.url);
            if address.stack.as_deref() == Some(&cloud.stack) {
                ours = Some(live);
            } else if self.url.get().is_ok_and(|it| it == address.bare) {
                alike = Some(live);
            }
        }
        Ok(match ours.or(alike) {
            Some(live) => self.found(&self.repository, live, cloud),
            None => Found::Nothing,
        })
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let mut body = self.body(cloud).await?;
        body["name"] = json!("web");
        let made = cloud.github.post(&hooks(&self.repository), &body).await;
        let Live { id, .. } = made.map_err(seen)?;
        let outputs = WebhookOutputs { repository: self.repository.clone(), id };
        Ok(Existing { inputs: self.clone(), outputs })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<WebhookOutputs> {
        // GitHub takes the secret away when another field of the configuration is given without it.
        let body = self.body(cloud).await?;
        let _: Live = cloud.github.patch(&hook(&existing.outputs), &body).await?;
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &WebhookOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.github.delete(&hook(outputs)).await?;
        Ok(Progress::Done)
    }
}

impl Webhook {
    /// One that tells of pushes.
    pub fn of_pushes(
        repository: &str,
        url: Output<String>,
        secret: Output<String>,
        secret_version: Output<i64>,
    ) -> Self {
        Self {
            repository: repository.to_owned(),
            url,
            events: vec!["push".to_owned()],
            content_type: CONTENT_TYPE.to_owned(),
            active: true,
            verify_tls: true,
            secret,
            secret_version,
        }
    }

    fn found(&self, repository: &str, live: Live, cloud: &Cloud) -> Found<Self> {
        let Live { id, active, mut events, config } = live;
        events.sort();
        let Address { bare, stack, version } = Address::parse(&config.url);
        let insecure = config.insecure_ssl.is_some_and(|it| it == json!("1") || it == json!(1));
        let existing = Existing {
            inputs: Self {
                repository: repository.to_owned(),
                url: bare.clone().into(),
                events,
                content_type: config.content_type.unwrap_or_else(|| "form".to_owned()),
                active,
                verify_tls: !insecure,
                // Which parameter its secret is from nobody can tell; which version, the address says.
                secret: self.secret.clone(),
                secret_version: version.unwrap_or_default().into(),
            },
            outputs: WebhookOutputs { repository: repository.to_owned(), id },
        };
        match stack {
            Some(stack) if stack == cloud.stack => Found::Ours(existing),
            Some(other) => Found::Theirs(existing, format!("it belongs to the stack `{other}`")),
            None => {
                let repository = &existing.outputs.repository;
                let whose =
                    format!("a webhook of {repository} that is not the stack's calls {bare}");
                Found::Theirs(existing, whose)
            }
        }
    }

    async fn body(&self, cloud: &Cloud) -> Result<Value> {
        let address = Address {
            bare: self.url.get()?,
            stack: Some(cloud.stack.clone()),
            version: Some(self.secret_version.get()?),
        };
        let name = self.secret.get()?;
        let answer = cloud.ssm.get_parameter().name(&name).with_decryption(true).send().await?;
        let secret = answer.parameter.and_then(|it| it.value).map(Sealed::new);
        let secret = secret.as_ref().and_then(Sealed::reveal);
        let secret = secret.ok_or_else(|| Error::missing(&name))?;
        Ok(json!({
            "active": self.active,
            "events": self.events,
            "config": {
                "url": address.whole()?,
                "content_type": self.content_type,
                "insecure_ssl": if self.verify_tls { "0" } else { "1" },
                "secret": secret,
            },
        }))
    }
}

/// An address with what is ours in it.
#[derive(Debug, PartialEq)]
struct Address {
    bare: String,
    stack: Option<String>,
    version: Option<i64>,
}

impl Address {
    fn parse(text: &str) -> Self {
        let Ok(mut url) = Url::parse(text) else {
            return Self { bare: text.to_owned(), stack: None, version: None };
        };
        let (mut stack, mut version, mut rest) = (None, None, Vec::new());
        for (name, value) in url.query_pairs().into_owned() {
            match name.as_str() {
                STACK => stack = Some(value),
                VERSION => version = value.parse().ok(),
                _ => rest.push((name, value)),
            }
        }
        // An address that has nothing of ours is somebody else's, and stays as it is.
        if stack.is_none() {
            return Self { bare: text.to_owned(), stack, version: None };
        }
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        Self { bare: url.to_string(), stack, version }
    }

    fn whole(&self) -> Result<String> {
        let mut url = Url::parse(&self.bare)
            .map_err(|wrong| Error::Unexpected(format!("`{}`: {wrong}", self.bare)))?;
        if let Some(stack) = &self.stack {
            url.query_pairs_mut().append_pair(STACK, stack);
        }
        if let Some(version) = self.version {
            url.query_pairs_mut().append_pair(VERSION, &version.to_string());
        }
        Ok(url.to_string())
    }
}

fn hooks(repository: &str) -> String {
    format!("/repos/{repository}/hooks")
}

fn hook(WebhookOutputs { repository, id }: &WebhookOutputs) -> String {
    format!("{}/{id}", hooks(repository))
}

async fn get(outputs: &WebhookOutputs, cloud: &Cloud) -> Result<Option<Live>> {
    match cloud.github.get(&hook(outputs)).await {
        Ok(live) => Ok(Some(live)),
        Err(error) if error.class() == Class::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// A repository that is not there, or whose webhooks the token may not see: GitHub says the same of both. It is not
/// that there are none.
fn seen(error: Error) -> Error {
    match error {
        Error::Api(mut it) if it.class == Class::Gone => {
            it.class = Class::Denied;
            it.message = format!(
                "{}: there is no such repository, or the token may not see its webhooks",
                it.message.trim_end_matches('.')
            );
            Error::Api(it)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whose_it_is_and_which_secret_it_has() {
        let address = Address {
            bare: "http://192.0.2.1:8080/github-webhook/".to_owned(),
            stack: Some("gsm".to_owned()),
            version: Some(3),
        };
        let whole = address.whole().unwrap();
        assert_eq!(whole, "http://192.0.2.1:8080/github-webhook/?provisioner%3Astack=gsm&secret=3");
        assert_eq!(Address::parse(&whole), address);
    }

    #[test]
    fn an_address_of_others_stays_as_it_is() {
        for text in ["https://example.com/a?secret=3&b", "no address", ""] {
            let address = Address::parse(text);
            assert_eq!((address.bare.as_str(), address.stack, address.version), (text, None, None));
        }
    }

    #[test]
    fn what_else_is_in_an_address_stays() {
        let found = Address::parse("https://example.com/?a=b&provisioner%3Astack=gsm&secret=x");
        assert_eq!(found.bare, "https://example.com/?a=b");
        assert_eq!((found.stack.as_deref(), found.version), (Some("gsm"), None));
    }
}
