//! Files written to do harm, and files that nobody wrote on purpose.

use super::*;

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
            "ci: {{ jenkins: {{ admin_cidrs: [\"{nasty}\"], repository: \"{nasty}\", branch: \"{nasty}\", service: \"{nasty}\", registry: {{ user: \"{nasty}\", token: {{ env: \"{nasty}\" }} }}, key_pair: \"{nasty}\" }} }}"
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
