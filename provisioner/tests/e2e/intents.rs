//! What an intent in the state tells the next run.

use serde_json::{Value, json};

use crate::{cli::Folder, support::Rehearsal};

/// DNS records take no tags: only what they say shows whose they are. When the load balancer that one leads to has gone
/// meanwhile, the plan cannot know what it should say.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_made_by_a_run_that_was_killed_is_not_somebody_elses() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    // As it is when the run was killed after Route 53 had answered, and before that was on disk.
    let mut state: Value = serde_json::from_str(&folder.state()).unwrap();
    let record = state["resources"].as_object_mut().unwrap().remove("domain").unwrap();
    let intent =
        json!({ "kind": record["kind"], "token": "0".repeat(32), "inputs": record["inputs"] });
    state["intents"] = json!({ "domain": intent });
    std::fs::write(folder.path("state/gsm.json"), state.to_string()).unwrap();
    let cloud = rehearsal.cloud().await;
    let balancers = cloud.elb.describe_load_balancers().names("gsm").send().await.unwrap();
    let arn = balancers.load_balancers()[0].load_balancer_arn().unwrap();
    cloud.elb.delete_load_balancer().load_balancer_arn(arn).send().await.unwrap();

    let said = folder.ok(&["up", "--yes"]);
    assert!(said.contains("+ balancer"), "there was nothing to create: {said}");
    folder.is_settled();
    assert!(!folder.state().contains("\"intents\""), "{}", folder.state());
}
