//! Telegram's rules that its description tells in words only: lengths, ranges, what may stand together.

use serde_json::Value;

use super::{
    description::BOT_API,
    markup::{Styled, units},
    world::BOT_USERNAME,
};

/// Every rule that the call breaks; the text of messages is looked at elsewhere, once its markup is read.
pub fn broken(method: &str, call: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut rule = |kept: bool, what: &str| {
        if !kept {
            broken.push(format!("{method}: {what}"));
        }
    };
    let length = |field: &str| call[field].as_str().map(units);
    match method {
        "answerCallbackQuery" => {
            rule(length("text").is_none_or(|it| it <= 200), "a toast has at most 200 characters");
        }
        "answerPreCheckoutQuery" => {
            let explained = length("error_message").is_some_and(|it| it > 0);
            rule(call["ok"] == true || explained, "a refusal needs an error_message");
        }
        "editMessageText" => {
            let what = call["text"].is_string() != call["rich_message"].is_object();
            rule(what, "needs a text");
        }
        "getUpdates" => {
            let limit = call["limit"].as_i64().unwrap_or(100);
            rule((1..=100).contains(&limit), "limit is 1 to 100");
            rule(kinds_exist(&call["allowed_updates"]), "no such kind of update");
        }
        "sendChatAction" => {
            rule(ACTIONS.contains(&call["action"].as_str().unwrap_or_default()), "no such action");
        }
        "sendInvoice" => {
            rule(
                length("title").is_some_and(|it| (1..=32).contains(&it)),
                "title is 1 to 32 characters",
            );
            rule(
                length("description").is_some_and(|it| (1..=255).contains(&it)),
                "description is 1 to 255 characters",
            );
            let payload = call["payload"].as_str().unwrap_or_default().len();
            rule((1..=128).contains(&payload), "payload is 1 to 128 bytes");
            let prices = call["prices"].as_array().map_or(0, Vec::len);
            if call["currency"] == "XTR" {
                rule(
                    length("provider_token").is_none_or(|it| it == 0),
                    "Stars take no provider_token",
                );
                rule(prices == 1, "Stars take exactly one price");
                rule(call["max_tip_amount"].as_i64().unwrap_or(0) == 0, "Stars take no tips");
            } else {
                rule(length("provider_token").is_some_and(|it| it > 0), "PAYMENT_PROVIDER_INVALID");
                rule(prices >= 1, "an invoice needs a price");
            }
        }
        "setMyCommands" => {
            let commands = call["commands"].as_array().cloned().unwrap_or_default();
            rule(commands.len() <= 100, "at most 100 commands");
            for it in commands {
                let (name, text) = (it["command"].as_str(), it["description"].as_str());
                rule(name.is_some_and(command), "BOT_COMMAND_INVALID");
                let described = text.is_some_and(|it| (1..=256).contains(&units(it)));
                rule(described, "a command's description is 1 to 256 characters");
            }
        }
        "setMyDescription" => {
            rule(length("description").is_none_or(|it| it <= 512), "description: at most 512");
        }
        "setMyShortDescription" => {
            let short = length("short_description").is_none_or(|it| it <= 120);
            rule(short, "short_description: at most 120");
        }
        "setWebhook" => {
            let url = call["url"].as_str().unwrap_or_default();
            rule(
                url.is_empty() || url.starts_with("https://"),
                "an HTTPS URL must be provided for webhook",
            );
            let secret = call["secret_token"].as_str();
            rule(
                secret.is_none_or(|it| token(it, 256)),
                "secret token contains unallowed characters",
            );
            rule(kinds_exist(&call["allowed_updates"]), "no such kind of update");
            let connections = call["max_connections"].as_i64().unwrap_or(40);
            rule((1..=100).contains(&connections), "max_connections is 1 to 100");
        }
        _ => {}
    }
    if let Some(language) = call["language_code"].as_str() {
        let code = language.is_empty()
            || language.len() == 2 && language.bytes().all(|it| it.is_ascii_lowercase());
        rule(code, "language_code is a two-letter code");
    }
    let marked = call["parse_mode"].as_str();
    rule(marked.is_none_or(|it| it == "HTML"), "the stand-in reads HTML only");
    for entities in ["entities", "caption_entities"] {
        rule(marked.is_none() || call[entities].is_null(), "parse_mode and entities at once");
    }
    broken.extend(keyboard(method, &call["reply_markup"]));
    broken
}

/// Every rule that a text breaks once its markup is read.
pub fn broken_by_text(method: &str, styled: &Styled, most: usize) -> Vec<String> {
    let mut broken = Vec::new();
    let total = units(&styled.text);
    if total > most {
        broken.push(format!("{method}: message is too long ({total} of {most} UTF-16 units)"));
    }
    if styled.entities.len() > 100 {
        broken.push(format!(
            "{method}: {} entities; those after the hundredth are lost",
            styled.entities.len()
        ));
    }
    let text: Vec<u16> = styled.text.encode_utf16().collect();
    for it in &styled.entities {
        let end = it.offset + it.length;
        let splits = |at: usize| text.get(at).is_some_and(|unit| (0xDC00..0xE000).contains(unit));
        if it.length == 0 || end > text.len() || splits(it.offset) || splits(end) {
            broken.push(format!("{method}: entity {} at {}..{end} is broken", it.kind, it.offset));
        }
        if !KINDS_OF_ENTITIES.contains(&it.kind.as_str()) {
            broken.push(format!("{method}: no entity is called {}", it.kind));
        }
    }
    broken
}

fn keyboard(method: &str, markup: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let Some(rows) = markup["inline_keyboard"].as_array() else { return broken };
    let buttons = rows.iter().filter_map(Value::as_array);
    let mut total = 0;
    for (row, buttons) in buttons.enumerate() {
        total += buttons.len();
        if buttons.len() > 8 {
            broken.push(format!("{method}: {} buttons in one row; 8 are shown", buttons.len()));
        }
        for (column, it) in buttons.iter().enumerate() {
            broken.extend(
                button(it, method, (row, column))
                    .map(|what| format!("{method}: button {}: {what}", it["text"])),
            );
        }
    }
    if total > 100 {
        broken.push(format!("{method}: {total} buttons; 100 are allowed"));
    }
    broken
}

fn button(it: &Value, method: &str, place: (usize, usize)) -> Option<&'static str> {
    let about_it = ["text", "icon_custom_emoji_id", "style"];
    let fields = it.as_object()?;
    let actions = fields.keys().filter(|name| !about_it.contains(&name.as_str())).count();
    let label = it["text"].as_str().unwrap_or_default();
    if label.trim().is_empty() {
        return Some("BUTTON_TEXT_INVALID: no text");
    }
    if actions != 1 {
        return Some("text buttons are unallowed in the inline keyboard: exactly one action");
    }
    if let Some(data) = it["callback_data"].as_str()
        && !(1..=64).contains(&data.len())
    {
        return Some("BUTTON_DATA_INVALID: callback_data is 1 to 64 bytes");
    }
    if it["pay"] == true && (method != "sendInvoice" || place != (0, 0)) {
        return Some("a pay button is the first of an invoice");
    }
    let text = it["copy_text"]["text"].as_str();
    if text.is_some_and(|it| !(1..=256).contains(&units(it))) {
        return Some("BUTTON_COPY_TEXT_INVALID");
    }
    it["url"].as_str().and_then(link)
}

/// What is wrong with the address of a button.
fn link(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("BUTTON_URL_INVALID");
    };
    if !["http", "https", "tg"].contains(&scheme)
        || rest.is_empty()
        || url.contains(char::is_whitespace)
    {
        return Some("BUTTON_URL_INVALID");
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.eq_ignore_ascii_case(&format!("t.me/{BOT_USERNAME}")) {
        return None;
    }
    let payloads = query.split('&').filter_map(|it| it.split_once('='));
    for (name, value) in payloads {
        if ["start", "startgroup"].contains(&name) && !token(value, 64) {
            return Some("a deep link carries 1 to 64 of A-Z a-z 0-9 _ -");
        }
    }
    None
}

fn token(text: &str, most: usize) -> bool {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

fn command(name: &str) -> bool {
    let allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

fn kinds_exist(kinds: &Value) -> bool {
    let known = |it: &Value| {
        BOT_API.fields("Update").iter().any(|field| !field.required && *it == field.name.as_str())
    };
    kinds.as_array().is_none_or(|it| it.iter().all(known))
}

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

const KINDS_OF_ENTITIES: [&str; 20] = [
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
    "custom_emoji",
    "date_time",
];
