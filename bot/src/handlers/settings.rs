//! `/settings`: a card that shows the settings of a chat and changes them, one press each.
//!
//! A button says how it is and carries how it should be, so pressing it twice is pressing it once. In a group its admins
//! decide, in private everybody for themselves.

use super::call::Call;
use crate::{
    callback::{Callback, Change, Press},
    context::Cx,
    store::{Chat, Creators, Policy, Setting},
    telegram::{Button, Keyboard, Post, Refusal},
    text::Lang,
};

/// Shows the settings.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    // Whoever writes in the group's own name is one of its admins.
    let as_the_group =
        call.message.sender_chat.as_ref().is_some_and(|it| it.id.0 == cx.chat.chat_id);
    if !as_the_group && !may_change(&cx).await? {
        return cx.reply(cx.html("settings-only-admins", &[])).await;
    }
    let card = card(&cx, &cx.chat, cx.lang);
    cx.reply(card).await
}

async fn may_change(cx: &Cx) -> anyhow::Result<bool> {
    if cx.is_private() {
        return Ok(true);
    }
    if !cx.as_oneself {
        return Ok(false);
    }
    Ok(cx.app.telegram.is_admin(cx.chat.chat_id, cx.user.id).await?)
}

/// Changes a setting, and shows how it is now.
pub async fn press(cx: Cx, press: Press, change: Change) -> anyhow::Result<()> {
    if !may_change(&cx).await? {
        cx.toast(&cx.plain("settings-only-admins", &[])).await;
        return Ok(());
    }
    let (store, chat_id) = (&cx.app.store, cx.chat.chat_id);
    let mut lang = cx.lang;
    match change {
        Change::Lang(it) if cx.is_private() => {
            store.set_user_lang(cx.user.id, it).await?;
            lang = it;
        }
        Change::Lang(it) => {
            store.set_chat_lang(chat_id, it).await?;
            lang = it;
        }
        Change::Setting(it) => store.set_setting(chat_id, it).await?,
    }
    let chat = store.chat(chat_id).await?.unwrap_or(cx.chat.clone());
    let card = card(&cx, &chat, lang);
    match press.message {
        Some(message) => match cx.app.telegram.edit(chat_id, message, card.clone()).await {
            Err(Refusal::Uneditable) => cx.reply(card).await,
            other => Ok(other?),
        },
        None => cx.reply(card).await,
    }
}

fn card(cx: &Cx, chat: &Chat, lang: Lang) -> Post {
    let texts = &cx.app.texts;
    let settings = &chat.settings;
    let value = |on: bool| texts.plain(lang, if on { "settings-on" } else { "settings-off" }, &[]);
    let button = |key: &str, value: String, change: Change| {
        let label = texts.plain(lang, key, &[("value", value.into())]);
        Button::press(label, Callback::Settings { change })
    };
    let switch = |key: &str, on: bool, setting: fn(bool) -> Setting| {
        button(key, value(on), Change::Setting(setting(!on)))
    };
    let next = Lang::ALL.into_iter().find(|it| *it != lang).unwrap_or(lang);
    let language = button("settings-language", lang.own_name().to_owned(), Change::Lang(next));
    let announcements =
        switch("settings-announcements", settings.announcements, Setting::Announcements);
    if cx.is_private() {
        let keyboard = Keyboard::new().grid([language, announcements], 1);
        return Post::new(texts.html(lang, "settings-private", &[])).keyboard(keyboard);
    }
    let (creators, others) = match settings.creators {
        Creators::Everyone => ("settings-everyone", Creators::Admins),
        Creators::Admins => ("settings-admins", Creators::Everyone),
    };
    let (policy, other) = match settings.default_policy {
        Policy::Invite => ("policy-invite", Policy::Open),
        Policy::Open => ("policy-open", Policy::Invite),
    };
    let word = |key: &str| texts.plain(lang, key, &[]);
    let buttons = [
        language,
        switch("settings-jokes", settings.jokes, Setting::Jokes),
        announcements,
        button("settings-creators", word(creators), Change::Setting(Setting::Creators(others))),
        button("settings-policy", word(policy), Change::Setting(Setting::DefaultPolicy(other))),
        switch("settings-delete-commands", settings.delete_commands, Setting::DeleteCommands),
    ];
    let mut text = texts.html(lang, "settings-group", &[]);
    if settings.delete_commands && !chat.can_delete {
        text = text.paragraph(&texts.html(lang, "settings-cannot-delete", &[]));
    }
    Post::new(text).keyboard(Keyboard::new().grid(buttons, 1))
}
