//! What is looked up and never created or deleted.

mod atlas_project;
mod github_ranges;
mod hosted_zone;
mod issued_certificate;
mod network;
mod ubuntu_image;
mod validation_record;

pub use atlas_project::{AtlasProject, AtlasProjectOutputs};
pub use github_ranges::{GithubHooks, GithubHooksOutputs};
pub use hosted_zone::{HostedZone, HostedZoneOutputs};
pub use issued_certificate::{IssuedCertificate, IssuedCertificateOutputs};
pub use network::{Network, NetworkOutputs};
pub use ubuntu_image::{UbuntuImage, UbuntuImageOutputs};
pub use validation_record::{ValidationRecord, ValidationRecordOutputs};
