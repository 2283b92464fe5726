//! One file with a mistake of nearly every kind.

use super::*;

#[test]
fn everything_at_once() {
    insta::assert_snapshot!(problems(r#"
name: Gamers_Bot
region: EU_CENTRAL_1
owner: me
tags: { "aws:x": 1, Team: a, team: b }
network: { vpc: vpc-12, subnets: [subnet-0123456789abcdef0] }
database:
  project: gsm
  cluster: gsm_db
  tier: serverless
  region: eu-central-1
  user: gsm bot
  roles: [readWrite]
  allow_from: [203.0.113.7, 10.0.0.1/8]
logs: { retention_days: 45 }
load_balancer:
  domain: bot.example.org
  zone: example.com
  idle_timeout: 5000
services:
  bot:
    image: https://docker.io/Owner/bot
    cpu: 256
    memmory: 512
    memory: 3000
    port: 8080
    health_check: { path: healthz, codes: "600", interval: 5 }
    environment: { MODE: webhook, 1X: a, RATIO: 0.5, NOTHING: }
    secrets:
      MODE: { generate: 8 }
      TOKEN: 123456:raw-secret
      URI: { database: url }
    deployment: { minimum_healthy_percent: 100, maximum_percent: 100 }
  second: { image: bot, port: 8081 }
  third: { port: eighty, architecture: amd64, host: Api }
ci:
  jenkins: { admin_cidrs: [0.0.0.0/0], instance_type: t3, repo: a/b }
protect: database
"#), @r#"
    error: `name`: `Gamers_Bot` cannot be the name of a stack
     --> stack.yaml:2:7
      |
    2 | name: Gamers_Bot
      |       ^^^^^^^^^^
      |
      = help: lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen; for example `gamers-bot`

    error: `region`: `EU_CENTRAL_1` is not the name of an AWS region
     --> stack.yaml:3:9
      |
    3 | region: EU_CENTRAL_1
      |         ^^^^^^^^^^^^
      |
      = help: did you mean `eu-central-1`?

    error: unknown field `owner`
     --> stack.yaml:4:1
      |
    4 | owner: me
      | ^^^^^
      |
      = help: possible fields: name, region, state, tags, network, database, logs, load_balancer, cluster, services, ci, protect

    error: `tags.aws:x`: `aws:x` starts with `aws:`, which belongs to AWS
     --> stack.yaml:5:9
      |
    5 | tags: { "aws:x": 1, Team: a, team: b }
      |         ^^^^^^^

    error: `tags.team` differs from `Team` in case only
     --> stack.yaml:5:30
      |
    5 | tags: { "aws:x": 1, Team: a, team: b }
      |                              ^^^^
      |
      = help: IAM takes these for the same key

    error: `network.vpc`: `vpc-12` is not the id of a vpc
     --> stack.yaml:6:17
      |
    6 | network: { vpc: vpc-12, subnets: [subnet-0123456789abcdef0] }
      |                 ^^^^^^
      |
      = help: `vpc-` and 8 or 17 digits from 0 to f, for example `vpc-0123456789abcdef0`

    error: `network.subnets` has only one subnet
     --> stack.yaml:6:34
      |
    6 | network: { vpc: vpc-12, subnets: [subnet-0123456789abcdef0] }
      |                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: at least two, in different availability zones, or none for all of the VPC's: a load balancer needs two

    error: `database.cluster`: `gsm_db` cannot be the name of an Atlas cluster
     --> stack.yaml:9:12
      |
    9 |   cluster: gsm_db
      |            ^^^^^^
      |
      = help: at most 64 letters, digits and hyphens, not starting with a hyphen

    error: `database.tier`: `serverless` does not exist any more: Atlas ended serverless instances on 22 January 2026
      --> stack.yaml:10:9
       |
    10 |   tier: serverless
       |         ^^^^^^^^^^
       |
       = help: use `free` or `flex`, or a dedicated tier from `m10` on

    error: `database.region`: `eu-central-1` is not how Atlas writes a region
      --> stack.yaml:11:11
       |
    11 |   region: eu-central-1
       |           ^^^^^^^^^^^^
       |
       = help: did you mean `EU_CENTRAL_1`?

    error: `database.user`: `gsm bot` cannot be the name of a database user
      --> stack.yaml:12:9
       |
    12 |   user: gsm bot
       |         ^^^^^^^
       |
       = help: at most 100 letters, digits, dots, hyphens and underscores

    error: `database.roles[0]`: `readWrite` is not a role
      --> stack.yaml:13:11
       |
    13 |   roles: [readWrite]
       |           ^^^^^^^^^
       |
       = help: `role@database`, for example `readWrite@gsm`

    error: `database.allow_from[0]`: `203.0.113.7` is an address, not a range
      --> stack.yaml:14:16
       |
    14 |   allow_from: [203.0.113.7, 10.0.0.1/8]
       |                ^^^^^^^^^^^
       |
       = help: `203.0.113.7/32` for this address alone

    error: `database.allow_from[1]`: `10.0.0.1/8` is an address within a range, not a range
      --> stack.yaml:14:29
       |
    14 |   allow_from: [203.0.113.7, 10.0.0.1/8]
       |                             ^^^^^^^^^^
       |
       = help: `10.0.0.0/8` for the whole range, `10.0.0.1/32` for this address

    error: `logs.retention_days`: `45` is not a retention CloudWatch offers
      --> stack.yaml:15:25
       |
    15 | logs: { retention_days: 45 }
       |                         ^^
       |
       = help: nearest: 30 or 60; possible: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, or `never` to keep logs for ever

    error: `load_balancer.domain`: `bot.example.org` is not in the zone `example.com`
      --> stack.yaml:17:11
       |
    17 |   domain: bot.example.org
       |           ^^^^^^^^^^^^^^^
       |
       = help: `example.com` itself or a name that ends with `.example.com`

    error: `load_balancer.idle_timeout`: `5000` is out of range
      --> stack.yaml:19:17
       |
    19 |   idle_timeout: 5000
       |                 ^^^^
       |
       = help: a whole number from 1 to 4000

    error: `services.bot.image`: `https://docker.io/Owner/bot` is not a reference to an image
      --> stack.yaml:22:12
       |
    22 |     image: https://docker.io/Owner/bot
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: leave the scheme out: `docker.io/Owner/bot`

    error: unknown field `memmory` in `services.bot`
      --> stack.yaml:24:5
       |
    24 |     memmory: 512
       |     ^^^^^^^ did you mean `memory`?

    error: `services.bot.memory`: `3000` MiB do not go with 256 CPU units on Fargate
      --> stack.yaml:25:13
       |
    25 |     memory: 3000
       |             ^^^^
       |
       = help: nearest: `memory: 2048` (256 units take 512, 1024, 2048 MiB)

    error: `services.bot.health_check` has a `timeout` of 5 s (the default) and an `interval` of 5 s
      --> stack.yaml:27:5
       |
    27 |     health_check: { path: healthz, codes: "600", interval: 5 }
       |     ^^^^^^^^^^^^
       |
       = help: the timeout must be the shorter one

    error: `services.bot.health_check.path`: `healthz` is not a path
      --> stack.yaml:27:27
       |
    27 |     health_check: { path: healthz, codes: "600", interval: 5 }
       |                           ^^^^^^^
       |
       = help: it starts with `/`, as in `/healthz`

    error: `services.bot.health_check.codes`: `600` are not status codes of HTTP
      --> stack.yaml:27:43
       |
    27 |     health_check: { path: healthz, codes: "600", interval: 5 }
       |                                           ^^^^^
       |
       = help: codes from 200 to 499, as in `200`, `200-299` or `200,301`

    error: `services.bot.environment.1X`: `1X` is not the name of an environment variable
      --> stack.yaml:28:35
       |
    28 |     environment: { MODE: webhook, 1X: a, RATIO: 0.5, NOTHING: }
       |                                   ^^
       |
       = help: letters, digits and underscores, not starting with a digit

    error: `services.bot.environment.RATIO` must be text, not a fraction
      --> stack.yaml:28:49
       |
    28 |     environment: { MODE: webhook, 1X: a, RATIO: 0.5, NOTHING: }
       |                                                 ^^^ quote it
       |
       = help: write "0.5"

    error: `services.bot.environment.NOTHING` has no value
      --> stack.yaml:28:54
       |
    28 |     environment: { MODE: webhook, 1X: a, RATIO: 0.5, NOTHING: }
       |                                                      ^^^^^^^ quote it
       |
       = help: write "" for an empty text

    error: `services.bot.secrets.MODE` is in `environment` as well
      --> stack.yaml:30:7
       |
    30 |       MODE: { generate: 8 }
       |       ^^^^
       |
       = help: a variable has one value

    error: `services.bot.secrets.MODE.generate`: `8` is out of range
      --> stack.yaml:30:25
       |
    30 |       MODE: { generate: 8 }
       |                         ^
       |
       = help: a whole number from 16 to 512

    error: `services.bot.secrets.TOKEN` must say where the secret comes from, not what it is
      --> stack.yaml:31:14
       |
    31 |       TOKEN: *****************
       |              ^^^^^^^^^^^^^^^^^
       |
       = help: one of `{ env: VARIABLE }`, `{ generate: 32 }` or `{ database: uri }`

    error: `services.bot.secrets.URI.database`: `url` is not possible here
      --> stack.yaml:32:24
       |
    32 |       URI: { database: url }
       |                        ^^^
       |
       = help: only `uri` is possible

    error: `services.bot.deployment` could never replace a task: with a `count` of 1, at least 100 % and at most 100 % must run
      --> stack.yaml:33:5
       |
    33 |     deployment: { minimum_healthy_percent: 100, maximum_percent: 100 }
       |     ^^^^^^^^^^
       |
       = help: `minimum_healthy_percent: 100` and `maximum_percent: 200` start the new task first
       = help: `minimum_healthy_percent: 0` and `maximum_percent: 100` stop the old task first

    error: `services.second` has no `host` or `path`, and neither has `services.bot`
      --> stack.yaml:34:3
       |
    34 |   second: { image: bot, port: 8081 }
       |   ^^^^^^
       |
       = help: only one service takes what no rule is for; give the others a `host` or a `path` of their own

    error: `services.third` has no `image`
      --> stack.yaml:35:3
       |
    35 |   third: { port: eighty, architecture: amd64, host: Api }
       |   ^^^^^
       |
       = help: add `image: docker.io/owner/bot:1.0`

    error: `services.third.port`: `eighty` is not a whole number
      --> stack.yaml:35:18
       |
    35 |   third: { port: eighty, architecture: amd64, host: Api }
       |                  ^^^^^^

    error: `services.third.architecture`: `amd64` is called `x86_64` here
      --> stack.yaml:35:40
       |
    35 |   third: { port: eighty, architecture: amd64, host: Api }
       |                                        ^^^^^

    error: `services.third.host`: `Api` is not a host name
      --> stack.yaml:35:53
       |
    35 |   third: { port: eighty, architecture: amd64, host: Api }
       |                                                     ^^^
       |
       = help: for example `api.example.com` or `*.example.com`

    error: `ci.jenkins.admin_cidrs[0]`: `0.0.0.0/0` would open Jenkins and SSH to the whole world
      --> stack.yaml:37:28
       |
    37 |   jenkins: { admin_cidrs: [0.0.0.0/0], instance_type: t3, repo: a/b }
       |                            ^^^^^^^^^
       |
       = help: the addresses of those who administer it, as in `203.0.113.7/32`; GitHub's webhooks are let in by themselves where `repository` is given

    error: `ci.jenkins.instance_type`: `t3` is not a type of EC2 instance
      --> stack.yaml:37:55
       |
    37 |   jenkins: { admin_cidrs: [0.0.0.0/0], instance_type: t3, repo: a/b }
       |                                                       ^^
       |
       = help: for example `t3.small`

    error: unknown field `repo` in `ci.jenkins`
      --> stack.yaml:37:59
       |
    37 |   jenkins: { admin_cidrs: [0.0.0.0/0], instance_type: t3, repo: a/b }
       |                                                           ^^^^ did you mean `repository`?

    error: `protect`: `database` is not a list
      --> stack.yaml:38:10
       |
    38 | protect: database
       |          ^^^^^^^^

    40 problems in stack.yaml
    "#);
}
