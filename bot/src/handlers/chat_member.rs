//! The life of a chat: the bot comes and goes, people leave, groups become supergroups, channels are left.

use std::sync::Arc;

use teloxide::types::{
    ChatMemberKind, ChatMemberUpdated, Message, MessageKind, Update, UpdateKind,
};

use crate::{
    context::{App, Cx},
    store::Rights,
    telegram::{Button, Keyboard, Place, Post},
};

/// Where the bot stands in a chat has changed.
pub async fn bot_itself(cx: Cx, change: ChatMemberUpdated) -> anyhow::Result<()> {
    let chat_id = cx.chat.chat_id;
    let new = &change.new_chat_member;
    if !new.is_present() {
        cx.app.store.chat_is_gone(chat_id).await?;
        cx.app.store.close_every_invitation(chat_id).await?;
        return Ok(());
    }
    let can_delete = new.can_delete_messages() && new.is_privileged();
    cx.app.store.chat_is_active(chat_id, Rights { can_delete }).await?;
    if cx.is_private() {
        cx.app.store.set_can_dm(cx.user.id, true).await?;
        return Ok(());
    }
    let may_write = match &new.kind {
        ChatMemberKind::Restricted(it) => it.can_send_messages,
        _ => true,
    };
    if change.old_chat_member.is_present() || !may_write {
        return Ok(());
    }
    greet(&cx).await
}

/// Greets a group that the bot was just added to. It speaks the language of whoever added it, until somebody changes
/// that in `/settings`.
async fn greet(cx: &Cx) -> anyhow::Result<()> {
    let lang = cx.chat.lang.or(cx.user.lang()).unwrap_or(cx.lang);
    if cx.chat.lang.is_none() && lang != cx.lang {
        cx.app.store.set_chat_lang(cx.chat.chat_id, lang).await?;
    }
    let texts = &cx.app.texts;
    let help = cx.app.telegram.me.deep_link("help");
    let open = Button::open(texts.plain(lang, "help-open", &[]), help);
    let brand = cx.app.config.brand.name.as_str();
    let text = texts.html(lang, "chat-greeting", &[("brand", brand.into())]);
    let post = Post::new(text).keyboard(Keyboard::new().row([open]));
    cx.app.telegram.turn(cx.chat.chat_id).await;
    if cx.app.store.first_time(&format!("greeted:{}", cx.update)).await? {
        cx.app.telegram.send_now(Place::chat(cx.chat.chat_id), post).await?;
    }
    Ok(())
}

/// Where somebody stands in a chat has changed. Telegram tells it only where the bot is an administrator.
pub async fn somebody(cx: Cx, change: ChatMemberUpdated) -> anyhow::Result<()> {
    let gone = match &change.new_chat_member.kind {
        ChatMemberKind::Left | ChatMemberKind::Banned(_) => true,
        ChatMemberKind::Restricted(it) => !it.is_member,
        _ => false,
    };
    if gone {
        let user_id = crate::store::user_id(&change.new_chat_member.user);
        drop_from_lists(&cx.app, cx.chat.chat_id, user_id).await?;
    }
    Ok(())
}

/// Who left, as the service message says.
pub fn left(message: Message) -> Option<i64> {
    message.left_chat_member().map(crate::store::user_id)
}

/// Somebody left, or the bot was removed.
pub async fn has_left(cx: Cx, user_id: i64) -> anyhow::Result<()> {
    if user_id == cx.app.telegram.me.id {
        cx.app.store.chat_is_gone(cx.chat.chat_id).await?;
        return Ok(());
    }
    drop_from_lists(&cx.app, cx.chat.chat_id, user_id).await
}

/// Takes somebody who left off every list of the chat. What they created stays; administrators can delete it.
async fn drop_from_lists(app: &App, chat_id: i64, user_id: i64) -> anyhow::Result<()> {
    app.store.leave_every_notify_group(chat_id, user_id).await?;
    app.store.leave_every_invitation(chat_id, user_id).await?;
    Ok(())
}

/// Old and new id of a group that became a supergroup, from either of the two service messages.
pub fn migration(update: &Update) -> Option<(i64, i64)> {
    let UpdateKind::Message(message) = &update.kind else { return None };
    let here = message.chat.id.0;
    let to = message.migrate_to_chat_id().map(|it| (here, it.0));
    to.or(message.migrate_from_chat_id().map(|it| (it.0, here)))
}

/// Whether a message is one of Telegram's own: somebody joined, a topic was opened, a title was changed.
pub fn is_service(message: Message) -> bool {
    !matches!(message.kind, MessageKind::Common(_))
}

/// What Telegram says and nobody has to do anything about. A new title came with the message and is stored already.
pub async fn ignored() -> anyhow::Result<()> {
    Ok(())
}

/// The bot was added to a channel: it says that it does not belong there, leaves, and keeps nothing.
pub async fn in_channel(app: &Arc<App>, update: &Update, chat_id: i64) -> anyhow::Result<()> {
    let UpdateKind::MyChatMember(change) = &update.kind else { return Ok(()) };
    if change.new_chat_member.is_present() {
        let lang = app.config.default_lang;
        let text = app.texts.html(lang, "chat-no-channels", &[]);
        let _ = app.telegram.send(Place::chat(chat_id), text).await;
        app.telegram.leave(chat_id).await;
    }
    Ok(())
}
