//! What a deployment or an `up` would trip over, found without changing anything: one check, one file.
//!
//! A check that fails hides no other. What the stack does not have yet, and what cannot be checked, is said and is no
//! failure: credentials that may deploy may not look at everything, and a registry that does not answer here may well
//! answer to Fargate.

mod access;
mod atlas;
mod certificate;
mod image;
mod network;
mod role;
mod secret;
mod zone;

use futures::future::{BoxFuture, FutureExt as _, join_all};

use crate::{
    cloud::Cloud,
    config::{Config, Service},
    engine::{Class, Error, Result},
    failure::{Failure, advice},
    place::Place,
};

/// What is asked about.
#[derive(Debug)]
pub struct Question<'a> {
    /// The stack.
    pub config: &'a Config,
    /// The services, by name.
    pub services: Vec<(&'a str, &'a Service)>,
    /// The image that is to be deployed, if one is named; then there is one service.
    pub image: Option<&'a str>,
    /// Where the clouds are.
    pub place: &'a Place,
}

/// A check, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was looked at.
    pub subject: Subject,
    /// The service it is about; `None`: the stack.
    pub service: Option<String>,
    /// What came of it.
    pub verdict: Verdict,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Who we are to AWS.
    Aws,
    /// The Atlas project, and who we are there.
    Atlas,
    /// VPC and subnets.
    Network,
    /// The hosted zone of the domain.
    Zone,
    /// The certificate of the domain.
    Certificate,
    /// An image in its registry.
    Image,
    /// The role with which ECS starts the service.
    Role,
    /// The value of a secret, by the name of its variable in the container.
    Secret(String),
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As it must be, in a few words.
    Well(String),
    /// It would go wrong.
    Wrong {
        /// Why.
        why: String,
        /// What to do, one sentence each.
        hints: Vec<String>,
        /// Whether credentials or permissions are the reason.
        is_credentials: bool,
    },
    /// It is not as it must be yet, and `up` makes it so.
    Later(String),
    /// It could not be checked, and why.
    Unknown(String),
}

impl Subject {
    /// The name of the check, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Atlas => "atlas",
            Self::Network => "network",
            Self::Zone => "zone",
            Self::Certificate => "certificate",
            Self::Image => "image",
            Self::Role => "role",
            Self::Secret(_) => "secret",
        }
    }
}

impl Verdict {
    fn wrong(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Wrong { why: why.into(), hints: vec![hint.into()], is_credentials: false }
    }

    /// What an error means where success is needed.
    fn failed(error: &Error) -> Self {
        Self::Wrong {
            why: error.to_string(),
            hints: advice(error).into_iter().collect(),
            is_credentials: matches!(error.class(), Class::Denied | Class::Unauthenticated),
        }
    }

    /// What a look that did not succeed means: who may not look, or does not get an answer, knows nothing.
    fn of_look(error: &Error) -> Self {
        match error.class() {
            // The service's own words have ARNs of the caller and of everything it would have seen.
            Class::Denied => Self::Unknown(advice(error).unwrap_or_else(|| error.to_string())),
            Class::Transient => Self::Unknown(error.to_string()),
            _ => Self::failed(error),
        }
    }
}

/// Makes every check, at once. The first is always the one of AWS.
///
/// `same_place` says what speaks against working in this account.
pub async fn verify(
    question: &Question<'_>,
    same_place: impl Fn(&Cloud) -> std::result::Result<(), Failure>,
) -> Vec<Check> {
    let Question { config, place, .. } = question;
    let connected = place.connect(&config.name, &config.region).await;
    let access = access::check(&connected, same_place);
    // In the wrong account nothing is found, and that would mean nothing.
    let cloud = connected.as_ref().ok().filter(|_| matches!(access.verdict, Verdict::Well(_)));
    let checks = join_all(every(question, cloud)).await;
    std::iter::once(access).chain(checks).collect()
}

/// The checks, in the order in which they are shown.
fn every<'a>(question: &'a Question<'a>, cloud: Option<&'a Cloud>) -> Vec<BoxFuture<'a, Check>> {
    let mut checks = Vec::new();
    if let Some(database) = &question.config.database {
        checks.push(atlas::check(database, question.place).boxed());
    }
    checks.push(network::check(&question.config.network, cloud).boxed());
    let balancer = question.config.load_balancer.as_ref();
    if let Some((domain, zone)) = balancer.and_then(|it| it.domain.as_ref().zip(it.zone.as_ref())) {
        checks.push(zone::check(zone, cloud).boxed());
        checks.push(certificate::check(question.config, domain, cloud).boxed());
    }
    for (name, service) in &question.services {
        checks.push(image::check(question, name, service, cloud).boxed());
        checks.push(role::check(question, name, service, cloud).boxed());
        for (variable, source) in &service.secrets {
            let check = secret::check(question, name, variable, source, cloud);
            checks.extend(check.map(|it| it.boxed()));
        }
    }
    checks
}

/// Looks at something in AWS.
async fn look<T, F: Future<Output = Result<T>>>(
    cloud: Option<&Cloud>,
    at: impl Fn(Cloud) -> F,
) -> std::result::Result<T, Verdict> {
    let Some(cloud) = cloud else {
        return Err(Verdict::Unknown("needs credentials of AWS".to_owned()));
    };
    // The clients themselves try again what passes quickly; a look that takes minutes is of no use.
    at(cloud.clone()).await.map_err(|error| Verdict::of_look(&error))
}
