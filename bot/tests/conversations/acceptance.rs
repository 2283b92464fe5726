//! Every scenario of the specification is a test with its number in its name: `s001_…` to `s108_…`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The numbers of the scenarios.
const SCENARIOS: std::ops::RangeInclusive<u32> = 1..=108;

/// Those that two processes have to play together.
const TWO_PROCESSES: [u32; 5] = [37, 69, 79, 80, 81];

/// Every source file below a folder of this crate.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// A test as it stands in a source: its scenario and its body.
struct Test {
    scenario: u32,
    name: String,
    body: String,
}

/// The tests of scenarios in a source. What only looks like one, because it lacks the attribute or is never run, is none.
fn tests(source: &str) -> Vec<Test> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let declared = line.trim_start();
        let declared = declared.strip_prefix("async ").unwrap_or(declared);
        let Some(name) = declared.strip_prefix("fn ").and_then(|it| it.split('(').next()) else {
            continue;
        };
        let number = name.strip_prefix('s').and_then(|it| it.split_once('_')).map(|it| it.0);
        let Some(number) = number.filter(|it| it.len() == 3) else { continue };
        let Ok(scenario) = number.parse() else { continue };
        let attributes: Vec<&str> = lines[..index]
            .iter()
            .rev()
            .map(|it| it.trim())
            .take_while(|it| it.starts_with("#[") || it.starts_with("///"))
            .collect();
        let is_test = |it: &&str| it.starts_with("#[test]") || it.starts_with("#[tokio::test");
        if !attributes.iter().any(is_test) || attributes.iter().any(|it| it.contains("ignore")) {
            continue;
        }
        let end = lines[index..].iter().position(|it| it.trim_end() == "}" || *it == "    }");
        let body = lines[index..index + end.unwrap_or(0)].join("\n");
        found.push(Test { scenario, name: name.to_owned(), body });
    }
    found
}

fn all() -> BTreeMap<u32, Vec<Test>> {
    let mut found: BTreeMap<u32, Vec<Test>> = BTreeMap::new();
    for file in sources("src").into_iter().chain(sources("tests")) {
        let source = fs::read_to_string(&file).expect("a source");
        for test in tests(&source) {
            found.entry(test.scenario).or_default().push(test);
        }
    }
    found
}

#[test]
fn every_scenario_is_a_test() {
    let found: BTreeSet<u32> = all().into_keys().collect();
    let wanted: BTreeSet<u32> = SCENARIOS.collect();
    let missing: Vec<u32> = wanted.difference(&found).copied().collect();
    assert!(missing.is_empty(), "scenarios without a test: {missing:?}");
    let invented: Vec<u32> = found.difference(&wanted).copied().collect();
    assert!(invented.is_empty(), "tests of scenarios that there are not: {invented:?}");
}

#[test]
fn what_two_replicas_have_to_play_two_processes_play() {
    let found = all();
    for scenario in TWO_PROCESSES {
        let tests = &found[&scenario];
        let names: Vec<&String> = tests.iter().map(|it| &it.name).collect();
        let plays = tests.iter().any(|it| it.body.contains("Settings::replicas(2)"));
        assert!(plays, "none of {names:?} starts two processes");
    }
}

#[test]
fn what_is_never_run_is_no_test() {
    let source = "
#[test]
fn s001_is_one() {
}

fn s002_is_none() {
}

#[tokio::test]
#[ignore = \"takes long\"]
async fn s003_is_not_run() {
}

/// With words.
#[tokio::test(flavor = \"multi_thread\")]
async fn s004_is_one() {
}

#[test]
fn something_else() {
}
";
    let found: Vec<u32> = tests(source).into_iter().map(|it| it.scenario).collect();
    assert_eq!(found, [1, 4]);
}
