//! Listener: a port of a load balancer, and where requests go that no rule is for.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, Listener as Live, ProtocolEnum,
    RedirectActionConfig, RedirectActionStatusCodeEnum,
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Arn, Cloud, Tags, elb, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

const PLAIN_TEXT: &str = "text/plain";
const NOT_FOUND: &str = "Not found";

/// A listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// ARN of the load balancer it belongs to.
    pub load_balancer_arn: Output<String>,
    /// The port, which is its own among the load balancer's listeners.
    pub port: i32,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// ARN of an issued certificate, for `HTTPS`.
    pub certificate_arn: Output<Option<String>>,
    /// Which versions of TLS and which ciphers it speaks, for `HTTPS`, by
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>.
    pub ssl_policy: Option<String>,
    /// Where requests go that no rule is for.
    pub default_action: ListenerAction,
    /// Its tags.
    pub tags: Tags,
}

/// What a listener does with a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenerAction {
    /// Hands it on.
    Forward {
        /// ARN of the target group.
        target_group_arn: Output<String>,
    },
    /// Sends the client to the same address by HTTPS, for good (301).
    RedirectToHttps,
    /// Answers 404.
    NotFound,
    /// Something that we never ask for, in words.
    Other(String),
}

/// What others need of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerOutputs {
    /// Its ARN.
    pub arn: String,
}

impl Resource for Listener {
    type Outputs = ListenerOutputs;
    const KIND: Kind = Kind::Listener;
    const REPLACED_BY: &'static [&'static str] = &["load_balancer_arn"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        if let Some(it) = recorded
            && let Some(live) = by_arn(&it.outputs.arn, cloud).await?
        {
            let tags = elb::found(&it.outputs.arn, cloud).await?;
            return self.found(&live, &tags, recorded, cloud);
        }
        let listeners = self.all(cloud).await?;
        let arns: Vec<String> = listeners.iter().filter_map(|it| it.listener_arn.clone()).collect();
        let tags = elb::found_on_each(&arns, cloud).await?;
        let tags_of =
            |it: &Live| it.listener_arn().and_then(|it| tags.get(it)).cloned().unwrap_or_default();
        let marked = elb::marked(&self.tags, &tags, cloud);
        let mut live = listeners.iter().find(|it| marked.is_some() && it.listener_arn() == marked);
        if live.is_none() {
            // Another listener of ours may have this port until it gets its own.
            let has_our_port = |it: &&Live| {
                it.port() == Some(self.port) && !elb::is_another(&tags_of(it), &self.tags, cloud)
            };
            live = listeners.iter().find(has_our_port);
        }
        match live {
            Some(live) => self.found(live, &tags_of(live), recorded, cloud),
            None => Ok(Found::Nothing),
        }
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        let request = cloud.elb.create_listener().load_balancer_arn(self.load_balancer_arn.get()?);
        let request = request.port(self.port).protocol(ProtocolEnum::from(self.protocol.as_str()));
        let request =
            request.set_certificates(self.certificates()?).set_ssl_policy(self.ssl_policy.clone());
        let request = request.default_actions(self.default_action.as_aws_says()?);
        let answer = request.set_tags(Some(elb::tags(&self.tags))).send().await?;
        let live = answer.listeners().first().ok_or_else(|| Error::missing("listener"))?;
        Ok(Existing { inputs: self.clone(), outputs: outputs(live)? })
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<ListenerOutputs> {
        let (arn, old) = (&existing.outputs.arn, &existing.inputs);
        let only_tags_differ = Self { tags: old.tags.clone(), ..self.clone() } == *old;
        if !only_tags_differ {
            // A change to HTTP takes certificate and policy away by itself.
            let request = cloud.elb.modify_listener().listener_arn(arn);
            let request =
                request.port(self.port).protocol(ProtocolEnum::from(self.protocol.as_str()));
            let request = request
                .set_certificates(self.certificates()?)
                .set_ssl_policy(self.ssl_policy.clone());
            request.default_actions(self.default_action.as_aws_says()?).send().await?;
        }
        if self.tags != old.tags {
            elb::sync_tags(arn, &self.tags, &old.tags, cloud).await?;
        }
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &ListenerOutputs, cloud: &Cloud) -> Result<Progress> {
        cloud.elb.delete_listener().listener_arn(&outputs.arn).send().await?;
        Ok(Progress::Done)
    }

    async fn at(arn: Arn<'_>, cloud: &Cloud) -> Result<Option<ListenerOutputs>> {
        let Some(_) = arn.id_of("elasticloadbalancing", "listener") else { return Ok(None) };
        let found = by_arn(arn.whole, cloud).await?;
        Ok(found.map(|_| ListenerOutputs { arn: arn.whole.to_owned() }))
    }
}

impl Listener {
    /// Every listener of the load balancer.
    async fn all(&self, cloud: &Cloud) -> Result<Vec<Live>> {
        let request =
            cloud.elb.describe_listeners().load_balancer_arn(self.load_balancer_arn.get()?);
        let found = request.into_paginator().items().send().try_collect().await;
        Ok(there(found)?.unwrap_or_default())
    }

    /// Within a load balancer of ours even a listener without tags is ours.
    fn found(
        &self,
        live: &Live,
        tags: &Tags,
        recorded: Option<&Existing<Self>>,
        cloud: &Cloud,
    ) -> Result<Found<Self>> {
        let is_https = live.protocol() == Some(&ProtocolEnum::Https);
        let certificate = live.certificates().first().and_then(|it| it.certificate_arn.clone());
        let existing = Existing {
            inputs: Self {
                load_balancer_arn: live.load_balancer_arn().unwrap_or_default().into(),
                port: live.port().unwrap_or_default(),
                protocol: live.protocol().map_or("", ProtocolEnum::as_str).to_owned(),
                certificate_arn: certificate.filter(|_| is_https).into(),
                ssl_policy: live.ssl_policy().filter(|_| is_https).map(str::to_owned),
                default_action: ListenerAction::as_found(live.default_actions()),
                tags: tags.of_ours(&self.tags, recorded.map(|it| &it.inputs.tags)),
            },
            outputs: outputs(live)?,
        };
        Ok(if tags.stack().is_none() { Found::Ours(existing) } else { tags.sort(existing, cloud) })
    }

    fn certificates(&self) -> Result<Option<Vec<Certificate>>> {
        let certificate = self.certificate_arn.get()?;
        Ok(certificate.map(|arn| vec![Certificate::builder().certificate_arn(arn).build()]))
    }
}

impl ListenerAction {
    fn as_aws_says(&self) -> Result<Action> {
        Ok(match self {
            Self::Forward { target_group_arn } => elb::forward(target_group_arn.get()?),
            Self::RedirectToHttps => Action::builder()
                .r#type(ActionTypeEnum::Redirect)
                .redirect_config(
                    RedirectActionConfig::builder()
                        .protocol("HTTPS")
                        .port("443")
                        .status_code(RedirectActionStatusCodeEnum::Http301)
                        .build(),
                )
                .build(),
            Self::NotFound => Action::builder()
                .r#type(ActionTypeEnum::FixedResponse)
                .fixed_response_config(
                    FixedResponseActionConfig::builder()
                        .status_code("404")
                        .content_type(PLAIN_TEXT)
                        .message_body(NOT_FOUND)
                        .build(),
                )
                .build(),
            Self::Other(words) => {
                return Err(Error::Unexpected(format!("no listener can be told to: {words}")));
            }
        })
    }

    fn as_found(actions: &[Action]) -> Self {
        if let Some(arn) = elb::forwards_to(actions) {
            return Self::Forward { target_group_arn: arn.into() };
        }
        let known = match actions {
            [action] if action.redirect_config().is_some_and(is_to_https) => {
                Some(Self::RedirectToHttps)
            }
            [action] if action.fixed_response_config().is_some_and(is_not_found) => {
                Some(Self::NotFound)
            }
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other(elb::in_words(actions)))
    }
}

/// AWS fills in what was left out with words that stand for the request's own.
fn is_to_https(redirect: &RedirectActionConfig) -> bool {
    let is = |value: Option<&str>, own: &str| value.is_none_or(|it| it == own);
    redirect.protocol() == Some("HTTPS")
        && redirect.port() == Some("443")
        && is(redirect.host(), "#{host}")
        && is(redirect.path(), "/#{path}")
        && is(redirect.query(), "#{query}")
        && redirect.status_code() == Some(&RedirectActionStatusCodeEnum::Http301)
}

fn is_not_found(response: &FixedResponseActionConfig) -> bool {
    response.status_code() == Some("404")
        && response.content_type() == Some(PLAIN_TEXT)
        && response.message_body() == Some(NOT_FOUND)
}

async fn by_arn(arn: &str, cloud: &Cloud) -> Result<Option<Live>> {
    let found = cloud.elb.describe_listeners().listener_arns(arn).send().await;
    Ok(there(found)?.and_then(|it| it.listeners.unwrap_or_default().pop()))
}

fn outputs(live: &Live) -> Result<ListenerOutputs> {
    Ok(ListenerOutputs {
        arn: live.listener_arn().ok_or_else(|| Error::missing("listener's ARN"))?.to_owned(),
    })
}

impl Output<ListenerOutputs> {
    /// Its ARN.
    pub fn arn(&self) -> Output<String> {
        self.map(|it| it.arn)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_as_they_are_written() {
        for ours in [
            ListenerAction::Forward { target_group_arn: "arn".into() },
            ListenerAction::RedirectToHttps,
            ListenerAction::NotFound,
        ] {
            assert_eq!(ListenerAction::as_found(&[ours.as_aws_says().unwrap()]), ours);
        }
    }

    #[test]
    fn what_aws_fills_in_is_no_difference_and_what_others_change_is() {
        let redirect =
            RedirectActionConfig::builder().protocol("HTTPS").port("443").host("#{host}");
        let redirect = redirect
            .path("/#{path}")
            .query("#{query}")
            .status_code(RedirectActionStatusCodeEnum::Http301);
        let action = |config| {
            Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(config).build()
        };
        let found = ListenerAction::as_found(&[action(redirect.clone().build())]);
        assert_eq!(found, ListenerAction::RedirectToHttps);
        let found = ListenerAction::as_found(&[action(redirect.host("example.com").build())]);
        let words = "redirect to HTTPS://example.com:443/#{path}?#{query} HTTP_301";
        assert_eq!(found, ListenerAction::Other(words.to_owned()));
    }
}
