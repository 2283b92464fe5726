//! Text in Telegram's HTML. What comes from people gets in only through `Html::escape`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that is safe to send with parse mode HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Html(String);

impl Html {
    /// Anything as it is: what looks like markup is shown, not obeyed.
    pub fn escape(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for it in text.chars() {
            match it {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                // These turn the direction of everything that follows them, other people's names included.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                other => escaped.push(other),
            }
        }
        Self(escaped)
    }

    /// Markup of our own: a catalogue's message, a tag around something escaped.
    pub(super) fn ours(markup: String) -> Self {
        Self(markup)
    }

    /// A link.
    pub fn link(&self, url: &str) -> Self {
        Self(format!("<a href=\"{}\">{}</a>", Self::escape(url), self.0))
    }

    /// In bold.
    pub fn bold(&self) -> Self {
        Self(format!("<b>{}</b>", self.0))
    }

    /// This, then that.
    pub fn then(mut self, more: &Html) -> Self {
        self.0.push_str(&more.0);
        self
    }

    /// On the next line.
    pub fn line(self, more: &Html) -> Self {
        if self.0.is_empty() { more.clone() } else { self.glue("\n", more) }
    }

    /// After an empty line.
    pub fn paragraph(self, more: &Html) -> Self {
        if self.0.is_empty() { more.clone() } else { self.glue("\n\n", more) }
    }

    fn glue(mut self, between: &str, more: &Html) -> Self {
        if more.is_empty() {
            return self;
        }
        self.0.push_str(between);
        self.0.push_str(&more.0);
        self
    }

    /// Parts with something between them.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Html>, between: &str) -> Self {
        let parts: Vec<&str> = parts.into_iter().map(|it| it.0.as_str()).collect();
        Self(parts.join(between))
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a reader sees, without markup.
    pub fn readable(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        let mut in_tag = false;
        for it in self.0.chars() {
            match it {
                '<' => in_tag = true,
                '>' if in_tag => in_tag = false,
                other if !in_tag => text.push(other),
                _ => {}
            }
        }
        // The ampersand last, so that an escaped `&lt;` stays one.
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&amp;", "&")
    }

    /// How long it is for Telegram: in UTF-16 units of what a reader sees.
    pub fn units(&self) -> usize {
        self.readable().encode_utf16().count()
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_shown_as_they_wrote_it() {
        for text in ["a < b & c > d", "<b>bold</b>", "&lt;", "\"quoted\"", "😀 `tick` _*[]"] {
            assert_eq!(Html::escape(text).readable(), text);
        }
        assert_eq!(Html::escape("evil\u{202e}live").readable(), "evillive");
    }

    #[test]
    fn length_is_what_telegram_counts() {
        assert_eq!(Html::escape("😀<").bold().units(), 3);
    }
}
