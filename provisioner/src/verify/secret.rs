//! A secret that comes from the environment: whether it has a value, here or in AWS already.
//!
//! A deployment brings no secrets: before one, only what is in AWS counts.

use super::{Check, Question, Subject, Verdict, look};
use crate::{cloud::Cloud, config::SecretSource, program::names, resources::has_parameter};

/// The longest value of a standard parameter, in bytes.
const LONGEST: usize = 4096;

/// `None` if it comes from elsewhere: what is generated, and the database's address, `up` makes.
pub(super) fn check<'a>(
    question: &'a Question<'a>,
    service: &'a str,
    variable: &'a str,
    source: &'a SecretSource,
    cloud: Option<&'a Cloud>,
) -> Option<impl Future<Output = Check> + Send + use<'a>> {
    let SecretSource::Env(from) = source else { return None };
    let parameter = names::secret(question.config, service, variable, source);
    Some(async move {
        let verdict = match question.image {
            Some(_) => before_deployment(from, &parameter, cloud).await,
            None => before_up(question, from, &parameter, cloud).await,
        };
        let subject = Subject::Secret(variable.to_owned());
        Check { subject, service: Some(service.to_owned()), verdict }
    })
}

async fn before_deployment(from: &str, parameter: &str, cloud: Option<&Cloud>) -> Verdict {
    match has_value(parameter, cloud).await {
        Ok(true) => Verdict::Well(format!("in {parameter}")),
        Ok(false) => Verdict::wrong(
            format!("{parameter} has no value yet, and a deployment brings none"),
            format!("run `provisioner up` first, with {from} in its environment"),
        ),
        Err(Verdict::Unknown(why)) => {
            Verdict::Unknown(format!("whether {parameter} has a value: {why}"))
        }
        Err(other) => other,
    }
}

async fn before_up(
    question: &Question<'_>,
    from: &str,
    parameter: &str,
    cloud: Option<&Cloud>,
) -> Verdict {
    match question.place.secret(from).as_deref() {
        None => absent(from, parameter, cloud).await,
        Some("") => {
            Verdict::wrong(format!("{from} is set and empty"), "set it to the secret, or unset it")
        }
        Some(value) if value.len() > LONGEST => Verdict::wrong(
            format!("{from} has {} bytes, and SSM keeps {LONGEST}", value.len()),
            "shorten it, or let the container fetch it from elsewhere",
        ),
        Some(_) => Verdict::Well(format!("from {from}")),
    }
}

async fn absent(from: &str, parameter: &str, cloud: Option<&Cloud>) -> Verdict {
    match has_value(parameter, cloud).await {
        Ok(true) => Verdict::Well(format!("{from} is not set: the value of {parameter} stays")),
        Ok(false) => Verdict::wrong(
            format!("{from} is not set, and {parameter} has no value yet"),
            format!("set {from} in the environment of `up`"),
        ),
        Err(Verdict::Unknown(why)) => Verdict::Unknown(format!(
            "{from} is not set; whether {parameter} has a value already: {why}"
        )),
        Err(other) => other,
    }
}

async fn has_value(parameter: &str, cloud: Option<&Cloud>) -> Result<bool, Verdict> {
    look(cloud, |cloud| async move { has_parameter(parameter, &cloud).await }).await
}
