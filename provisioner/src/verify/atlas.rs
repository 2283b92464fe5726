//! The Atlas project: whether the credentials are there, are accepted from this address, and see it.

use super::{Check, Subject, Verdict};
use crate::{config::Database, lookups::AtlasProject, place::Place};

pub(super) async fn check(database: &Database, place: &Place) -> Check {
    let project = AtlasProject { project: database.project.clone() };
    let look = async { project.among(&place.atlas()?).await };
    let verdict = match look.await {
        Ok(found) => Verdict::Well(format!("project {}", found.name)),
        // What does not answer now will not answer to `up` either.
        Err(error) => Verdict::failed(&error),
    };
    Check { subject: Subject::Atlas, service: None, verdict }
}
