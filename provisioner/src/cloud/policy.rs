//! IAM policy documents: reading them, and whether two of them say the same.

use serde_json::{Map, Value};

/// A policy as IAM's own calls give it (encoded for URLs, RFC 3986) or as other services do (plain).
///
/// What is no JSON is a policy all the same, and differs from every other.
pub fn parse(document: &str) -> Value {
    let plain =
        if document.trim_start().starts_with('{') { document.to_owned() } else { decode(document) };
    serde_json::from_str(&plain).unwrap_or(Value::String(plain))
}

/// The live policy, in the words of the wanted one if both say the same.
pub fn normalised(live: Value, wanted: &Value) -> Value {
    if same(&live, wanted) { wanted.clone() } else { live }
}

/// Whether two policies say the same. Services keep a policy's meaning, not its form: they turn an account into its
/// root user's ARN and lists of one into strings, and keep lists in an order of their own.
pub fn same(one: &Value, other: &Value) -> bool {
    canonical(one) == canonical(other)
}

/// The identity providers that a trust policy names: their ARNs, or names of AWS's own.
pub fn federated(policy: &Value) -> Vec<String> {
    let statements = list(&policy["Statement"]).iter();
    let named = statements.flat_map(|it| list(&it["Principal"]["Federated"]));
    named.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn canonical(policy: &Value) -> Value {
    let Some(fields) = policy.as_object() else { return policy.clone() };
    let mut fields = fields.clone();
    // What a policy without a version means, by the IAM user guide.
    fields.entry("Version").or_insert_with(|| "2008-10-17".into());
    if let Some(statements) = fields.get_mut("Statement") {
        *statements = list(statements).iter().map(statement).collect();
    }
    Value::Object(fields)
}

fn statement(statement: &Value) -> Value {
    let Some(fields) = statement.as_object() else { return statement.clone() };
    let canonical = |(name, value): (&String, &Value)| {
        let value = match name.as_str() {
            // IAM does not tell capitals in the names of actions.
            "Action" | "NotAction" => set(value, str::to_ascii_lowercase),
            "Resource" | "NotResource" => set(value, str::to_owned),
            "Principal" | "NotPrincipal" => principals(value),
            "Condition" => conditions(value),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    Value::Object(fields.iter().map(canonical).collect())
}

fn principals(value: &Value) -> Value {
    match value {
        Value::Object(kinds) => {
            kinds.iter().map(|(kind, value)| (kind.clone(), set(value, principal))).collect()
        }
        // `"*"` is everybody, and so is `{"AWS": "*"}`.
        other => Map::from_iter([("AWS".to_owned(), set(other, principal))]).into(),
    }
}

/// The root user of an account, as an ARN or as the bare account, in one form.
fn principal(name: &str) -> String {
    match name.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", account, "root"] => account.to_owned(),
        _ => name.to_owned(),
    }
}

fn conditions(value: &Value) -> Value {
    let Some(operators) = value.as_object() else { return value.clone() };
    let keys = |keys: &Map<String, Value>| -> Value {
        // The names of condition keys are compared without regard to capitals.
        keys.iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), set(value, str::to_owned)))
            .collect()
    };
    let operator = |value: &Value| value.as_object().map_or_else(|| value.clone(), keys);
    operators.iter().map(|(name, value)| (name.clone(), operator(value))).collect()
}

/// Values whose order and number do not matter: `true` is `["true"]`.
fn set(value: &Value, form: impl Fn(&str) -> String) -> Value {
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), &form);
    let mut values: Vec<String> = list(value).iter().map(text).collect();
    values.sort_unstable();
    values.dedup();
    values.into()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let decoded = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(decoded.unwrap_or(*first));
        if decoded.is_some() {
            rest = after.get(2..).unwrap_or_default();
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_services_say_differently_is_the_same() {
        let ours = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": ["123456789012"], "Service": ["ecs.amazonaws.com", "ec2.amazonaws.com"] },
            "Action": ["s3:Get*", "S3:PutObject"],
            "Resource": ["*"],
            "Condition": { "Bool": { "aws:SecureTransport": [true] } },
        }]});
        let theirs = json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow",
            "Principal": {
                "AWS": "arn:aws:iam::123456789012:root",
                "Service": ["ec2.amazonaws.com", "ecs.amazonaws.com"],
            },
            "Action": ["s3:putobject", "s3:get*"],
            "Resource": "*",
            "Condition": { "Bool": { "AWS:SecureTransport": "true" } },
        }});
        assert!(same(&ours, &theirs));
        assert_eq!(normalised(theirs.clone(), &ours), ours);
        let everybody = |principal: Value| json!({ "Statement": [{ "Principal": principal }] });
        assert!(same(&everybody(json!("*")), &everybody(json!({ "AWS": ["*"] }))));
    }

    #[test]
    fn what_differs_is_not_the_same() {
        let of = |fields: Value| json!({ "Version": "2012-10-17", "Statement": [fields] });
        let one = of(json!({ "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" }));
        for other in [
            of(json!({ "Effect": "Deny", "Action": "s3:Get*", "Resource": "*" })),
            of(json!({ "Effect": "Allow", "Action": ["s3:Get*", "s3:*"], "Resource": "*" })),
            of(json!({ "Effect": "Allow", "Action": "s3:Get*", "Resource": "*", "Sid": "A" })),
            json!({ "Statement": one["Statement"] }),
            json!("nonsense"),
            json!({ "Statement": ["odd", 1, null] }),
            json!({ "Statement": [{ "Principal": 1, "Condition": { "Bool": 1 }, "Action": {} }] }),
        ] {
            assert!(!same(&one, &other), "{other}");
        }
    }

    #[test]
    fn trusted_providers_are_found_in_one_statement_or_in_many() {
        let one = json!({ "Statement": { "Principal": { "Federated": "arn:a" } } });
        assert_eq!(federated(&one), ["arn:a"]);
        let many = json!({ "Statement": [
            { "Principal": "*" },
            { "Principal": { "Service": "ec2.amazonaws.com" } },
            { "Principal": { "Federated": ["arn:a", "accounts.google.com"] } },
        ]});
        assert_eq!(federated(&many), ["arn:a", "accounts.google.com"]);
        assert_eq!(federated(&json!("nonsense")), [""; 0]);
    }

    #[test]
    fn documents_come_encoded_or_plain() {
        let policy = json!({ "Resource": "arn:aws:s3:::ä/100%/*" });
        let encoded =
            "%7B%22Resource%22%3A%20%22arn%3Aaws%3As3%3A%3A%3A%C3%A4%2F100%25%2F%2A%22%7D";
        assert_eq!(parse(encoded), policy);
        assert_eq!(parse(&policy.to_string()), policy);
        assert_eq!(parse("100%"), json!("100%"));
        assert_eq!(parse("%7"), json!("%7"));
    }
}
