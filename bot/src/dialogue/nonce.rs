//! What tells the buttons of one dialogue from those of another.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Eight random characters, in every button of a dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(String);

impl Nonce {
    /// A new one.
    pub fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 6]>()))
    }

    /// One that came with a press.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
        (text.len() == 8 && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
