//! `ci`: what builds and deploys.

mod jenkins;

pub use jenkins::Jenkins;

use super::reader::Field;

/// What builds and deploys: exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ci {
    /// A Jenkins server on a machine of its own.
    Jenkins(Jenkins),
}

impl Ci {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let jenkins = section.optional("jenkins");
        if jenkins.is_none() {
            field.refuse_key("has no `jenkins`", |problem| {
                problem.help("add `jenkins:` with its fields below it, or take `ci` out")
            });
        }
        section.finish();
        jenkins.and_then(|field| Jenkins::read(&field)).map(Self::Jenkins)
    }
}
