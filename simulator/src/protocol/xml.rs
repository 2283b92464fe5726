//! Fields as XML.

use quick_xml::escape::escape;
use serde_json::Value;

/// A document. The elements of an array are called `item`, or, without a name for them, repeat the element of the array.
/// The fields come in the given order, which SDKs rely on at the top; below it they do not.
pub(super) fn document(
    root: &str,
    namespace: &str,
    fields: &[(&str, &Value)],
    item: Option<&str>,
) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    match namespace {
        "" => text.push_str(&format!("<{root}>")),
        _ => text.push_str(&format!("<{root} xmlns=\"{namespace}\">")),
    }
    for (name, value) in fields {
        element(&mut text, name, value, item);
    }
    text.push_str(&format!("</{root}>"));
    text
}

/// The fields of an object, for [`document`].
pub(super) fn fields(value: &Value) -> Vec<(&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, it)| (name.as_str(), it)).collect()
}

fn element(text: &mut String, name: &str, value: &Value, item: Option<&str>) {
    match (value, item) {
        (Value::Array(values), None) => {
            for value in values {
                element(text, name, value, None);
            }
        }
        _ => {
            text.push_str(&format!("<{name}>"));
            content(text, value, item);
            text.push_str(&format!("</{name}>"));
        }
    }
}

fn content(text: &mut String, value: &Value, item: Option<&str>) {
    match value {
        Value::Null => {}
        Value::Bool(it) => text.push_str(if *it { "true" } else { "false" }),
        Value::Number(it) => text.push_str(&it.to_string()),
        Value::String(it) => text.push_str(&escape(it.as_str())),
        Value::Array(values) => {
            for value in values {
                element(text, item.unwrap_or("item"), value, item);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                element(text, name, value, item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_written_in_the_way_of_the_protocol() {
        let fields = json!({ "set": [{ "id": "a<b" }, { "id": 2 }] });
        let inner = |item| {
            let text = document("R", "", &super::fields(&fields), item);
            text.split_once("<R>").map(|it| it.1.to_owned())
        };
        let ec2 = "<set><item><id>a&lt;b</id></item><item><id>2</id></item></set></R>";
        assert_eq!(inner(Some("item")).as_deref(), Some(ec2));
        let flat = "<set><id>a&lt;b</id></set><set><id>2</id></set></R>";
        assert_eq!(inner(None).as_deref(), Some(flat));
    }
}
