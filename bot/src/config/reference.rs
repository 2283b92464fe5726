//! `bot/README.md` knows every variable.

use super::VARIABLES;

const README: &str = include_str!("../../README.md");

#[test]
fn every_variable_is_in_the_readme_as_it_is_here() {
    let expected: Vec<String> = VARIABLES
        .iter()
        .map(|it| {
            let names = std::iter::once(&it.name).chain(it.aliases).map(|it| format!("`{it}`"));
            let names = names.collect::<Vec<_>>().join(", ");
            let secret = if it.secret { "yes" } else { "" };
            let default =
                if it.default.is_empty() { String::new() } else { format!("`{}`", it.default) };
            format!("| {names} | {secret} | {default} | {} |", it.help)
        })
        .collect();
    let part = README.split("\n## ").find(|it| it.starts_with("Environment\n")).unwrap_or_default();
    let rows: Vec<&str> = part.lines().filter(|it| it.starts_with("| `")).collect();
    assert_eq!(rows, expected, "the table should be:\n{}", expected.join("\n"));
}
