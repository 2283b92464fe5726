//! The promise of docs/state-file.md: every state file that a version of the program has written is still understood.
//!
//! A sample is never changed. When the format changes, a sample of the new version joins the old ones.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use provisioner::{
    engine::{Record, State, store::file},
    resources::{self, Kind},
};
use serde_json::Value;

/// Every sample: its file name and its content.
fn samples() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state_samples");
    let paths = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path());
    let mut samples: Vec<_> = paths
        .map(|it| (it.file_name().unwrap().display().to_string(), fs::read_to_string(it).unwrap()))
        .collect();
    samples.sort();
    samples
}

/// Reads a sample as the program does.
fn read(content: &str) -> (Value, State) {
    let raw: Value = serde_json::from_str(content).unwrap();
    let stack = raw["stack"].as_str().unwrap().to_owned();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(format!("{stack}.json")), content).unwrap();
    let state = file::read(dir.path(), &stack).unwrap().unwrap();
    (raw, state)
}

/// Whether the kind of resource that wrote a record still understands it: its outputs, without which it cannot be found
/// or deleted, and its inputs, without which drift cannot be told from a change of configuration.
macro_rules! understands {
    ($record:expr, $($kind:ident),* $(,)?) => {
        // A new kind has no arm here until it has a sample.
        match $record.kind {
            $(Kind::$kind => $record.existing::<resources::$kind>().is_some()),*
        }
    };
}

fn is_understood(record: &Record) -> bool {
    understands!(
        record,
        AccessEntry,
        AtlasCluster,
        Certificate,
        DatabaseUser,
        DnsRecord,
        EcsCluster,
        EcsService,
        ElasticIp,
        Instance,
        InstanceProfile,
        KmsKey,
        Listener,
        ListenerRule,
        LoadBalancer,
        LogGroup,
        OidcProvider,
        Parameter,
        Role,
        SecurityGroup,
        SecurityGroupRule,
        TargetGroup,
        TaskDefinition,
        Volume,
        VolumeAttachment,
        Webhook,
    )
}

#[test]
fn every_sample_is_read_and_nothing_of_it_is_lost() {
    let mut kinds = BTreeSet::new();
    for (name, content) in samples() {
        let (raw, state) = read(&content);
        let retired = state.retired.iter().map(|it| (&it.name, &it.record));
        for (of, record) in state.resources.iter().chain(retired) {
            assert!(is_understood(record), "{name}: `{of}` is not understood any more");
            kinds.insert(record.kind);
        }
        assert!(
            !state.retired.is_empty() && !state.intents.is_empty(),
            "{name} has too little in it"
        );
        let written = serde_json::to_value(&state).unwrap();
        assert!(is_within(&raw, &written), "{name} loses something: {written:#}");
    }
    assert_eq!(kinds, Kind::ALL.iter().copied().collect(), "some kinds have no sample");
}

/// Anything that can stand at a place in a file.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!({ "kind": "role", "outputs": [[]], "inputs": { "$secret": 1 } })),
    ]
}

/// Where something stands in it, from the outside inwards.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, it)| {
            places(it, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(key, it)| places(it, &format!("{at}/{key}"), all));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// `PROPTEST_CASES=1000000` damages as many as one likes.
    #[test]
    fn whatever_is_damaged_is_read_or_refused(
        place in any::<prop::sample::Index>(),
        instead in anything(),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        noise in prop::option::weighted(0.2, any::<u8>()),
    ) {
        let (_, content) = samples().pop().unwrap();
        let mut sample: Value = serde_json::from_str(&content).unwrap();
        let mut all = Vec::new();
        places(&sample, "", &mut all);
        *sample.pointer_mut(&all[place.index(all.len())]).unwrap() = instead;
        let mut bytes = serde_json::to_vec_pretty(&sample).unwrap();
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let (Some(noise), false) = (noise, bytes.is_empty()) {
            let at = place.index(bytes.len());
            bytes[at] = noise;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("gsm.json"), &bytes).unwrap();
        match file::read(dir.path(), "gsm") {
            Ok(state) => {
                for record in state.iter().flat_map(|it| it.resources.values()) {
                    // Understood or not: what is not is looked for by its name.
                    is_understood(record);
                }
            }
            Err(error) => prop_assert!(error.to_string().contains("gsm.json"), "{error}"),
        }
    }
}

#[test]
fn no_sample_holds_a_secret() {
    for (name, content) in samples() {
        let (raw, _) = read(&content);
        let marks: Vec<_> = marks(&raw);
        assert!(!marks.is_empty(), "{name} has no secret's place in it");
        assert!(marks.iter().all(|it| it.is_null()), "{name}: {marks:?}");
    }
}

/// Whether everything in `part` is in `whole`, which may have more fields.
fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, it)| whole.get(key).is_some_and(|other| is_within(it, other)))
        }
        (part, whole) => part == whole,
    }
}

/// What stands in the places of secrets.
fn marks(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, it)| if key == "$secret" { vec![it] } else { marks(it) })
            .collect(),
        Value::Array(items) => items.iter().flat_map(marks).collect(),
        _ => Vec::new(),
    }
}
