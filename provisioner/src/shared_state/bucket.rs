//! The bucket of shared states: made once, for all stacks, and deleted by nobody.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, PublicAccessBlockConfiguration,
    VersioningConfiguration,
};

use super::objects::Objects;
use crate::{
    cloud::patiently,
    engine::{Class, Error, Result},
};

/// What was found where the bucket is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Nothing: it was made, with versions and without public access.
    Made,
    /// A bucket that keeps versions.
    There,
    /// A bucket that keeps no versions.
    Unversioned,
}

/// Old versions are kept for so many days, and the newest of them for ever.
const DAYS: i32 = 90;
const NEWEST: i32 = 100;

/// Makes it, if it is not there. An empty one without versions was begun by a run that was cut off.
pub(super) async fn make(objects: &Objects) -> Result<Bucket> {
    patiently(|| async {
        let head = objects.s3.head_bucket().bucket(objects.bucket());
        let head = head.expected_bucket_owner(&objects.owner).send().await;
        match head {
            Ok(_) if keeps_versions(objects).await? => return Ok(Bucket::There),
            Ok(_) if !is_empty(objects).await? => return Ok(Bucket::Unversioned),
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|it| it.is_not_found()) => {
                create(objects).await?;
            }
            Err(error) => return Err(objects.explained(error)),
        }
        set_up(objects).await?;
        Ok(Bucket::Made)
    })
    .await
}

async fn keeps_versions(objects: &Objects) -> Result<bool> {
    let asked = objects.s3.get_bucket_versioning().bucket(objects.bucket());
    let asked = asked.expected_bucket_owner(&objects.owner).send().await;
    let answer = asked.map_err(|error| objects.explained(error))?;
    Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
}

async fn is_empty(objects: &Objects) -> Result<bool> {
    let asked = objects.s3.list_objects_v2().bucket(objects.bucket()).max_keys(1);
    let asked = asked.expected_bucket_owner(&objects.owner).send().await;
    let answer = asked.map_err(|error| objects.explained(error))?;
    Ok(answer.contents().is_empty())
}

async fn create(objects: &Objects) -> Result<()> {
    // Where S3 began, a region must not be given.
    let elsewhere = (objects.region != "us-east-1").then(|| {
        let region = BucketLocationConstraint::from(objects.region.as_str());
        CreateBucketConfiguration::builder().location_constraint(region).build()
    });
    let request = objects.s3.create_bucket().bucket(objects.bucket());
    match request.set_create_bucket_configuration(elsewhere).send().await {
        Err(error) if error.as_service_error().is_some_and(|it| it.is_bucket_already_exists()) => {
            Err(Error::Refused(format!(
                "the name `{}` is taken: it is a bucket of another account; choose another one in stack.yaml",
                objects.bucket()
            )))
        }
        Err(error) => match Error::from(error) {
            // By an earlier attempt.
            error if error.class() == Class::Exists => Ok(()),
            error => Err(error),
        },
        Ok(_) => Ok(()),
    }
}

/// Versions, so that a state can be had back; not for ever, for every run makes dozens. Versions last: with them it is
/// complete.
async fn set_up(objects: &Objects) -> Result<()> {
    let (s3, bucket, owner) = (&objects.s3, objects.bucket(), &objects.owner);
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true);
    let request = s3.put_public_access_block().bucket(bucket).expected_bucket_owner(owner);
    request.public_access_block_configuration(block.build()).send().await?;
    let old = NoncurrentVersionExpiration::builder()
        .noncurrent_days(DAYS)
        .newer_noncurrent_versions(NEWEST);
    let rule = LifecycleRule::builder()
        .id("old-states")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .noncurrent_version_expiration(old.build())
        .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build()?).build()?;
    let request =
        s3.put_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(owner);
    request.lifecycle_configuration(rules).send().await?;
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = s3.put_bucket_versioning().bucket(bucket).expected_bucket_owner(owner);
    request.versioning_configuration(on).send().await?;
    Ok(())
}
