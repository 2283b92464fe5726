//! A secret that comes from the environment: whether it has a value, here or in AWS already.

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
    let value = question.place.secret(from);
    let parameter = names::secret(question.config, service, variable);
    Some(async move {
        let verdict = match value.as_deref() {
            None => absent(from, &parameter, cloud).await,
            Some("") => Verdict::wrong(
                format!("{from} is set and empty"),
                "set it to the secret, or unset it",
            ),
            Some(value) if value.len() > LONGEST => Verdict::wrong(
                format!("{from} has {} bytes, and SSM keeps {LONGEST}", value.len()),
                "shorten it, or let the container fetch it from elsewhere",
            ),
            Some(_) => Verdict::Well(format!("from {from}")),
        };
        let subject = Subject::Secret(variable.to_owned());
        Check { subject, service: Some(service.to_owned()), verdict }
    })
}

async fn absent(from: &str, parameter: &str, cloud: Option<&Cloud>) -> Verdict {
    let there = look(cloud, |cloud| async move { has_parameter(parameter, &cloud).await }).await;
    match there {
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
