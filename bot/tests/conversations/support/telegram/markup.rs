//! Telegram's text: its HTML, the entities that it finds by itself, and how both look in a transcript.
//!
//! Offsets and lengths count UTF-16 units, as Telegram's do.

use serde_json::{Map, Value, json};

/// A text with its entities, sorted by where they begin; longer ones first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Styled {
    pub text: String,
    pub entities: Vec<Entity>,
}

/// A part of a text that means something.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    pub kind: String,
    pub offset: usize,
    pub length: usize,
    /// `url`, `user`, `language`, `custom_emoji_id`.
    pub more: Map<String, Value>,
}

/// How many UTF-16 units a text has.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Telegram's names of the tags that it knows, as kinds of entities.
const TAGS: [(&str, &str); 14] = [
    ("b", "bold"),
    ("strong", "bold"),
    ("i", "italic"),
    ("em", "italic"),
    ("u", "underline"),
    ("ins", "underline"),
    ("s", "strikethrough"),
    ("strike", "strikethrough"),
    ("del", "strikethrough"),
    ("tg-spoiler", "spoiler"),
    ("code", "code"),
    ("pre", "pre"),
    ("blockquote", "blockquote"),
    ("a", "text_link"),
];

/// A tag that was opened and not yet closed.
struct Open {
    tag: String,
    kind: String,
    offset: usize,
    more: Map<String, Value>,
}

/// Reads Telegram's HTML. The error is what Telegram says after "can't parse entities: ".
pub fn html(source: &str) -> Result<Styled, String> {
    let mut text = String::new();
    let mut length = 0;
    let mut open: Vec<Open> = Vec::new();
    let mut entities = Vec::new();
    let mut rest = source;
    let at = |rest: &str| source.len() - rest.len();
    while let Some(first) = rest.chars().next() {
        if first == '&'
            && let Some((character, used)) = reference(rest)
        {
            text.push(character);
            length += character.len_utf16();
            rest = &rest[used..];
        } else if first != '<' {
            text.push(first);
            length += first.len_utf16();
            rest = &rest[first.len_utf8()..];
        } else if let Some(body) = rest.strip_prefix("</") {
            let end =
                body.find('>').ok_or(format!("Unclosed end tag at byte offset {}", at(rest)))?;
            let name = body[..end].trim().to_lowercase();
            let Some(begun) = open.pop() else {
                return Err(format!("Unexpected end tag at byte offset {}", at(rest)));
            };
            if !name.is_empty() && name != begun.tag {
                return Err(format!(
                    "Unmatched end tag at byte offset {}, expected \"</{}>\", found \"</{name}>\"",
                    at(rest),
                    begun.tag
                ));
            }
            close(begun, length, &mut entities);
            rest = &body[end + 1..];
        } else {
            let end =
                rest.find('>').ok_or(format!("Unclosed start tag at byte offset {}", at(rest)))?;
            open.push(start(&rest[1..end], length, at(rest))?);
            rest = &rest[end + 1..];
        }
    }
    match open.pop() {
        Some(begun) => {
            Err(format!("Can't find end tag corresponding to start tag \"{}\"", begun.tag))
        }
        None => Ok(tidy(Styled { text, entities })),
    }
}

/// A character reference at the beginning of a text, and how many bytes it takes.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.find(';')?;
    let name = &text[1..end];
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|it| *it != '\0')?
        }
    };
    Some((character, end + 1))
}

/// What stands between `<` and `>` of a start tag.
fn start(inner: &str, offset: usize, byte: usize) -> Result<Open, String> {
    let (tag, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let tag = tag.to_lowercase();
    let value = |name: &str| attribute(attributes, name);
    let mut more = Map::new();
    let unsupported = || format!("Unsupported start tag \"{tag}\" at byte offset {byte}");
    let kind = match tag.as_str() {
        "span" if value("class").as_deref() == Some("tg-spoiler") => "spoiler".to_owned(),
        "span" => {
            return Err(format!(
                "Tag \"span\" must have class \"tg-spoiler\" at byte offset {byte}"
            ));
        }
        "tg-emoji" => {
            let id = value("emoji-id").ok_or_else(unsupported)?;
            more.insert("custom_emoji_id".to_owned(), id.into());
            "custom_emoji".to_owned()
        }
        _ => {
            let known = TAGS.iter().find(|(name, _)| *name == tag);
            known.ok_or_else(unsupported)?.1.to_owned()
        }
    };
    if kind == "text_link" {
        more.insert("url".to_owned(), value("href").unwrap_or_default().into());
    }
    if kind == "code"
        && let Some(language) =
            value("class").and_then(|it| it.strip_prefix("language-").map(String::from))
    {
        more.insert("language".to_owned(), language.into());
    }
    let expandable = kind == "blockquote" && attributes.contains("expandable");
    let kind = if expandable { "expandable_blockquote".to_owned() } else { kind };
    Ok(Open { tag, kind, offset, more })
}

/// The value of an attribute, its references resolved.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let begin = attributes.find(&format!("{name}="))? + name.len() + 1;
    let rest = &attributes[begin..];
    let quote = rest.chars().next()?;
    let raw = match quote {
        '"' | '\'' => rest[1..].split(quote).next()?,
        _ => rest.split_whitespace().next()?,
    };
    let mut value = String::new();
    let mut left = raw;
    while let Some(first) = left.chars().next() {
        let (character, used) = reference_or(left, first);
        value.push(character);
        left = &left[used..];
    }
    Some(value)
}

fn reference_or(text: &str, first: char) -> (char, usize) {
    match first {
        '&' => reference(text).unwrap_or((first, 1)),
        _ => (first, first.len_utf8()),
    }
}

/// Ends a tag: an entity, unless it holds nothing or links to nowhere.
fn close(begun: Open, end: usize, entities: &mut Vec<Entity>) {
    let length = end - begun.offset;
    let Open { mut kind, offset, mut more, .. } = begun;
    if kind == "text_link" {
        let url = more.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(id) = url.strip_prefix("tg://user?id=").and_then(|it| it.parse::<i64>().ok()) {
            kind = "text_mention".to_owned();
            more = Map::from_iter([("user".to_owned(), json!({ "id": id }))]);
        } else if !url.contains("://") && !url.contains('.') {
            return;
        }
    }
    if length > 0 {
        entities.push(Entity { kind, offset, length, more });
    }
}

/// Trims the text, as Telegram does, and sorts the entities.
pub fn tidy(styled: Styled) -> Styled {
    let trimmed = styled.text.trim_end();
    let text = trimmed.trim_start();
    let cut = units(trimmed) - units(text);
    let total = units(text);
    let mut entities: Vec<Entity> = styled
        .entities
        .into_iter()
        .filter_map(|it| {
            let begin = it.offset.max(cut) - cut;
            let end = (it.offset + it.length).saturating_sub(cut).min(total);
            (begin < end).then(|| Entity { offset: begin, length: end - begin, ..it })
        })
        .collect();
    // `<pre><code class="language-…">` is one entity.
    let blocks: Vec<(usize, usize)> =
        entities.iter().filter(|it| it.kind == "pre").map(|it| (it.offset, it.length)).collect();
    entities.retain(|it| it.kind != "code" || !blocks.contains(&(it.offset, it.length)));
    entities.sort_by_key(|it| (it.offset, std::cmp::Reverse(it.length)));
    Styled { text: text.to_owned(), entities }
}

/// Adds what Telegram finds by itself: commands, mentions, hashtags, links.
pub fn detect(mut styled: Styled) -> Styled {
    let found = words(&styled.text).filter_map(|(offset, word)| automatic(offset, word));
    let opaque = ["code", "pre", "text_link", "text_mention"];
    let taken: Vec<Entity> =
        styled.entities.iter().filter(|it| opaque.contains(&it.kind.as_str())).cloned().collect();
    let overlaps = |it: &Entity| {
        taken.iter().any(|t| it.offset < t.offset + t.length && t.offset < it.offset + it.length)
    };
    let found: Vec<Entity> = found.filter(|it| !overlaps(it)).collect();
    styled.entities.extend(found);
    styled.entities.sort_by_key(|it| (it.offset, std::cmp::Reverse(it.length)));
    styled
}

/// Words between white space, with their places in UTF-16 units.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(char::is_whitespace).scan(0, |offset, word| {
        let begin = *offset;
        // All white space is one UTF-16 unit wide.
        *offset += units(word) + 1;
        Some((begin, word))
    })
}

fn automatic(offset: usize, word: &str) -> Option<Entity> {
    let named =
        |text: &str| text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').count();
    let (kind, length) = match word.chars().next()? {
        '/' => {
            let name = named(&word[1..]);
            let bot = word[1 + name..].strip_prefix('@').map_or(0, |it| 1 + named(it));
            (1..=32).contains(&name).then_some(("bot_command", 1 + name + bot))?
        }
        '@' => {
            let name = named(&word[1..]);
            (3..=32).contains(&name).then_some(("mention", 1 + name))?
        }
        '#' => {
            let tag: String =
                word[1..].chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
            (!tag.is_empty()).then_some(("hashtag", 1 + units(&tag)))?
        }
        _ if word.starts_with("https://") || word.starts_with("http://") => ("url", units(word)),
        _ => return None,
    };
    Some(Entity { kind: kind.to_owned(), offset, length, more: Map::new() })
}

impl Entity {
    /// As the Bot API has it.
    pub fn json(&self) -> Value {
        let mut it = json!({ "type": self.kind, "offset": self.offset, "length": self.length });
        if let Some(object) = it.as_object_mut() {
            object.extend(self.more.clone());
        }
        it
    }

    /// From the Bot API's form.
    pub fn from_json(value: &Value) -> Self {
        let number = |name: &str| value[name].as_u64().unwrap_or_default() as usize;
        let mut more = value.as_object().cloned().unwrap_or_default();
        for name in ["type", "offset", "length"] {
            more.remove(name);
        }
        Self {
            kind: value["type"].as_str().unwrap_or_default().to_owned(),
            offset: number("offset"),
            length: number("length"),
            more,
        }
    }
}

/// The text as it stands in a transcript: styles as tags, a written `<` as `&lt;`, people who are pinged as `@{Ann}`.
pub fn readable(styled: &Styled) -> String {
    let mut marks: Vec<(usize, u8, usize, String)> = Vec::new();
    for entity in &styled.entities {
        let Some((begin, end)) = marks_of(entity) else { continue };
        // At one place what ends comes first; the inner ends before the outer, the outer begins before the inner.
        marks.push((entity.offset, 1, usize::MAX - entity.length, begin));
        marks.push((entity.offset + entity.length, 0, entity.length, end));
    }
    marks.sort();
    let mut marks = marks.into_iter().peekable();
    let mut out = String::new();
    let mut offset = 0;
    for character in styled.text.chars() {
        while let Some((_, _, _, mark)) = marks.next_if(|it| it.0 <= offset) {
            out.push_str(&mark);
        }
        match character {
            '<' => out.push_str("&lt;"),
            _ => out.push(character),
        }
        offset += character.len_utf16();
    }
    out.extend(marks.map(|it| it.3));
    out
}

fn marks_of(entity: &Entity) -> Option<(String, String)> {
    let tag = |name: &str| Some((format!("<{name}>"), format!("</{name}>")));
    match entity.kind.as_str() {
        "bold" => tag("b"),
        "italic" => tag("i"),
        "underline" => tag("u"),
        "strikethrough" => tag("s"),
        "spoiler" => tag("spoiler"),
        "code" => tag("code"),
        "pre" => tag("pre"),
        "blockquote" | "expandable_blockquote" => tag("quote"),
        "text_link" => {
            let url = entity.more.get("url").and_then(Value::as_str).unwrap_or_default();
            Some(("[".to_owned(), format!("]({url})")))
        }
        "text_mention" => Some(("@{".to_owned(), "}".to_owned())),
        "custom_emoji" => tag("emoji"),
        // Commands, mentions, hashtags and links can be seen as they are.
        _ => None,
    }
}
