//! Variables in the file, and what must not be shown of them or of secrets.

use super::*;

#[test]
fn variables_of_the_environment() {
    let text = service("    cpu: ${CPU}\n    memory: \"1024\"\n    exec: ${ON}\n    environment: { A: '${TAG} $${TAG} $TAG', B: '${YAML}', C: '${EMPTY}' }")
        .replace("bot:1", "bot:${TAG}");
    let service = config(&text).services["bot"].clone();
    assert_eq!((service.image.as_str(), service.cpu, service.exec), ("bot:v1", 512, true));
    assert_eq!(service.environment["A"], "v1 ${TAG} $TAG");
    assert_eq!(service.environment["B"], "x\nname: [");
    assert_eq!(service.environment["C"], "");
    insta::assert_snapshot!(problems(r"
name: gsm
region: ${REGION}
services:
  bot:
    image: bot:${TAG}-${MISSING}
    environment:
      ESCAPED: $${ONE} ${ONE}
      BLOCK: |
        first line
        second ${TWO} line
      SHELL: ${HOME:-/root}
      OPEN: ${
"), @r"
    error: the environment variable `REGION` is not set
     --> stack.yaml:3:9
      |
    3 | region: ${REGION}
      |         ^^^^^^^^^
      |
      = help: set it, or write `$${REGION}` to mean these characters themselves

    error: the environment variable `MISSING` is not set
     --> stack.yaml:6:23
      |
    6 |     image: bot:${TAG}-${MISSING}
      |                       ^^^^^^^^^^
      |
      = help: set it, or write `$${MISSING}` to mean these characters themselves

    error: the environment variable `ONE` is not set
     --> stack.yaml:8:24
      |
    8 |       ESCAPED: $${ONE} ${ONE}
      |                        ^^^^^^
      |
      = help: set it, or write `$${ONE}` to mean these characters themselves

    error: the environment variable `TWO` is not set
      --> stack.yaml:11:16
       |
    11 |         second ${TWO} line
       |                ^^^^^^
       |
       = help: set it, or write `$${TWO}` to mean these characters themselves

    error: `HOME:-/root` is not the name of a variable
      --> stack.yaml:12:14
       |
    12 |       SHELL: ${HOME:-/root}
       |              ^^^^^^^^^^^^^^
       |
       = help: only `${NAME}` is replaced; write `$${` to mean the characters `${` themselves

    error: `${` without `}`
      --> stack.yaml:13:13
       |
    13 |       OPEN: ${
       |             ^^
       |
       = help: write `${NAME}` for a variable, `$${` to mean the characters `${` themselves

    6 problems in stack.yaml
    ");
}

#[test]
fn what_a_variable_held_is_not_shown() {
    let shown = problems(&service(
        "    host: ${SECRET}\n    cpu: ${SECRET}\n    user: ${SECRET}\n    exec: ${SECRET}",
    ));
    assert!(!shown.contains("canary"), "{shown}");
    insta::assert_snapshot!(shown, @r"
    error: `services` has no service for requests that no rule is for
     --> stack.yaml:4:1
      |
    4 | services:
      | ^^^^^^^^
      |
      = help: one service with a `port` must have neither `host` nor `path`

    error: `services.bot.host`: `${SECRET}` (with what the variable holds) is not a host name
     --> stack.yaml:8:11
      |
    8 |     host: ${SECRET}
      |           ^^^^^^^^^
      |
      = help: for example `api.example.com` or `*.example.com`

    error: `services.bot.cpu`: `${SECRET}` (with what the variable holds) is not a whole number
     --> stack.yaml:9:10
      |
    9 |     cpu: ${SECRET}
      |          ^^^^^^^^^

    error: `services.bot.user`: `${SECRET}` (with what the variable holds) is not a user
      --> stack.yaml:10:11
       |
    10 |     user: ${SECRET}
       |           ^^^^^^^^^
       |
       = help: a name or a number, with a group after a colon if need be: `1000:1000`

    error: `services.bot.exec`: `${SECRET}` (with what the variable holds) is not `true` or `false`
      --> stack.yaml:11:11
       |
    11 |     exec: ${SECRET}
       |           ^^^^^^^^^

    5 problems in stack.yaml
    ");
}

#[test]
fn secrets_in_the_file_are_not_shown() {
    let shown = problems(&service(
        "    secrets:\n      A: canary-1\n      B: { env: canary-2, x: 1 }\n      C: [canary-3]\n      D: { generate: 16, env: E }\n      E: {}\n      canary_: { generate: 1000 }",
    ));
    assert!(!shown.contains("canary-"), "{shown}");
    insta::assert_snapshot!(shown, @r"
    error: `services.bot.secrets.A` must say where the secret comes from, not what it is
     --> stack.yaml:9:10
      |
    9 |       A: ********
      |          ^^^^^^^^
      |
      = help: one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    error: `services.bot.secrets.B.env` is not the name of an environment variable
      --> stack.yaml:10:17
       |
    10 |       B: { env: ********, x: 1 }
       |                 ^^^^^^^^
       |
       = help: the name of the variable that holds the secret when `up` runs, for example `BOT_TOKEN`

    error: unknown field `x` in `services.bot.secrets.B`
      --> stack.yaml:10:27
       |
    10 |       B: { env: ********, x: 1 }
       |                           ^
       |
       = help: possible fields: env, generate, database

    error: `services.bot.secrets.C` must say where the secret comes from, not what it is
      --> stack.yaml:11:10
       |
    11 |       C: **********
       |          ^^^^^^^^^^
       |
       = help: one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    error: `services.bot.secrets.D` comes from more than one place
      --> stack.yaml:12:7
       |
    12 |       D: { generate: 16, env: E }
       |       ^
       |
       = help: only one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    error: `services.bot.secrets.E` does not say where the secret comes from
      --> stack.yaml:13:7
       |
    13 |       E: {}
       |       ^
       |
       = help: one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    error: `services.bot.secrets.canary_.generate`: `1000` is out of range
      --> stack.yaml:14:28
       |
    14 |       canary_: { generate: 1000 }
       |                            ^^^^
       |
       = help: a whole number from 16 to 512

    7 problems in stack.yaml
    ");
}

#[test]
fn secrets_in_the_file_are_not_shown_by_other_problems_either() {
    let shown =
        problems(&service("    secrets: { A: canary-1, A: canary-2, A: canary-3, '': canary-4 }"));
    assert!(!shown.contains("canary"), "{shown}");
    insta::assert_snapshot!(shown, @r"
    error: `services.bot.secrets.A` must say where the secret comes from, not what it is
     --> stack.yaml:8:19
      |
    8 |     secrets: { A: ********, A: ********, A: ********, '': ******** }
      |                   ^^^^^^^^
      |
      = help: one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    error: `A` is given twice
     --> stack.yaml:8:29
      |
    8 |     secrets: { A: ********, A: ********, A: ********, '': ******** }
      |                             ^ already given in line 8

    error: `A` is given twice
     --> stack.yaml:8:42
      |
    8 |     secrets: { A: ********, A: ********, A: ********, '': ******** }
      |                                          ^ already given in line 8

    error: `services.bot.secrets.`: `` is not the name of an environment variable
     --> stack.yaml:8:55
      |
    8 |     secrets: { A: ********, A: ********, A: ********, '': ******** }
      |                                                       ^^
      |
      = help: letters, digits and underscores, not starting with a digit

    error: `services.bot.secrets.` must say where the secret comes from, not what it is
     --> stack.yaml:8:59
      |
    8 |     secrets: { A: ********, A: ********, A: ********, '': ******** }
      |                                                           ^^^^^^^^
      |
      = help: one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    5 problems in stack.yaml
    ");
}
