//! Files that cannot be read at all.

use super::*;

#[test]
fn yaml_that_cannot_be_read() {
    insta::assert_snapshot!(problems("name: gsm\nregion: [eu-central-1\nservices:\n"), @r"
    error: this is not valid YAML: illegal placement of ':' indicator
     --> stack.yaml:3:9
      |
    3 | services:
      |         ^
      |
      = help: the cause may be in a line before: a bracket or quote left open, or a line indented differently

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: gsm\n\tregion: x\n"), @r"
    error: a tab indents this line, which YAML does not allow
     --> stack.yaml:2:1
      |
    2 |  region: x
      | ^
      |
      = help: indent with spaces

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: gsm\n---\nname: other\n"), @r"
    error: a second YAML document starts here
     --> stack.yaml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: a file holds one stack

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: !!str gsm\n"), @r"
    error: YAML tags are not used in this file
     --> stack.yaml:1:7
      |
    1 | name: !!str gsm
      |       ^^^^^^^^^
      |
      = help: quote a value to make it text

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: *other\n"), @r"
    error: this is not valid YAML: while parsing node, found unknown anchor
     --> stack.yaml:1:7
      |
    1 | name: *other
      |       ^
      |
      = help: the cause may be in a line before: a bracket or quote left open, or a line indented differently

    1 problem in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: \"gsm\n"), @r#"
    error: this is not valid YAML: while scanning a quoted scalar, found unexpected end of stream
     --> stack.yaml:1:7
      |
    1 | name: "gsm
      |       ^
      |
      = help: the cause may be in a line before: a bracket or quote left open, or a line indented differently

    1 problem in stack.yaml
    "#);
    insta::assert_snapshot!(problems("? [a]\n: b\n"), @r"
    error: a name is expected here
     --> stack.yaml:1:3
      |
    1 | ? [a]
      |   ^^^
      |
      = help: every entry is written `name: value`

    error: the file has no `name`
     --> stack.yaml:1:3
      |
    1 | ? [a]
      |   ^^^
      |
      = help: add `name: my-bot`

    error: the file has no `region`
     --> stack.yaml:1:3
      |
    1 | ? [a]
      |   ^^^
      |
      = help: add `region: eu-central-1`

    3 problems in stack.yaml
    ");
    insta::assert_snapshot!(problems("name: gsm\u{1}\n"), @r"
    error: the file has a control character, which YAML does not allow
     --> stack.yaml:1:10
      |
    1 | name: gsm␁
      |          ^
      |
      = help: in double quotes it can be written as `\x1b`

    1 problem in stack.yaml
    ");
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let rendered = |name: &str, content: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        load(&path, &env)
            .unwrap_err()
            .to_string()
            .replace(&folder.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(rendered("missing.yaml", None), @r"
    error: cannot read the file: No such file or directory (os error 2)
    --> DIR/missing.yaml
     = help: run the command in the folder of stack.yaml, or name it with `-f PATH`

    1 problem in DIR/missing.yaml
    ");
    insta::assert_snapshot!(rendered("latin.yaml", Some(b"name: gsm\nregion: eu-central-1\ntags: { a: \xe4b }\n")), @r"
    error: the file is not UTF-8
     --> DIR/latin.yaml:3:12
      |
    3 | tags: { a: �b }
      |            ^ this is not a character
      |
      = help: save it as UTF-8

    1 problem in DIR/latin.yaml
    ");
    insta::assert_snapshot!(rendered("marked.yaml", Some(b"\xef\xbb\xbfname: \xff\n")), @r"
    error: the file is not UTF-8
     --> DIR/marked.yaml:1:7
      |
    1 | name: �
      |       ^ this is not a character
      |
      = help: save it as UTF-8

    1 problem in DIR/marked.yaml
    ");
    insta::assert_snapshot!(rendered("large.yaml", Some(&vec![b'#'; 300_000])), @r"
    error: cannot read the file: it is larger than 256 KiB
    --> DIR/large.yaml
     = help: a stack has some hundred lines at most

    1 problem in DIR/large.yaml
    ");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    config(&format!("\u{feff}{}", STACK.replace('\n', "\r\n")));
    insta::assert_snapshot!(problems("\u{feff}name: gsm\r\nregion: x\r\n"), @r"
    error: `region`: `x` is not the name of an AWS region
     --> stack.yaml:2:9
      |
    2 | region: x
      |         ^
      |
      = help: for example `eu-central-1`

    1 problem in stack.yaml
    ");
}
