//! What a notify group may be called, and how it may be described.

/// Longest name, in characters.
pub const NAME: usize = 32;

/// Longest description, in characters.
pub const DESCRIPTION: usize = 200;

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameMistake {
    /// Nothing is left of it.
    Empty,
    /// It has more than `NAME` characters.
    TooLong,
    /// There is a space, a line break or something invisible in it.
    Space,
    /// It looks like a command or a mention.
    LooksLikeSomethingElse,
}

/// The name without space around it, if it is one.
pub fn check(name: &str) -> Result<String, NameMistake> {
    let name = name.trim();
    let no_character = |it: char| it.is_whitespace() || it.is_control() || is_invisible(it);
    if name.is_empty() {
        Err(NameMistake::Empty)
    } else if name.starts_with(['/', '@']) {
        Err(NameMistake::LooksLikeSomethingElse)
    } else if name.contains(no_character) {
        Err(NameMistake::Space)
    } else if name.chars().count() > NAME {
        Err(NameMistake::TooLong)
    } else {
        Ok(name.to_owned())
    }
}

/// The nearest name that is one: spaces become underscores, what may not be there is dropped, the rest is cut off.
pub fn suggest(name: &str) -> Option<String> {
    let joined = name.split_whitespace().collect::<Vec<_>>().join("_");
    let allowed = joined.chars().filter(|it| !it.is_control() && !is_invisible(*it));
    let allowed: String = allowed.collect();
    let start = allowed.trim_start_matches(['/', '@']);
    check(&start.chars().take(NAME).collect::<String>()).ok()
}

fn is_invisible(it: char) -> bool {
    matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The description without space around it, if it is short enough.
pub fn check_description(text: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |it: char| !it.is_control() || it == '\n';
    ((1..=DESCRIPTION).contains(&text.chars().count()) && text.chars().all(allowed))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        assert_eq!(check(" raid_team "), Ok("raid_team".to_owned()));
        assert_eq!(check("größe😀"), Ok("größe😀".to_owned()));
        assert_eq!(check("weekend squad"), Err(NameMistake::Space));
        assert_eq!(check("a\nb"), Err(NameMistake::Space));
        assert_eq!(check("a\u{200b}b"), Err(NameMistake::Space));
        assert_eq!(check("@x"), Err(NameMistake::LooksLikeSomethingElse));
        assert_eq!(check("/x"), Err(NameMistake::LooksLikeSomethingElse));
        assert_eq!(check(&"x".repeat(33)), Err(NameMistake::TooLong));
        assert_eq!(check(" \n"), Err(NameMistake::Empty));
    }

    #[test]
    fn a_suggestion_is_always_a_name() {
        assert_eq!(suggest("weekend  squad").as_deref(), Some("weekend_squad"));
        assert_eq!(suggest("@x y").as_deref(), Some("x_y"));
        assert_eq!(suggest(&"x ".repeat(40)).map(|it| it.len()), Some(32));
        assert_eq!(suggest(" @ "), None);
        for text in ["a\u{7}b", "/@/ x", "😀 😀", "\u{200b}"] {
            if let Some(name) = suggest(text) {
                assert_eq!(check(&name), Ok(name));
            }
        }
    }
}
