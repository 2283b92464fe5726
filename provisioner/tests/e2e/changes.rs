//! Every change a user can make in stack.yaml: what the plan says, that `up` does it, and that nothing is left to do.

use crate::{
    cli::{Folder, stable},
    support::Rehearsal,
};

/// The plan without what is the same in all: heading and notes.
fn plan(folder: &Folder) -> String {
    let text = folder.ok(&["diff"]);
    let body = text.split_once("\n\n").map_or(text.as_str(), |(_, body)| body);
    stable(body)
}

/// Compares the plan with its snapshot, carries it out, and checks that nothing is left to do.
fn settle(folder: &Folder, name: &str) {
    insta::assert_snapshot!(name, plan(folder));
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(0), "{name}\n{}\n{}", ran.stdout, ran.stderr);
    let again = folder.run(&["diff", "--exit-code"]);
    assert_eq!(again.code, Some(0), "{name}: {}{}", again.stdout, again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_planned_done_and_done_with() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    let cloud = rehearsal.cloud().await;
    cloud.ec2.create_key_pair().key_name("admin").send().await.unwrap();
    let edits: &[(&str, &str, &str)] = &[
        ("tags", "tags: { project: gamers-social-manager }", "tags: { team: players }"),
        ("retention", "retention_days: 30", "retention_days: 14"),
        ("retention_for_ever", "retention_days: 14", "retention_days: never"),
        ("insights", "logs:", "cluster: { container_insights: enhanced }\nlogs:"),
        ("roles", "roles: [readWrite@gsm]", "roles: [readWrite@gsm, read@stats]"),
        ("access", "allow_from: [0.0.0.0/0]", "allow_from: [198.51.100.0/24]"),
        ("memory", "memory: 512", "memory: 1024"),
        ("size", "cpu: 256 ", "cpu: 512 "),
        ("count", "count: 1", "count: 2"),
        (
            "container",
            "    count: 2",
            "    count: 2\n    architecture: arm64\n    command: [gsm-bot, run]\n    stop_timeout: 60",
        ),
        ("port", "port: 8080", "port: 9090"),
        (
            "health_check",
            "path: /healthz, codes: \"200\"",
            "path: /ready, codes: 200-204, interval: 20, unhealthy: 5",
        ),
        ("environment", "RUST_LOG: info", "RUST_LOG: debug, REGION: eu"),
        ("made_up_secret", "generate: 32", "generate: 48"),
        ("another_secret", "    secrets:", "    secrets:\n      API_KEY: { generate: 24 }"),
        (
            "exec",
            "    count: 2",
            "    count: 2\n    exec: true\n    user: \"1000:1000\"\n    read_only_root: true",
        ),
        (
            "deployment",
            "    count: 2",
            "    count: 2\n    deployment: { maximum_percent: 150, circuit_breaker: false }",
        ),
        ("image", "gsm-bot:latest", "gsm-bot:2.0"),
        (
            "balancer",
            "load_balancer:",
            "load_balancer:\n  idle_timeout: 120\n  allow_from: [192.0.2.0/24]",
        ),
        ("domain", "domain: bot.example.com", "domain: gamers.example.com"),
        (
            "another_service",
            "\nci:",
            "\n  api:\n    image: nginx:1\n    port: 80\n    path: /api/*\n    secrets: { URI: { database: uri } }\n\nci:",
        ),
        ("path_of_a_service", "path: /api/*", "path: /v2/*"),
        ("host_of_a_service", "path: /v2/*", "path: /v2/*\n    host: gamers.example.com"),
        ("instance_type", "t3.medium", "t3.large"),
        ("instance_disk", "instance_type: t3.large", "instance_type: t3.large\n    disk: 40"),
        ("administrators", "203.0.113.7/32", "203.0.113.8/32"),
        ("name_of_jenkins", "admin_cidrs:", "domain: ci.example.com\n    admin_cidrs:"),
        ("repository", "# repository: owner/name ", "repository: owner/name\n    service: bot "),
        ("branch", "service: bot ", "service: bot\n    branch: release/1 "),
        ("key_pair", "instance_type: t3.large", "instance_type: t3.large\n    key_pair: admin"),
        ("user", "user: gsm-bot ", "user: gsm-player "),
        ("protection", "protect: true", "protect: false"),
        ("cluster", "cluster: gsm-db", "cluster: gsm-data"),
        (
            "container_check",
            "\n  api:\n    image: nginx:1",
            "\n  api:\n    image: nginx:1\n    container_check: { command: [nginx, -t] }",
        ),
    ];
    for (name, old, new) in edits {
        folder.edit(old, new);
        settle(&folder, &format!("change_of_{name}"));
    }

    // Not the first one, in which Jenkins is.
    let subnets = cloud.ec2.describe_subnets().send().await.unwrap();
    let subnets = subnets.subnets().iter();
    let mut subnets: Vec<_> =
        subnets.filter_map(|it| Some((it.availability_zone()?, it.subnet_id()?))).collect();
    subnets.sort();
    let [(_, first), .., (_, one), (_, two)] = subnets[..] else { panic!("{subnets:?}") };
    folder.edit("\ntags:", &format!("\nnetwork: {{ subnets: [{one}, {two}] }}\ntags:"));
    // What Jenkins keeps cannot follow it.
    insta::assert_snapshot!("change_of_zone", plan(&folder));
    rehearsal.forget().await;
    let refused = folder.run(&["up", "--yes"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert_eq!(rehearsal.changes().await, [""; 0]);
    folder.edit(&format!("[{one}, {two}]"), &format!("[{first}, {two}]"));
    settle(&folder, "change_of_subnets");

    let without = |yaml: &str, from: &str, to: &str| {
        let (before, rest) = yaml.split_once(from).unwrap();
        let after = if to.is_empty() { "" } else { rest.split_once(to).unwrap().1 };
        format!("{before}{to}{after}")
    };
    // Jenkins goes by plain HTTP then, straight to its machine.
    folder.edit("    domain: ci.example.com\n", "");
    folder.edit("domain: gamers.example.com", "# domain: gamers.example.com");
    folder.edit("zone: example.com", "# zone: example.com");
    settle(&folder, "removal_of_the_domain");

    let whole = std::fs::read_to_string(folder.path("stack.yaml")).unwrap();
    let no_service = without(&whole, "\n  api:", "\nci:");
    let no_jenkins = without(&no_service, "\nci:", "");
    let little =
        "name: gsm\nregion: eu-central-1\nservices: { bot: { image: gsm-bot } }\n".to_owned();
    for (name, yaml) in
        [("service", no_service), ("jenkins", no_jenkins), ("all_but_a_service", little)]
    {
        folder.write(&yaml);
        settle(&folder, &format!("removal_of_{name}"));
    }
    folder.ok(&["destroy", "--yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_is_not_replaced() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes"]);
    folder.edit("cluster: gsm-db", "cluster: gsm-data");
    rehearsal.forget().await;
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!("replacement_of_what_is_protected", stable(&ran.stderr));
    assert_eq!(rehearsal.changes().await, [""; 0]);

    // Nor when it is no longer declared, or no longer protected by what is written.
    folder.edit("cluster: gsm-data", "cluster: gsm-db");
    let yaml = std::fs::read_to_string(folder.path("stack.yaml")).unwrap();
    let (before, rest) = yaml.split_once("database: ").unwrap();
    let after = rest
        .split_once("logs:")
        .unwrap()
        .1
        .replace("      MONGODB_URI: { database: uri } ", "      # ");
    folder.write(&format!("{before}logs:{after}"));
    let ran = folder.run(&["up", "--yes"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`database`: it is protected and would be deleted"),
        "{}",
        ran.stderr
    );
    assert_eq!(rehearsal.changes().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_stays_without_state_and_stack_yaml_as_well() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    let stack = |services: &str, protect: &str| {
        format!(
            "name: gsm\nregion: eu-central-1\nservices: {{ {services} }}\nprotect: [{protect}]\n"
        )
    };
    let both = "bot: { image: gsm-bot }, api: { image: gsm-api }";
    folder.write(&stack(both, "api-group, api-task-role"));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    folder.write(&stack("bot: { image: gsm-bot }", ""));
    for command in ["up", "destroy"] {
        folder.lose_state();
        rehearsal.forget().await;
        let ran = folder.run(&[command, "--yes"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        for name in ["api-group", "api-task-role"] {
            let told = format!("`{name}`: it is protected and would be deleted");
            assert!(ran.stderr.contains(&told), "{}", ran.stderr);
        }
        assert_eq!(rehearsal.changes().await, [""; 0]);
    }
    // Who takes the protection back in stack.yaml has no trace of it left.
    folder.write(&stack(both, ""));
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    folder.lose_state();
    let ran = folder.run(&["destroy", "--yes"]);
    let clean = ran.stderr.contains("Nothing that carries the stack's tags is left.");
    assert!(ran.code == Some(0) && clean, "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_at_a_time_one_thing_at_a_time_and_without_waiting() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    assert_eq!(
        rehearsal.changes().await,
        [
            "kms CreateKey",
            "kms EnableKeyRotation",
            "kms CreateAlias",
            "logs CreateLogGroup",
            "logs PutRetentionPolicy"
        ]
    );
    folder.ok(&["up", "--yes", "--parallelism", "1", "--no-wait"]);
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    folder.ok(&["state", "rm", "logs", "--yes"]);
    let found = folder.ok(&["up", "--yes"]);
    assert!(found.contains("1 found by name and tag"), "{found}");
    folder.ok(&["destroy", "--yes", "--parallelism", "1", "--unprotect", "database"]);
}
