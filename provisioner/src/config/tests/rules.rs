//! Rules that span fields and sections.

use super::*;

#[test]
fn services_share_the_load_balancer() {
    let services =
        |text: &str| problems(&stack(&format!("load_balancer: {{}}\nservices:\n{text}")));
    insta::assert_snapshot!(services("  a: { image: a, port: 1 }\n  b: { image: b, port: 2 }\n"), @r"
    error: `services.b` has no `host` or `path`, and neither has `services.a`
     --> stack.yaml:6:3
      |
    6 |   b: { image: b, port: 2 }
      |   ^
      |
      = help: only one service takes what no rule is for; give the others a `host` or a `path` of their own

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(services("  a: { image: a, port: 1, path: '/*' }\n  b: { image: b, port: 2, path: '/*' }\n"), @r"
    error: `services` has no service for requests that no rule is for
     --> stack.yaml:4:1
      |
    4 | services:
      | ^^^^^^^^
      |
      = help: one service with a `port` must have neither `host` nor `path`

    error: `services.b` has the same `host` and `path` as `services.a`
     --> stack.yaml:6:3
      |
    6 |   b: { image: b, port: 2, path: '/*' }
      |   ^
      |
      = help: only one service takes what no rule is for; give the others a `host` or a `path` of their own

    2 problems in stack.yaml
    ");
    insta::assert_snapshot!(services("  a: { image: a }\n"), @r"
    error: `load_balancer` has nothing behind it
     --> stack.yaml:3:1
      |
    3 | load_balancer: {}
      | ^^^^^^^^^^^^^
      |
      = help: give a service a `port`, or take `load_balancer` out

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems(&stack("services: { a: { image: a, port: 1 }, b: { image: b, path: /b, health_check: {} } }")), @r"
    error: `services.a.port` needs a load balancer, and the stack has none
     --> stack.yaml:3:28
      |
    3 | services: { a: { image: a, port: 1 }, b: { image: b, path: /b, health_check: {} } }
      |                            ^^^^
      |
      = help: add `load_balancer: {}`, or take `port` out if nothing is to reach the service from outside

    error: `services.b.path` has no use without `port`
     --> stack.yaml:3:54
      |
    3 | services: { a: { image: a, port: 1 }, b: { image: b, path: /b, health_check: {} } }
      |                                                      ^^^^
      |
      = help: the load balancer sends requests to services with a port only

    error: `services.b.health_check` has no use without `port`
     --> stack.yaml:3:64
      |
    3 | services: { a: { image: a, port: 1 }, b: { image: b, path: /b, health_check: {} } }
      |                                                                ^^^^^^^^^^^^
      |
      = help: the load balancer sends requests to services with a port only

    3 problems in stack.yaml
    ");
    let right = "load_balancer: {}\nservices:\n  a: { image: a, port: 1 }\n  b: { image: b, port: 2, path: '/b/*' }\n  c: { image: c, port: 2, path: '/b/*', host: C.example.com }\n  d: { image: d }\n";
    assert_eq!(config(&stack(right)).services.len(), 4);
}

#[test]
fn addresses_of_the_load_balancer() {
    let load_balancer = |fields: &str| {
        problems(&stack(&format!(
            "load_balancer: {{ {fields} }}\nservices: {{ a: {{ image: a, port: 1 }} }}\n"
        )))
    };
    insta::assert_snapshot!(load_balancer("domain: bot.example.com"), @r"
    error: `load_balancer.domain` needs `zone` beside it
     --> stack.yaml:3:18
      |
    3 | load_balancer: { domain: bot.example.com }
      |                  ^^^^^^
      |
      = help: add the Route 53 hosted zone that holds the name, as in `zone: example.com`

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(load_balancer("zone: example.com"), @r"
    error: `load_balancer.zone` has no use without `domain`
     --> stack.yaml:3:18
      |
    3 | load_balancer: { zone: example.com }
      |                  ^^^^
      |
      = help: add the name of the load balancer in the zone, as in `domain: bot.example.com`

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(load_balancer("domain: badexample.com, zone: example.com, allow_from: []"), @r"
    error: `load_balancer.domain`: `badexample.com` is not in the zone `example.com`
     --> stack.yaml:3:26
      |
    3 | load_balancer: { domain: badexample.com, zone: example.com, allow_from: [] }
      |                          ^^^^^^^^^^^^^^
      |
      = help: `example.com` itself or a name that ends with `.example.com`

    error: `load_balancer.allow_from` is empty: nobody could connect
     --> stack.yaml:3:73
      |
    3 | load_balancer: { domain: badexample.com, zone: example.com, allow_from: [] }
      |                                                                         ^^
      |
      = help: take it out to let everybody connect

    2 problems in stack.yaml
    ");
}

#[test]
fn sizes_of_fargate() {
    insta::assert_snapshot!(problems(&service("    cpu: 300\n    memory: 512")), @r"
    error: `services.bot.cpu`: `300` is not a size Fargate has
     --> stack.yaml:8:10
      |
    8 |     cpu: 300
      |          ^^^
      |
      = help: one of 256, 512, 1024, 2048, 4096, 8192, 16384 (1024 units are one vCPU)

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems(&service("    cpu: 1024")), @r"
    error: `services.bot.cpu`: `1024` CPU units do not go with 512 MiB, the default, on Fargate
     --> stack.yaml:8:10
      |
    8 |     cpu: 1024
      |          ^^^^
      |
      = help: nearest: `memory: 2048` (1024 units take 2048 to 8192 in steps of 1024 MiB); 512 MiB go with `cpu` 256

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems(&service("    memory: 4096")), @r"
    error: `services.bot.memory`: `4096` MiB do not go with 256 CPU units, the default, on Fargate
     --> stack.yaml:8:13
      |
    8 |     memory: 4096
      |             ^^^^
      |
      = help: nearest: `memory: 2048` (256 units take 512, 1024, 2048 MiB); 4096 MiB go with `cpu` 512 or 1024 or 2048

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems(&service("    cpu: 8192\n    memory: 20000")), @r"
    error: `services.bot.memory`: `20000` MiB do not go with 8192 CPU units on Fargate
     --> stack.yaml:9:13
      |
    9 |     memory: 20000
      |             ^^^^^
      |
      = help: nearest: `memory: 16384` or `memory: 20480` (8192 units take 16384 to 61440 in steps of 4096 MiB)

    1 problem in stack.yaml
    ");
}

#[test]
fn names_that_are_too_long_together() {
    insta::assert_snapshot!(problems("name: twenty-characters-xx\nregion: eu-central-1\nservices:\n  worker: { image: a }\n"), @r"
    error: `services.worker`: `worker` is too long beside the stack's name `twenty-characters-xx`
     --> stack.yaml:4:3
      |
    4 |   worker: { image: a }
      |   ^^^^^^
      |
      = help: at most 4 characters: AWS allows 32 in the name of a target group, which is made of both names and 7 more characters

    1 problem in stack.yaml
    ");
}

#[test]
fn too_many_tags() {
    let tags: String = (0..48).map(|number| format!("  key{number}: value\n")).collect();
    insta::assert_snapshot!(problems(&stack(&format!("tags:\n{tags}"))), @r"
    error: `tags` has 48 tags
     --> stack.yaml:3:1
      |
    3 | tags:
      | ^^^^
      |
      = help: at most 46: AWS allows 50, and four are the provisioner's own

    1 problem in stack.yaml
    ");
}

#[test]
fn nobody_is_let_in_by_an_empty_list() {
    insta::assert_snapshot!(problems(&stack("ci: { jenkins: { admin_cidrs: [] } }\ndatabase: { project: p, cluster: c, tier: m2, provider: aws, user: u, roles: [], allow_from: [] }")), @r"
    error: `ci.jenkins.admin_cidrs` is empty: nobody could reach Jenkins
     --> stack.yaml:3:31
      |
    3 | ci: { jenkins: { admin_cidrs: [] } }
      |                               ^^
      |
      = help: at least your own address, as in `[203.0.113.7/32]`

    error: `database.tier`: `m2` does not exist any more: Atlas ended M2 and M5 clusters on 22 January 2026
     --> stack.yaml:4:43
      |
    4 | database: { project: p, cluster: c, tier: m2, provider: aws, user: u, roles: [], allow_from: [] }
      |                                           ^^
      |
      = help: use `free` or `flex`, or a dedicated tier from `m10` on

    error: `database.provider`: `aws` is not possible here
     --> stack.yaml:4:57
      |
    4 | database: { project: p, cluster: c, tier: m2, provider: aws, user: u, roles: [], allow_from: [] }
      |                                                         ^^^
      |
      = help: did you mean `AWS`? Possible are `AWS`, `GCP`, `AZURE`

    error: `database.roles` is empty: the user could do nothing
     --> stack.yaml:4:78
      |
    4 | database: { project: p, cluster: c, tier: m2, provider: aws, user: u, roles: [], allow_from: [] }
      |                                                                              ^^
      |
      = help: for example `[readWrite@my-database]`

    4 problems in stack.yaml
    ");
}

#[test]
fn words_out_of_a_few() {
    insta::assert_snapshot!(problems(&stack("cluster: { container_insights: enhance }\nlogs: { retention_days: forever }")), @r"
    error: `cluster.container_insights`: `enhance` is not possible here
     --> stack.yaml:3:32
      |
    3 | cluster: { container_insights: enhance }
      |                                ^^^^^^^
      |
      = help: did you mean `enhanced`? Possible are `disabled`, `enabled`, `enhanced`

    error: `logs.retention_days`: `forever` is not a number of days
     --> stack.yaml:4:25
      |
    4 | logs: { retention_days: forever }
      |                         ^^^^^^^
      |
      = help: a number such as 30, or `never` to keep logs for ever

    2 problems in stack.yaml
    ");
}

#[test]
fn logs_may_be_kept_for_ever() {
    assert_eq!(config(&stack("logs: { retention_days: never }")).logs.retention_days, None);
}

#[test]
fn networks() {
    let two = "network: { subnets: [subnet-01234567, subnet-89abcdef] }";
    assert_eq!(config(&stack(two)).network.subnets.len(), 2);
    insta::assert_snapshot!(problems(&stack("network: { subnets: [subnet-01234567, subnet-01234567, vpc-01234567] }")), @r"
    error: `network.subnets[1]` is in the list already
     --> stack.yaml:3:39
      |
    3 | network: { subnets: [subnet-01234567, subnet-01234567, vpc-01234567] }
      |                                       ^^^^^^^^^^^^^^^

    error: `network.subnets[2]`: `vpc-01234567` is not the id of a subnet
     --> stack.yaml:3:56
      |
    3 | network: { subnets: [subnet-01234567, subnet-01234567, vpc-01234567] }
      |                                                        ^^^^^^^^^^^^
      |
      = help: `subnet-` and 8 or 17 digits from 0 to f, for example `subnet-0123456789abcdef0`

    2 problems in stack.yaml
    ");
}

#[test]
fn the_name_of_jenkins() {
    let jenkins = |load_balancer: &str, domain: &str| {
        let service = "services: { a: { image: a, port: 1 } }";
        format!(
            "name: gsm\nregion: eu-central-1\n{service}\nload_balancer: {{ {load_balancer} }}\n\
             ci: {{ jenkins: {{ admin_cidrs: [203.0.113.7/32]{domain} }} }}\n"
        )
    };
    let named = |load_balancer: &str, domain: &str| match config(&jenkins(load_balancer, domain)).ci
    {
        Some(Ci::Jenkins(it)) => it.domain,
        other => panic!("{other:?}"),
    };
    let bot = "domain: bot.example.com, zone: example.com";
    assert_eq!(named("", ""), None);
    assert_eq!(named(bot, "").as_deref(), Some("jenkins.bot.example.com"));
    assert_eq!(named(bot, ", domain: CI.example.com").as_deref(), Some("ci.example.com"));
    assert_eq!(named(bot, ", domain: example.com").as_deref(), Some("example.com"));
    let long = format!("domain: {}.example.com, zone: example.com", "a".repeat(50));
    let mut shown = String::new();
    for (load_balancer, domain) in [
        ("", ", domain: ci.example.com"),
        (bot, ", domain: bot.example.com"),
        (bot, ", domain: ci.example.org"),
        (bot, ", domain: badexample.com"),
        (bot, ", domain: \"*.example.com\""),
        // One mistake, told once.
        ("domain: bot.example.org, zone: exa_mple", ", domain: ci.example.com"),
        (&long, ""),
    ] {
        shown += &problems(&jenkins(load_balancer, domain));
        shown.push('\n');
    }
    insta::assert_snapshot!("the_name_of_jenkins", shown);
}

#[test]
fn what_jenkins_builds() {
    let two = "services: { a: { image: a }, b: { image: b } }\n";
    let jenkins = |services: &str, fields: &str| {
        problems(&format!(
            "name: gsm\nregion: eu-central-1\n{services}ci:\n  jenkins:\n    admin_cidrs: [203.0.113.7/32]\n{fields}"
        ))
    };
    insta::assert_snapshot!(
        "jenkins_builds_nothing",
        jenkins(
            two,
            "    branch: main\n    service: a\n    github: { env: A }\n    registry: { user: me, token: { env: B } }\n"
        )
    );
    insta::assert_snapshot!("jenkins_builds_one_of_two", jenkins(two, "    repository: a/b\n"));
    insta::assert_snapshot!(
        "jenkins_builds_what_is_not_there",
        jenkins(two, "    repository: a/b\n    service: c\n")
    );
    let wrong = "    repository: https://git.example.com/a/b\n    branch: \"$(id)\"\n    github: { env: A }\n    registry: { user: \"a b\", token: ghp_secret }\n";
    insta::assert_snapshot!(
        "jenkins_with_wrong_fields",
        jenkins("services: { a: { image: a } }\n", wrong)
    );
}

#[test]
fn one_thing_builds_and_deploys() {
    insta::assert_snapshot!(problems(&stack("ci:\n  jenkins: { admin_cidrs: [203.0.113.7/32], disk: 1 }\n  github_actions: { repository: a, branch: release/* }")), @r"
    error: `ci.jenkins.disk`: `1` is out of range
     --> stack.yaml:4:51
      |
    4 |   jenkins: { admin_cidrs: [203.0.113.7/32], disk: 1 }
      |                                                   ^
      |
      = help: a whole number from 8 to 16384

    error: `ci.github_actions` stands beside `ci.jenkins`
     --> stack.yaml:5:3
      |
    5 |   github_actions: { repository: a, branch: release/* }
      |   ^^^^^^^^^^^^^^
      |
      = help: one of them builds and deploys: take the other one out

    error: `ci.github_actions.repository`: `a` is not a repository on GitHub
     --> stack.yaml:5:33
      |
    5 |   github_actions: { repository: a, branch: release/* }
      |                                 ^
      |
      = help: `owner/name`, spelt as in its address, capitals too

    error: `ci.github_actions.branch`: `release/*` is not the name of a branch
     --> stack.yaml:5:44
      |
    5 |   github_actions: { repository: a, branch: release/* }
      |                                            ^^^^^^^^^
      |
      = help: one branch, without `refs/heads/` and without patterns, such as `main`

    4 problems in stack.yaml
    ");
    for (name, fields) in [
        ("one_number_alone", "repository: a/b, owner_id: 1"),
        ("the_other_number_alone", "repository_id: 2"),
        (
            "nothing_right_in_github_actions",
            "repository: https://github.com/a/b, branch: refs:heads, owner_id: a, repository_id: 0",
        ),
    ] {
        let text = stack(&format!("ci: {{ github_actions: {{ {fields} }} }}"));
        insta::assert_snapshot!(name, problems(&text));
    }
}

#[test]
fn a_service_cannot_be_called_like_a_part_of_the_stack() {
    for name in ["jenkins", "github-provider", "database", "balancer-2", "bot-task", "a-execution"]
    {
        let shown = problems(&stack(&format!("services: {{ {name}: {{ image: a }} }}")));
        assert!(shown.contains("is what a part of the stack is called"), "{name}: {shown}");
    }
    for name in ["bot", "keys", "task", "groups", "webhttp"] {
        let shown = crate::config::parse(
            "stack.yaml",
            &stack(&format!("services: {{ {name}: {{ image: a }} }}")),
            &|_| None,
        );
        assert!(shown.is_ok(), "{name}");
    }
}
