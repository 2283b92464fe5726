//! `ci`: what builds and deploys.

mod github_actions;
mod jenkins;

pub use github_actions::{GithubActions, RepositoryIds};
pub use jenkins::{Account, Jenkins, Pipeline};

use std::collections::BTreeMap;

use super::{LoadBalancer, reader::Field, service::Service};

/// What builds and deploys: exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ci {
    /// A Jenkins server on a machine of its own.
    Jenkins(Box<Jenkins>),
    /// A workflow on GitHub's machines.
    GithubActions(GithubActions),
}

impl Ci {
    pub(super) fn read(
        field: &Field<'_>,
        services: &BTreeMap<String, Service>,
        load_balancer: Option<&LoadBalancer>,
    ) -> Option<Self> {
        let read_jenkins = |field: &Field<'_>| Jenkins::read(field, services, load_balancer);
        let mut section = field.section()?;
        let jenkins = section.optional("jenkins");
        let actions = section.optional("github_actions");
        section.finish();
        match (jenkins, actions) {
            (Some(jenkins), None) => read_jenkins(&jenkins).map(Box::new).map(Self::Jenkins),
            (None, Some(actions)) => GithubActions::read(&actions).map(Self::GithubActions),
            (Some(jenkins), Some(actions)) => {
                // What is wrong in either is told all the same.
                let _ = (read_jenkins(&jenkins), GithubActions::read(&actions));
                actions.refuse_key("stands beside `ci.jenkins`", |problem| {
                    problem.help("one of them builds and deploys: take the other one out")
                });
                None
            }
            (None, None) => {
                field.refuse_key("has neither `jenkins` nor `github_actions`", |problem| {
                    problem.help(
                        "add one of them with its fields below it, or take `ci` out: `github_actions: { repository: owner/name }` needs no machine",
                    )
                });
                None
            }
        }
    }
}
