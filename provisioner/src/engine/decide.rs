//! What to do about one resource: a pure function of what is there, what is wanted and what was last applied.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{
    output::{may_equal, unknown_sources},
    secret::conceal,
};

/// What to do about one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is as it should be.
    Keep,
    /// It is not there.
    Create,
    /// It differs in what can be changed in place.
    Update,
    /// It differs in what cannot be changed in place.
    Replace,
    /// It is no longer declared.
    Delete,
}

/// Why an attribute differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// `stack.yaml` asks for something else than it did at the last `up`, or there was no such `up`.
    Configuration,
    /// It was changed by somebody else since the last `up`.
    Drift,
}

/// One input that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Name of the input.
    pub field: String,
    /// What is there; absent when the resource is not.
    pub old: Option<Value>,
    /// What is wanted. May contain marks of what is not known yet.
    pub new: Value,
    /// Why it differs.
    pub cause: Cause,
    /// It cannot be changed in place.
    pub replaces: bool,
    /// Names of the resources after which the new value is known; empty if it is known now.
    pub known_after: BTreeSet<String>,
    /// It differs whatever the parts that are not known yet turn out to be.
    pub certain: bool,
}

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do. If every change is still unknown, it may turn out that nothing is to be done.
    pub action: Action,
    /// The inputs that differ; all of them for a creation.
    pub changes: Vec<Change>,
}

/// Compares what is there with what is wanted. Any changed input that is not in `replaced_by` is an update: the safe
/// answer for an input that nobody classified.
pub fn decide(
    live: Option<&Value>,
    desired: &Value,
    recorded: Option<&Value>,
    replaced_by: &[&str],
) -> Decision {
    let field_of =
        |inputs: Option<&Value>, field: &str| inputs.and_then(|it| it.get(field)).cloned();
    let changes: Vec<Change> = desired
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, new)| live.is_none_or(|it| it.get(field.as_str()) != Some(new)))
        .map(|(field, new)| {
            let old = field_of(live, field);
            let before = field_of(recorded, field).map(unordered);
            let drifted = live.is_some()
                && recorded.is_some()
                && before != old.clone().map(conceal).map(unordered);
            let cause = if drifted { Cause::Drift } else { Cause::Configuration };
            let replaces = live.is_some() && replaced_by.contains(&field.as_str());
            let known_after = unknown_sources(new);
            let certain = old.as_ref().is_none_or(|old| !may_equal(old, new));
            Change {
                field: field.clone(),
                old,
                new: new.clone(),
                cause,
                replaces,
                known_after,
                certain,
            }
        })
        .collect();
    let action = match live {
        None => Action::Create,
        Some(_) if changes.is_empty() => Action::Keep,
        Some(_) if changes.iter().any(|it| it.replaces) => Action::Replace,
        Some(_) => Action::Update,
    };
    Decision { action, changes }
}

/// A value whose lists are sorted: a resource may read a list in the order that is asked for now, which is no drift.
fn unordered(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(unordered).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, it)| (key, unordered(it))).collect())
        }
        plain => plain,
    }
}

/// Whether `actual` is no more than what `planned` announced.
///
/// A plan made while values were unknown announces the most that can happen.
pub fn permits(planned: Action, actual: Action) -> bool {
    match planned {
        Action::Keep | Action::Delete => actual == planned,
        Action::Create => actual == Action::Create,
        Action::Update => matches!(actual, Action::Keep | Action::Update),
        Action::Replace => matches!(actual, Action::Keep | Action::Update | Action::Replace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn action(live: Value, desired: Value) -> Action {
        decide(Some(&live), &desired, None, &["name"]).action
    }

    #[test]
    fn the_action_follows_from_what_differs() {
        let live = json!({ "name": "a", "days": 1 });
        assert_eq!(decide(None, &live, None, &["name"]).action, Action::Create);
        assert_eq!(action(live.clone(), live.clone()), Action::Keep);
        assert_eq!(action(live.clone(), json!({ "name": "a", "days": 2 })), Action::Update);
        assert_eq!(action(live.clone(), json!({ "name": "b", "days": 2 })), Action::Replace);
        // An input that is new to us and that the service does not report is an update, not silence.
        assert_eq!(
            action(live.clone(), json!({ "name": "a", "days": 1, "extra": true })),
            Action::Update
        );
        assert_eq!(
            action(live, json!({ "name": { "$unknown": ["x"] }, "days": 1 })),
            Action::Replace
        );
    }

    #[test]
    fn drift_is_what_differs_from_what_was_last_applied() {
        let (live, desired) = (json!({ "a": 1, "b": 1 }), json!({ "a": 2, "b": 2 }));
        let decision = decide(Some(&live), &desired, Some(&json!({ "a": 1, "b": 2 })), &[]);
        let causes: Vec<_> =
            decision.changes.iter().map(|it| (it.field.as_str(), it.cause)).collect();
        assert_eq!(causes, [("a", Cause::Configuration), ("b", Cause::Drift)]);
    }

    #[test]
    fn another_order_is_a_difference_but_no_drift() {
        let (live, desired) = (json!({ "a": ["x", "y", "z"] }), json!({ "a": ["y", "z"] }));
        let decision = decide(Some(&live), &desired, Some(&json!({ "a": ["z", "x", "y"] })), &[]);
        assert_eq!(decision.changes[0].cause, Cause::Configuration);
        assert_eq!(action(json!({ "a": [1, 2] }), json!({ "a": [2, 1] })), Action::Update);
    }

    #[test]
    fn a_plan_permits_no_more_than_it_announced() {
        use Action::*;
        let all = [Keep, Create, Update, Replace];
        let permitted =
            |planned| all.into_iter().filter(|it| permits(planned, *it)).collect::<Vec<_>>();
        assert_eq!(permitted(Keep), [Keep]);
        assert_eq!(permitted(Create), [Create]);
        assert_eq!(permitted(Update), [Keep, Update]);
        assert_eq!(permitted(Replace), [Keep, Update, Replace]);
    }
}
