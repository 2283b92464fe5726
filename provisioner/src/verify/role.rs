//! The role with which ECS starts a service: whether it may still do what `up` has given it, which is to get images, to
//! write logs, and to read the secrets.
//!
//! It is compared with what `up` would make. What a permissions boundary or a policy of the organisation takes away does
//! not show.

use super::{Check, Question, Subject, Verdict, look};
use crate::{
    cloud::Cloud,
    config::Service,
    engine::{Found, Output, Resource as _, Result},
    program::{execution_role, names},
    resources::{Role, key_arn},
};

pub(super) async fn check(
    question: &Question<'_>,
    name: &str,
    service: &Service,
    cloud: Option<&Cloud>,
) -> Check {
    let verdict = match look(cloud, |cloud| lacking(question, name, service, cloud)).await {
        Ok(lacking) => judge(lacking.as_deref(), question.image.is_some()),
        Err(verdict) => verdict,
    };
    Check { subject: Subject::Role, service: Some(name.to_owned()), verdict }
}

/// A deployment leaves the role as it is; `up` makes it, and puts it right.
fn judge(lacking: Option<&[&str]>, is_for_deployment: bool) -> Verdict {
    let (what, up) = match lacking {
        Some([]) => return Verdict::Well("gets images, writes logs, reads the secrets".to_owned()),
        Some(lacking) => (format!("it {}", lacking.join("; it ")), "puts it right"),
        None => ("there is none yet".to_owned(), "makes it"),
    };
    match is_for_deployment {
        true => Verdict::wrong(what, "run `provisioner up` first"),
        false => Verdict::Later(format!("{what}: `up` {up}")),
    }
}

/// What the role lacks; `None` if there is no role.
async fn lacking(
    question: &Question<'_>,
    name: &str,
    service: &Service,
    cloud: Cloud,
) -> Result<Option<Vec<&'static str>>> {
    let config = question.config;
    let parameters = service.secrets.iter().map(|(variable, source)| {
        let path = names::secret(config, name, variable, source);
        Output::from(cloud.arn("ssm", &format!("parameter{path}")))
    });
    let Some(key) = key_arn(&names::key(config), &cloud).await? else { return Ok(None) };
    let wanted = execution_role(config, &cloud, name, parameters.collect(), &key.into());
    let Found::Ours(found) = wanted.read(None, &cloud).await? else { return Ok(None) };
    compare(&wanted, &found.inputs).map(Some)
}

fn compare(wanted: &Role, found: &Role) -> Result<Vec<&'static str>> {
    let mut lacking = Vec::new();
    if found.trust_policy != wanted.trust_policy {
        lacking.push("cannot be taken on by ECS as it should be: its trust policy was changed");
    }
    if !found.managed_policies.is_superset(&wanted.managed_policies) {
        lacking
            .push("cannot get images or write logs: AmazonECSTaskExecutionRolePolicy is missing");
    }
    for (policy, wanted) in &wanted.inline_policies {
        let found = found.inline_policies.get(policy).map(Output::get).transpose()?;
        if found != Some(wanted.get()?) {
            lacking.push("cannot read all the secrets that stack.yaml names");
        }
    }
    Ok(lacking)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_wrong_for_a_deployment_only() {
        assert!(matches!(judge(Some(&[]), true), Verdict::Well(_)));
        assert!(matches!(judge(Some(&["lacks a"]), true), Verdict::Wrong { .. }));
        assert!(matches!(judge(None, true), Verdict::Wrong { .. }));
        let later = |words: &str| Verdict::Later(words.to_owned());
        let both = judge(Some(&["lacks a", "lacks b"]), false);
        assert_eq!(both, later("it lacks a; it lacks b: `up` puts it right"));
        assert_eq!(judge(None, false), later("there is none yet: `up` makes it"));
    }
}
