//! A value that cannot be printed or written down.

use std::{fmt, sync::LazyLock};

use hmac::{Hmac, KeyInit, Mac};
use rand::{RngExt, rand_core::UnwrapErr, rngs::SysRng};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny, ser::SerializeMap};
use serde_json::{Value, json};
use sha2::Sha256;

/// Key of the object that stands for a secret in serialised inputs.
const SECRET: &str = "$secret";

/// What generated secrets consist of: letters and digits without those that look alike (`0O1lI`). Each means itself in
/// a URI, in a shell and in Telegram's `secret_token`.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// Dies with the process, so a fingerprint that got out tells nobody anything.
static KEY: LazyLock<[u8; 32]> = LazyLock::new(rand::random);

/// A secret as an input of a resource.
///
/// Serialised, it is a fingerprint under a key that dies with the process: two secrets can be compared in memory, and
/// [`conceal`] takes even the fingerprint out of what is written to disk.
#[derive(Clone)]
pub struct Sealed(Option<SecretString>);

impl Sealed {
    /// Seals a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Some(SecretString::from(secret.into())))
    }

    /// A new secret of `length` characters out of the operating system's randomness, 5.8 bits each.
    pub fn generate(length: usize) -> Self {
        // Without randomness there is no way to go on; every system we run on has it.
        let mut randomness = UnwrapErr(SysRng);
        let mut character = || char::from(ALPHABET[randomness.random_range(0..ALPHABET.len())]);
        Self::new((0..length).map(|_| character()).collect::<String>())
    }

    /// The secret itself, to be put into a request and nowhere else. `None` for a secret read back from the state.
    pub fn reveal(&self) -> Option<&str> {
        self.0.as_ref().map(ExposeSecret::expose_secret)
    }

    fn fingerprint(&self) -> Option<String> {
        // HMAC takes keys of every length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&*KEY).ok()?;
        mac.update(self.reveal()?.as_bytes());
        Some(mac.finalize().into_bytes().iter().map(|it| format!("{it:02x}")).collect())
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(SECRET, &self.fingerprint())?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(None))
    }
}

/// Takes the fingerprints out of serialised inputs, for the state file.
pub fn conceal(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key(SECRET) => json!({ SECRET: null }),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(k, v)| (k, conceal(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(conceal).collect()),
        plain => plain,
    }
}

/// Whether a serialised value is a secret.
pub fn is_secret(value: &Value) -> bool {
    value.get(SECRET).is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nowhere_and_still_compares() {
        let (one, same, other) =
            (Sealed::new("canary-1"), Sealed::new("canary-1"), Sealed::new("canary-2"));
        assert_eq!(one, same);
        assert_ne!(one, other);
        let plain = json!({ "value": one, "list": [other] });
        assert!(!plain.to_string().contains("canary"), "{plain}");
        assert!(!format!("{one:?}").contains("canary"));
        let kept = conceal(plain);
        assert_eq!(kept, json!({ "value": { "$secret": null }, "list": [{ "$secret": null }] }));
        let back: Sealed = serde_json::from_value(kept["value"].clone()).unwrap();
        assert_eq!(back.reveal(), None);
    }

    #[test]
    fn generated_secrets_need_no_quoting_and_no_magnifying_glass() {
        let secret = Sealed::generate(4096);
        let text = secret.reveal().unwrap();
        assert_eq!(text.len(), 4096);
        assert!(text.bytes().all(|it| ALPHABET.contains(&it)));
        // Each of them comes up: 4096 draws miss one of 57 with a probability below 10⁻²⁹.
        assert!(ALPHABET.iter().all(|it| text.contains(char::from(*it))));
        assert!(!text.contains(['0', 'O', '1', 'l', 'I']));
        assert_ne!(secret, Sealed::generate(4096));
    }
}
