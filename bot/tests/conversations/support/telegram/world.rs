//! What Telegram knows: people, chats, who is in which, and every message.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::{
    Refused,
    markup::{self, Entity, Styled},
};

/// The bot that the tests are about.
pub const BOT_ID: i64 = 900_000_001;
/// Its username.
pub const BOT_USERNAME: &str = "GamersTestBot";
/// Who Telegram says wrote a message of an anonymous administrator.
pub const ANONYMOUS: i64 = 1_087_968_824;

/// Everything, in one place and behind one lock.
pub struct World {
    pub users: BTreeMap<i64, User>,
    pub chats: BTreeMap<i64, Chat>,
    /// Presses that wait for their answer, and those that had it.
    pub presses: HashMap<String, Press>,
    pub checkouts: HashMap<String, Checkout>,
    pub webhook: Option<Value>,
    /// When the webhook last refused an update, and how.
    pub webhook_error: Option<(i64, String)>,
    /// Menus of commands by scope and language.
    pub menus: BTreeMap<String, Value>,
    pub texts: BTreeMap<String, String>,
    pub files: BTreeSet<String>,
    pub payments: BTreeMap<String, Payment>,
    /// How far ahead of the real clock this world is, in seconds.
    pub ahead: i64,
    next: i64,
}

/// A person, or another bot.
#[derive(Clone, Debug)]
pub struct User {
    pub id: i64,
    pub first_name: String,
    pub username: Option<String>,
    pub language: Option<String>,
    pub is_bot: bool,
    /// Whether the bot may write to them: they pressed Start once.
    pub started: bool,
    pub blocked: bool,
    pub deactivated: bool,
}

/// A chat with its members and messages.
#[derive(Clone, Debug)]
pub struct Chat {
    pub id: i64,
    pub kind: &'static str,
    pub title: String,
    pub is_forum: bool,
    pub members: BTreeMap<i64, Member>,
    pub messages: BTreeMap<i64, Message>,
    /// The supergroup that this group became.
    pub migrated_to: Option<i64>,
    next_message: i64,
}

/// Somebody's place in a chat.
#[derive(Clone, Debug, PartialEq)]
pub enum Member {
    Owner {
        anonymous: bool,
    },
    /// An administrator with these rights.
    Administrator {
        rights: Vec<&'static str>,
        anonymous: bool,
    },
    Ordinary,
    /// May read but not write.
    Muted,
    Left,
    Banned,
}

/// A message that was not deleted.
#[derive(Clone, Debug)]
pub struct Message {
    /// As the Bot API has it, without its `reply_to_message`.
    pub body: Map<String, Value>,
    pub sent_at: i64,
    /// Grows with every message sent or edited anywhere: what a person saw last.
    pub touched: i64,
}

/// A press on a button.
#[derive(Clone, Debug)]
pub struct Press {
    pub user: i64,
    pub answer: Option<Value>,
}

/// A pre-checkout query.
#[derive(Clone, Debug)]
pub struct Checkout {
    pub answer: Option<Value>,
}

/// A payment that went through.
#[derive(Clone, Debug)]
pub struct Payment {
    pub user: i64,
    pub refunded: bool,
}

impl World {
    /// A world with nobody in it but the bot.
    pub fn new() -> Self {
        let bot = User {
            id: BOT_ID,
            first_name: "Gamers' Test Bot".to_owned(),
            username: Some(BOT_USERNAME.to_owned()),
            language: None,
            is_bot: true,
            started: true,
            blocked: false,
            deactivated: false,
        };
        Self {
            users: BTreeMap::from([(BOT_ID, bot)]),
            chats: BTreeMap::new(),
            presses: HashMap::new(),
            checkouts: HashMap::new(),
            webhook: None,
            webhook_error: None,
            menus: BTreeMap::new(),
            texts: BTreeMap::new(),
            files: BTreeSet::new(),
            payments: BTreeMap::new(),
            ahead: 0,
            next: 1000,
        }
    }

    /// A number that was not used before.
    pub fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// The time in this world, in seconds since 1970.
    pub fn now(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |it| it.as_secs() as i64) + self.ahead
    }

    /// The private chat of a person, made when it is first used.
    pub fn private(&mut self, user: i64) -> &mut Chat {
        let title = self.users.get(&user).map(|it| it.first_name.clone()).unwrap_or_default();
        self.chats.entry(user).or_insert_with(|| Chat::new(user, "private", &title))
    }

    /// A user as the Bot API shows them.
    pub fn user_json(&self, id: i64) -> Value {
        let Some(user) = self.users.get(&id) else {
            return json!({ "id": id, "is_bot": false, "first_name": "Stranger" });
        };
        let mut it = json!({
            "id": user.id, "is_bot": user.is_bot, "first_name": user.first_name,
        });
        if let Some(username) = &user.username {
            it["username"] = username.as_str().into();
        }
        if let Some(language) = &user.language {
            it["language_code"] = language.as_str().into();
        }
        it
    }

    /// A chat as it stands in messages.
    pub fn chat_json(&self, id: i64) -> Value {
        let Some(chat) = self.chats.get(&id) else {
            return json!({ "id": id, "type": "private" });
        };
        let mut it = json!({ "id": id, "type": chat.kind });
        if chat.kind == "private" {
            let user = self.users.get(&id);
            it["first_name"] = user.map_or("", |it| it.first_name.as_str()).into();
            if let Some(username) = user.and_then(|it| it.username.as_deref()) {
                it["username"] = username.into();
            }
        } else {
            it["title"] = chat.title.as_str().into();
        }
        if chat.is_forum {
            it["is_forum"] = true.into();
        }
        it
    }

    /// A member of a chat as `getChatMember` shows them.
    pub fn member_json(&self, chat: i64, user: i64) -> Value {
        let member = self.chats.get(&chat).and_then(|it| it.members.get(&user));
        let who = self.user_json(user);
        match member.unwrap_or(&Member::Left) {
            Member::Owner { anonymous } => {
                json!({ "status": "creator", "user": who, "is_anonymous": anonymous })
            }
            Member::Administrator { rights, anonymous } => {
                let mut it = json!({
                    "status": "administrator", "user": who, "is_anonymous": anonymous,
                });
                for field in super::BOT_API.fields("ChatMemberAdministrator") {
                    if field.required && field.name.starts_with("can_") {
                        it[&field.name] = rights.contains(&field.name.as_str()).into();
                    }
                }
                it["can_manage_chat"] = true.into();
                it
            }
            Member::Ordinary => json!({ "status": "member", "user": who }),
            Member::Muted => {
                let mut it = json!({
                    "status": "restricted", "user": who, "is_member": true, "until_date": 0,
                });
                for field in super::BOT_API.fields("ChatMemberRestricted") {
                    if field.name.starts_with("can_") {
                        it[&field.name] = false.into();
                    }
                }
                it
            }
            Member::Left => json!({ "status": "left", "user": who }),
            Member::Banned => json!({ "status": "kicked", "user": who, "until_date": 0 }),
        }
    }

    /// The chat that the bot means, if it may write there. The error is what Telegram says.
    pub fn writable(&mut self, id: &Value) -> Result<i64, Refused> {
        let id = self.reachable(id)?;
        let Some(chat) = self.chats.get(&id) else { return Err(Refused::bad("chat not found")) };
        if chat.kind == "private" {
            let user = self.users.get(&id);
            return match user {
                Some(it) if it.is_bot => Err(Refused::forbidden("bot can't send messages to bots")),
                Some(it) if it.deactivated => Err(Refused::forbidden("user is deactivated")),
                Some(it) if it.blocked => Err(Refused::forbidden("bot was blocked by the user")),
                Some(it) if it.started => Ok(id),
                _ => Err(Refused::forbidden("bot can't initiate conversation with a user")),
            };
        }
        match chat.members.get(&BOT_ID) {
            Some(Member::Muted) => {
                Err(Refused::bad("not enough rights to send text messages to the chat"))
            }
            _ => Ok(id),
        }
    }

    /// The chat that the bot means, if it may look at it.
    pub fn reachable(&mut self, id: &Value) -> Result<i64, Refused> {
        let Some(id) = id.as_i64() else { return Err(Refused::bad("chat not found")) };
        if id > 0 && self.users.get(&id).is_some_and(|it| it.id != BOT_ID) {
            self.private(id);
        }
        let Some(chat) = self.chats.get(&id) else { return Err(Refused::bad("chat not found")) };
        if let Some(new) = chat.migrated_to {
            return Err(Refused::migrated(new));
        }
        let kind = chat.kind;
        match chat.members.get(&BOT_ID) {
            _ if kind == "private" => Ok(id),
            Some(Member::Banned) => {
                Err(Refused::forbidden(&format!("bot was kicked from the {kind} chat")))
            }
            Some(Member::Left) | None => {
                Err(Refused::forbidden(&format!("bot is not a member of the {kind} chat")))
            }
            Some(_) => Ok(id),
        }
    }

    /// Whether the bot holds this right in the chat.
    pub fn bot_may(&self, chat: i64, right: &str) -> bool {
        match self.chats.get(&chat).and_then(|it| it.members.get(&BOT_ID)) {
            Some(Member::Administrator { rights, .. }) => rights.contains(&right),
            Some(Member::Owner { .. }) => true,
            _ => false,
        }
    }

    /// Whether a mention by id works there: members, and people who talked to the bot.
    pub fn can_mention(&self, chat: i64, user: i64) -> bool {
        let here = self.chats.get(&chat).and_then(|it| it.members.get(&user));
        let member = !matches!(here, None | Some(Member::Left | Member::Banned));
        member || self.users.get(&user).is_some_and(|it| it.started)
    }

    /// Entities as they arrive: people are whole, mentions of people out of reach are dropped.
    pub fn resolve(&self, chat: i64, styled: Styled) -> Styled {
        let person = |it: &Entity| it.more.get("user").and_then(|it| it["id"].as_i64());
        let entities = styled
            .entities
            .into_iter()
            .filter(|it| person(it).is_none_or(|id| self.can_mention(chat, id)))
            .map(|mut it| {
                if let Some(id) = person(&it) {
                    it.more.insert("user".to_owned(), self.user_json(id));
                }
                it
            })
            .collect();
        Styled { text: styled.text, entities }
    }

    /// Adds a message to a chat and answers with its number.
    pub fn post(&mut self, chat: i64, body: Value) -> i64 {
        let now = self.now();
        let touched = self.fresh();
        let shown = self.chat_json(chat);
        let Some(it) = self.chats.get_mut(&chat) else { return 0 };
        it.next_message += 1;
        let id = it.next_message;
        let mut body = body.as_object().cloned().unwrap_or_default();
        body.insert("message_id".to_owned(), id.into());
        body.insert("date".to_owned(), now.into());
        body.insert("chat".to_owned(), shown);
        it.messages.insert(id, Message { body, sent_at: now, touched });
        id
    }

    /// A message as the Bot API shows it, with what it replies to.
    pub fn message_json(&self, chat: i64, id: i64) -> Option<Value> {
        let message = self.chats.get(&chat)?.messages.get(&id)?;
        let mut body = message.body.clone();
        if let Some(replied) = body.remove("replies_to").and_then(|it| it.as_i64())
            && let Some(it) = self.chats.get(&chat).and_then(|it| it.messages.get(&replied))
        {
            let mut it = it.body.clone();
            it.remove("replies_to");
            body.insert("reply_to_message".to_owned(), it.into());
        }
        Some(body.into())
    }
}

impl Chat {
    /// A chat with no members and no messages.
    pub fn new(id: i64, kind: &'static str, title: &str) -> Self {
        Self {
            id,
            kind,
            title: title.to_owned(),
            is_forum: false,
            members: BTreeMap::new(),
            messages: BTreeMap::new(),
            migrated_to: None,
            next_message: 0,
        }
    }
}

impl Message {
    /// Its text or caption, with entities.
    pub fn styled(&self) -> Styled {
        let (text, entities) = match self.body.contains_key("caption") {
            true => ("caption", "caption_entities"),
            false => ("text", "entities"),
        };
        let list = self.body.get(entities).and_then(Value::as_array);
        Styled {
            text: self.body.get(text).and_then(Value::as_str).unwrap_or_default().to_owned(),
            entities: list.into_iter().flatten().map(Entity::from_json).collect(),
        }
    }

    /// Its buttons, row by row.
    pub fn buttons(&self) -> Vec<Vec<Value>> {
        let rows = self.body.get("reply_markup").map(|it| &it["inline_keyboard"]);
        let rows = rows.and_then(Value::as_array).cloned().unwrap_or_default();
        rows.into_iter().map(|it| it.as_array().cloned().unwrap_or_default()).collect()
    }

    /// The message as a reader of the transcript sees it: text, then buttons.
    pub fn readable(&self) -> String {
        let mut out = String::new();
        let media = ["animation", "audio", "video", "document", "photo", "sticker", "voice"];
        if let Some(kind) = media.into_iter().find(|it| self.body.contains_key(*it)) {
            out.push_str(&format!("({kind}) "));
        }
        if let Some(invoice) = self.body.get("invoice") {
            out.push_str(&format!(
                "(invoice: {}, {} {}) ",
                invoice["title"].as_str().unwrap_or_default(),
                invoice["total_amount"],
                invoice["currency"].as_str().unwrap_or_default()
            ));
        }
        out.push_str(&markup::readable(&self.styled()));
        for row in self.buttons() {
            let row: Vec<String> = row.iter().map(button).collect();
            out.push('\n');
            out.push_str(&row.join(" "));
        }
        out.trim().to_owned()
    }
}

fn button(it: &Value) -> String {
    let label = it["text"].as_str().unwrap_or_default();
    match it["url"].as_str() {
        Some(url) => format!("[{label} → {url}]"),
        None => format!("[{label}]"),
    }
}
