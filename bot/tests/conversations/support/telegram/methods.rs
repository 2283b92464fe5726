//! What each method does. What no test's bot has a use for is not played, and calling it is a defect.

use serde_json::{Value, json};

use super::{
    Refused,
    messages::{copy, delete, edit, invoice, send},
    world::{BOT_ID, Chat, Member, Payment, World},
};

/// What people see of a call, for the transcript.
pub type Seen = Option<String>;

/// Plays one call whose shape was already checked.
pub fn play(world: &mut World, method: &str, call: &Value) -> Result<(Value, Seen), Refused> {
    match method {
        "getMe" => {
            let mut me = world.user_json(BOT_ID);
            for (field, value) in [
                ("can_join_groups", true),
                ("can_read_all_group_messages", false),
                ("supports_inline_queries", false),
                ("can_connect_to_business", false),
                ("has_main_web_app", false),
                ("has_topics_enabled", false),
                ("allows_users_to_create_topics", false),
                ("can_manage_bots", false),
            ] {
                me[field] = value.into();
            }
            quiet(me)
        }
        "sendMessage" => send(world, method, call, None),
        "sendAnimation" => send(world, method, call, Some("animation")),
        "sendAudio" => send(world, method, call, Some("audio")),
        "sendDocument" => send(world, method, call, Some("document")),
        "sendPhoto" => send(world, method, call, Some("photo")),
        "sendSticker" => send(world, method, call, Some("sticker")),
        "sendVideo" => send(world, method, call, Some("video")),
        "sendVoice" => send(world, method, call, Some("voice")),
        "sendInvoice" => invoice(world, method, call),
        "copyMessage" => copy(world, method, call),
        "editMessageText" | "editMessageCaption" | "editMessageReplyMarkup" => {
            edit(world, method, call)
        }
        "deleteMessage" => {
            let id = call["message_id"].as_i64().unwrap_or_default();
            delete(world, call, &[id], true)
        }
        "deleteMessages" => {
            let ids = call["message_ids"].as_array().cloned().unwrap_or_default();
            let ids: Vec<i64> = ids.iter().filter_map(Value::as_i64).collect();
            delete(world, call, &ids, false)
        }
        "sendChatAction" => {
            let chat = world.writable(&call["chat_id"])?;
            let action = call["action"].as_str().unwrap_or_default();
            seen(true.into(), format!("bot → {}: ({action}…)", place(world, chat)))
        }
        "answerCallbackQuery" => answer_press(world, call),
        "answerPreCheckoutQuery" => answer_checkout(world, call),
        "refundStarPayment" => refund(world, call),
        "getChat" => {
            let chat = world.reachable(&call["chat_id"])?;
            let mut it = world.chat_json(chat);
            it["accent_color_id"] = 0.into();
            it["max_reaction_count"] = 11.into();
            it["accepted_gift_types"] = json!({
                "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false,
                "premium_subscription": false, "gifts_from_channels": false,
            });
            quiet(it)
        }
        "getChatMember" => {
            let chat = world.reachable(&call["chat_id"])?;
            let user = call["user_id"].as_i64().unwrap_or_default();
            if !world.users.contains_key(&user) {
                return Err(Refused::bad("user not found"));
            }
            let foreign = user != BOT_ID && chat < 0;
            let admin = matches!(
                world.chats[&chat].members.get(&BOT_ID),
                Some(Member::Administrator { .. } | Member::Owner { .. })
            );
            let known = world.chats[&chat].members.contains_key(&user);
            // Guaranteed to administrators only; others learn of those whom the server happens to know.
            if foreign && !admin && !known {
                return Err(Refused::bad("member not found"));
            }
            quiet(world.member_json(chat, user))
        }
        "getChatAdministrators" => {
            let chat = world.reachable(&call["chat_id"])?;
            if chat > 0 {
                return Err(Refused::bad("there are no administrators in the private chat"));
            }
            let rules =
                |it: &Member| matches!(it, Member::Owner { .. } | Member::Administrator { .. });
            let members = &world.chats[&chat].members;
            // Other bots are left out.
            let admins = members.iter().filter(|(id, it)| {
                rules(it) && (**id == BOT_ID || world.users.get(id).is_some_and(|it| !it.is_bot))
            });
            let list: Vec<Value> = admins.map(|(id, _)| world.member_json(chat, *id)).collect();
            quiet(list.into())
        }
        "getChatMemberCount" => {
            let chat = world.reachable(&call["chat_id"])?;
            let here = |it: &&Member| !matches!(it, Member::Left | Member::Banned);
            quiet(world.chats[&chat].members.values().filter(here).count().into())
        }
        "leaveChat" => {
            let chat = world.reachable(&call["chat_id"])?;
            if let Some(it) = world.chats.get_mut(&chat) {
                it.members.insert(BOT_ID, Member::Left);
            }
            seen(true.into(), format!("bot leaves {}", place(world, chat)))
        }
        "setMyCommands" | "deleteMyCommands" | "getMyCommands" => commands(world, method, call),
        "setMyDescription" | "setMyShortDescription" | "setMyName" => {
            let text = ["description", "short_description", "name"]
                .iter()
                .find_map(|it| call[it].as_str());
            let key =
                format!("{}:{}", &method[5..], call["language_code"].as_str().unwrap_or_default());
            world.texts.insert(key, text.unwrap_or_default().to_owned());
            quiet(true.into())
        }
        "getMyDescription" | "getMyShortDescription" | "getMyName" => {
            let key =
                format!("{}:{}", &method[5..], call["language_code"].as_str().unwrap_or_default());
            let field = match method {
                "getMyDescription" => "description",
                "getMyShortDescription" => "short_description",
                _ => "name",
            };
            let text = world.texts.get(&key).cloned().unwrap_or_default();
            quiet(json!({ field: text }))
        }
        "setWebhook" => {
            let url = call["url"].as_str().unwrap_or_default();
            world.webhook = (!url.is_empty()).then(|| call.clone());
            world.webhook_error = None;
            quiet(true.into())
        }
        "deleteWebhook" => {
            world.webhook = None;
            quiet(true.into())
        }
        "getWebhookInfo" => {
            let set = world.webhook.clone().unwrap_or(json!({ "url": "" }));
            let mut info = json!({
                "url": set["url"], "has_custom_certificate": false, "pending_update_count": 0,
            });
            if let Some((date, what)) = world.webhook_error.clone() {
                info["last_error_date"] = date.into();
                info["last_error_message"] = what.into();
            }
            for field in ["max_connections", "allowed_updates", "ip_address"] {
                if !set[field].is_null() {
                    info[field] = set[field].clone();
                }
            }
            quiet(info)
        }
        _ => Err(Refused::defect(&format!("{method}: the stand-in does not play this method"))),
    }
}

pub(super) fn quiet(answer: Value) -> Result<(Value, Seen), Refused> {
    Ok((answer, None))
}

pub(super) fn seen(answer: Value, line: String) -> Result<(Value, Seen), Refused> {
    Ok((answer, Some(line)))
}

/// The rest of a text of several lines, as it stands in transcripts.
pub fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// The name of a chat in transcripts.
pub fn place(world: &World, chat: i64) -> String {
    world.chats.get(&chat).map_or_else(|| chat.to_string(), |it| it.title.clone())
}

fn answer_press(world: &mut World, call: &Value) -> Result<(Value, Seen), Refused> {
    let id = call["callback_query_id"].as_str().unwrap_or_default();
    let press = world.presses.get_mut(id).filter(|it| it.answer.is_none());
    let Some(press) = press else {
        return Err(Refused::bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    };
    press.answer = Some(call.clone());
    let user = press.user;
    let kind = if call["show_alert"] == true { "alert" } else { "toast" };
    let line = call["text"]
        .as_str()
        .filter(|it| !it.is_empty())
        .map(|text| format!("bot {kind} to {}: {text}", place(world, user)));
    Ok((true.into(), line))
}

fn answer_checkout(world: &mut World, call: &Value) -> Result<(Value, Seen), Refused> {
    let id = call["pre_checkout_query_id"].as_str().unwrap_or_default();
    let query = world.checkouts.get_mut(id).filter(|it| it.answer.is_none());
    let Some(query) = query else {
        return Err(Refused::bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    };
    query.answer = Some(call.clone());
    let line = match call["ok"] == true {
        true => "bot accepts the checkout".to_owned(),
        false => format!(
            "bot refuses the checkout: {}",
            call["error_message"].as_str().unwrap_or_default()
        ),
    };
    seen(true.into(), line)
}

fn refund(world: &mut World, call: &Value) -> Result<(Value, Seen), Refused> {
    let charge = call["telegram_payment_charge_id"].as_str().unwrap_or_default();
    let user = call["user_id"].as_i64();
    match world.payments.get_mut(charge) {
        Some(Payment { refunded: true, .. }) => Err(Refused::bad("CHARGE_ALREADY_REFUNDED")),
        Some(it) if Some(it.user) == user => {
            it.refunded = true;
            seen(true.into(), "bot refunds the payment".to_owned())
        }
        _ => Err(Refused::bad("CHARGE_ID_INVALID")),
    }
}

fn commands(world: &mut World, method: &str, call: &Value) -> Result<(Value, Seen), Refused> {
    let scope = &call["scope"];
    if !scope["chat_id"].is_null() {
        world.reachable(&scope["chat_id"])?;
    }
    let kind = scope["type"].as_str().unwrap_or("default");
    let chat = scope["chat_id"].as_i64().map(|it| format!(" {it}")).unwrap_or_default();
    let language = call["language_code"].as_str().filter(|it| !it.is_empty());
    let key = format!("{kind}{chat} {}", language.unwrap_or("*"));
    match method {
        "setMyCommands" => {
            world.menus.insert(key, call["commands"].clone());
            quiet(true.into())
        }
        "deleteMyCommands" => {
            world.menus.remove(&key);
            quiet(true.into())
        }
        _ => quiet(world.menus.get(&key).cloned().unwrap_or(json!([]))),
    }
}

/// Kept here because a supergroup is made of a group: members stay, messages do not.
pub fn migrate(world: &mut World, group: i64, supergroup: i64) {
    let Some(old) = world.chats.get_mut(&group) else { return };
    old.migrated_to = Some(supergroup);
    let mut new = Chat::new(supergroup, "supergroup", &old.title);
    new.members = old.members.clone();
    world.chats.insert(supergroup, new);
}
