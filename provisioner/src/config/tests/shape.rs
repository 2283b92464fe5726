//! Fields that are missing, misplaced, unknown, doubled or of the wrong type.

use super::*;

#[test]
fn missing_fields() {
    insta::assert_snapshot!(problems("tags: {}\ndatabase: {}\nservices:\n  bot: {}\nci: {}\n"), @r"
    error: the file has no `name`
     --> stack.yaml:1:1
      |
    1 | tags: {}
      | ^^^^
      |
      = help: add `name: my-bot`

    error: the file has no `region`
     --> stack.yaml:1:1
      |
    1 | tags: {}
      | ^^^^
      |
      = help: add `region: eu-central-1`

    error: `database` has no `roles`
     --> stack.yaml:2:1
      |
    2 | database: {}
      | ^^^^^^^^
      |
      = help: add `roles: [readWrite@my-database]`

    error: `database` has no `project`
     --> stack.yaml:2:1
      |
    2 | database: {}
      | ^^^^^^^^
      |
      = help: add `project: my-project`

    error: `database` has no `cluster`
     --> stack.yaml:2:1
      |
    2 | database: {}
      | ^^^^^^^^
      |
      = help: add `cluster: my-cluster`

    error: `database` has no `tier`
     --> stack.yaml:2:1
      |
    2 | database: {}
      | ^^^^^^^^
      |
      = help: add `tier: flex`

    error: `database` has no `user`
     --> stack.yaml:2:1
      |
    2 | database: {}
      | ^^^^^^^^
      |
      = help: add `user: my-bot`

    error: `database` has no `allow_from`
     --> stack.yaml:2:1
      |
    2 | database: {}
      | ^^^^^^^^
      |
      = help: add `allow_from: [0.0.0.0/0]`

    error: `services.bot` has no `image`
     --> stack.yaml:4:3
      |
    4 |   bot: {}
      |   ^^^
      |
      = help: add `image: docker.io/owner/bot:1.0`

    error: `ci` has neither `jenkins` nor `github_actions`
     --> stack.yaml:5:1
      |
    5 | ci: {}
      | ^^
      |
      = help: add one of them with its fields below it, or take `ci` out: `github_actions: { repository: owner/name }` needs no machine

    10 problems in stack.yaml
    ");
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(problems(r#"
name: 5
region: [eu-central-1]
tags: none
network:
logs: 30
services:
  bot:
    image:
      name: x
    cpu: 256.0
    memory: lots
    exec: yes
    command: run me
    user: 1.5
  worker:
  4: { image: bot }
"#), @r#"
    error: `name` must be text, not a number
     --> stack.yaml:2:7
      |
    2 | name: 5
      |       ^ quote it
      |
      = help: write "5"

    error: `region` must be text, not a list
     --> stack.yaml:3:9
      |
    3 | region: [eu-central-1]
      |         ^^^^^^^^^^^^^^

    error: `tags`: `none` is not a map of names and values
     --> stack.yaml:4:7
      |
    4 | tags: none
      |       ^^^^

    error: `network` is empty
     --> stack.yaml:5:1
      |
    5 | network:
      | ^^^^^^^
      |
      = help: write its fields below it, `network: {}` for the defaults, or take it out

    error: `logs` must be a map of fields, not a number
     --> stack.yaml:6:7
      |
    6 | logs: 30
      |       ^^

    error: `services.bot.image` must be text, not a map
      --> stack.yaml:10:7
       |
    10 |       name: x
       |       ^^^^

    error: `services.bot.cpu` must be a whole number, not a fraction
      --> stack.yaml:11:10
       |
    11 |     cpu: 256.0
       |          ^^^^^

    error: `services.bot.memory`: `lots` is not a whole number
      --> stack.yaml:12:13
       |
    12 |     memory: lots
       |             ^^^^

    error: `services.bot.exec`: `yes` is not `true` or `false`
      --> stack.yaml:13:11
       |
    13 |     exec: yes
       |           ^^^
       |
       = help: YAML 1.2 knows no other words for them

    error: `services.bot.command`: `run me` is not a list
      --> stack.yaml:14:14
       |
    14 |     command: run me
       |              ^^^^^^

    error: `services.bot.user` must be text, not a fraction
      --> stack.yaml:15:11
       |
    15 |     user: 1.5
       |           ^^^ quote it
       |
       = help: write "1.5"

    error: `services.worker` is empty
      --> stack.yaml:16:3
       |
    16 |   worker:
       |   ^^^^^^
       |
       = help: write its fields below it, `worker: {}` for the defaults, or take it out

    error: `services.4`: `4` cannot be the name of a service
      --> stack.yaml:17:3
       |
    17 |   4: { image: bot }
       |   ^
       |
       = help: lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen

    13 problems in stack.yaml
    "#);
    insta::assert_snapshot!(problems("- name: gsm"), @r"
    error: the file must be a map of fields, not a list
     --> stack.yaml:1:3
      |
    1 | - name: gsm
      |   ^^^^

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("stack"), @r"
    error: the file: `stack` is not a map of fields
     --> stack.yaml:1:1
      |
    1 | stack
      | ^^^^^

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems(""), @r"
    error: the file is empty
    --> stack.yaml
     = help: it needs at least `name:`, `region:` and `services:`

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("# nothing\n---\n"), @r"
    error: the file is empty
    --> stack.yaml
     = help: it needs at least `name:`, `region:` and `services:`

    1 problem in stack.yaml
    ");
}

#[test]
fn duplicate_keys() {
    insta::assert_snapshot!(problems("name: gsm\nregion: eu-central-1\nname: other\nlogs: { retention_days: 1, retention_days: 2 }\n"), @r"
    error: `name` is given twice
     --> stack.yaml:3:1
      |
    3 | name: other
      | ^^^^ already given in line 1

    error: `retention_days` is given twice
     --> stack.yaml:4:28
      |
    4 | logs: { retention_days: 1, retention_days: 2 }
      |                            ^^^^^^^^^^^^^^ already given in line 4

    2 problems in stack.yaml
    ");
}

#[test]
fn aliases_stand_for_whole_values() {
    let text = stack("services:\n  a: &a { image: bot, cpu: 512, memory: 1024 }\n  b: *a\n");
    let services = config(&text).services;
    assert_eq!(services["a"], services["b"]);
    insta::assert_snapshot!(problems(&stack("services:\n  a: &a { image: bot, cpu: 3 }\n  b: *a\n  c: { <<: *a, count: 2 }\n")), @r"
    error: `services.a.cpu`: `3` is not a size Fargate has
     --> stack.yaml:4:28
      |
    4 |   a: &a { image: bot, cpu: 3 }
      |                            ^
      |
      = help: one of 256, 512, 1024, 2048, 4096, 8192, 16384 (1024 units are one vCPU)

    error: `services.b.cpu`: `3` is not a size Fargate has
     --> stack.yaml:4:28
      |
    4 |   a: &a { image: bot, cpu: 3 }
      |                            ^
      |
      = help: one of 256, 512, 1024, 2048, 4096, 8192, 16384 (1024 units are one vCPU)

    error: `services.c` has no `image`
     --> stack.yaml:6:3
      |
    6 |   c: { <<: *a, count: 2 }
      |   ^
      |
      = help: add `image: docker.io/owner/bot:1.0`

    error: unknown field `<<` in `services.c`
     --> stack.yaml:6:8
      |
    6 |   c: { <<: *a, count: 2 }
      |        ^^ merge keys are not supported
      |
      = help: an alias may stand for a whole value

    4 problems in stack.yaml
    ");
}

#[test]
fn columns_count_characters() {
    insta::assert_snapshot!(problems("name: gsm\nregion: eu-central-1\ntags: { ä: 'größe', 日本: '語', ü: 1.5 }\n"), @r#"
    error: `tags.ü` must be text, not a fraction
     --> stack.yaml:3:33
      |
    3 | tags: { ä: 'größe', 日本: '語', ü: 1.5 }
      |                                    ^^^ quote it
      |
      = help: write "1.5"

    1 problem in stack.yaml
    "#);
}
