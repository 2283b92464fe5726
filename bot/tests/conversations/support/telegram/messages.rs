//! What the bot does with messages: send, copy, edit, delete.

use serde_json::{Map, Value, json};

use super::{
    Refused, limits,
    markup::{self, Entity, Styled},
    methods::{Seen, indented, place, seen},
    world::{BOT_ID, World},
};

/// How long messages can be deleted, in seconds.
const DELETABLE: i64 = 48 * 3600;

/// The text of a call, with its markup read and the rules for texts checked.
fn text_of(
    world: &World,
    method: &str,
    call: &Value,
    chat: i64,
    field: &str,
    most: usize,
) -> Result<Styled, Refused> {
    let source = call[field].as_str().unwrap_or_default();
    let styled = if call["parse_mode"].is_string() {
        markup::html(source).map_err(|it| {
            Refused::defect(&format!("can't parse entities: {it} ({method}: {source})"))
        })?
    } else {
        let entities = if field == "text" { "entities" } else { "caption_entities" };
        let list = call[entities].as_array().cloned().unwrap_or_default();
        let entities = list.iter().map(Entity::from_json).collect();
        let styled = Styled { text: source.to_owned(), entities };
        reject(limits::broken_by_text(method, &styled, usize::MAX))?;
        markup::tidy(styled)
    };
    reject(limits::broken_by_text(method, &styled, most))?;
    Ok(markup::detect(world.resolve(chat, styled)))
}

fn reject(broken: Vec<String>) -> Result<(), Refused> {
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Refused::defect(&broken.join("; "))),
    }
}

/// What every message from the bot begins with: who, where, in reply to what, with which buttons.
fn begin(world: &mut World, call: &Value) -> Result<(i64, Map<String, Value>), Refused> {
    let chat = world.writable(&call["chat_id"])?;
    let mut body = Map::new();
    body.insert("from".to_owned(), world.user_json(BOT_ID));
    if let Some(thread) = call["message_thread_id"].as_i64() {
        let it = &world.chats[&chat];
        let topic =
            it.messages.get(&thread).is_some_and(|it| it.body.contains_key("forum_topic_created"));
        if it.is_forum && !topic {
            // That is also what becomes of the general topic, whose number must not be given.
            return Err(Refused::bad("message thread not found"));
        }
        if topic {
            body.insert("message_thread_id".to_owned(), thread.into());
            body.insert("is_topic_message".to_owned(), true.into());
        }
    }
    let reply = &call["reply_parameters"];
    if let Some(id) = reply["message_id"].as_i64() {
        let elsewhere = reply["chat_id"].as_i64().is_some_and(|it| it != chat);
        if !elsewhere && world.chats[&chat].messages.contains_key(&id) {
            body.insert("replies_to".to_owned(), id.into());
            // An answer stays in the topic of what it answers.
            for field in ["message_thread_id", "is_topic_message"] {
                if let Some(value) = world.chats[&chat].messages[&id].body.get(field) {
                    body.entry(field).or_insert(value.clone());
                }
            }
        } else if reply["allow_sending_without_reply"] != true {
            return Err(Refused::bad("message to be replied not found"));
        }
    }
    if call["reply_markup"]["inline_keyboard"].is_array() {
        body.insert("reply_markup".to_owned(), call["reply_markup"].clone());
    }
    Ok((chat, body))
}

/// Puts a text into a message under the names that texts or captions have there.
fn put_text(body: &mut Map<String, Value>, field: &str, styled: &Styled) {
    let entities = if field == "text" { "entities" } else { "caption_entities" };
    body.remove(entities);
    body.insert(field.to_owned(), styled.text.as_str().into());
    if !styled.entities.is_empty() {
        let list: Vec<Value> = styled.entities.iter().map(Entity::json).collect();
        body.insert(entities.to_owned(), list.into());
    }
}

pub fn send(
    world: &mut World,
    method: &str,
    call: &Value,
    media: Option<&str>,
) -> Result<(Value, Seen), Refused> {
    let (chat, mut body) = begin(world, call)?;
    match media {
        None => {
            let text = text_of(world, method, call, chat, "text", 4096)?;
            if text.text.is_empty() {
                return Err(Refused::defect("message text is empty"));
            }
            put_text(&mut body, "text", &text);
        }
        Some(kind) => {
            let file = file(world, &call[kind])?;
            body.insert(kind.to_owned(), medium(kind, &file));
            if kind == "animation" {
                body.insert("document".to_owned(), medium("document", &file));
            }
            if call["caption"].is_string() {
                let caption = text_of(world, method, call, chat, "caption", 1024)?;
                put_text(&mut body, "caption", &caption);
            }
        }
    }
    posted(world, chat, body)
}

fn posted(
    world: &mut World,
    chat: i64,
    body: Map<String, Value>,
) -> Result<(Value, Seen), Refused> {
    let reply = body.get("replies_to").and_then(Value::as_i64);
    let thread = body.get("message_thread_id").and_then(Value::as_i64);
    let id = world.post(chat, body.into());
    let readable = indented(&world.chats[&chat].messages[&id].readable());
    let topic = thread.map(|it| format!(" (topic {it})")).unwrap_or_default();
    let reply = reply.map(|it| format!(" (reply to #{it})")).unwrap_or_default();
    let line = format!("bot → {}{topic} #{id}{reply}: {readable}", place(world, chat));
    seen(world.message_json(chat, id).unwrap_or_default(), line)
}

/// The file identifier of what is to be sent.
fn file(world: &mut World, given: &Value) -> Result<String, Refused> {
    let given = given.as_str().unwrap_or_default();
    if let Some(name) = given.strip_prefix("upload:") {
        let id = format!("file-{}-{name}", world.fresh());
        world.files.insert(id.clone());
        return Ok(id);
    }
    match given.starts_with("http") || world.files.contains(given) {
        true => Ok(given.to_owned()),
        false => Err(Refused::bad("wrong file identifier/HTTP URL specified")),
    }
}

/// A file as it stands in messages.
fn medium(kind: &str, id: &str) -> Value {
    let mut it =
        json!({ "file_id": id, "file_unique_id": format!("unique-{id}"), "file_size": 1000 });
    let sized = ["animation", "photo", "sticker", "video"].contains(&kind);
    if sized {
        it["width"] = 320.into();
        it["height"] = 240.into();
    }
    if ["animation", "audio", "video", "voice"].contains(&kind) {
        it["duration"] = 3.into();
    }
    // Optional in the description, but always there; teloxide depends on it.
    it["mime_type"] = match kind {
        "audio" => "audio/mpeg",
        "voice" => "audio/ogg",
        "animation" | "video" => "video/mp4",
        _ => "application/octet-stream",
    }
    .into();
    if kind == "sticker" || kind == "photo" {
        it.as_object_mut().map(|it| it.remove("mime_type"));
    }
    if kind == "sticker" {
        it["type"] = "regular".into();
        it["is_animated"] = false.into();
        it["is_video"] = false.into();
    }
    if kind == "photo" { json!([it]) } else { it }
}

pub fn invoice(world: &mut World, method: &str, call: &Value) -> Result<(Value, Seen), Refused> {
    let (chat, mut body) = begin(world, call)?;
    let prices = call["prices"].as_array().cloned().unwrap_or_default();
    let total: i64 = prices.iter().filter_map(|it| it["amount"].as_i64()).sum();
    if total <= 0 {
        return Err(Refused::defect(&format!("{method}: CURRENCY_TOTAL_AMOUNT_INVALID")));
    }
    let shown = json!({
        "title": call["title"], "description": call["description"], "start_parameter": "",
        "currency": call["currency"], "total_amount": total,
    });
    body.insert("invoice".to_owned(), shown);
    let (answer, seen) = posted(world, chat, body)?;
    let id = answer["message_id"].as_i64().unwrap_or_default();
    // People pay what the message shows; the payload is between the bot and Telegram.
    let payload = call["payload"].as_str().unwrap_or_default();
    world.texts.insert(format!("invoice:{chat}:{id}"), payload.to_owned());
    Ok((answer, seen))
}

pub fn copy(world: &mut World, method: &str, call: &Value) -> Result<(Value, Seen), Refused> {
    let from = world.reachable(&call["from_chat_id"])?;
    let original = call["message_id"].as_i64().unwrap_or_default();
    let original = world.chats[&from].messages.get(&original).cloned();
    let Some(original) = original else { return Err(Refused::bad("message to copy not found")) };
    let (chat, mut body) = begin(world, call)?;
    let content = [
        "text",
        "entities",
        "caption",
        "caption_entities",
        "animation",
        "audio",
        "document",
        "photo",
        "sticker",
        "video",
        "voice",
    ];
    for field in content {
        if let Some(value) = original.body.get(field) {
            body.insert(field.to_owned(), value.clone());
        }
    }
    if call["caption"].is_string() {
        let caption = text_of(world, method, call, chat, "caption", 1024)?;
        put_text(&mut body, "caption", &caption);
    }
    let (answer, seen) = posted(world, chat, body)?;
    Ok((json!({ "message_id": answer["message_id"] }), seen))
}

pub fn edit(world: &mut World, method: &str, call: &Value) -> Result<(Value, Seen), Refused> {
    let chat = world.reachable(&call["chat_id"])?;
    let id = call["message_id"].as_i64().unwrap_or_default();
    let Some(message) = world.chats[&chat].messages.get(&id).cloned() else {
        return Err(Refused::bad("message to edit not found"));
    };
    if message.body.get("from").and_then(|it| it["id"].as_i64()) != Some(BOT_ID) {
        return Err(Refused::bad("message can't be edited"));
    }
    let mut body = message.body.clone();
    let field = if method == "editMessageCaption" { "caption" } else { "text" };
    if method != "editMessageReplyMarkup" {
        if field == "text" && !body.contains_key("text") {
            return Err(Refused::bad("there is no text in the message to edit"));
        }
        let most = if field == "text" { 4096 } else { 1024 };
        let text = text_of(world, method, call, chat, field, most)?;
        if text.text.is_empty() && field == "text" {
            return Err(Refused::defect("message text is empty"));
        }
        put_text(&mut body, field, &text);
    }
    body.remove("reply_markup");
    if call["reply_markup"]["inline_keyboard"].as_array().is_some_and(|it| !it.is_empty()) {
        body.insert("reply_markup".to_owned(), call["reply_markup"].clone());
    }
    if body == message.body {
        return Err(Refused::bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a \
             current content and reply markup of the message",
        ));
    }
    if method != "editMessageReplyMarkup" {
        body.insert("edit_date".to_owned(), world.now().into());
    }
    let touched = world.fresh();
    if let Some(it) = world.chats.get_mut(&chat).and_then(|it| it.messages.get_mut(&id)) {
        it.body = body;
        it.touched = touched;
    }
    let readable = indented(&world.chats[&chat].messages[&id].readable());
    let line = format!("bot edits {} #{id}: {readable}", place(world, chat));
    seen(world.message_json(chat, id).unwrap_or_default(), line)
}

pub fn delete(
    world: &mut World,
    call: &Value,
    ids: &[i64],
    one: bool,
) -> Result<(Value, Seen), Refused> {
    let chat = world.reachable(&call["chat_id"])?;
    let (now, may) = (world.now(), world.bot_may(chat, "can_delete_messages"));
    let mut gone = Vec::new();
    for id in ids {
        let Some(message) = world.chats[&chat].messages.get(id) else {
            if one {
                return Err(Refused::bad("message to delete not found"));
            }
            continue;
        };
        let own = message.body.get("from").and_then(|it| it["id"].as_i64()) == Some(BOT_ID);
        let young = now - message.sent_at < DELETABLE;
        if !young || !(own || chat > 0 || may) {
            return Err(Refused::bad(match one {
                true => "message can't be deleted",
                false => "message can't be deleted for everyone",
            }));
        }
        gone.push(*id);
    }
    if let Some(it) = world.chats.get_mut(&chat) {
        it.messages.retain(|id, _| !gone.contains(id));
    }
    let list: Vec<String> = gone.iter().map(|id| format!("#{id}")).collect();
    seen(true.into(), format!("bot deletes {} {}", place(world, chat), list.join(" ")))
}
