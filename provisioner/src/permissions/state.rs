//! The calls on a state in S3: see `provisioner/src/shared_state/`. The bucket's own are those of who makes it.

use super::right::{FREE, Right};

pub(super) const RIGHTS: &[Right] = &[
    Right("s3", &["GetObject", "PutObject"], &["s3/{state}.json", "s3/{state}.lock"], FREE),
    // Who may not list is not told that there is none, but that it is forbidden.
    Right("s3", &["ListBucket"], &["s3/{state bucket}"], FREE),
];
