//! Groups: who is in them, what becomes of them, and what the bot wrote there.

use serde_json::{Value, json};

use super::{
    conversation::World,
    person::Person,
    telegram::{
        migrate,
        world::{ANONYMOUS, BOT_ID, Chat, Member, Message},
    },
};

/// A group, or one topic of it.
#[derive(Clone)]
pub struct Group {
    pub(super) world: World,
    pub id: i64,
    pub(super) topic: Option<i64>,
}

impl Group {
    /// The same group, in one of its topics, which is made.
    pub fn topic(&self, name: &str) -> Group {
        let mut world = self.world.telegram().world();
        let created = json!({ "name": name, "icon_color": 7_322_096 });
        let from = world.user_json(ANONYMOUS);
        let id = world.post(self.id, json!({ "from": from, "forum_topic_created": created }));
        drop(world);
        Group { world: self.world.clone(), id: self.id, topic: Some(id) }
    }

    /// Makes somebody an administrator, without telling the bot.
    pub fn promote(&self, person: &Person) {
        self.sets(person.id, Member::Administrator { rights: Vec::new(), anonymous: false });
    }

    /// Makes an administrator an ordinary member again, without telling the bot.
    pub fn demote(&self, person: &Person) {
        self.sets(person.id, Member::Ordinary);
    }

    /// Makes the bot an administrator who may delete messages, without telling it.
    pub fn lets_bot_delete(&self) {
        let rights = vec!["can_delete_messages"];
        self.sets(BOT_ID, Member::Administrator { rights, anonymous: false });
    }

    /// Somebody's place in the group changes, without telling the bot; what it was before.
    pub fn sets(&self, user: i64, member: Member) -> Value {
        let mut world = self.world.telegram().world();
        let old = world.member_json(self.id, user);
        if let Some(it) = world.chats.get_mut(&self.id) {
            it.members.insert(user, member);
        }
        old
    }

    /// The bot's own place in the group changes by somebody's hand, and it is told.
    pub async fn makes_bot(&self, by: &Person, member: Member) {
        self.world.telegram().note(format!("{} makes the bot {member:?}", by.name));
        let old = self.sets(BOT_ID, member);
        let update = self.changed_member("my_chat_member", by.id, BOT_ID, &old);
        self.world.send(update).await;
    }

    /// Somebody's place changed: the bot is told if it is an administrator and asked for it.
    pub(super) async fn member_update(&self, by: i64, user: i64, old: &Value) {
        if self.world.telegram().world().bot_may(self.id, "can_delete_messages") {
            let update = self.changed_member("chat_member", by, user, old);
            self.world.send(update).await;
        }
    }

    fn changed_member(&self, kind: &str, by: i64, user: i64, old: &Value) -> Value {
        let world = self.world.telegram().world();
        json!({ kind: {
            "chat": world.chat_json(self.id), "from": world.user_json(by), "date": world.now(),
            "old_chat_member": old, "new_chat_member": world.member_json(self.id, user),
        } })
    }

    /// A service message.
    pub async fn service(&self, by: &Person, what: Value) {
        let update = {
            let mut world = self.world.telegram().world();
            let mut body = what;
            body["from"] = world.user_json(by.id);
            let id = world.post(self.id, body);
            json!({ "message": world.message_json(self.id, id) })
        };
        self.world.send(update).await;
    }

    /// Becomes a supergroup. The bot gets both service messages.
    pub async fn migrates(&self, by: &Person) -> Group {
        let new = self.moves();
        self.world.telegram().note("the group becomes a supergroup".to_owned());
        self.service(by, json!({ "migrate_to_chat_id": new.id })).await;
        new.service(by, json!({ "migrate_from_chat_id": self.id })).await;
        new
    }

    /// Becomes a supergroup without telling the bot.
    pub fn moves(&self) -> Group {
        let mut world = self.world.telegram().world();
        let id = -1_001_000_000_000 - world.fresh();
        migrate(&mut world, self.id, id);
        drop(world);
        Group { world: self.world.clone(), id, topic: None }
    }

    /// Gets another title.
    pub async fn renames(&self, by: &Person, title: &str) {
        self.change(|it| it.title = title.to_owned());
        self.service(by, json!({ "new_chat_title": title })).await;
    }

    /// Changes what Telegram knows of it.
    pub fn change(&self, change: impl FnOnce(&mut Chat)) {
        let mut world = self.world.telegram().world();
        change(world.chats.get_mut(&self.id).expect("a group of this world"));
    }

    /// The newest message of the bot, as a reader sees it.
    pub fn reads(&self) -> String {
        let world = self.world.telegram().world();
        world.chats.get(&self.id).and_then(newest).map(Message::readable).unwrap_or_default()
    }

    /// The number of the bot's newest message.
    pub fn newest(&self) -> i64 {
        let world = self.world.telegram().world();
        world.chats.get(&self.id).and_then(newest_id).expect("a message from the bot")
    }
}

/// The newest message of the bot in a chat.
pub fn newest(chat: &Chat) -> Option<&Message> {
    chat.messages.get(&newest_id(chat)?)
}

/// Its number.
pub fn newest_id(chat: &Chat) -> Option<i64> {
    let by_bot =
        |it: &Message| it.body.get("from").and_then(|it| it["id"].as_i64()) == Some(BOT_ID);
    chat.messages.iter().rev().find(|(_, it)| by_bot(it)).map(|(id, _)| *id)
}
