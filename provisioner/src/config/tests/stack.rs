//! Files that are right, and what is read from them.

use super::*;

#[test]
fn the_stack_of_the_bot() {
    insta::assert_debug_snapshot!(parse("stack.yaml", STACK, &|_| None).unwrap(), @r#"
    Config {
        name: "gsm",
        region: "eu-central-1",
        state: None,
        tags: {
            "project": "gamers-social-manager",
        },
        network: Network {
            vpc: None,
            subnets: [],
        },
        database: Some(
            Database {
                project: "gsm",
                cluster: "gsm-db",
                tier: Flex,
                region: "EU_CENTRAL_1",
                provider: Aws,
                user: "gsm-bot",
                roles: [
                    DatabaseRole {
                        role: "readWrite",
                        database: "gsm",
                    },
                ],
                allow_from: [
                    0.0.0.0/0,
                ],
                protect: true,
                name: Some(
                    "gsm",
                ),
            },
        ),
        logs: Logs {
            retention_days: Some(
                30,
            ),
        },
        load_balancer: Some(
            LoadBalancer {
                domain: Some(
                    "bot.example.com",
                ),
                zone: Some(
                    "example.com",
                ),
                allow_from: [
                    0.0.0.0/0,
                ],
                idle_timeout: 60,
                deletion_protection: false,
            },
        ),
        cluster: Cluster {
            container_insights: Disabled,
        },
        services: {
            "bot": Service {
                image: "docker.io/jesuisahmedn/gsm-bot:latest",
                cpu: 256,
                memory: 512,
                architecture: X86_64,
                count: 1,
                port: Some(
                    8080,
                ),
                host: None,
                path: None,
                health_check: HealthCheck {
                    path: "/healthz",
                    codes: "200",
                    interval: 10,
                    timeout: 5,
                    healthy: 2,
                    unhealthy: 3,
                    grace: 180,
                },
                container_check: None,
                command: [],
                user: None,
                read_only_root: false,
                stop_timeout: 30,
                exec: false,
                environment: {
                    "MODE": "webhook",
                    "RUST_LOG": "info",
                    "WEBHOOK_URL": "https://bot.example.com",
                },
                secrets: {
                    "BOT_TOKEN": Env(
                        "GSM_BOT_TOKEN",
                    ),
                    "MONGODB_URI": Database(
                        Uri,
                    ),
                    "WEBHOOK_SECRET": Generate(
                        32,
                    ),
                },
                deployment: Deployment {
                    minimum_healthy_percent: 100,
                    maximum_percent: 200,
                    circuit_breaker: true,
                },
            },
        },
        ci: Some(
            Jenkins(
                Jenkins {
                    instance_type: "t3.medium",
                    domain: Some(
                        "jenkins.bot.example.com",
                    ),
                    admin_cidrs: [
                        203.0.113.7/32,
                    ],
                    pipeline: None,
                    disk: 30,
                    data_disk: 20,
                    key_pair: None,
                },
            ),
        ),
        protect: {},
    }
    "#);
}

#[test]
fn it_is_read_from_a_file_as_well() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../stack.yaml"));
    assert_eq!(load(path, &|_| None).unwrap(), config(STACK));
}

#[test]
fn defaults() {
    insta::assert_debug_snapshot!(config("name: a\nregion: us-east-1\nservices: { bot: { image: bot } }"), @r#"
    Config {
        name: "a",
        region: "us-east-1",
        state: None,
        tags: {},
        network: Network {
            vpc: None,
            subnets: [],
        },
        database: None,
        logs: Logs {
            retention_days: Some(
                30,
            ),
        },
        load_balancer: None,
        cluster: Cluster {
            container_insights: Disabled,
        },
        services: {
            "bot": Service {
                image: "bot",
                cpu: 256,
                memory: 512,
                architecture: X86_64,
                count: 1,
                port: None,
                host: None,
                path: None,
                health_check: HealthCheck {
                    path: "/",
                    codes: "200",
                    interval: 10,
                    timeout: 5,
                    healthy: 2,
                    unhealthy: 3,
                    grace: 180,
                },
                container_check: None,
                command: [],
                user: None,
                read_only_root: false,
                stop_timeout: 30,
                exec: false,
                environment: {},
                secrets: {},
                deployment: Deployment {
                    minimum_healthy_percent: 100,
                    maximum_percent: 200,
                    circuit_breaker: true,
                },
            },
        },
        ci: None,
        protect: {},
    }
    "#);
    let with_load_balancer =
        config(&stack("load_balancer: {}\nservices: { bot: { image: bot, port: 80 } }"));
    insta::assert_debug_snapshot!(with_load_balancer.load_balancer, @r"
    Some(
        LoadBalancer {
            domain: None,
            zone: None,
            allow_from: [
                0.0.0.0/0,
            ],
            idle_timeout: 60,
            deletion_protection: false,
        },
    )
    ");
    let jenkins = config(&stack("ci: { jenkins: { admin_cidrs: [203.0.113.0/24] } }"));
    insta::assert_debug_snapshot!(jenkins.ci, @r#"
    Some(
        Jenkins(
            Jenkins {
                instance_type: "t3.medium",
                domain: None,
                admin_cidrs: [
                    203.0.113.0/24,
                ],
                pipeline: None,
                disk: 30,
                data_disk: 20,
                key_pair: None,
            },
        ),
    )
    "#);
    let actions = config(&stack("ci: { github_actions: { repository: a/b } }"));
    insta::assert_debug_snapshot!(actions.ci, @r#"
    Some(
        GithubActions(
            GithubActions {
                repository: "a/b",
                branch: "main",
                ids: None,
            },
        ),
    )
    "#);
    assert_eq!(config(&stack("")).services, BTreeMap::new());
}

#[test]
fn atlas_follows_the_region_and_the_first_role() {
    let database = "database: { project: p, cluster: c, tier: m10, user: u, roles: [a@one, b@two], allow_from: [] }";
    let database = config(&stack(database)).database.unwrap();
    assert_eq!((database.region.as_str(), database.name.as_deref()), ("EU_CENTRAL_1", Some("one")));
    assert_eq!(database.tier, Tier::Dedicated("M10".to_owned()));
    insta::assert_snapshot!(problems(&stack("database: { provider: GCP, project: p, cluster: c, tier: flex, user: u, roles: [a@one], allow_from: [] }")), @r"
    error: `database` has no `region`
     --> stack.yaml:3:1
      |
    3 | database: { provider: GCP, project: p, cluster: c, tier: flex, user: u, roles: [a@one], allow_from: [] }
      | ^^^^^^^^
      |
      = help: add `region: EUROPE_WEST_3`

    1 problem in stack.yaml
    ");
}
