//! GitHub Actions: a role that the workflows of one branch of one repository may take on, to deploy and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::{Base, policies};
use crate::{
    config::GithubActions,
    engine::{Output, Stack},
    resources::{OidcProvider, Role},
};

/// Who makes the tokens.
const ISSUER: &str = "token.actions.githubusercontent.com";
/// Whom they are made for.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Declares provider and role. `roles`: those that a deployment passes on to the tasks.
pub(super) fn declare(
    stack: &mut Stack,
    base: &Base<'_>,
    actions: &GithubActions,
    roles: Vec<Output<String>>,
) {
    let cloud = base.around.cloud;
    let provider = OidcProvider {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        tags: base.tags("github-provider"),
    };
    let arn = provider.arn(cloud);
    let provider = stack.add("github-provider", provider);

    // Not before what it names is there, and before anybody can be trusted.
    let named = Output::all(roles).zip(&base.logs.arn()).zip(&provider.arn());
    let deploy = Output::from(policies::deploy(cloud, base.config)).after(&named);
    let role = Role {
        name: base.named("github"),
        description: format!(
            "GitHub Actions of {}, branch {}: deploys {}",
            actions.repository, actions.branch, base.config.name
        ),
        trust_policy: policies::trust_tokens(&arn, ISSUER, AUDIENCE, &actions.subject()),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::from([("deploy".to_owned(), deploy)]),
        tags: base.tags("github-role"),
    };
    let role = stack.add("github-role", role);
    stack.output("deploy_role", role.arn());
    let repository = actions.repository.clone();
    let tell = role
        .arn()
        .map(move |arn| format!("gh variable set DEPLOY_ROLE --repo {repository} --body {arn}"));
    stack.output("github", tell);
}
