//! S3: buckets, and objects with their versions.
//!
//! Sources: S3 API Reference, version 2006-03-01 (calls, "Error responses"); S3 User Guide ("Bucket naming rules", "Virtual
//! hosting", "Conditional requests", "Using versioning", "Managing your storage lifecycle", "Checking object integrity");
//! the service model of botocore. S3 is strongly consistent: what is written is read.

mod addressing;
mod asked;
mod body;
mod buckets;
mod checksums;
mod lists;
mod objects;
mod settings;
mod versions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::addressing::{action, path_style, place};
use self::{asked::Asked, settings::PublicAccess, versions::Versions};
use crate::{call::Call, clock::Time, refusal::Answer, world::Context};

/// Every bucket there is: their names are taken for all accounts and regions.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct S3 {
    /// By name.
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Bucket {
    /// The account whose it is.
    owner: String,
    region: String,
    made: Time,
    versioning: Versioning,
    /// The rules as they are answered, once they are given.
    lifecycle: Option<Value>,
    public_access: PublicAccess,
    /// By key.
    objects: BTreeMap<String, Versions>,
}

/// Whether older versions are kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Versioning {
    /// It was never enabled.
    Never,
    Enabled,
    Suspended,
}

/// A bucket that is there from the beginning and belongs to another account.
const TAKEN: &str = "taken-by-somebody-else";
/// Whose it is.
const SOMEBODY_ELSE: &str = "210987654321";

impl Default for S3 {
    fn default() -> Self {
        let mut s3 = Self { buckets: BTreeMap::new() };
        s3.give_away(TAKEN, "eu-central-1");
        s3
    }
}

impl S3 {
    /// Lets a bucket of this name be another account's, in a region.
    pub fn give_away(&mut self, name: &str, region: &str) {
        let bucket = Bucket::new(SOMEBODY_ELSE, region, Time::default());
        self.buckets.insert(name.to_owned(), bucket);
    }
}

impl Bucket {
    /// As they are made: closed to the public, and without versions.
    fn new(owner: &str, region: &str, made: Time) -> Self {
        Self {
            owner: owner.to_owned(),
            region: region.to_owned(),
            made,
            versioning: Versioning::Never,
            lifecycle: None,
            public_access: PublicAccess::default(),
            objects: BTreeMap::new(),
        }
    }
}

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    let asked = Asked::of(call)?;
    let reply = match call.action.as_str() {
        "CreateBucket" => buckets::create_bucket(cx, &asked)?,
        "DeleteBucket" => buckets::delete_bucket(cx, &asked)?,
        "DeleteObject" => objects::delete_object(cx, &asked)?,
        "GetBucketLifecycleConfiguration" => settings::get_bucket_lifecycle(cx, &asked)?,
        "GetBucketVersioning" => settings::get_bucket_versioning(cx, &asked)?,
        "GetObject" => objects::get_object(cx, &asked)?,
        "GetPublicAccessBlock" => settings::get_public_access_block(cx, &asked)?,
        "HeadBucket" => buckets::head_bucket(cx, &asked)?,
        "HeadObject" => objects::get_object(cx, &asked)?,
        "ListObjectVersions" => lists::list_object_versions(cx, &asked)?,
        "ListObjectsV2" => lists::list_objects_v2(cx, &asked)?,
        "PutBucketLifecycleConfiguration" => settings::put_bucket_lifecycle(cx, &asked)?,
        "PutBucketVersioning" => settings::put_bucket_versioning(cx, &asked)?,
        "PutObject" => objects::put_object(cx, &asked)?,
        "PutPublicAccessBlock" => settings::put_public_access_block(cx, &asked)?,
        _ => return Err(call.not_modelled()),
    };
    reply.answer()
}

/// What is there of this account: its buckets, and every version of every object.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let own = || cx.global.s3.buckets.iter().filter(|(_, it)| it.owner == cx.account);
    let buckets = own().map(|(name, it)| json!({ "Name": name, "Region": it.region })).collect();
    let keys = own().flat_map(|(name, it)| it.objects.iter().map(move |(key, it)| (name, key, it)));
    let objects = keys
        .map(|(name, key, it)| json!({ "Name": format!("{name}/{key}"), "Bucket": name, "Key": key, "Versions": it.all().len() }))
        .collect();
    vec![("buckets", buckets), ("objects", objects)]
}

#[cfg(test)]
mod tests;
