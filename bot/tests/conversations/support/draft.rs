//! A message on its way: where to, as whom, in reply to what. Entities are found as Telegram finds them.

use serde_json::{Value, json};

use super::{
    group::Group,
    person::Person,
    telegram::{
        indented,
        markup::{self, Entity, Styled},
        place,
        world::{ANONYMOUS, User, World},
    },
};

/// A message that somebody is about to send.
pub struct Draft {
    pub(super) person: Person,
    pub(super) chat: i64,
    pub(super) topic: Option<i64>,
    pub(super) text: String,
    pub(super) reply: Option<i64>,
    pub(super) anonymous: bool,
    pub(super) more: Value,
}

impl Draft {
    /// In this group, in its topic if it is one.
    pub fn to(mut self, group: &Group) -> Self {
        self.chat = group.id;
        self.topic = group.topic;
        self
    }

    /// In reply to a message of the same chat.
    pub fn reply_to(mut self, message: i64) -> Self {
        self.reply = Some(message);
        self
    }

    /// As an administrator who hides behind the group.
    pub fn anonymously(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// With another field of the Bot API's `Message`.
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.more[field] = value;
        self
    }

    /// Sends it, and answers with its number.
    pub async fn send(self) -> i64 {
        let world = self.person.world.clone();
        let update = self.update();
        let id = update["message"]["message_id"].as_i64().unwrap_or_default();
        world.send(update).await;
        id
    }

    /// The update alone, for `World::at_once`.
    pub fn update(self) -> Value {
        let telegram = self.person.world.telegram().clone();
        let mut world = telegram.world();
        let mut body = self.more;
        body["from"] = world.user_json(self.person.id);
        if self.anonymous {
            body["from"] = json!({
                "id": ANONYMOUS, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot",
            });
            body["sender_chat"] = world.chat_json(self.chat);
        }
        if let Some(topic) = self.topic {
            body["message_thread_id"] = topic.into();
            body["is_topic_message"] = true.into();
        }
        if let Some(reply) = self.reply {
            body["replies_to"] = reply.into();
        }
        if !self.text.is_empty() {
            let styled = markup::detect(mentions(&self.text, &world));
            body["text"] = styled.text.as_str().into();
            if !styled.entities.is_empty() {
                body["entities"] = styled.entities.iter().map(Entity::json).collect();
            }
        }
        let id = world.post(self.chat, body);
        let who = if self.anonymous { "an anonymous admin" } else { self.person.name.as_str() };
        let to =
            if self.chat == self.person.id { "bot".to_owned() } else { place(&world, self.chat) };
        let topic = self.topic.map(|it| format!(" (topic {it})")).unwrap_or_default();
        let reply = self.reply.map(|it| format!(" (reply to #{it})")).unwrap_or_default();
        let shown = indented(&world.chats[&self.chat].messages[&id].readable());
        let message = world.message_json(self.chat, id);
        drop(world);
        self.person.world.said(self.text);
        telegram.note(format!("{who} → {to}{topic} #{id}{reply}: {shown}"));
        json!({ "message": message })
    }
}

/// A text in which `@{Zoe}` stands for a mention of somebody without a username. Names may contain anything.
fn mentions(source: &str, world: &World) -> Styled {
    let mut styled = Styled::default();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("@{") {
        let named =
            |it: &&User| after.strip_prefix(&it.first_name).is_some_and(|it| it.starts_with('}'));
        let person = world.users.values().find(named);
        let person = person.unwrap_or_else(|| panic!("nobody is mentioned in {source}"));
        styled.text.push_str(before);
        styled.entities.push(Entity {
            kind: "text_mention".to_owned(),
            offset: markup::units(&styled.text),
            length: markup::units(&person.first_name),
            more: serde_json::Map::from_iter([("user".to_owned(), world.user_json(person.id))]),
        });
        styled.text.push_str(&person.first_name);
        rest = &after[person.first_name.len() + 1..];
    }
    styled.text.push_str(rest);
    styled
}
