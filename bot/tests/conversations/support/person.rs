//! People: what they say, press, pay, and where they come and go.

use serde_json::{Value, json};

use super::{
    conversation::World,
    draft::Draft,
    group::{Group, newest, newest_id},
    telegram::{
        markup::{self, Entity, Styled},
        place,
        world::{BOT_ID, BOT_USERNAME, Chat, Checkout, Member, Message, Payment, Press, User},
    },
};

/// Somebody who uses Telegram.
#[derive(Clone)]
pub struct Person {
    pub(super) world: World,
    pub id: i64,
    pub name: String,
}

impl Person {
    /// Writes to the bot in private.
    pub async fn writes(&self, text: &str) -> i64 {
        self.message(text).send().await
    }

    /// Says something in a group. `@{Zoe}` mentions somebody without a username.
    pub async fn says(&self, group: &Group, text: &str) -> i64 {
        self.message(text).to(group).send().await
    }

    /// Replies to a message in a group.
    pub async fn replies(&self, group: &Group, message: i64, text: &str) -> i64 {
        self.message(text).to(group).reply_to(message).send().await
    }

    /// A message to the bot in private, unless it is sent `to` a group.
    pub fn message(&self, text: &str) -> Draft {
        Draft {
            person: self.clone(),
            chat: self.id,
            topic: None,
            text: text.to_owned(),
            reply: None,
            anonymous: false,
            more: json!({}),
        }
    }

    /// Presses Start, with what a deep link carries.
    pub async fn starts(&self, payload: &str) -> i64 {
        self.change(|it| {
            it.started = true;
            it.blocked = false;
        });
        self.writes(format!("/start {payload}").trim()).await
    }

    /// Sends a sticker to the bot.
    pub async fn sends_sticker(&self) -> i64 {
        let sticker = json!({
            "file_id": "sticker", "file_unique_id": "sticker", "type": "regular", "width": 512, "height": 512,
            "is_animated": false, "is_video": false,
        });
        self.message("").with("sticker", sticker).send().await
    }

    /// Changes a message of theirs.
    pub async fn edits(&self, chat: i64, message: i64, text: &str) {
        let update = {
            let mut world = self.world.telegram().world();
            let now = world.now();
            let styled = markup::detect(Styled { text: text.to_owned(), entities: Vec::new() });
            let found = world.chats.get_mut(&chat).and_then(|it| it.messages.get_mut(&message));
            let body = &mut found.expect("a message to edit").body;
            body.insert("edit_date".to_owned(), now.into());
            body.insert("text".to_owned(), styled.text.into());
            let entities: Vec<Value> = styled.entities.iter().map(Entity::json).collect();
            body.insert("entities".to_owned(), entities.into());
            json!({ "edited_message": world.message_json(chat, message) })
        };
        self.world.telegram().note(format!("{} edits #{message}: {text}", self.name));
        self.world.send(update).await;
    }

    /// Presses the button with this label on the newest message that has one, in private or in any of their groups,
    /// and answers with the toast. A button that links to the bot starts it.
    pub async fn presses(&self, label: &str) -> Option<String> {
        self.presses_where(label, |_| true).await
    }

    /// The same, in one group only.
    pub async fn presses_in(&self, group: &Group, label: &str) -> Option<String> {
        self.presses_where(label, |chat| chat == group.id).await
    }

    /// The same, in private only.
    pub async fn presses_private(&self, label: &str) -> Option<String> {
        self.presses_where(label, |chat| chat == self.id).await
    }

    async fn presses_where(&self, label: &str, chat: impl Fn(i64) -> bool) -> Option<String> {
        let (chat, message, button) = self.finds(label, chat);
        if let Some(url) = button["url"].as_str() {
            let start = format!("https://t.me/{BOT_USERNAME}?start=");
            let payload =
                url.strip_prefix(&start).unwrap_or_else(|| panic!("[{label}] leads to {url}"));
            self.starts(payload).await;
            return None;
        }
        let data = button["callback_data"].as_str().expect("a button that can be pressed");
        self.presses_data(chat, message, data).await
    }

    /// Presses a button that carries this data, whether the message has one or not.
    pub async fn presses_data(&self, chat: i64, message: i64, data: &str) -> Option<String> {
        let update = self.press(chat, message, data);
        let id = update["callback_query"]["id"].as_str().unwrap_or_default().to_owned();
        self.world.send(update).await;
        self.world.toast(&id)
    }

    /// The newest message with such a button that this person can see: chat, message, button.
    pub fn finds(&self, label: &str, chat: impl Fn(i64) -> bool) -> (i64, i64, Value) {
        let world = self.world.telegram().world();
        let mine = |it: &&Chat| {
            it.id == self.id || it.kind != "private" && it.members.contains_key(&self.id)
        };
        let mut found: Vec<(i64, bool, i64, i64, Value)> = Vec::new();
        let mut labels = Vec::new();
        for it in world.chats.values().filter(mine).filter(|it| chat(it.id)) {
            for (id, message) in &it.messages {
                for button in message.buttons().into_iter().flatten() {
                    let text = button["text"].as_str().unwrap_or_default().to_owned();
                    if text.contains(label) {
                        found.push((message.touched, text == label, it.id, *id, button));
                    }
                    labels.push(text);
                }
            }
        }
        let newest = found.iter().map(|it| it.0).max();
        let best = found.into_iter().filter(|it| Some(it.0) == newest).max_by_key(|it| it.1);
        let best = best
            .unwrap_or_else(|| panic!("{} sees no button [{label}] among {labels:?}", self.name));
        (best.2, best.3, best.4)
    }

    /// The update of a press, for `World::at_once`.
    pub fn press(&self, chat: i64, message: i64, data: &str) -> Value {
        let mut world = self.world.telegram().world();
        let id = world.fresh().to_string();
        let shown = world.message_json(chat, message).unwrap_or_else(
            || json!({ "chat": world.chat_json(chat), "message_id": message, "date": 0 }),
        );
        let buttons =
            world.chats.get(&chat).and_then(|it| it.messages.get(&message)).map(Message::buttons);
        let button = buttons.into_iter().flatten().flatten().find(|it| it["callback_data"] == data);
        let label = button.map_or_else(
            || "forged data".to_owned(),
            |it| it["text"].as_str().unwrap_or_default().to_owned(),
        );
        let line = format!("{} presses [{label}] on {} #{message}", self.name, place(&world, chat));
        let from = world.user_json(self.id);
        world.presses.insert(id.clone(), Press { user: self.id, answer: None });
        drop(world);
        self.world.telegram().note(line);
        json!({ "callback_query": {
            "id": id, "from": from, "message": shown, "chat_instance": chat.to_string(), "data": data,
        } })
    }

    /// The update of pressing the button with this label, for `World::at_once`.
    pub fn pressing(&self, label: &str) -> Value {
        let (chat, message, button) = self.finds(label, |_| true);
        self.press(
            chat,
            message,
            button["callback_data"].as_str().expect("a button that can be pressed"),
        )
    }

    /// Stops the bot: it may not write any more.
    pub async fn blocks_bot(&self) {
        self.change(|it| it.blocked = true);
        self.world.telegram().note(format!("{} blocks the bot", self.name));
        self.own_chat_member("member", "kicked").await;
    }

    async fn own_chat_member(&self, old: &str, new: &str) {
        let update = {
            let world = self.world.telegram().world();
            let member = |status: &str| {
                let mut it = json!({ "status": status, "user": world.user_json(BOT_ID) });
                if status == "kicked" {
                    it["until_date"] = 0.into();
                }
                it
            };
            json!({ "my_chat_member": {
                "chat": world.chat_json(self.id), "from": world.user_json(self.id), "date": world.now(),
                "old_chat_member": member(old), "new_chat_member": member(new),
            } })
        };
        self.world.send(update).await;
    }

    /// Leaves a group.
    pub async fn leaves(&self, group: &Group) {
        self.world.telegram().note(format!("{} leaves", self.name));
        let who = self.world.telegram().world().user_json(self.id);
        let old = group.sets(self.id, Member::Left);
        group.service(self, json!({ "left_chat_member": who })).await;
        group.member_update(self.id, self.id, &old).await;
    }

    /// Pays the newest invoice in their private chat, and answers whether the bot let them. With `tampered`, parts of
    /// the query are replaced.
    pub async fn pays(&self, tampered: Value) -> bool {
        let (query, payment) = self.checkout(tampered);
        let id = query["pre_checkout_query"]["id"].as_str().unwrap_or_default().to_owned();
        self.world.send(query).await;
        let accepted = {
            let world = self.world.telegram().world();
            let answer = world.checkouts.get(&id).and_then(|it| it.answer.clone());
            answer.is_some_and(|it| it["ok"] == true)
        };
        if accepted {
            self.world.send(payment).await;
        }
        accepted
    }

    /// The two updates of paying the newest invoice: the query before, and the message after.
    pub fn checkout(&self, tampered: Value) -> (Value, Value) {
        let mut world = self.world.telegram().world();
        let invoices = world.private(self.id).messages.iter().rev();
        let invoice =
            invoices.clone().find_map(|(id, it)| Some((*id, it.body.get("invoice")?.clone())));
        let (message, invoice) = invoice.expect("an invoice in the private chat");
        let payload =
            world.texts.get(&format!("invoice:{}:{message}", self.id)).cloned().unwrap_or_default();
        let id = world.fresh().to_string();
        world.checkouts.insert(id.clone(), Checkout { answer: None });
        let mut query = json!({
            "id": id, "from": world.user_json(self.id), "currency": invoice["currency"],
            "total_amount": invoice["total_amount"], "invoice_payload": payload,
        });
        if let (Some(query), Some(tampered)) = (query.as_object_mut(), tampered.as_object()) {
            query.extend(tampered.clone());
        }
        let charge = format!("charge-{id}");
        world.payments.insert(charge.clone(), Payment { user: self.id, refunded: false });
        let paid = json!({
            "currency": query["currency"], "total_amount": query["total_amount"],
            "invoice_payload": query["invoice_payload"], "telegram_payment_charge_id": charge,
            "provider_payment_charge_id": format!("provider-{id}"),
        });
        let from = world.user_json(self.id);
        let message = world.post(self.id, json!({ "from": from, "successful_payment": paid }));
        let paid = json!({ "message": world.message_json(self.id, message) });
        drop(world);
        self.world.telegram().note(format!("{} pays", self.name));
        (json!({ "pre_checkout_query": query }), paid)
    }

    /// Changes what Telegram knows of them.
    pub fn change(&self, change: impl FnOnce(&mut User)) {
        let mut world = self.world.telegram().world();
        change(world.users.get_mut(&self.id).expect("a person of this world"));
    }

    /// Speaks another language.
    pub fn speaks(&self, language: &str) {
        self.change(|it| it.language = Some(language.to_owned()));
    }

    /// The newest message of the bot in their private chat, as a reader sees it.
    pub fn reads(&self) -> String {
        let mut world = self.world.telegram().world();
        newest(world.private(self.id)).map(Message::readable).unwrap_or_default()
    }

    /// Deletes a message on their side and on the bot's.
    pub fn deletes(&self, chat: i64, message: i64) {
        let mut world = self.world.telegram().world();
        if let Some(it) = world.chats.get_mut(&chat) {
            it.messages.remove(&message);
        }
    }

    /// The number of the bot's newest message in their private chat.
    pub fn newest(&self) -> i64 {
        let mut world = self.world.telegram().world();
        newest_id(world.private(self.id)).expect("a message from the bot")
    }
}
