//! `state`: where it is kept.

use super::*;

fn with(state: &str) -> String {
    format!(
        "name: gsm\nregion: eu-central-1\nstate: {{ {state} }}\nservices: {{ a: {{ image: \"b:1\" }} }}\n"
    )
}

#[test]
fn a_place_in_s3() {
    let of = |state: &str| config(&with(state)).state.unwrap();
    let plain = of("s3: gsm-states");
    assert_eq!((plain.bucket.as_str(), plain.key("gsm.json").as_str()), ("gsm-states", "gsm.json"));
    assert_eq!((plain.region, plain.account), (None, None));
    let whole =
        of("s3: \"s3://gsm-states/team/one/\", region: eu-west-1, account: \"012345678901\"");
    assert_eq!(whole.key("gsm.json"), "team/one/gsm.json");
    assert_eq!(whole.region.as_deref(), Some("eu-west-1"));
    assert_eq!(whole.account.as_deref(), Some("012345678901"));
    assert_eq!(config(&with("s3: a.b-c").replace("state: { s3: a.b-c }\n", "")).state, None);
}

#[test]
fn what_s3_would_not_take() {
    let wrong = [
        "s3: ab",
        "s3: My-States",
        "s3: -states",
        "s3: my..states",
        "s3: 192.168.0.1",
        "s3: xn--states",
        "s3: states//x",
        "s3: states/../x",
        "s3: \"states/a b\"",
        "s3: states, region: Frankfurt",
        "s3: states, account: 12345",
        "bucket: states",
    ];
    let told = |state: &&str| {
        let shown = problems(&with(state));
        let lines = shown.lines().map(str::trim);
        let lines = lines.filter(|it| it.starts_with("error") || it.starts_with("= help"));
        format!("{state}\n{}\n", lines.map(|it| format!("  {it}\n")).collect::<String>())
    };
    insta::assert_snapshot!(wrong.iter().map(told).collect::<String>());
}
