//! Updates made up from the description: every kind, every field, with the content that nobody expects.

use serde_json::{Map, Value, json};

use super::description::{BOT_API, Field, Shape, Type};

/// A source of chance that gives the same again for the same seed.
pub struct Chance(u64);

/// Who and where the updates are about.
pub struct Cast {
    /// As the Bot API shows them.
    pub users: Vec<Value>,
    pub chats: Vec<Value>,
    /// What buttons carry.
    pub data: Vec<String>,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// Texts that break what is not careful: markup, directions, widths, lengths, half characters, foreign commands.
pub const HOSTILE: [&str; 24] = [
    "<b>",
    "</a><script>alert(1)</script>",
    "<a href=\"tg://user?id=1\">x</a>",
    "&lt;&amp;&#0;&nbsp;&",
    "*bold* _italic_ `code` [a](b) \\",
    "\u{202e}desrever",
    "\u{200b}",
    "\u{2066}\u{2067}\u{2068}",
    "a\u{301}\u{302}\u{303}\u{304}\u{305}",
    "👨‍👩‍👧‍👦🏳️‍🌈",
    "\u{feff}x",
    "İıẞß",
    "\u{1d54f}",
    "line\nline\r\nline\tline",
    "@everyone",
    "/start i_AAAAAAAAAAAAAAAAAAAAAA",
    "/notify .*",
    "/notify (",
    "/status@OtherBot",
    "{\"$gt\": \"\"}",
    "$where",
    "..",
    "%s%n%00",
    " ",
];

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A text to be afraid of.
    pub fn text(&mut self) -> String {
        match self.below(12) {
            0 => String::new(),
            1 => "😀".repeat(self.below(2048)),
            2 => (0..self.below(64)).map(|_| self.character()).collect(),
            3 => format!("{}{}", self.pick(&HOSTILE), self.pick(&HOSTILE)),
            _ => (*self.pick(&HOSTILE)).to_owned(),
        }
    }

    fn character(&mut self) -> char {
        char::from_u32(self.below(0x11_0000) as u32).unwrap_or('\u{fffd}')
    }
}

impl Cast {
    /// An update of this kind.
    pub fn update(&self, kind: &str, chance: &mut Chance) -> Value {
        let field = BOT_API.fields("Update").iter().find(|it| it.name == kind);
        let field = field.unwrap_or_else(|| panic!("no kind of update is called {kind}"));
        let content = self.value(&field.shape, "Update", kind, chance, 0);
        json!({ "update_id": chance.below(1 << 31), kind: content })
    }

    /// A message in which this field is set.
    pub fn message_with(&self, field: &str, chance: &mut Chance) -> Value {
        let described = BOT_API.fields("Message").iter().find(|it| it.name == field);
        let described = described.unwrap_or_else(|| panic!("no message has {field}"));
        let mut message = json!({
            "message_id": 1 + chance.below(100), "date": self.now, "chat": chance.pick(&self.chats),
            "from": chance.pick(&self.users),
        });
        message[field] = self.value(&described.shape, "Message", field, chance, 1);
        json!({ "update_id": chance.below(1 << 31), "message": message })
    }

    fn value(
        &self,
        shape: &Shape,
        owner: &str,
        name: &str,
        chance: &mut Chance,
        depth: usize,
    ) -> Value {
        match shape {
            Shape::String => match known_words(owner, name) {
                Some(words) => (*chance.pick(words)).into(),
                None if name == "data" && !self.data.is_empty() && chance.below(2) == 0 => {
                    chance.pick(&self.data).as_str().into()
                }
                None => chance.text().into(),
            },
            Shape::Integer if name.ends_with("date") => self.now.into(),
            Shape::Integer if owner == "MessageEntity" => chance.below(40).into(),
            Shape::Integer => chance.below(1000).into(),
            Shape::Float => json!(chance.below(1000) as f64 / 10.0),
            Shape::Boolean => (chance.below(2) == 0).into(),
            Shape::Array(each) => {
                let count = chance.below(if depth > 3 { 2 } else { 4 });
                (0..count).map(|_| self.value(each, owner, name, chance, depth + 1)).collect()
            }
            Shape::OneOf(variants) => {
                // Deep down the first will do: it is the plainest.
                let variant = if depth > 5 { &variants[0] } else { chance.pick(variants) };
                self.value(variant, owner, name, chance, depth)
            }
            Shape::Named(named) => match (named.as_str(), BOT_API.named(named)) {
                ("User", _) => chance.pick(&self.users).clone(),
                ("Chat", _) => chance.pick(&self.chats).clone(),
                (_, Some(Type::Union(variants))) => {
                    self.value(variants, owner, name, chance, depth)
                }
                (_, Some(Type::Record(fields))) => self.record(named, fields, chance, depth),
                (_, None) => panic!("{named} is not described"),
            },
        }
    }

    fn record(&self, named: &str, fields: &[Field], chance: &mut Chance, depth: usize) -> Value {
        let mut record = Map::new();
        // A message has some hundred optional fields: a few of them make it odd enough.
        let one_in = 1 + fields.len() / 4 + depth * 2;
        for field in fields {
            if !field.required && (depth > 4 || chance.below(one_in) != 0) {
                continue;
            }
            let value = match &field.constant {
                Some(constant) => constant.as_str().into(),
                None => self.value(&field.shape, named, &field.name, chance, depth + 1),
            };
            record.insert(field.name.clone(), value);
        }
        record.into()
    }
}

/// Words that the description gives in prose only.
fn known_words(owner: &str, name: &str) -> Option<&'static [&'static str]> {
    Some(match (owner, name) {
        ("MessageEntity", "type") => &[
            "mention",
            "hashtag",
            "bot_command",
            "url",
            "bold",
            "pre",
            "text_link",
            "text_mention",
            "custom_emoji",
        ],
        ("Poll", "type") => &["regular", "quiz"],
        ("Sticker", "type") => &["regular", "mask", "custom_emoji"],
        ("InlineQuery", "chat_type") => &["sender", "private", "group", "supergroup", "channel"],
        ("MaskPosition", "point") => &["forehead", "eyes", "mouth", "chin"],
        ("Dice", "emoji") => &["🎲", "🎯"],
        ("EncryptedPassportElement", "type") => &["passport", "email"],
        (_, "currency") => &["XTR", "EUR"],
        (_, "country_code") => &["DE", "US"],
        _ => return None,
    })
}
