//! Files written to do harm, and files that nobody wrote on purpose.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

/// What most of a right file is made of, with a section of each kind.
const FULL: &str = r#"
name: gsm
region: eu-central-1
tags: { project: gamers }
state: { s3: team-state/gsm, region: eu-central-1, account: "123456789012" }
network: { vpc: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1] }
database: { project: gsm, cluster: gsm-db, tier: m10, region: EU_CENTRAL_1, user: gsm-bot, roles: [readWrite@gsm], allow_from: [203.0.113.7/32] }
logs: { retention_days: 30 }
cluster: { container_insights: enhanced }
load_balancer: { domain: bot.example.com, zone: example.com, allow_from: [0.0.0.0/0], idle_timeout: 60, deletion_protection: true }
services:
  bot: &bot
    image: docker.io/me/bot:${TAG}
    cpu: ${CPU}
    memory: 1024
    port: 8080
    health_check: { path: /healthz, codes: "200-299", interval: 10, timeout: 5, healthy: 2, unhealthy: 3, grace: 60 }
    environment: { MODE: webhook, EMPTY: "" }
    secrets: { TOKEN: { env: TOKEN }, MADE: { generate: 32 }, URI: { database: uri } }
    deployment: { minimum_healthy_percent: 100, maximum_percent: 200, circuit_breaker: true }
  web:
    image: me/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    port: 80
    architecture: arm64
    host: web.example.com
    path: "/api/*"
    command: [serve, "--all"]
    user: "1000:1000"
    container_check: { command: [web, health], interval: 30, timeout: 5, retries: 3, start_period: 10 }
ci:
  jenkins:
    admin_cidrs: [203.0.113.7/32]
    repository: me/bot
    branch: main
    service: bot
    github: { env: TOKEN }
    registry: { user: me, token: { env: TOKEN } }
protect: [database, jenkins-disk]
"#;

#[test]
fn aliases_do_not_explode() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    insta::assert_snapshot!(problems(&bomb), @r"
    error: more than 50000 values, counting what aliases stand for
     --> stack.yaml:5:30
      |
    5 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
      |                              ^^^

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: &a [*a]\n"), @r"
    error: this alias stands for something it is part of
     --> stack.yaml:1:11
      |
    1 | name: &a [*a]
      |           ^^

    1 problem in stack.yaml
    ");
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        for depth in [40, 1000, 30_000] {
            let text = format!("{}{}", open.repeat(depth), close.repeat(depth));
            assert!(parse("stack.yaml", &text, &env).is_err());
        }
    }
}

/// Whatever is in the file, the terminal gets printable characters and line feeds only.
#[test]
fn nothing_in_the_file_reaches_the_terminal_raw() {
    let nasty = "\\e[31mred\\a\\x9b1m\\u202Ereversed\\u200b";
    let raw = "\u{1b}[31mred\u{7}\u{9b}1m\u{202e}reversed\u{200b}";
    let mut texts = vec![
        service(&format!(
            "    \"{nasty}\": 1\n    host: \"{nasty}\"\n    cpu: \"{nasty}\"\n    user: \"{nasty}\""
        )),
        stack(&format!(
            "tags: {{ \"{nasty}\": \"{nasty}\" }}\nservices: {{ \"{nasty}\": {{ image: \"{nasty}\" }} }}"
        )),
        stack(&format!(
            "ci: {{ jenkins: {{ admin_cidrs: [\"{nasty}\"], domain: \"{nasty}\", repository: \"{nasty}\", branch: \"{nasty}\", service: \"{nasty}\", registry: {{ user: \"{nasty}\", token: {{ env: \"{nasty}\" }} }}, key_pair: \"{nasty}\" }} }}"
        )),
        stack(&format!(
            "ci: {{ github_actions: {{ repository: \"{nasty}\", branch: \"{nasty}\", owner_id: \"{nasty}\" }} }}"
        )),
        stack(&format!(
            "logs: {{ retention_days: \"${{{nasty}}}\" }}\n\"{nasty}\": 1\n\"{nasty}\": 2\n"
        )),
        stack("x: \u{202e}reversed\u{200b}\u{85}y # \u{2066}"),
    ];
    texts.extend([raw.to_owned(), stack(&format!("x: {raw}")), stack(&format!("x: ${{{raw}}}"))]);
    for text in texts {
        let invalid = parse(raw, &text, &env).unwrap_err();
        for (shown, color) in [(invalid.render(false), false), (invalid.render(true), true)] {
            // Our own colours are the only escape sequences.
            let shown = if color { remove_colors(&shown) } else { shown };
            let bad = |c: &char| {
                (c.is_control() && *c != '\n') || "\u{202e}\u{200b}\u{2066}".contains(*c)
            };
            assert_eq!(shown.chars().find(bad), None, "{shown:?}");
        }
    }
    insta::assert_snapshot!(problems(&service(&format!("    host: \"{nasty}\"\n    x: \u{202e}"))), @r#"
    error: `services` has no service for requests that no rule is for
     --> stack.yaml:4:1
      |
    4 | services:
      | ^^^^^^^^
      |
      = help: one service with a `port` must have neither `host` nor `path`

    error: `services.bot.host`: `␛[31mred␇�1m�reversed�` is not a host name
     --> stack.yaml:8:11
      |
    8 |     host: "\e[31mred\a\x9b1m\u202Ereversed\u200b"
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: for example `api.example.com` or `*.example.com`

    error: unknown field `x` in `services.bot`
     --> stack.yaml:9:5
      |
    9 |     x: �
      |     ^
      |
      = help: possible fields: image, cpu, memory, port, environment, secrets, count, architecture, host, path, health_check, container_check, command, user, read_only_root, stop_timeout, exec, deployment

    3 problems in stack.yaml
    "#);
}

fn remove_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |shown, part| {
        let (codes, rest) = part.split_once('m').unwrap();
        assert!(codes.chars().all(|c| c.is_ascii_digit() || c == ';'), "{codes:?}");
        assert_ne!(codes, "31", "not a colour of ours");
        shown + rest
    })
}

#[test]
fn colour_is_optional() {
    let invalid = parse("stack.yaml", &stack("x: 1"), &env).unwrap_err();
    assert!(invalid.render(true).contains('\u{1b}') && !invalid.render(false).contains('\u{1b}'));
    assert_eq!(remove_colors(&invalid.render(true)), invalid.render(false));
    assert_eq!((invalid.count(), invalid.to_string()), (1, invalid.render(false)));
}

#[test]
fn a_thousand_problems_are_counted() {
    let text: String = (0..1000).map(|number| format!("x{number}: 1\n")).collect();
    let shown = problems(&stack(&text));
    assert!(shown.ends_with("\n\n1000 problems in stack.yaml, 900 of them not shown"), "{shown}");
}

/// Large files of any shape are done in the blink of an eye, more or less.
#[test]
fn no_file_takes_long() {
    let start = std::time::Instant::now();
    for text in [
        "x: 1\n".repeat(50_000),
        (0..30_000).map(|number| format!("x{number}: 1\n")).collect(),
        format!("x: [{}]", "[],".repeat(80_000)),
        format!("x: {}", "a".repeat(250_000)),
        format!("x: '{}'", "${A} ".repeat(50_000)),
        "x".repeat(250_000),
        format!(
            "services: {{{}}}",
            (0..8000)
                .map(|number| format!("s{number}: {{image: a, port: 1}},"))
                .collect::<String>()
        ),
    ] {
        assert!(parse("stack.yaml", &text, &env).is_err());
        let _ = problems(&text);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

/// A small deterministic stand-in for a fuzzer.
#[test]
fn no_input_panics() {
    let read = |text: &str| {
        if let Err(invalid) = parse("stack.yaml", text, &env) {
            assert!(invalid.count() > 0 && !invalid.render(false).is_empty());
        }
    };
    // Comments would be most of the text, and there is not much to break in them.
    let sample: Vec<&str> =
        STACK.lines().map(|line| line.split(" #").next().unwrap_or(line).trim_end()).collect();
    let sample = sample.join("\n");
    for end in (0..=sample.len()).filter(|end| sample.is_char_boundary(*end)) {
        read(&sample[..end]);
    }
    let lines: Vec<&str> = sample.lines().collect();
    for skipped in 0..lines.len() {
        let rest: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != skipped)
            .map(|(_, line)| *line)
            .collect();
        read(&rest.join("\n"));
        let indented: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| if at == skipped { format!(" {line}") } else { (*line).to_owned() })
            .collect();
        read(&indented.join("\n"));
    }
    for (at, char) in sample.char_indices() {
        let (before, after) = (&sample[..at], &sample[at + char.len_utf8()..]);
        for nasty in [
            "\0", "\u{1b}", "\n", "\r", "\t", " ", "\"", "{", "]", "&a ", "*a", "!", "${", "ä",
            "\u{2028}", ": ", "- ", "#", "%",
        ] {
            read(&format!("{before}{nasty}{after}"));
        }
    }
}

/// What somebody, or a broken disk, does to a file.
#[derive(Clone, Debug)]
enum Edit {
    /// Puts this there.
    Insert(Index, String),
    /// Takes as many characters out.
    Remove(Index, usize),
    /// Copies a line to another place.
    Repeat(Index, Index),
    /// Writes this after the colon of a line.
    Value(Index, String),
}

impl Edit {
    fn any() -> impl Strategy<Value = Self> {
        let pieces = prop::sample::select(vec![
            "\0",
            "\u{1b}",
            "\u{feff}",
            "\n",
            "\r",
            "\t",
            " ",
            "\"",
            "'",
            "{",
            "}",
            "[",
            "]",
            "[[[[",
            "&a ",
            "*a",
            "*bot",
            "<<: *bot\n",
            "!!binary ",
            "!x ",
            "${",
            "${TAG}",
            "${A:-${B}}",
            "$$",
            "ä",
            "\u{2028}",
            "\u{202e}",
            ": ",
            "- ",
            "#",
            "%",
            "|\n",
            ">-\n",
            "? ",
            "---\n",
            "...\n",
            "~",
            "null",
            "true",
            "0",
            "-1",
            "1e999",
            ".inf",
            "0x7f",
            "99999999999999999999",
            "0.0.0.0/0",
            "::/0",
            "{}",
            "[]",
            "name",
            "services",
            "ci",
            "jenkins",
            "secrets",
        ]);
        let piece =
            prop_oneof![3 => pieces.prop_map(str::to_owned), 1 => ".{0,8}", 1 => "\\PC{0,300}"]
                .boxed();
        prop_oneof![
            (any::<Index>(), piece.clone()).prop_map(|(at, it)| Self::Insert(at, it)),
            (any::<Index>(), 1..80_usize).prop_map(|(at, it)| Self::Remove(at, it)),
            any::<(Index, Index)>().prop_map(|(from, to)| Self::Repeat(from, to)),
            (any::<Index>(), piece).prop_map(|(at, it)| Self::Value(at, it)),
        ]
    }

    fn applied(&self, text: &str) -> String {
        let lines = || text.lines().map(str::to_owned).collect::<Vec<_>>();
        match self {
            _ if text.is_empty() => String::new(),
            Self::Insert(at, it) => {
                let (before, after) = split(text, *at);
                format!("{before}{it}{after}")
            }
            Self::Remove(at, count) => {
                let (before, after) = split(text, *at);
                before.chars().chain(after.chars().skip(*count)).collect()
            }
            Self::Repeat(from, to) => {
                let mut lines = lines();
                let line = lines[from.index(lines.len())].clone();
                lines.insert(to.index(lines.len()), line);
                lines.join("\n")
            }
            Self::Value(at, it) => {
                let mut lines = lines();
                let at = at.index(lines.len());
                let key = lines[at].split(':').next().unwrap_or_default();
                lines[at] = format!("{key}: {it}");
                lines.join("\n")
            }
        }
    }
}

fn split(text: &str, at: Index) -> (&str, &str) {
    let place = text.char_indices().nth(at.index(text.chars().count()));
    text.split_at(place.map_or(0, |(at, _)| at))
}

#[test]
fn what_is_damaged_below_is_right_before() {
    config(FULL);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// `PROPTEST_CASES=1000000` reads as many as one likes.
    #[test]
    fn whatever_is_written_is_read_or_refused(edits in vec(Edit::any(), 1..6)) {
        let text = edits.iter().fold(FULL.to_owned(), |text, edit| edit.applied(&text));
        if let Err(invalid) = parse("stack.yaml", &text, &env) {
            let shown = invalid.render(false);
            prop_assert!(invalid.count() > 0 && shown.starts_with("error: "), "{shown}");
            prop_assert!(!shown.chars().any(|it| it.is_control() && it != '\n'), "{shown:?}");
        }
    }
}
