//! Policy documents: whether they are well-formed, and what they say to a request. Nothing here knows the world.
//!
//! Sources: IAM User Guide, "Grammar of the IAM JSON policy language", "Policy evaluation logic", "Condition operators".

use serde_json::{Map, Value};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// Who; only policies of resources and trust policies ask.
    pub principal: Principal<'a>,
    /// Such as `ssm:GetParameters`.
    pub action: &'a str,
    /// An ARN, or `*` where the action takes none.
    pub resource: &'a str,
    /// Condition keys and their values; a key with several values is there several times.
    pub context: &'a [(&'a str, &'a str)],
}

/// Who wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Principal<'a> {
    /// A user or role, by its ARN.
    Aws(&'a str),
    /// A service, such as `ec2.amazonaws.com`.
    Service(&'a str),
    /// Whom an identity provider vouches for, by the provider's ARN.
    Federated(&'a str),
}

/// What a policy says to a request that it speaks of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// Where a policy stands: each place wants other elements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// On a role, user or group.
    Identity,
    /// On a resource that is not named, as a key.
    Resource,
    /// On a role, for who may take it on.
    Trust,
}

/// Whether these policies together let it happen: one allows it and none denies it.
pub(crate) fn allowed<'a>(
    policies: impl IntoIterator<Item = &'a Value>,
    request: &Request<'_>,
) -> bool {
    let mut allowed = false;
    for policy in policies {
        match judge(policy, request) {
            Some(Effect::Deny) => return false,
            Some(Effect::Allow) => allowed = true,
            None => {}
        }
    }
    allowed
}

/// What a policy says; None: nothing.
pub(crate) fn judge(policy: &Value, request: &Request<'_>) -> Option<Effect> {
    let statements = list(&policy["Statement"]).iter();
    let spoken = statements.filter(|it| speaks_of(it, request));
    let mut effects = spoken.map(|it| match it["Effect"].as_str() {
        Some("Allow") => Effect::Allow,
        _ => Effect::Deny,
    });
    effects.clone().find(|it| *it == Effect::Deny).or_else(|| effects.next())
}

/// The principals of AWS that a policy names: ARNs, accounts, `*`.
pub(crate) fn principals(policy: &Value) -> Vec<&str> {
    let statements = list(&policy["Statement"]).iter();
    statements
        .flat_map(|it| match &it["Principal"] {
            Value::Object(kinds) => kinds.get("AWS").map_or(&[][..], list),
            other => list(other),
        })
        .filter_map(Value::as_str)
        .collect()
}

/// Reads a document and checks its form; the error is what IAM says of it.
pub(crate) fn read(text: &str, place: Place) -> Result<Value, String> {
    let policy: Value =
        serde_json::from_str(text).map_err(|_| "This policy contains invalid Json".to_owned())?;
    let syntax = || "Syntax errors in policy.".to_owned();
    let fields = policy.as_object().ok_or_else(syntax)?;
    only(fields, &["Id", "Statement", "Version"])?;
    let version = fields.get("Version").is_none_or(|it| it == "2012-10-17" || it == "2008-10-17");
    let statements = list(fields.get("Statement").ok_or_else(syntax)?);
    if !version || statements.is_empty() {
        return Err(syntax());
    }
    let mut sids: Vec<&str> = Vec::new();
    for statement in statements {
        check_statement(statement.as_object().ok_or_else(syntax)?, place)?;
        if let Some(sid) = statement["Sid"].as_str() {
            if sids.contains(&sid) {
                return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
            }
            sids.push(sid);
        }
    }
    Ok(policy)
}

fn check_statement(fields: &Map<String, Value>, place: Place) -> Result<(), String> {
    const ELEMENTS: &[&str] = &[
        "Action",
        "Condition",
        "Effect",
        "NotAction",
        "NotPrincipal",
        "NotResource",
        "Principal",
        "Resource",
        "Sid",
    ];
    only(fields, ELEMENTS)?;
    let has = |name: &str| fields.contains_key(name) || fields.contains_key(&format!("Not{name}"));
    if !matches!(fields.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err("Syntax errors in policy.".to_owned());
    }
    if !has("Action") {
        return Err("Policy statement must contain actions.".to_owned());
    }
    for action in values(fields, "Action") {
        if action != "*" && !action.contains(':') {
            let words =
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
            return Err(words.to_owned());
        }
    }
    match place {
        Place::Identity if has("Principal") => {
            Err("Policy document should not specify a principal.".to_owned())
        }
        Place::Identity | Place::Resource if !has("Resource") => {
            Err("Policy statement must contain resources.".to_owned())
        }
        Place::Trust if has("Resource") => Err("Has prohibited field Resource".to_owned()),
        Place::Trust | Place::Resource if !has("Principal") => {
            Err("Missing required field Principal".to_owned())
        }
        _ => match values(fields, "Resource").find(|it| *it != "*" && !it.starts_with("arn:")) {
            Some(other) => Err(format!("Resource {other} must be in ARN format or \"*\".")),
            None => Ok(()),
        },
    }
}

fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match fields.keys().all(|it| known.contains(&it.as_str())) {
        true => Ok(()),
        false => Err("Syntax errors in policy.".to_owned()),
    }
}

fn values<'a>(fields: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a str> {
    let found = [fields.get(name), fields.get(&format!("Not{name}"))];
    found.into_iter().flatten().flat_map(list).filter_map(Value::as_str)
}

fn speaks_of(statement: &Value, request: &Request<'_>) -> bool {
    let action = request.action.to_ascii_lowercase();
    let named = |name: &str, what: &dyn Fn(&str) -> bool| match &statement[name] {
        Value::Null => {
            !list(&statement[format!("Not{name}")]).iter().filter_map(Value::as_str).any(what)
        }
        some => list(some).iter().filter_map(Value::as_str).any(what),
    };
    named("Action", &|it| like(&it.to_ascii_lowercase(), &action))
        && named("Resource", &|it| like(it, request.resource))
        && is_principal(statement, request.principal)
        && conditions(&statement["Condition"], request.context)
}

fn is_principal(statement: &Value, who: Principal<'_>) -> bool {
    let among = |named: &Value| match named {
        Value::Object(kinds) => {
            let aws = kinds.get("AWS").map_or(&[][..], list).iter().filter_map(Value::as_str);
            let mut services =
                kinds.get("Service").map_or(&[][..], list).iter().filter_map(Value::as_str);
            // `{"AWS": "*"}` means everybody, as `"*"` does.
            aws.clone().any(|it| it == "*")
                || match who {
                    Principal::Aws(arn) => {
                        aws.clone().any(|it| it == arn || is_account_of(it, arn))
                    }
                    Principal::Service(name) => services.any(|it| it == name),
                    Principal::Federated(arn) => {
                        let providers = kinds.get("Federated").map_or(&[][..], list);
                        providers.iter().any(|it| it == arn)
                    }
                }
        }
        other => other == "*",
    };
    match (&statement["Principal"], &statement["NotPrincipal"]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, not) => !among(not),
        (named, _) => among(named),
    }
}

/// Whether a principal is the account of an ARN: its id or its root user. That lets the account's own policies decide.
fn is_account_of(principal: &str, arn: &str) -> bool {
    let account = arn.split(':').nth(4).unwrap_or_default();
    principal == account || principal == format!("arn:aws:iam::{account}:root")
}

fn conditions(all: &Value, context: &[(&str, &str)]) -> bool {
    let Some(operators) = all.as_object() else { return true };
    operators.iter().all(|(operator, keys)| {
        let mut keys = keys.as_object().into_iter().flatten();
        keys.all(|(key, wanted)| {
            let found: Vec<&str> = context
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| *value)
                .collect();
            condition(operator, &found, &texts(wanted))
        })
    })
}

/// An operator that is not known here is never fulfilled.
fn condition(operator: &str, found: &[&str], wanted: &[String]) -> bool {
    let (every, operator) = match operator.split_once(':') {
        Some(("ForAllValues", operator)) => (true, operator),
        Some((_, operator)) => (false, operator),
        None => (false, operator),
    };
    if operator == "Null" {
        return wanted.iter().any(|it| (it == "true") == found.is_empty());
    }
    let if_exists = operator.strip_suffix("IfExists");
    if found.is_empty() && (if_exists.is_some() || every) {
        return true;
    }
    let compare: (bool, fn(&str, &str) -> bool) = match if_exists.unwrap_or(operator) {
        "StringEquals" => (true, |wanted, it| wanted == it),
        "StringNotEquals" => (false, |wanted, it| wanted == it),
        "StringEqualsIgnoreCase" | "Bool" => (true, str::eq_ignore_ascii_case),
        "StringNotEqualsIgnoreCase" => (false, str::eq_ignore_ascii_case),
        "StringLike" | "ArnLike" | "ArnEquals" => (true, like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (false, like),
        _ => return false,
    };
    let (positive, compare) = compare;
    let fits = |it: &&str| wanted.iter().any(|wanted| compare(wanted, it)) == positive;
    match every {
        true => found.iter().all(fits),
        // What is not there is not equal to anything.
        false if found.is_empty() => !positive,
        false => found.iter().any(fits),
    }
}

/// Whether a text fits a pattern with `*` and `?`.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go back to: behind the last star, and the text that it took so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(it) if *it == '?' || *it == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    (p, t) = (behind, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|it| *it == '*')
}

/// One is a list of one; none is an empty list.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn texts(value: &Value) -> Vec<String> {
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    list(value).iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request<'a>(action: &'a str, resource: &'a str) -> Request<'a> {
        Request {
            principal: Principal::Aws("arn:aws:iam::1:role/a"),
            action,
            resource,
            context: &[],
        }
    }

    fn policy(statements: Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    #[test]
    fn stars_and_question_marks_stand_for_texts() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxabxb", true),
            ("arn:*:log-group:a:*", "arn:aws:logs:r:1:log-group:a:log-stream:b", true),
        ] {
            assert_eq!(like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_denial_wins() {
        let allow = policy(json!({ "Effect": "Allow", "Action": "SSM:get*", "Resource": "*" }));
        let deny = policy(json!([{ "Effect": "Deny", "Action": "*", "Resource": "arn:b*" }]));
        assert!(allowed([&allow], &request("ssm:GetParameters", "arn:b")));
        assert!(!allowed([&allow, &deny], &request("ssm:GetParameters", "arn:b")));
        assert!(allowed([&allow, &deny], &request("ssm:GetParameters", "arn:a")));
        assert!(!allowed([&allow], &request("ssm:PutParameter", "arn:a")));
    }

    #[test]
    fn not_means_everything_else() {
        let it =
            policy(json!({ "Effect": "Allow", "NotAction": "iam:*", "NotResource": ["a", "b"] }));
        assert!(allowed([&it], &request("ec2:RunInstances", "c")));
        assert!(!allowed([&it], &request("ec2:RunInstances", "b")));
        assert!(!allowed([&it], &request("iam:GetRole", "c")));
    }

    #[test]
    fn the_account_speaks_for_its_own() {
        let it = |principal: Value| {
            policy(
                json!([{ "Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*" }]),
            )
        };
        let asks = request("kms:Decrypt", "*");
        assert!(allowed([&it(json!({ "AWS": "arn:aws:iam::1:root" }))], &asks));
        assert!(allowed([&it(json!({ "AWS": ["1"] }))], &asks));
        assert!(allowed([&it(json!("*"))], &asks));
        assert!(!allowed([&it(json!({ "AWS": "2" }))], &asks));
        let logs = json!({ "Service": "logs.amazonaws.com" });
        assert!(!allowed([&it(logs.clone())], &asks));
        let service = Request { principal: Principal::Service("logs.amazonaws.com"), ..asks };
        assert!(allowed([&it(logs)], &service));
    }

    #[test]
    fn conditions_must_all_hold() {
        let met = |all: Value, context: &[(&str, &str)]| conditions(&all, context);
        let both = json!({ "StringEquals": { "a": ["1", "2"] }, "ArnLike": { "B": "arn:*" } });
        assert!(met(both.clone(), &[("A", "2"), ("b", "arn:x")]));
        assert!(!met(both.clone(), &[("a", "3"), ("b", "arn:x")]));
        assert!(!met(both, &[("a", "1")]));
        assert!(met(json!({ "StringNotEquals": { "a": "1" } }), &[]));
        assert!(met(json!({ "StringEqualsIfExists": { "a": "1" } }), &[]));
        assert!(met(json!({ "Bool": { "a": true } }), &[("a", "true")]));
        assert!(met(json!({ "Null": { "a": "true" } }), &[]));
        assert!(!met(json!({ "Null": { "a": "true" } }), &[("a", "")]));
        let keys = json!({ "ForAllValues:StringLike": { "aws:TagKeys": "x:*" } });
        assert!(met(keys.clone(), &[("aws:TagKeys", "x:1"), ("aws:TagKeys", "x:2")]));
        assert!(!met(keys, &[("aws:TagKeys", "x:1"), ("aws:TagKeys", "y")]));
        assert!(!met(json!({ "SomethingNew": { "a": "1" } }), &[("a", "1")]));
    }

    #[test]
    fn each_place_wants_its_elements() {
        let says = |statement: Value, place| {
            read(&policy(statement).to_string(), place).err().unwrap_or_default()
        };
        let trust = json!({ "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole" });
        assert_eq!(says(trust.clone(), Place::Trust), "");
        assert_eq!(
            says(trust.clone(), Place::Identity),
            "Policy document should not specify a principal."
        );
        assert_eq!(says(trust, Place::Resource), "Policy statement must contain resources.");
        let identity = json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]);
        assert_eq!(says(identity.clone(), Place::Identity), "");
        assert_eq!(says(identity, Place::Trust), "Has prohibited field Resource");
        let unknown = json!({ "Effect": "Allow", "Actions": "s3:*", "Resource": "*" });
        assert_eq!(says(unknown, Place::Identity), "Syntax errors in policy.");
        let bare = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "bucket" });
        assert_eq!(says(bare, Place::Identity), "Resource bucket must be in ARN format or \"*\".");
        assert!(read("{", Place::Trust).is_err());
        assert!(read(r#"{"Version": "2012-10-17"}"#, Place::Trust).is_err());
    }
}
