//! Buckets: made, looked at, deleted.

use std::net::Ipv4Addr;

use serde::Deserialize;
use serde_json::json;

use super::{Bucket, asked::Asked};
use crate::{protocol::Reply, refusal::Refusal, world::Context};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateBucketConfiguration {
    #[serde(rename = "@xmlns")]
    _namespace: Option<String>,
    location_constraint: Option<String>,
}

/// The region that no location constraint names.
const FIRST: &str = "us-east-1";

pub(super) fn create_bucket(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    let name = &asked.bucket;
    check_name(name)?;
    match asked.header("x-amz-object-ownership") {
        None | Some("BucketOwnerEnforced") => {}
        Some(other) => {
            return Err(Refusal::not_modelled(format_args!("the object ownership {other}")));
        }
    }
    let wish = match asked.body.content.is_empty() {
        true => CreateBucketConfiguration::default(),
        false => asked.document()?,
    };
    check_location(wish.location_constraint.as_deref(), &cx.region.name)?;
    let region = cx.region.name.clone();
    match cx.global.s3.buckets.get(name) {
        Some(it) if it.owner != cx.account => {
            let words = "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.";
            return Err(conflict("BucketAlreadyExists", words, name));
        }
        // Who makes it again there is told that all is well.
        Some(it) if it.region == FIRST && region == FIRST => {}
        Some(_) => {
            let words = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(conflict("BucketAlreadyOwnedByYou", words, name));
        }
        None => {
            let bucket = Bucket::new(cx.account, &region, cx.now);
            cx.global.s3.buckets.insert(name.clone(), bucket);
        }
    }
    let location = match region.as_str() {
        FIRST => format!("/{name}"),
        _ => format!("http://{name}.s3.amazonaws.com/"),
    };
    Ok(Reply::empty(200).with("location", location))
}

pub(super) fn head_bucket(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    let bucket = asked.bucket(cx)?;
    let reply = Reply::empty(200).with("x-amz-bucket-region", &bucket.region);
    Ok(reply.with("x-amz-access-point-alias", "false"))
}

pub(super) fn delete_bucket(cx: &mut Context<'_>, asked: &Asked<'_>) -> Result<Reply, Refusal> {
    let bucket = asked.bucket(cx)?;
    if !bucket.objects.is_empty() {
        let mut words = "The bucket you tried to delete is not empty".to_owned();
        if bucket.objects.values().all(|it| it.current().is_none()) {
            words.push_str(". You must delete all versions in the bucket.");
        }
        return Err(conflict("BucketNotEmpty", &words, &asked.bucket));
    }
    cx.global.s3.buckets.remove(&asked.bucket);
    Ok(Reply::empty(204))
}

fn check_location(wished: Option<&str>, region: &str) -> Result<(), Refusal> {
    let incompatible = |what: &str| {
        let words = format!(
            "The {what} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Err(Refusal::new("IllegalLocationConstraintException", words))
    };
    match wished.map(str::trim) {
        Some(FIRST) => {
            let words = "The specified location-constraint is not valid";
            let more = json!({ "LocationConstraint": FIRST });
            Err(Refusal::new("InvalidLocationConstraint", words).with(more))
        }
        None | Some("") if region == FIRST => Ok(()),
        None | Some("") => incompatible("unspecified"),
        Some("EU") if region == "eu-west-1" => Ok(()),
        Some(it) if it == region => Ok(()),
        Some(it) if region == FIRST => {
            Err(Refusal::not_modelled(format_args!("a bucket in {it} made from {FIRST}")))
        }
        Some(it) => incompatible(it),
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    let legal = (3..=63).contains(&name.len())
        && name.bytes().all(|it| plain(it) || it == b'-' || it == b'.')
        && ends.into_iter().flatten().all(plain)
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|it| name.starts_with(it))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|it| name.ends_with(it));
    match legal {
        true => Ok(()),
        false => {
            let refusal = Refusal::new("InvalidBucketName", "The specified bucket is not valid.");
            Err(refusal.with(json!({ "BucketName": name })))
        }
    }
}

fn conflict(code: &str, words: &str, bucket: &str) -> Refusal {
    Refusal::new(code, words).with_status(409).with(json!({ "BucketName": bucket }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_hosts() {
        for legal in ["abc", "a-b.c", "0a9", &"a".repeat(63), "1.2.3"] {
            assert!(check_name(legal).is_ok(), "{legal}");
        }
        for illegal in [
            "",
            "ab",
            &"a".repeat(64),
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "192.168.5.4",
            "xn--a",
            "sthree-a",
            "a-s3alias",
            "a--ol-s3",
            "a/b",
            "äbc",
        ] {
            assert!(check_name(illegal).is_err(), "{illegal}");
        }
    }

    #[test]
    fn a_bucket_is_made_where_the_request_goes() {
        let code = |wished, region| check_location(wished, region).err().map(|it| it.code);
        let illegal = Some("IllegalLocationConstraintException".to_owned());
        assert_eq!(code(None, "us-east-1"), None);
        assert_eq!(code(Some("eu-central-1"), "eu-central-1"), None);
        assert_eq!(code(Some("EU"), "eu-west-1"), None);
        assert_eq!(code(None, "eu-central-1"), illegal);
        assert_eq!(code(Some("eu-west-1"), "eu-central-1"), illegal);
        let invalid = Some("InvalidLocationConstraint".to_owned());
        assert_eq!(code(Some("us-east-1"), "us-east-1"), invalid);
        assert_eq!(code(Some("us-east-1"), "eu-central-1"), invalid);
        assert_eq!(code(Some("eu-west-1"), "us-east-1").as_deref(), Some("NotModelled"));
    }
}
