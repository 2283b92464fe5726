//! The stand-in refuses what Telegram refuses, and does what Telegram does: the other tests are worth as much as this.

use serde_json::{Value, json};
use teloxide::{
    ApiError, Bot, RequestError,
    prelude::*,
    types::{
        AllowedUpdate, ChatAction, ChatId, FileId, InlineKeyboardButton, InlineKeyboardMarkup,
        InputFile, LabeledPrice, MessageId, ParseMode, ReplyParameters, UserId,
    },
};

use crate::support::{
    bot::Settings,
    conversation::{Person, World},
    telegram::{BOT_API, Fault, Refused, TOKEN, Trouble, markup, world::Member},
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A world without our bot, and teloxide to speak with.
async fn alone() -> (World, Bot) {
    let world = World::start(Settings::absent()).await;
    let bot = Bot::new(TOKEN).set_api_url(world.telegram().url.parse().expect("a URL"));
    (world, bot)
}

/// Sends a call that teloxide would not, and answers with what Telegram says to it.
async fn raw(world: &World, method: &str, body: Value) -> Value {
    let url = format!("{}/bot{TOKEN}/{method}", world.telegram().url);
    let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

/// The one defect that a call brings about.
async fn defect(method: &str, body: Value) -> String {
    let (world, _) = alone().await;
    let ann = world.person("Ann");
    let mut body = body;
    if body["chat_id"] == "Ann" {
        body["chat_id"] = ann.id.into();
    }
    let answer = raw(&world, method, body).await;
    assert_eq!(answer["ok"], false, "{answer}");
    world.telegram().take_defects().join("\n")
}

fn buttons(data: &str) -> InlineKeyboardMarkup {
    InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Press", data)]])
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, RequestError>) -> ApiError {
    match outcome {
        Err(RequestError::Api(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// What Telegram says where teloxide expects older wordings.
fn unknown(what: &str) -> ApiError {
    ApiError::Unknown(what.to_owned())
}

#[tokio::test]
async fn what_teloxide_sends_is_what_telegram_takes() -> Outcome {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    let (chat, own) = (ChatId(group.id), ChatId(ann.id));
    bot.get_me().await?;
    let asked = ann.says(&group, "hello").await;
    let reply = ReplyParameters::new(MessageId(asked as i32)).allow_sending_without_reply();
    let sent = bot
        .send_message(
            chat,
            format!("<b>Hi</b> <a href=\"tg://user?id={}\">Ann</a> &amp; all", ann.id),
        )
        .parse_mode(ParseMode::Html)
        .reply_parameters(reply)
        .reply_markup(buttons("a:b"))
        .await?;
    bot.edit_message_text(chat, sent.id, "Changed").reply_markup(buttons("a:c")).await?;
    bot.edit_message_reply_markup(chat, sent.id).await?;
    bot.send_chat_action(chat, ChatAction::Typing).await?;
    let clip = bot
        .send_animation(own, InputFile::memory(vec![1_u8]).file_name("f.mp4"))
        .caption("F")
        .await?;
    let file = clip.animation().ok_or("no animation")?.file.id.clone();
    bot.send_animation(own, InputFile::file_id(file)).await?;
    bot.copy_message(own, chat, sent.id).await?;
    bot.delete_message(chat, sent.id).await?;
    assert_eq!(bot.get_chat_administrators(chat).await?.len(), 1);
    assert!(bot.get_chat_member(chat, UserId(ann.id as u64)).await?.is_owner());
    assert_eq!(bot.get_chat(chat).await?.title(), Some("Gamers"));
    bot.set_my_commands([teloxide::types::BotCommand::new("help", "what it does")]).await?;
    bot.set_my_description().description("For gamers").await?;
    bot.set_webhook("https://bot.example/hook".parse()?)
        .secret_token("secret")
        .allowed_updates([AllowedUpdate::Message, AllowedUpdate::ChatMember])
        .await?;
    assert_eq!(
        bot.get_webhook_info().await?.url.ok_or("no url")?.as_str(),
        "https://bot.example/hook"
    );
    bot.delete_webhook().await?;
    let price = [LabeledPrice { label: "Thanks".to_owned(), amount: 50 }];
    bot.send_invoice(own, "Thanks", "For the server", "donate:1", "XTR", price).await?;
    bot.leave_chat(chat).await?;
    insta::assert_snapshot!(world.conversation(), @r"
    Ann → Gamers #1: hello
      bot → Gamers #2 (reply to #1): <b>Hi</b> @{Ann} & all
        [Press]
      bot edits Gamers #2: Changed
        [Press]
      bot edits Gamers #2: Changed
      bot → Gamers: (typing…)
      bot → Ann #1: (animation) F
      bot → Ann #2: (animation)
      bot → Ann #3: Changed
      bot deletes Gamers #2
      bot → Ann #4: (invoice: Thanks, 50 XTR)
      bot leaves Gamers
    ");
    Ok(())
}

#[tokio::test]
async fn shapes_are_checked() {
    let cases = [
        ("sendTelegram", json!({}), "no method `sendTelegram`"),
        ("sendMessage", json!({ "chat_id": "Ann" }), "sendMessage.text is missing"),
        ("sendMessage", json!({ "chat_id": "Ann", "text": 7 }), "sendMessage.text: 7 is no String"),
        (
            "sendMessage",
            json!({ "chat_id": "Ann", "text": "a", "disable_web_page_preview": true }),
            "sendMessage.disable_web_page_preview is unknown to Telegram",
        ),
        (
            "sendMessage",
            json!({ "chat_id": "Ann", "text": "a", "reply_parameters": { "id": 1 } }),
            "sendMessage.reply_parameters.message_id is missing; sendMessage.reply_parameters.id is unknown to Telegram",
        ),
        (
            "sendMessage",
            json!({ "chat_id": "Ann", "text": "a", "reply_markup": { "inline_keyboard": [[{ "text": "x", "callback": "y" }]] } }),
            "sendMessage.reply_markup.inline_keyboard[0][0].callback is unknown to Telegram",
        ),
        (
            "setMyCommands",
            json!({ "commands": [], "scope": { "type": "everywhere" } }),
            "setMyCommands.scope.type: is always default, not \"everywhere\"",
        ),
        (
            "setMyCommands",
            json!({ "commands": [], "scope": { "type": "chat" } }),
            "setMyCommands.scope.chat_id is missing",
        ),
    ];
    for (method, body, expected) in cases {
        assert_eq!(defect(method, body).await.replace("Bad Request: ", ""), expected);
    }
}

#[tokio::test]
async fn rules_told_in_words_are_checked() {
    let message = |text: &str| json!({ "chat_id": "Ann", "text": text });
    let html = |text: &str| json!({ "chat_id": "Ann", "text": text, "parse_mode": "HTML" });
    let button = |button: Value| json!({ "chat_id": "Ann", "text": "a", "reply_markup": { "inline_keyboard": [[button]] } });
    let invoice = |more: Value| {
        let mut it = json!({
            "chat_id": "Ann", "title": "T", "description": "D", "payload": "p", "currency": "XTR",
            "prices": [{ "label": "L", "amount": 1 }],
        });
        it.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        it
    };
    let cases = [
        (
            "sendMessage",
            message(&"x".repeat(4097)),
            "message is too long (4097 of 4096 UTF-16 units)",
        ),
        (
            "sendMessage",
            message(&"😀".repeat(2049)),
            "message is too long (4098 of 4096 UTF-16 units)",
        ),
        ("sendMessage", message(" \n "), "message text is empty"),
        ("sendMessage", html("<b></b>"), "message text is empty"),
        ("sendMessage", html("a < b"), "Unclosed start tag at byte offset 2"),
        ("sendMessage", html("<x>a</x>"), "Unsupported start tag \"x\" at byte offset 0"),
        ("sendMessage", html("<b>a"), "Can't find end tag corresponding to start tag \"b\""),
        ("sendMessage", html("a</b>"), "Unexpected end tag at byte offset 1"),
        ("sendMessage", html("<b><i>a</b></i>"), "expected \"</i>\", found \"</b>\""),
        ("sendMessage", html(&"<b>a</b> ".repeat(101)), "101 entities"),
        (
            "sendMessage",
            json!({ "chat_id": "Ann", "text": "a", "parse_mode": "MarkdownV2" }),
            "HTML only",
        ),
        (
            "sendMessage",
            json!({ "chat_id": "Ann", "text": "a", "entities": [{ "type": "bold", "offset": 0, "length": 2 }] }),
            "entity bold at 0..2 is broken",
        ),
        (
            "sendMessage",
            json!({ "chat_id": "Ann", "text": "😀", "entities": [{ "type": "bold", "offset": 1, "length": 1 }] }),
            "entity bold at 1..2 is broken",
        ),
        (
            "sendMessage",
            button(json!({ "text": "x", "callback_data": "x".repeat(65) })),
            "BUTTON_DATA_INVALID",
        ),
        (
            "sendMessage",
            button(json!({ "text": "x", "callback_data": "ä".repeat(33) })),
            "BUTTON_DATA_INVALID",
        ),
        ("sendMessage", button(json!({ "text": "x", "callback_data": "" })), "BUTTON_DATA_INVALID"),
        (
            "sendMessage",
            button(json!({ "text": " ", "callback_data": "x" })),
            "BUTTON_TEXT_INVALID",
        ),
        (
            "sendMessage",
            button(json!({ "text": "x", "callback_data": "x", "url": "https://a.b" })),
            "exactly one",
        ),
        ("sendMessage", button(json!({ "text": "x", "url": "gamers" })), "BUTTON_URL_INVALID"),
        (
            "sendMessage",
            button(json!({ "text": "x", "url": "https://t.me/GamersTestBot?start=a:b" })),
            "a deep link carries",
        ),
        ("sendMessage", button(json!({ "text": "x", "pay": true })), "a pay button"),
        (
            "answerCallbackQuery",
            json!({ "callback_query_id": "1", "text": "x".repeat(201) }),
            "at most 200",
        ),
        (
            "answerPreCheckoutQuery",
            json!({ "pre_checkout_query_id": "1", "ok": false }),
            "needs an error_message",
        ),
        ("editMessageText", json!({ "chat_id": "Ann", "message_id": 1 }), "needs a text"),
        ("sendChatAction", json!({ "chat_id": "Ann", "action": "dancing" }), "no such action"),
        ("sendInvoice", invoice(json!({ "provider_token": "x" })), "Stars take no provider_token"),
        ("sendInvoice", invoice(json!({ "prices": [] })), "Stars take exactly one price"),
        ("sendInvoice", invoice(json!({ "currency": "EUR" })), "PAYMENT_PROVIDER_INVALID"),
        ("sendInvoice", invoice(json!({ "title": "x".repeat(33) })), "title is 1 to 32"),
        (
            "setMyCommands",
            json!({ "commands": [{ "command": "Help", "description": "d" }] }),
            "BOT_COMMAND_INVALID",
        ),
        ("setMyCommands", json!({ "commands": [], "language_code": "en-US" }), "two-letter"),
        ("setWebhook", json!({ "url": "http://bot.example" }), "an HTTPS URL"),
        (
            "setWebhook",
            json!({ "url": "https://bot.example", "allowed_updates": ["messages"] }),
            "no such kind",
        ),
        (
            "setWebhook",
            json!({ "url": "https://bot.example", "secret_token": "a b" }),
            "unallowed characters",
        ),
        ("sendDice", json!({ "chat_id": "Ann" }), "does not play"),
    ];
    for (method, body, expected) in cases {
        let found = defect(method, body.clone()).await;
        assert!(found.contains(expected), "{method} {body}: {found}");
    }
}

#[test]
fn markup_is_read_as_telegram_reads_it() {
    let read = |source: &str| markup::html(source).map(|it| markup::readable(&markup::detect(it)));
    assert_eq!(
        read("<b>a <i>b</i></b> &lt;c&gt; &amp;&quot; &nbsp; &#65;"),
        Ok("<b>a <i>b</i></b> &lt;c> &\" &nbsp; A".into())
    );
    assert_eq!(read("<a href=\"tg://user?id=7\">Ann</a>"), Ok("@{Ann}".into()));
    assert_eq!(
        read("<a href='https://a.b/?x=1&amp;y=2'>l</a>"),
        Ok("[l](https://a.b/?x=1&y=2)".into())
    );
    assert_eq!(read("<a href=\"nowhere\">l</a>"), Ok("l".into()));
    assert_eq!(
        read("<pre><code class=\"language-rust\">x</code></pre>"),
        Ok("<pre>x</pre>".into())
    );
    assert_eq!(
        read("<span class=\"tg-spoiler\">s</span> <tg-spoiler>t</tg-spoiler>"),
        Ok("<spoiler>s</spoiler> <spoiler>t</spoiler>".into())
    );
    assert_eq!(read("  <b> a </b>\n"), Ok("<b>a</b>".into()));
    let offsets = |source: &str| -> Vec<(String, usize, usize)> {
        let styled = markup::detect(markup::html(source).expect("markup"));
        styled.entities.into_iter().map(|it| (it.kind, it.offset, it.length)).collect()
    };
    assert_eq!(offsets("😀 <b>é</b>"), [("bold".to_owned(), 3, 1)]);
    assert_eq!(
        offsets("👨‍👩‍👧 @some_user #tag /cmd@Bot https://x.y a@b"),
        [
            ("mention".to_owned(), 9, 10),
            ("hashtag".to_owned(), 20, 4),
            ("bot_command".to_owned(), 25, 8),
            ("url".to_owned(), 34, 11),
        ]
    );
    assert_eq!(offsets("<code>/cmd @user</code>"), [("code".to_owned(), 0, 10)]);
}

#[tokio::test]
async fn messages_behave() -> Outcome {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let bob = world.person("Bob");
    let group = world.group("Gamers", &[&ann, &bob]);
    let chat = ChatId(group.id);
    let sent = bot.send_message(chat, "one").await?;
    assert_eq!(
        refusal(bot.edit_message_text(chat, sent.id, "one").await),
        ApiError::MessageNotModified
    );
    let absent = MessageId(99);
    assert_eq!(
        refusal(bot.edit_message_text(chat, absent, "x").await),
        ApiError::MessageToEditNotFound
    );
    assert_eq!(refusal(bot.delete_message(chat, absent).await), ApiError::MessageToDeleteNotFound);
    let said = MessageId(ann.says(&group, "hello").await as i32);
    assert_eq!(
        refusal(bot.edit_message_text(chat, said, "x").await),
        ApiError::MessageCantBeEdited
    );
    assert_eq!(refusal(bot.delete_message(chat, said).await), ApiError::MessageCantBeDeleted);
    let reply = ReplyParameters::new(absent);
    let refused = refusal(bot.send_message(chat, "x").reply_parameters(reply.clone()).await);
    assert_eq!(refused, ApiError::MessageToReplyNotFound);
    bot.send_message(chat, "x").reply_parameters(reply.allow_sending_without_reply()).await?;
    group.lets_bot_delete();
    bot.delete_message(chat, said).await?;
    world.telegram().world().ahead += 49 * 3600;
    assert_eq!(refusal(bot.delete_message(chat, sent.id).await), ApiError::MessageCantBeDeleted);
    let stale = bot.send_animation(chat, InputFile::file_id(FileId("gone".to_owned()))).await;
    assert_eq!(refusal(stale), ApiError::WrongFileIdOrUrl);
    Ok(())
}

#[tokio::test]
async fn people_and_groups_can_be_out_of_reach() -> Outcome {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let zoe = world.stranger("Zoe");
    let group = world.basic_group("Gamers", &[&ann]);
    let to = |person: &Person| bot.send_message(ChatId(person.id), "hi");
    let refused = unknown("Forbidden: bot can't initiate conversation with a user");
    assert_eq!(refusal(to(&zoe).await), refused);
    zoe.starts("").await;
    to(&zoe).await?;
    zoe.blocks_bot().await;
    assert_eq!(refusal(to(&zoe).await), ApiError::BotBlocked);
    zoe.change(|it| it.deactivated = true);
    assert_eq!(refusal(to(&zoe).await), ApiError::UserDeactivated);
    assert_eq!(refusal(bot.send_message(ChatId(-5), "hi").await), ApiError::ChatNotFound);
    let here = || bot.send_message(ChatId(group.id), "hi");
    group.makes_bot(&ann, Member::Banned).await;
    assert_eq!(refusal(here().await), unknown("Forbidden: bot was kicked from the group chat"));
    group.makes_bot(&ann, Member::Muted).await;
    assert!(here().await.is_err());
    group.makes_bot(&ann, Member::Ordinary).await;
    here().await?;
    let new = group.migrates(&ann).await;
    match here().await {
        Err(RequestError::MigrateToChatId(to)) => assert_eq!(to, ChatId(new.id)),
        other => panic!("{other:?}"),
    }
    bot.send_message(ChatId(new.id), "hi").await?;
    Ok(())
}

#[tokio::test]
async fn trouble_can_be_ordered() -> Outcome {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let order = |trouble: Trouble| {
        let method = "sendMessage".to_owned();
        world.telegram().order(Fault { method, chat: Some(ann.id), times: 1, trouble });
    };
    let send = || bot.send_message(ChatId(ann.id), "hi");
    order(Trouble::Refuses(Refused::too_many(3)));
    match send().await {
        Err(RequestError::RetryAfter(time)) => assert_eq!(time.seconds(), 3),
        other => panic!("{other:?}"),
    }
    order(Trouble::AnswerLost);
    assert!(matches!(send().await, Err(RequestError::Network(_))));
    send().await?;
    // What was lost is the answer, not the message.
    assert_eq!(ann.newest(), 2);
    Ok(())
}

#[tokio::test]
async fn presses_and_checkouts_are_answered_once() -> Outcome {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let sent = bot.send_message(ChatId(ann.id), "Choose").reply_markup(buttons("a:b")).await?;
    let press = ann.press(ann.id, i64::from(sent.id.0), "a:b");
    let id = || {
        teloxide::types::CallbackQueryId(
            press["callback_query"]["id"].as_str().unwrap_or_default().to_owned(),
        )
    };
    bot.answer_callback_query(id()).text("done").await?;
    let late = unknown(
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    );
    assert_eq!(refusal(bot.answer_callback_query(id()).await), late);
    Ok(())
}

#[tokio::test]
#[should_panic(expected = "1 presses were never answered")]
async fn a_press_without_an_answer_fails_the_test() {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let sent = bot
        .send_message(ChatId(ann.id), "Choose")
        .reply_markup(buttons("a:b"))
        .await
        .expect("sent");
    ann.press(ann.id, i64::from(sent.id.0), "a:b");
}

#[tokio::test]
#[should_panic(expected = "calls that Telegram refuses")]
async fn a_defect_fails_the_test() {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let _ = bot.send_message(ChatId(ann.id), "<b>").parse_mode(ParseMode::Html).await;
}

#[tokio::test]
async fn updates_are_polled_and_confirmed() -> Outcome {
    let (world, bot) = alone().await;
    let ann = world.person("Ann");
    let wait = ann.message("one").update();
    world.telegram().deliver(wait).await;
    world.telegram().deliver(ann.message("two").update()).await;
    let batch = bot.get_updates().limit(1).await?;
    assert_eq!(batch.len(), 1);
    assert_eq!(bot.get_updates().await?.len(), 2);
    let rest = bot.get_updates().offset(batch[0].id.as_offset()).await?;
    assert_eq!(rest.len(), 1);
    bot.set_webhook("https://bot.example/hook".parse()?).await?;
    assert!(refusal(bot.get_updates().await).to_string().contains("webhook"));
    Ok(())
}

#[test]
fn the_description_knows_every_kind_of_update() {
    assert_eq!(BOT_API.fields("Update").len(), 26);
}
