//! The machine image of a new instance: Canonical's newest Ubuntu 24.04.

use aws_sdk_ec2::types::Image;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Cloud, ec2},
    engine::{Error, Lookup, Output, Result},
};

/// Canonical's account, by <https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>.
const CANONICAL: &str = "099720109477";

/// The newest Ubuntu 24.04 server image for a kind of processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UbuntuImage {
    /// The processor as EC2 calls it: `x86_64` or `arm64`.
    pub architecture: String,
}

/// The image that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UbuntuImageOutputs {
    /// Its id.
    pub image_id: String,
    /// Its name, which ends in the day it was built.
    pub name: String,
}

impl Lookup for UbuntuImage {
    type Outputs = UbuntuImageOutputs;

    async fn find(&self, cloud: &Cloud) -> Result<Option<UbuntuImageOutputs>> {
        let processor = match self.architecture.as_str() {
            "x86_64" => "amd64",
            "arm64" => "arm64",
            other => {
                return Err(Error::Refused(format!(
                    "Ubuntu has no images for the architecture `{other}`; there are `x86_64` and `arm64`."
                )));
            }
        };
        let name = format!("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{processor}-server-*");
        let request =
            cloud.ec2.describe_images().owners(CANONICAL).filters(ec2::filter("name", name));
        let request = request.filters(ec2::filter("state", "available"));
        let images: Vec<Image> = request.into_paginator().items().send().try_collect().await?;
        newest(&images).map(Some).ok_or_else(|| {
            Error::Refused(format!(
                "Canonical offers no Ubuntu 24.04 server image for {} in {}. Choose another region.",
                self.architecture, cloud.region
            ))
        })
    }
}

/// Two images can be of the same moment: then the name decides, so that the answer does not change from call to call.
fn newest(images: &[Image]) -> Option<UbuntuImageOutputs> {
    // The date is text in ISO 8601, which sorts by time.
    let image = images.iter().max_by_key(|it| (it.creation_date(), it.name()))?;
    Some(UbuntuImageOutputs {
        image_id: image.image_id()?.to_owned(),
        name: image.name().unwrap_or_default().to_owned(),
    })
}

impl Output<UbuntuImageOutputs> {
    /// Its id.
    pub fn image_id(&self) -> Output<String> {
        self.map(|it| it.image_id)
    }
}
