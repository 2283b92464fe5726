//! The Atlas project, and the ways to Atlas.

use std::collections::BTreeMap;

use provisioner::{
    cloud::{Atlas, Cloud, http::Http},
    engine::{Class, Error, Lookup},
    lookups::{AtlasProject, AtlasProjectOutputs},
};
use serde_json::{Value, json};

use crate::support::Rehearsal;

/// The project that the stand-in knows as `gsm`.
pub const PROJECT: &str = "5f00000000000000000000a1";

async fn find(project: &str, cloud: &Cloud) -> Result<AtlasProjectOutputs, Error> {
    AtlasProject { project: project.to_owned() }.find(cloud).await.map(Option::unwrap)
}

#[tokio::test]
async fn a_project_is_found_by_name_and_by_id() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    let wanted = AtlasProjectOutputs { id: PROJECT.to_owned(), name: "gsm".to_owned() };
    assert_eq!(find("gsm", &cloud).await.unwrap(), wanted);
    assert_eq!(find(PROJECT, &cloud).await.unwrap(), wanted);
    for missing in ["GSM", "5f00000000000000000000ff"] {
        let error = find(missing, &cloud).await.unwrap_err();
        assert!(matches!(&error, Error::Refused(it) if it.contains("`gsm`, `other`")), "{error}");
    }
}

/// The client with the given further variables instead of the API key.
fn client(rehearsal: &Rehearsal, variables: &[(&'static str, &str)]) -> Atlas {
    let mut environment: BTreeMap<_, _> = rehearsal.environment();
    environment.retain(|name, _| !name.ends_with("_KEY"));
    environment.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let http = Http::network().expect("a client");
    Atlas::from_variables(http, |name| environment.get(name).cloned())
}

#[tokio::test]
async fn credentials_are_of_either_kind_and_outlive_what_they_led_to() {
    let rehearsal = Rehearsal::start().await;
    let key = [
        ("MONGODB_ATLAS_PUBLIC_KEY", "test-public"),
        ("MONGODB_ATLAS_PRIVATE_KEY", "test-private"),
    ];
    let account = [
        ("MONGODB_ATLAS_CLIENT_ID", "mdb_sa_id_test"),
        ("MONGODB_ATLAS_CLIENT_SECRET", "mdb_sa_sk_test"),
    ];
    for credentials in [key, account] {
        let atlas = client(&rehearsal, &credentials);
        for _ in 0..2 {
            for _ in 0..2 {
                let all: Vec<Value> = atlas.list("listGroups", &["groups"]).await.unwrap();
                assert_eq!(all.len(), 2);
            }
            // The nonce and the token die.
            let request = reqwest::Client::new().put(format!("{}/__cloud/atlas", rehearsal.url));
            request.json(&json!({ "expire_credentials": true })).send().await.unwrap();
        }
        let wrong = [credentials[0], (credentials[1].0, "wrong")];
        let refused = client(&rehearsal, &wrong).list::<Value>("listGroups", &["groups"]).await;
        assert_eq!(refused.unwrap_err().class(), Class::Unauthenticated);
    }
}

#[tokio::test]
async fn reads_outlive_faults_of_the_service_and_the_way() {
    let rehearsal = Rehearsal::start().await;
    let cloud = rehearsal.cloud().await;
    for fault in [
        json!({ "status": 503, "times": 2 }),
        json!({ "status": 429, "code": "RATE_LIMITED", "headers": { "Retry-After": "1" } }),
        json!({ "drop": true }),
        json!({ "truncate": 10 }),
    ] {
        let mut fault = fault;
        fault["match"] = json!({ "service": "atlas", "action": "listGroups" });
        rehearsal.fault(fault).await;
        find("gsm", &cloud).await.unwrap();
    }
    // A wait that is too long to be silent about is left to the engine.
    rehearsal
        .fault(json!({
            "match": { "service": "atlas" }, "status": 429, "headers": { "Retry-After": "55" },
        }))
        .await;
    let Err(Error::Api(error)) = find("gsm", &cloud).await else { panic!("it was silent") };
    assert_eq!(error.retry_after.map(|it| it.as_secs()), Some(55));
    rehearsal
        .fault(json!({
            "match": { "service": "atlas" }, "status": 403, "code": "IP_ADDRESS_NOT_ON_ACCESS_LIST",
        }))
        .await;
    let error = find("gsm", &cloud).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    assert!(error.to_string().contains("API access list"), "{error}");
}
