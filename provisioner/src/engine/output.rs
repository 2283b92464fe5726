//! A value that one resource produces and another consumes.

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

/// Key that marks an [`Output`] inside serialised inputs; see [`Wiring`].
const MARK: &str = "$output";
/// Key of the object that stands for a value that is not known yet; its value lists the resources it comes from.
const UNKNOWN: &str = "$unknown";

/// A lazy, typed value that knows which resources it comes from.
///
/// It is evaluated when the resource that consumes it is reached, not when it is written down.
#[derive(Clone)]
pub struct Output<T> {
    /// Gives `None` while the resource it comes from does not exist.
    value: Arc<dyn Fn() -> Option<T> + Send + Sync>,
    sources: BTreeSet<String>,
}

/// The value was asked for before the resource it comes from exists; only possible while planning.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("not known before {} exists", list(.0))]
pub struct Unknown(pub BTreeSet<String>);

impl<T: 'static> Output<T> {
    pub(super) fn of(
        resource: &str,
        value: impl Fn() -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        Self { value: Arc::new(value), sources: BTreeSet::from([resource.to_owned()]) }
    }

    /// The same value, which comes from other resources as well.
    pub(super) fn also_from(mut self, sources: &BTreeSet<String>) -> Self {
        self.sources.extend(sources.iter().cloned());
        self
    }

    /// The value. Always known inside `create` and `update`.
    ///
    /// # Errors
    ///
    /// [`Unknown`] while planning, if the resource it comes from does not exist. `read` may pass it on with `?`: what
    /// refers to something that does not exist cannot exist either.
    pub fn get(&self) -> Result<T, Unknown> {
        (self.value)().ok_or_else(|| Unknown(self.sources.clone()))
    }

    /// The value changed by a function.
    pub fn map<U>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Output<U> {
        let value = Arc::clone(&self.value);
        Output { value: Arc::new(move || value().map(&f)), sources: self.sources.clone() }
    }

    /// Two values as one that comes from the resources of both.
    pub fn zip<U: 'static>(&self, other: &Output<U>) -> Output<(T, U)> {
        let (one, two) = (Arc::clone(&self.value), Arc::clone(&other.value));
        Output {
            value: Arc::new(move || one().zip(two())),
            sources: &self.sources | &other.sources,
        }
    }

    /// Many values as one list.
    pub fn all(outputs: impl IntoIterator<Item = Self>) -> Output<Vec<T>> {
        let outputs: Vec<_> = outputs.into_iter().collect();
        let sources = outputs.iter().flat_map(|it| it.sources.clone()).collect();
        Output { value: Arc::new(move || outputs.iter().map(|it| (it.value)()).collect()), sources }
    }

    /// The same value, known beforehand, for something that must not begin before the resource behind `other` is done.
    pub fn behind<U: 'static>(&self, other: &Output<U>) -> Self {
        Self { value: Arc::clone(&self.value), sources: &self.sources | &other.sources }
    }

    /// The same value, known only once the resource behind `other` is done: for an order that no value expresses.
    pub fn after<U: 'static>(&self, other: &Output<U>) -> Self {
        self.zip(other).map(|(value, _)| value)
    }
}

impl<T: Clone + Send + Sync + 'static> From<T> for Output<T> {
    fn from(value: T) -> Self {
        Self { value: Arc::new(move || Some(value.clone())), sources: BTreeSet::new() }
    }
}

impl From<&str> for Output<String> {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}

impl<T: fmt::Debug> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.value)().fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Output<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.value)() == (other.value)()
    }
}

impl<T: Serialize> Serialize for Output<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(MARK, &self.sources)?;
        if let Some(value) = (self.value)() {
            map.serialize_entry("value", &value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de> + Clone + Send + Sync + 'static> Deserialize<'de> for Output<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

/// Inputs as plain JSON, with what was in their [`Output`]s noted beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Wiring {
    /// The inputs. `{"$unknown": [names]}` stands where a value is not known yet, so that it equals nothing live.
    pub plain: Value,
    /// Names of the resources the inputs refer to.
    pub sources: BTreeSet<String>,
}

impl Wiring {
    /// # Errors
    ///
    /// When the inputs are not plain data, which is a mistake in the resource.
    pub fn of(inputs: &impl Serialize) -> serde_json::Result<Self> {
        let mut sources = BTreeSet::new();
        let plain = resolve(serde_json::to_value(inputs)?, &mut sources);
        Ok(Self { plain, sources })
    }
}

/// The resources a value waits for, if it is or contains something not known yet.
pub fn unknown_sources(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => match fields.get(UNKNOWN) {
            Some(sources) => strings(sources).collect(),
            None => fields.values().flat_map(unknown_sources).collect(),
        },
        Value::Array(items) => items.iter().flat_map(unknown_sources).collect(),
        _ => BTreeSet::new(),
    }
}

/// Whether a wanted value may turn out to be the same as a live one once everything in it is known.
pub fn may_equal(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (_, Value::Object(fields)) if fields.contains_key(UNKNOWN) => true,
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && two.iter().all(|(key, it)| one.get(key).is_some_and(|live| may_equal(live, it)))
        }
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(live, it)| may_equal(live, it))
        }
        (one, two) => one == two,
    }
}

fn resolve(value: Value, found: &mut BTreeSet<String>) -> Value {
    match value {
        Value::Object(mut fields) => match fields.remove(MARK) {
            Some(sources) => {
                found.extend(strings(&sources));
                match fields.remove("value") {
                    Some(value) => resolve(value, found),
                    None => json!({ UNKNOWN: sources }),
                }
            }
            None => {
                Value::Object(fields.into_iter().map(|(k, v)| (k, resolve(v, found))).collect())
            }
        },
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|it| resolve(it, found)).collect())
        }
        plain => plain,
    }
}

fn strings(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned))
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn wiring_notes_sources_and_marks_what_is_unknown() {
        let known = Output::of("vpc", || Some("vpc-1".to_owned()));
        let unknown: Output<String> = Output::of("group", || None);
        let both = known.zip(&unknown).map(|(one, two)| one + &two);
        let inputs = json!({ "vpc": known, "nested": [{ "both": both }], "name": "x" });
        let wiring = Wiring::of(&inputs).unwrap();
        assert_eq!(
            wiring.plain,
            json!({ "vpc": "vpc-1", "nested": [{ "both": { "$unknown": ["group", "vpc"] } }], "name": "x" })
        );
        assert_eq!(wiring.sources, BTreeSet::from(["group".to_owned(), "vpc".to_owned()]));
        assert_eq!(
            unknown_sources(&wiring.plain),
            BTreeSet::from(["group".to_owned(), "vpc".to_owned()])
        );
        assert_eq!(unknown.get().unwrap_err().to_string(), "not known before `group` exists");
    }

    #[test]
    fn what_is_unknown_may_be_anything() {
        let live = json!({ "port": 80, "arn": "a" });
        assert!(may_equal(&live, &json!({ "port": 80, "arn": { "$unknown": ["x"] } })));
        assert!(!may_equal(&live, &json!({ "port": 81, "arn": { "$unknown": ["x"] } })));
        assert!(!may_equal(&json!([1]), &json!([{ "$unknown": ["x"] }, 2])));
    }

    #[test]
    fn all_is_known_when_each_is() {
        let a = Output::of("a", || Some(1));
        let b: Output<i32> = Output::of("b", || None);
        assert_eq!(Output::all([a.clone(), a.clone()]).get().unwrap(), [1, 1]);
        assert!(Output::all([a, b]).get().is_err());
    }
}
