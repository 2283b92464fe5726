//! `docs/stack-yaml.md` knows every field.

use super::*;

const REFERENCE: &str = include_str!("../../../../docs/stack-yaml.md");

#[test]
fn every_field_is_in_the_reference() {
    let unknown = "zzzzzzzzzzzz: 1";
    let mut sections = vec![(String::new(), unknown.to_owned())];
    for section in ["state", "network", "database", "logs", "load_balancer", "cluster", "ci"] {
        sections.push((section.to_owned(), format!("{section}: {{ {unknown} }}")));
    }
    sections.push(("services.*".to_owned(), format!("services: {{ a: {{ {unknown} }} }}")));
    for section in ["health_check", "container_check", "deployment"] {
        let text = format!("services: {{ a: {{ port: 1, {section}: {{ {unknown} }} }} }}");
        sections.push((format!("services.*.{section}"), text));
    }
    sections.push((
        "services.*.secrets.*".to_owned(),
        format!("services: {{ a: {{ secrets: {{ B: {{ {unknown} }} }} }} }}"),
    ));
    for ci in ["jenkins", "github_actions"] {
        sections.push((format!("ci.{ci}"), format!("ci: {{ {ci}: {{ {unknown} }} }}")));
    }
    let jenkins = |field: &str| {
        format!(
            "ci: {{ jenkins: {{ admin_cidrs: [203.0.113.7/32], repository: a/b, {field}: {{ {unknown} }} }} }}"
        )
    };
    sections.push(("ci.jenkins.github".to_owned(), jenkins("github")));
    sections.push(("ci.jenkins.registry".to_owned(), jenkins("registry")));

    for (section, text) in sections {
        let shown = problems(&text);
        let fields = shown.split_once("possible fields: ").unwrap().1.lines().next().unwrap();
        let heading =
            if section.is_empty() { "## The file".to_owned() } else { format!("## `{section}`") };
        let (_, part) =
            REFERENCE.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
        let part = part.split("\n## ").next().unwrap();
        for field in fields.split(", ") {
            assert!(part.contains(&format!("\n| `{field}` |")), "{field} is not under {heading}");
        }
        let rows = part.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, fields.split(", ").count(), "{heading} has a field that does not exist");
    }
}

#[test]
fn its_example_is_right() {
    let example = REFERENCE.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    config(example);
}
