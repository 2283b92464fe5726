//! How people are shown: with a mention that notifies them, or as plain text that does not.

use super::{Html, Lang, Texts};

/// A mention by id, which notifies.
pub fn mention(id: i64, name: &Html) -> Html {
    name.link(&format!("tg://user?id={id}"))
}

/// First name, else `@username`, else a neutral word. It notifies nobody: after the `@` of a username comes a word
/// joiner, so that Telegram makes no mention of it.
pub fn plain_name(texts: &Texts, lang: Lang, first: Option<&str>, username: Option<&str>) -> Html {
    let first = first.map(visible).filter(|it| !it.is_empty());
    match (first, username) {
        (Some(first), _) => Html::escape(&first),
        (None, Some(username)) => Html::escape(&format!("@\u{2060}{username}")),
        (None, None) => texts.html(lang, "person-unknown", &[]),
    }
}

/// A name without what cannot be seen, on one line, and not without end.
fn visible(name: &str) -> String {
    let seen = |it: &char| {
        let invisible = matches!(
            it,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{3164}'
        );
        !invisible && !it.is_control()
    };
    let seen: String = name.chars().filter(seen).take(64).collect();
    // An `@` at the start of a first name would mention whoever has that username.
    seen.trim().replace('@', "@\u{2060}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_be_seen_is_none() {
        let texts = Texts::load();
        let shown = |first, username| {
            plain_name(&texts, Lang::En, first, username).readable().replace('\u{2060}', "")
        };
        assert_eq!(shown(Some("Ann"), Some("ann")), "Ann");
        assert_eq!(shown(Some("\u{200b}\u{3164} "), Some("ann")), "@ann");
        assert_eq!(shown(Some("\u{202e}"), None), "someone");
        assert_eq!(shown(Some("<b>@x"), None), "<b>@x");
    }
}
