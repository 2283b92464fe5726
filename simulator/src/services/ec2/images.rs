//! Images: some of Canonical's, and some that only look like them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::filters::{Filter, Filtered, Read, paged, select, wanted};
use crate::{
    call::Call,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Where an instance of any of them starts from.
pub(super) const ROOT: &str = "/dev/sda1";
/// The size of that volume if nobody says another.
pub(super) const ROOT_GIB: i32 = 8;

/// An image.
#[derive(Debug)]
pub(super) struct Image {
    id: &'static str,
    name: &'static str,
    created: &'static str,
    pub(super) architecture: &'static str,
    owner: &'static str,
}

const CANONICAL: &str = "099720109477";

const IMAGES: &[Image] = &[
    Image {
        id: "ami-0a1b2c3d4e5f60001",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260518",
        created: "2026-05-18T07:12:03.000Z",
        architecture: "x86_64",
        owner: CANONICAL,
    },
    Image {
        id: "ami-0a1b2c3d4e5f60002",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260713",
        created: "2026-07-13T06:48:41.000Z",
        architecture: "x86_64",
        owner: CANONICAL,
    },
    // Of the same moment as the one before.
    Image {
        id: "ami-0a1b2c3d4e5f60003",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260713.1",
        created: "2026-07-13T06:48:41.000Z",
        architecture: "x86_64",
        owner: CANONICAL,
    },
    Image {
        id: "ami-0a1b2c3d4e5f60004",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260720",
        created: "2026-07-20T06:51:10.000Z",
        architecture: "arm64",
        owner: CANONICAL,
    },
    // The newest, but somebody else's.
    Image {
        id: "ami-0a1b2c3d4e5f60005",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260801",
        created: "2026-08-01T00:00:00.000Z",
        architecture: "x86_64",
        owner: "210987654321",
    },
    Image {
        id: "ami-0a1b2c3d4e5f60006",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-jammy-22.04-amd64-server-20260722",
        created: "2026-07-22T05:20:59.000Z",
        architecture: "x86_64",
        owner: CANONICAL,
    },
    Image {
        id: "ami-0a1b2c3d4e5f60007",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-minimal-20260725",
        created: "2026-07-25T05:20:59.000Z",
        architecture: "x86_64",
        owner: CANONICAL,
    },
];

/// By its id.
pub(super) fn find(id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|it| it.id == id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    image_id: Vec<String>,
    #[serde(default)]
    owner: Vec<String>,
    #[serde(default)]
    filter: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

struct Found {
    image: &'static Image,
}

impl Filtered for Found {
    fn named(filter: &str) -> Option<Read<Self>> {
        let read: Read<Self> = match filter {
            "architecture" => |it| vec![it.image.architecture.to_owned()],
            "image-id" => |it| vec![it.image.id.to_owned()],
            "name" => |it| vec![it.image.name.to_owned()],
            "owner-id" => |it| vec![it.image.owner.to_owned()],
            "root-device-type" => |_| vec!["ebs".to_owned()],
            "state" => |_| vec!["available".to_owned()],
            "virtualization-type" => |_| vec!["hvm".to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

pub(super) fn describe(_: &mut Context<'_>, call: &Call) -> Answer {
    let input: Describe = call.input()?;
    if let Some(absent) = input.image_id.iter().find(|it| find(it).is_none()) {
        let words = format!("The image id '[{absent}]' does not exist");
        return Err(Refusal::new("InvalidAMIID.NotFound", words));
    }
    let owned = |it: &&Image| input.owner.is_empty() || input.owner.iter().any(|o| o == it.owner);
    let all = IMAGES.iter().filter(|it| wanted(&input.image_id, it.id)).filter(owned);
    let all = all.map(|image| Found { image });
    let (page, next) =
        paged(select(all, &input.filter)?, input.next_token.as_deref(), input.max_results)?;
    let shown: Vec<Value> = page
        .iter()
        .map(|Found { image, .. }| {
            json!({
                "imageId": image.id,
                "name": image.name,
                "imageOwnerId": image.owner,
                "imageLocation": format!("{}/{}", image.owner, image.name),
                "imageState": "available",
                "imageType": "machine",
                "isPublic": true,
                "creationDate": image.created,
                "architecture": image.architecture,
                "rootDeviceName": ROOT,
                "rootDeviceType": "ebs",
                "virtualizationType": "hvm",
            })
        })
        .collect();
    Ok(json!({ "imagesSet": shown, "nextToken": next }))
}
