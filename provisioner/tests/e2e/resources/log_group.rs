//! A log group from nothing to nothing.

use provisioner::{
    engine::{Found, Resource},
    resources::LogGroup,
};

use super::kms_key;
use super::life::{absent, differing, gone, ours};
use crate::support::{Rehearsal, apply, tags};

pub fn group(retention_days: Option<i32>, key: Option<&str>) -> LogGroup {
    let key_arn = key.map(str::to_owned).into();
    LogGroup { name: "/gsm".to_owned(), retention_days, key_arn, tags: tags("logs") }
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let one = apply(&kms_key::key("one"), &cloud).await.outputs.arn;
    let two = apply(&kms_key::key("two"), &cloud).await.outputs.arn;
    absent(&group(None, None), &cloud).await;
    // Its name begins with ours.
    cloud.logs.create_log_group().log_group_name("/gsm-old").send().await.unwrap();
    absent(&group(None, None), &cloud).await;

    apply(&group(None, None), &cloud).await;
    apply(&group(Some(30), None), &cloud).await;
    apply(&group(Some(7), Some(&one)), &cloud).await;
    apply(&group(None, Some(&two)), &cloud).await;
    apply(&group(Some(30), None), &cloud).await;
    let mut wanted = group(Some(30), Some(&one));
    wanted.tags = wanted.tags.with("team", "a");
    let found = apply(&wanted, &cloud).await;
    assert_eq!(found.outputs.arn, cloud.arn("logs", "log-group:/gsm"));

    // A renamed one is the recorded one, to be replaced.
    let renamed = LogGroup { name: "/renamed".to_owned(), ..wanted.clone() };
    let existing = ours(&renamed, Some(&found), &cloud).await;
    assert_eq!(
        (differing(&renamed, &existing), existing.outputs),
        (vec!["name".to_owned()], found.outputs.clone())
    );

    // Somebody else's doing, in everything that can be changed.
    cloud
        .logs
        .put_retention_policy()
        .log_group_name("/gsm")
        .retention_in_days(1)
        .send()
        .await
        .unwrap();
    cloud.logs.associate_kms_key().log_group_name("/gsm").kms_key_id(two).send().await.unwrap();
    let arn = &found.outputs.arn;
    cloud
        .logs
        .tag_resource()
        .resource_arn(arn)
        .tags("team", "b")
        .tags("cost", "9")
        .send()
        .await
        .unwrap();
    let drifted = ours(&wanted, Some(&found), &cloud).await;
    assert_eq!(differing(&wanted, &drifted), ["key_arn", "retention_days", "tags"]);
    apply(&wanted, &cloud).await;

    // A tag that is no longer wanted goes, one that others made stays.
    let plain = group(Some(30), Some(&one));
    let existing = ours(&plain, Some(&found), &cloud).await;
    assert_eq!(differing(&plain, &existing), ["tags"]);
    plain.update(&existing, &cloud).await.unwrap();
    assert_eq!(differing(&plain, &ours(&plain, Some(&found), &cloud).await), [""; 0]);
    let live = cloud.logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(live.tags().and_then(|it| it.get("cost")).map(String::as_str), Some("9"));

    gone::<LogGroup>(&found.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<LogGroup>(&found.outputs, &cloud).await;
}

#[tokio::test]
async fn one_made_at_once_has_all_it_needs() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let key = apply(&kms_key::key("one"), &cloud).await.outputs.arn;
    rehearsal.forget().await;
    apply(&group(Some(30), Some(&key)), &cloud).await;
    assert_eq!(rehearsal.changes().await, ["logs CreateLogGroup", "logs PutRetentionPolicy"]);
}

#[tokio::test]
async fn somebody_elses_is_not_ours() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = group(None, None);
    cloud.logs.create_log_group().log_group_name("/gsm").send().await.unwrap();
    let found = wanted.read(None, &cloud).await.unwrap();
    let Found::Theirs(theirs, whose) = found else { panic!("nothing shows that it is ours") };
    assert_eq!(whose, "it has no tag `provisioner:stack`");
    // Taken over by whoever insists.
    wanted.update(&theirs, &cloud).await.unwrap();
    apply(&wanted, &cloud).await;
    let found = wanted.read(None, &rehearsal.cloud_of("other").await).await.unwrap();
    assert!(matches!(found, Found::Theirs(_, whose) if whose == "it belongs to the stack `gsm`"));
}
