//! `/feedback`: tells the operators something, and brings their answers back.
//!
//! It is stored first and confirmed then. Delivering comes after that, and again from time to time until every operator
//! has it.

use std::time::Duration;

use teloxide::types::Message;

use super::call::Call;
use crate::{
    clock::Time,
    context::{App, Cx},
    store::{Feedback, Id, Wait},
    telegram::{Place, Refusal},
    text::{Html, plain_name, span},
};

/// How short feedback may be, in characters.
const SHORTEST: usize = 5;
/// How long it may be.
const LONGEST: usize = 1000;
/// How often somebody may give it in `WINDOW`.
const TIMES: usize = 3;
/// See `TIMES`.
const WINDOW: Duration = Duration::from_secs(3600);
/// How long one delivery takes at most, before somebody else may try.
const DELIVERY: Duration = Duration::from_secs(60);

/// Stores feedback, says so, and delivers it.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let text = call.arguments;
    let length = text.chars().count();
    if length == 0 {
        return cx.reply(cx.html("feedback-usage", &[])).await;
    }
    if !(SHORTEST..=LONGEST).contains(&length) {
        let args = [("shortest", SHORTEST.into()), ("longest", LONGEST.into())];
        return cx.reply(cx.html("feedback-length", &args)).await;
    }
    // If this update was cut off before, it neither counts nor is stored twice.
    let stored = cx.app.store.feedback_from(cx.user.id, cx.update).await?;
    let feedback = match stored {
        Some(feedback) => feedback,
        None => {
            let limit = format!("feedback:{}", cx.user.id);
            if let Err(Wait(wait)) =
                cx.app.store.limit_once(&limit, TIMES, WINDOW, cx.update).await?
            {
                let wait = span(&cx.app.texts, cx.lang, wait, 1);
                return cx.reply(cx.html("feedback-too-often", &[("wait", wait.into())])).await;
            }
            let feedback = Feedback {
                id: Id::new(),
                update: cx.update,
                user_id: Some(cx.user.id),
                text,
                chat_kind: cx.chat.kind,
                lang: cx.lang,
                at: cx.now,
                waiting: cx.app.config.operators.clone(),
                operator_messages: Vec::new(),
            };
            cx.app.store.create_feedback(&feedback).await?;
            feedback
        }
    };
    let app = cx.app.clone();
    cx.app.tasks.spawn(async move { delivered(&app, feedback).await });
    cx.reply(cx.html("feedback-thanks", &[])).await
}

/// Delivers what did not reach every operator yet. The house-keeping calls this.
pub async fn deliver_waiting(app: &App) -> anyhow::Result<()> {
    let before: Time = app.clock.now() - DELIVERY;
    for feedback in app.store.feedback_waiting(before).await? {
        delivered(app, feedback).await;
    }
    Ok(())
}

/// Delivers feedback, unless somebody else is at it. What fails is tried again later.
async fn delivered(app: &App, feedback: Feedback) {
    if let Err(error) = deliver(app, feedback).await {
        tracing::warn!(error = %format!("{error:#}"), "feedback could not be delivered");
    }
}

async fn deliver(app: &App, feedback: Feedback) -> anyhow::Result<()> {
    let lock = app.store.lock(&format!("feedback:{}", feedback.id), DELIVERY).await?;
    let Some(lock) = lock else { return Ok(()) };
    for operator in &feedback.waiting {
        let text = for_operator(app, *operator, &feedback).await?;
        let message = match app.telegram.deliver_feedback(*operator, text).await {
            Ok(message) => message,
            // They never started the bot, or stopped it: no use in trying again.
            Err(Refusal::Gone) => None,
            Err(refusal) => {
                tracing::info!(operator, %refusal, "feedback has to wait");
                continue;
            }
        };
        app.store.feedback_delivered(feedback.id, *operator, message).await?;
    }
    app.store.unlock(lock).await?;
    Ok(())
}

async fn for_operator(app: &App, operator: i64, feedback: &Feedback) -> anyhow::Result<Html> {
    let ids: Vec<i64> = feedback.user_id.into_iter().chain([operator]).collect();
    let users = app.store.users(&ids).await?;
    let lang = app.lang_of(users.get(&operator));
    let sender = feedback.user_id.and_then(|it| users.get(&it));
    let first = sender.and_then(|it| it.first_name.as_deref());
    let username = sender.and_then(|it| it.username_lc.as_deref());
    let name = plain_name(&app.texts, lang, first, username);
    let username = username.map(|it| format!(" (@\u{2060}{it})")).unwrap_or_default();
    let private = feedback.chat_kind == Some(crate::store::ChatKind::Private);
    let place = if private { "feedback-from-private" } else { "feedback-from-group" };
    let args = [
        ("name", name.into()),
        ("username", username.into()),
        ("id", feedback.user_id.map(|it| it.to_string()).unwrap_or_default().into()),
        ("place", app.texts.html(lang, place, &[]).into()),
        ("lang", feedback.lang.own_name().into()),
    ];
    let heading = app.texts.html(lang, "feedback-from", &args);
    let mut text = heading.paragraph(&Html::escape(&feedback.text));
    if app.config.feedback_token.is_none() {
        text = text.paragraph(&app.texts.html(lang, "feedback-how-to-answer", &[]));
    }
    Ok(text)
}

/// Whether a message is an operator's reply to something, in private.
pub fn may_be_answer(cx: Cx, message: Message) -> bool {
    cx.is_private()
        && cx.app.is_operator(cx.user.id)
        && message.reply_to_message().is_some()
        && !message.text().is_some_and(|it| it.starts_with('/'))
}

/// The feedback that an operator's reply answers, if that is what it replies to.
pub async fn answered(cx: Cx, message: Message) -> Option<Feedback> {
    let replied = message.reply_to_message()?.id.0;
    // If the database does not answer, the message is handled like any other.
    cx.app.store.feedback_behind(cx.user.id, replied).await.ok()?
}

/// Brings an operator's answer to whoever gave the feedback.
pub async fn answer(cx: Cx, message: Message, feedback: Feedback) -> anyhow::Result<()> {
    let Some(text) = message.text() else {
        return cx.reply(cx.html("feedback-answer-text-please", &[])).await;
    };
    let Some(user_id) = feedback.user_id else {
        return cx.reply(cx.html("feedback-answer-forgotten", &[])).await;
    };
    let user = cx.app.store.user(user_id).await?;
    let lang = cx.app.lang_of(user.as_ref());
    let heading = cx.app.texts.html(lang, "feedback-answer", &[]);
    let quote: String = feedback.text.chars().take(200).collect();
    let quote = cx.app.texts.html(lang, "feedback-answer-quote", &[("text", quote.into())]);
    let whole = heading.clone().paragraph(&Html::escape(text)).paragraph(&quote);
    // An answer as long as a message can be leaves no room for the quote, or even for the heading.
    let fits = |it: &Html| it.units() <= crate::text::MESSAGE_UNITS;
    let whole = [whole, heading.paragraph(&Html::escape(text)), Html::escape(text)];
    let Some(whole) = whole.into_iter().find(fits) else { return Ok(()) };
    let key = match cx.app.telegram.send(Place::chat(user_id), whole).await {
        Ok(_) => "feedback-answer-sent",
        Err(Refusal::Gone) => "feedback-answer-blocked",
        Err(refusal) => {
            tracing::warn!(%refusal, "an answer to feedback could not be sent");
            "feedback-answer-failed"
        }
    };
    cx.reply(cx.html(key, &[])).await
}
