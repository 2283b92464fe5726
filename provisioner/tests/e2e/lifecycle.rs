//! The whole life of the repository's own stack.

use serde_json::Value;

use crate::{
    cli::{Folder, stable},
    support::Rehearsal,
};

/// What is left in a census after a stack was destroyed: nothing but keys that wait for their deletion.
fn left(census: &Value) -> Vec<(&String, &Value)> {
    let kinds = census.as_object().into_iter().flatten();
    kinds
        .filter(|(kind, it)| {
            *kind != "keys_pending_deletion" && it.as_array().is_none_or(|it| !it.is_empty())
        })
        .collect()
}

/// How many there are of each kind.
fn counts(census: &Value) -> String {
    let kinds = census.as_object().into_iter().flatten();
    let counts =
        kinds.filter_map(|(kind, it)| Some((kind, it.as_array()?.len()))).filter(|it| it.1 > 0);
    counts.map(|(kind, count)| format!("{kind}: {count}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_running_bot_and_back() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);

    insta::assert_snapshot!("plan_from_nothing", stable(&folder.ok(&["diff"])));
    assert_eq!(rehearsal.changes().await, [""; 0], "`diff` changed something");
    assert_eq!(folder.run(&["diff", "--exit-code"]).code, Some(2));

    let up = folder.ok(&["up", "--yes"]);
    let report = up.split_once("Done:").expect("a report").1;
    insta::assert_snapshot!("report_of_up", stable(report));
    let census = rehearsal.census().await;
    insta::assert_snapshot!("what_exists", counts(&census));

    insta::assert_snapshot!("diff_after_up", stable(&folder.ok(&["diff"])));
    rehearsal.forget().await;
    folder.ok(&["up", "--yes"]);
    assert_eq!(rehearsal.changes().await, [""; 0], "a second `up` changed something");

    insta::assert_snapshot!("outputs", stable(&folder.ok(&["outputs"])));
    assert_eq!(folder.ok(&["outputs", "address"]), "https://bot.example.com\n");
    insta::assert_snapshot!("state_list", stable(&folder.ok(&["state", "list"])));

    // The state is expendable.
    folder.lose_state();
    rehearsal.forget().await;
    let found = folder.ok(&["up", "--yes"]);
    assert!(found.contains("Nothing to do"), "{found}");
    assert_eq!(rehearsal.changes().await, [""; 0], "something was made again");
    assert_eq!(counts(&rehearsal.census().await), counts(&census));

    let refused = folder.run(&["destroy", "--yes"]);
    assert_eq!(refused.code, Some(1));
    insta::assert_snapshot!("destroy_of_what_is_protected", stable(&refused.stderr));
    assert_eq!(counts(&rehearsal.census().await), counts(&census));

    // From the state alone.
    std::fs::remove_file(folder.path("stack.yaml")).unwrap();
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
    let census = rehearsal.census().await;
    assert!(left(&census).is_empty(), "{:#?}", left(&census));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_can_be_destroyed_with_its_state_lost_and_made_again_with_its_key() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    folder.lose_state();
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
    let census = rehearsal.census().await;
    assert!(left(&census).is_empty(), "{:#?}", left(&census));
    let pending = census["keys_pending_deletion"].clone();
    assert_eq!(pending.as_array().map(Vec::len), Some(1));

    folder.ok(&["up", "--yes"]);
    let census = rehearsal.census().await;
    assert_eq!(
        census["keys"].as_array().map(Vec::len),
        Some(1),
        "another key was made: {census:#}"
    );
    assert_eq!(census["keys_pending_deletion"].as_array().map(Vec::len), Some(0));
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_goes_to_another_listener_though_the_state_was_lost() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.edit("\nci:", "\n  api:\n    image: nginx:1\n    port: 80\n    path: /api/*\n\nci:");
    folder.edit("load_balancer:", "load_balancer:\n  allow_from: [0.0.0.0/0]");
    folder.edit("domain: bot.example.com", "# domain: bot.example.com");
    folder.edit("zone: example.com", "# zone: example.com");
    folder.ok(&["up", "--yes"]);
    folder.lose_state();
    folder.edit("# domain: bot.example.com", "domain: bot.example.com");
    folder.edit("# zone: example.com", "zone: example.com");
    folder.ok(&["up", "--yes"]);
    let census = rehearsal.census().await;
    let rules = census["listener_rules"].as_array().map(Vec::len);
    assert_eq!(rules, Some(1), "one is left behind: {census:#}");
    folder.is_settled();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_neither_state_nor_stack_yaml_knows_is_found_by_its_tags() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    let yaml = std::fs::read_to_string(folder.path("stack.yaml")).unwrap();
    let (without_jenkins, _) = yaml.split_once("\nci:").unwrap();
    folder.write(without_jenkins);
    folder.lose_state();
    insta::assert_snapshot!("plan_with_what_was_forgotten", stable(&folder.ok(&["diff"])));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    let census = rehearsal.census().await;
    assert_eq!(census["instances"], serde_json::json!([]), "{census:#}");

    // With nothing declared, tags are all there is.
    folder.write("name: gsm\nregion: eu-central-1\n");
    folder.lose_state();
    let told = folder.run(&["destroy", "--yes"]);
    assert_eq!(told.code, Some(0), "{}{}", told.stdout, told.stderr);
    assert!(told.stderr.contains("What takes no tags"), "{}", told.stderr);
    let census = rehearsal.census().await;
    let kinds: Vec<_> = left(&census).into_iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["atlas_accessList", "atlas_clusters", "atlas_users", "records"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_without_load_balancer_database_and_jenkins() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.write(
        "name: gsm\nregion: eu-central-1\nservices:\n  worker:\n    image: alpine:3\n    command: [sleep, infinity]\n    \
         deployment: { minimum_healthy_percent: 0, maximum_percent: 100 }\n",
    );
    insta::assert_snapshot!("report_of_a_small_stack", stable(&folder.ok(&["up", "--yes"])));
    folder.is_settled();
    folder.ok(&["destroy", "--yes"]);
    let census = rehearsal.census().await;
    assert!(left(&census).is_empty(), "{:#?}", left(&census));
}
