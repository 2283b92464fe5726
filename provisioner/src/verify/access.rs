//! Who we are to AWS, and whether that is who made the stack.

use super::{Check, Subject, Verdict};
use crate::{
    cloud::Cloud,
    engine::Result,
    failure::{Exit, Failure},
};

pub(super) fn check(
    connected: &Result<Cloud>,
    same_place: impl Fn(&Cloud) -> std::result::Result<(), Failure>,
) -> Check {
    let verdict = match connected {
        Err(error) => Verdict::failed(error),
        Ok(cloud) => match same_place(cloud) {
            Ok(()) => Verdict::Well(format!("account {}, {}", cloud.account, cloud.region)),
            Err(failure) => Verdict::Wrong {
                why: failure.message,
                hints: failure.hints,
                is_credentials: failure.exit == Exit::Credentials,
            },
        },
    };
    Check { subject: Subject::Aws, service: None, verdict }
}
