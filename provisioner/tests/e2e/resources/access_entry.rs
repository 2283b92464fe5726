//! An entry of the IP access list from nothing to nothing.

use provisioner::{
    cloud::{Cloud, mark},
    engine::{Class, Found, Resource},
    resources::AccessEntry,
};
use serde_json::{Value, json};

use super::{
    atlas_project::PROJECT,
    life::{absent, differing, gone, ours},
};
use crate::support::{Rehearsal, apply};

fn entry(cidr: &str) -> AccessEntry {
    AccessEntry { project_id: PROJECT.into(), cidr: cidr.to_owned(), comment: mark("gsm") }
}

/// Another client adds or changes an entry.
async fn add(cidr: &str, comment: &str, cloud: &Cloud) {
    let body = json!([{ "cidrBlock": cidr, "comment": comment }]);
    let path = ["groups", PROJECT, "accessList"];
    let _: Value = cloud.atlas().post("createAccessListEntry", &path, &body).await.unwrap();
}

#[tokio::test]
async fn it_is_made_changed_mended_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    for cidr in ["0.0.0.0/0", "203.0.113.7", "2001:db8::/32"] {
        let entry = entry(cidr);
        absent(&entry, &cloud).await;
        let first = apply(&entry, &cloud).await;

        let other = AccessEntry { comment: format!("Fargate, {}", mark("gsm")), ..entry.clone() };
        apply(&other, &cloud).await;
        add(&first.outputs.cidr, &format!("{} changed", mark("gsm")), &cloud).await;
        let found = ours(&other, None, &cloud).await;
        assert_eq!(differing(&other, &found), ["comment"]);
        apply(&other, &cloud).await;

        // Another block is another entry: the old one is found by its record and replaced.
        let moved = AccessEntry { cidr: "198.51.100.0/24".to_owned(), ..other.clone() };
        let found = ours(&moved, Some(&first), &cloud).await;
        assert_eq!(differing(&moved, &found), ["cidr"]);

        gone::<AccessEntry>(&first.outputs, &cloud).await;
        absent(&entry, &cloud).await;
        let again = AccessEntry::delete(&first.outputs, &cloud).await.unwrap_err();
        assert_eq!(again.class(), Class::Gone);
    }
}

#[tokio::test]
async fn an_entry_of_others_is_theirs() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    for (comment, why) in
        [("office", "does not say"), (mark("other").as_str(), "the stack `other`")]
    {
        add("203.0.113.7/32", comment, &cloud).await;
        let found = entry("203.0.113.7").read(None, &cloud).await.unwrap();
        assert!(matches!(found, Found::Theirs(_, whose) if whose.contains(why)));
    }
}
