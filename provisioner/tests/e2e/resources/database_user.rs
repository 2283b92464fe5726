//! A database user and its connection string, which stay in step whatever happens.

use aws_sdk_ssm::types::{ParameterType, ResourceTypeForTagging, Tag};
use provisioner::{
    cloud::Cloud,
    engine::{Existing, Found, Resource},
    resources::DatabaseUser,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    atlas_project::PROJECT,
    life::{absent, differing, gone, ours},
};
use crate::support::{Rehearsal, apply, plain, tags};

const PARAMETER: &str = "/gsm/database/uri";

async fn key(cloud: &Cloud) -> String {
    let made = cloud.kms.create_key().send().await.unwrap();
    made.key_metadata.unwrap().arn.unwrap()
}

async fn user(cloud: &Cloud) -> DatabaseUser {
    DatabaseUser {
        project_id: PROJECT.into(),
        cluster: "gsm-db".into(),
        username: "gsm-bot".to_owned(),
        roles: vec!["read@gsm.events".to_owned(), "readWrite@gsm".to_owned()],
        srv: "mongodb+srv://gsm-db.abcde.mongodb.net".into(),
        database: "gsm".to_owned(),
        parameter: PARAMETER.to_owned(),
        key_id: key(cloud).await.into(),
        in_step: true,
        tags: tags("database-user"),
    }
}

/// The connection string.
async fn uri(cloud: &Cloud) -> String {
    let request = cloud.ssm.get_parameter().name(PARAMETER).with_decryption(true);
    request.send().await.unwrap().parameter.unwrap().value.unwrap()
}

/// The password, which must be the one that Atlas has.
async fn password(rehearsal: &Rehearsal, cloud: &Cloud) -> String {
    let uri = uri(cloud).await;
    let credentials = uri.strip_prefix("mongodb+srv://gsm-bot:").unwrap();
    let password = credentials.split_once('@').unwrap().0.to_owned();
    let atlas = rehearsal.atlas().await;
    let user = &atlas["gsm"]["users"][0];
    let salted = format!("{}{password}", user["password_salt"].as_str().unwrap_or_default());
    let hash: String = Sha256::digest(salted).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(user["password_sha256"], hash.as_str());
    password
}

/// Another client's view of the user in Atlas.
const USER: [&str; 5] = ["groups", PROJECT, "databaseUsers", "admin", "gsm-bot"];

async fn set(value: &str, cloud: &Cloud) {
    let request = cloud.ssm.put_parameter().name(PARAMETER).value(value).overwrite(true);
    request.r#type(ParameterType::SecureString).send().await.unwrap();
}

async fn out_of_step(wanted: &DatabaseUser, cloud: &Cloud) -> Existing<DatabaseUser> {
    let found = ours(wanted, None, cloud).await;
    assert!(differing(wanted, &found).contains(&"in_step".to_owned()));
    assert!(wanted.foresee(&found).is_none());
    found
}

#[tokio::test]
async fn it_is_made_changed_and_deleted() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = user(&cloud).await;
    absent(&wanted, &cloud).await;
    let made = wanted.create("", &cloud).await.unwrap();
    assert_eq!(differing(&wanted, &made), ["in_step"]);
    assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), ["in_step"]);
    let made = apply(&wanted, &cloud).await;
    let first = password(&rehearsal, &cloud).await;
    assert_eq!(first.len(), 32);
    assert_eq!(
        uri(&cloud).await,
        format!(
            "mongodb+srv://gsm-bot:{first}@gsm-db.abcde.mongodb.net/gsm?retryWrites=true&w=majority&appName=gsm"
        )
    );
    let shown = format!("{made:?} {}", plain(&made.inputs), made = made.outputs);
    assert!(!shown.contains(&first), "{shown}");
    assert!(made.outputs.parameter_arn.ends_with(":parameter/gsm/database/uri"));
    let live = rehearsal.atlas().await["gsm"]["users"][0].clone();
    assert_eq!(live["scopes"], json!([{ "name": "gsm-db", "type": "CLUSTER" }]));
    assert_eq!(live["description"], "provisioner:stack=gsm");

    // What does not concern the connection string leaves the password alone.
    let granted = DatabaseUser {
        roles: vec!["readWrite@gsm".to_owned()],
        cluster: "gsm-other".into(),
        tags: wanted.tags.clone().with("team", "a"),
        ..wanted.clone()
    };
    let found = ours(&granted, None, &cloud).await;
    assert!(granted.foresee(&found).is_some());
    let changed = apply(&granted, &cloud).await;
    assert_eq!(changed.outputs, made.outputs);
    assert_eq!(password(&rehearsal, &cloud).await, first);
    let found = ours(&wanted, Some(&changed), &cloud).await;
    wanted.update(&found, &cloud).await.unwrap();
    apply(&wanted, &cloud).await;

    // Another key: the same connection string, encrypted again.
    let moved = DatabaseUser { key_id: key(&cloud).await.into(), ..wanted.clone() };
    let changed = apply(&moved, &cloud).await;
    assert!(changed.outputs.version > made.outputs.version);
    assert_eq!(password(&rehearsal, &cloud).await, first);

    // Another address or database: a new connection string, with a new password.
    for other in [
        DatabaseUser { srv: "mongodb+srv://new.abcde.mongodb.net".into(), ..moved.clone() },
        DatabaseUser { database: "other".to_owned(), ..moved.clone() },
    ] {
        let found = ours(&other, None, &cloud).await;
        assert_eq!(differing(&other, &found).len(), if other.database == "gsm" { 1 } else { 2 });
        assert!(other.foresee(&found).is_none());
        let before = password(&rehearsal, &cloud).await;
        apply(&other, &cloud).await;
        assert_ne!(password(&rehearsal, &cloud).await, before);
    }

    gone::<DatabaseUser>(&made.outputs, &cloud).await;
    absent(&wanted, &cloud).await;
    gone::<DatabaseUser>(&made.outputs, &cloud).await;
}

#[tokio::test]
async fn drift_of_either_half_is_found_and_mended() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = user(&cloud).await;
    apply(&wanted, &cloud).await;

    let body =
        json!({ "roles": [{ "roleName": "atlasAdmin", "databaseName": "admin" }], "scopes": [] });
    let _: Value = cloud.atlas().patch("updateDatabaseUser", &USER, &body).await.unwrap();
    assert_eq!(differing(&wanted, &ours(&wanted, None, &cloud).await), ["cluster", "roles"]);
    let before = password(&rehearsal, &cloud).await;
    apply(&wanted, &cloud).await;
    assert_eq!(password(&rehearsal, &cloud).await, before);

    cloud.atlas().delete("deleteDatabaseUser", &USER).await.unwrap();
    assert_eq!(differing(&wanted, &out_of_step(&wanted, &cloud).await), ["in_step"]);
    apply(&wanted, &cloud).await;
    assert_ne!(password(&rehearsal, &cloud).await, before);

    cloud.ssm.delete_parameter().name(PARAMETER).send().await.unwrap();
    assert_eq!(differing(&wanted, &out_of_step(&wanted, &cloud).await), ["in_step"]);
    apply(&wanted, &cloud).await;
    password(&rehearsal, &cloud).await;

    for value in ["nonsense".to_owned(), uri(&cloud).await.replace("gsm-bot", "somebody")] {
        set(&value, &cloud).await;
        out_of_step(&wanted, &cloud).await;
        apply(&wanted, &cloud).await;
        password(&rehearsal, &cloud).await;
    }

    let pending = Tag::builder().key("provisioner:pending").value("true").build().unwrap();
    let request = cloud.ssm.add_tags_to_resource().resource_id(PARAMETER).tags(pending);
    request.resource_type(ResourceTypeForTagging::Parameter).send().await.unwrap();
    out_of_step(&wanted, &cloud).await;
    apply(&wanted, &cloud).await;
    password(&rehearsal, &cloud).await;
}

/// At each call, before and after it took effect, a run is cut off; the next one knows nothing and mends everything.
#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_is_mended_by_the_next() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = user(&cloud).await;
    let calls = [
        ("ssm", "AddTagsToResource"),
        ("ssm", "PutParameter"),
        ("atlas", "updateDatabaseUser"),
        ("atlas", "createDatabaseUser"),
        ("ssm", "RemoveTagsFromResource"),
    ];
    for with_user in [false, true] {
        for (service, action) in calls {
            for after_effect in [false, true] {
                if with_user && action == "createDatabaseUser" {
                    continue;
                }
                let made = apply(&wanted, &cloud).await;
                set("nonsense", &cloud).await;
                if !with_user {
                    cloud.atlas().delete("deleteDatabaseUser", &USER).await.unwrap();
                }
                let found = out_of_step(&wanted, &cloud).await;
                rehearsal
                    .fault(json!({
                        "match": { "service": service, "action": action },
                        "status": 400, "code": "ValidationException", "after_effect": after_effect,
                    }))
                    .await;
                let cut_off = wanted.update(&found, &cloud).await;
                assert!(cut_off.is_err(), "{action}");
                // Nothing is left but what the clouds say.
                let found = ours(&wanted, None, &cloud).await;
                let done = after_effect && action == "RemoveTagsFromResource";
                assert_eq!(differing(&wanted, &found).is_empty(), done, "{action} {after_effect}");
                apply(&wanted, &cloud).await;
                password(&rehearsal, &cloud).await;
                gone::<DatabaseUser>(&made.outputs, &cloud).await;
            }
        }
    }
}

#[tokio::test]
async fn what_is_of_others_is_theirs() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = user(&cloud).await;
    let theirs = async || match wanted.read(None, &cloud).await.unwrap() {
        Found::Theirs(_, whose) => whose,
        _ => panic!("it is ours"),
    };
    let mut body = json!({
        "databaseName": "admin", "groupId": PROJECT, "username": "gsm-bot", "password": "correct-horse",
        "roles": [{ "roleName": "read", "databaseName": "gsm" }],
    });
    let path = ["groups", PROJECT, "databaseUsers"];
    let _: Value = cloud.atlas().post("createDatabaseUser", &path, &body).await.unwrap();
    assert_eq!(theirs().await, "its description does not say `provisioner:stack=gsm`");
    cloud.atlas().delete("deleteDatabaseUser", &USER).await.unwrap();
    body["description"] = "provisioner:stack=other".into();
    let _: Value = cloud.atlas().post("createDatabaseUser", &path, &body).await.unwrap();
    assert_eq!(theirs().await, "it belongs to the stack `other`");
    cloud.atlas().delete("deleteDatabaseUser", &USER).await.unwrap();
    set("theirs", &cloud).await;
    assert_eq!(theirs().await, "its parameter has no tag `provisioner:stack`");

    let other = rehearsal.cloud_of("other").await;
    let found = wanted.read(None, &other).await.unwrap();
    assert!(matches!(found, Found::Theirs(..)));
}
