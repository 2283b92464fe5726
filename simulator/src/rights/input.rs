//! The input of a call, as far as rights depend on it.

use serde_json::Value;

/// The texts of a field, given as `A` or `A.B`; of every element where there is a list.
pub(super) fn texts(input: &Value, field: &str) -> Vec<String> {
    match (input, field.split_once('.')) {
        (Value::Array(all), _) => all.iter().flat_map(|it| texts(it, field)).collect(),
        (_, Some((name, rest))) => texts(&input[name], rest),
        (_, None) => flat(&input[field]),
    }
}

fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Object(_) => Vec::new(),
        Value::Array(all) => all.iter().flat_map(flat).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// The tags that a call gives, in any service's way.
pub(super) fn tags(input: &Value) -> Vec<(String, String)> {
    ["Tags", "tags", "Tag"].iter().flat_map(|it| pairs(&input[*it])).collect()
}

/// The keys that a call speaks of: those it gives, and those it takes away.
pub(super) fn tag_keys(input: &Value) -> Vec<String> {
    let taken = ["TagKeys", "tagKeys"].iter().flat_map(|it| texts(input, it));
    let given = tags(input).into_iter().map(|(key, _)| key);
    taken.chain(given).collect()
}

/// The tags that a creating call of EC2 gives, by type of resource.
pub(super) fn specified(input: &Value) -> Vec<(String, Vec<(String, String)>)> {
    let all = input["TagSpecification"].as_array().into_iter().flatten();
    let read = all.map(|it| (texts(it, "ResourceType").concat(), pairs(&it["Tag"])));
    read.filter(|(_, tags)| !tags.is_empty()).collect()
}

/// A list of keys with values, which KMS has words of its own for, or an object.
fn pairs(tags: &Value) -> Vec<(String, String)> {
    let text = |it: &Value, names: [&str; 3]| {
        names.iter().find_map(|name| it[*name].as_str()).unwrap_or_default().to_owned()
    };
    match tags {
        Value::Array(all) => {
            let pair = |it: &Value| {
                (text(it, ["Key", "key", "TagKey"]), text(it, ["Value", "value", "TagValue"]))
            };
            all.iter().map(pair).collect()
        }
        Value::Object(all) => {
            all.iter().map(|(key, it)| (key.clone(), flat(it).concat())).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_found_at_any_depth() {
        let input = json!({ "A": [{ "B": "1" }, { "B": "2" }], "C": ["x", "y"], "D": 3 });
        assert_eq!(texts(&input, "A.B"), ["1", "2"]);
        assert_eq!(texts(&input, "C"), ["x", "y"]);
        assert_eq!(texts(&input, "D"), ["3"]);
        assert_eq!(texts(&input, "E"), [""; 0]);
    }

    #[test]
    fn tags_have_many_forms() {
        let one = [("a".to_owned(), "1".to_owned())];
        assert_eq!(tags(&json!({ "Tags": [{ "Key": "a", "Value": "1" }] })), one);
        assert_eq!(tags(&json!({ "tags": [{ "key": "a", "value": "1" }] })), one);
        assert_eq!(tags(&json!({ "tags": { "a": "1" } })), one);
        assert_eq!(tags(&json!({ "Tags": [{ "TagKey": "a", "TagValue": "1" }] })), one);
        let specification =
            json!([{ "ResourceType": "instance", "Tag": [{ "Key": "a", "Value": "1" }] }]);
        let given = specified(&json!({ "TagSpecification": specification }));
        assert_eq!(given, [("instance".to_owned(), one.to_vec())]);
        assert_eq!(tag_keys(&json!({ "TagKeys": ["b"] })), ["b"]);
    }
}
