//! What happens to each update, however it came: claimed once, handled in the order of its chat, and done.
//!
//! An update that Telegram sends again is not handled again: `updates` in the database knows it. Whoever brought the
//! update may forget it only after `Outcome::Done`. If this process dies in between, the claim lapses, Telegram sends the
//! update again, and whoever gets it handles it. Handlers bear that: what they create has an id that was made before, and
//! a dialogue knows which update made its last step.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use teloxide::{
    dispatching::UpdateHandler,
    dptree,
    types::{ChatKind, PublicChatKind, Update, UpdateKind},
};
use tokio::sync::Mutex as AsyncMutex;
use tracing::Instrument as _;

use crate::{
    context::{App, Cx},
    handlers::chat_member,
    schema::schema,
    store::{self, Claim},
    telegram::Refusal,
};

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was handled, now or before.
    Done,
    /// It was not; it must come again.
    Again,
}

/// Where every update goes through.
#[derive(Clone)]
pub struct Updates {
    app: Arc<App>,
    schema: UpdateHandler<anyhow::Error>,
    /// One lock for each chat that has updates under way. It lets them in in the order in which they came.
    chats: Arc<Mutex<HashMap<i64, Arc<AsyncMutex<()>>>>>,
}

impl std::fmt::Debug for Updates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Updates")
    }
}

impl Updates {
    /// For this bot.
    pub fn new(app: Arc<App>) -> Self {
        Self { app, schema: schema(), chats: Arc::default() }
    }

    /// Handles an update. Once begun it goes on to its end, even if nobody waits for it any more.
    pub async fn handle(&self, update: Update) -> Outcome {
        let this = self.clone();
        let task = self.app.tasks.spawn(async move { this.in_order(update).await });
        task.await.unwrap_or(Outcome::Again)
    }

    async fn in_order(&self, update: Update) -> Outcome {
        let place = place(&update);
        let lock = match self.chats.lock() {
            Ok(mut chats) => chats.entry(place).or_default().clone(),
            Err(_) => return Outcome::Again,
        };
        self.app.metrics.in_flight.inc();
        let outcome = {
            let _turn = lock.lock().await;
            self.once(update).await
        };
        self.app.metrics.in_flight.dec();
        drop(lock);
        if let Ok(mut chats) = self.chats.lock() {
            // Only the map itself still holds it: nobody waits.
            if chats.get(&place).is_some_and(|it| Arc::strong_count(it) == 1) {
                chats.remove(&place);
            }
        }
        outcome
    }

    /// Handles an update unless it was handled before or somebody is at it.
    async fn once(&self, update: Update) -> Outcome {
        let id = i64::from(update.id.0);
        match self.app.store.claim_update(id).await {
            Ok(Claim::Ours) => {}
            Ok(Claim::Done) => return Outcome::Done,
            Ok(Claim::Taken) => return Outcome::Again,
            Err(error) => {
                tracing::warn!(update = id, %error, "an update could not be claimed");
                return Outcome::Again;
            }
        }
        let handled = self.handled(update);
        let handled = with_renewal(&self.app, id, handled).await;
        let noted = match handled {
            Outcome::Done => self.app.store.finish_update(id).await,
            Outcome::Again => self.app.store.release_update(id).await,
        };
        if let Err(error) = noted {
            tracing::warn!(update = id, %error, "the end of an update could not be noted");
        }
        handled
    }

    /// Handles an update in a span of its own, and says in the log and to the person what went wrong.
    async fn handled(&self, update: Update) -> Outcome {
        let kind = kind(&update.kind);
        let span = tracing::info_span!(
            "update",
            update = update.id.0,
            kind,
            chat = place(&update),
            command = tracing::field::Empty,
            outcome = tracing::field::Empty,
            milliseconds = tracing::field::Empty,
        );
        async {
            let began = Instant::now();
            let (outcome, word) = match self.dispatched(update).await {
                Ok(()) => (Outcome::Done, "done"),
                Err(error) => self.failed(&error),
            };
            let took = began.elapsed();
            self.app.metrics.updates.with_label_values(&[kind, word]).inc();
            self.app.metrics.latency.with_label_values(&[kind]).observe(took.as_secs_f64());
            let span = tracing::Span::current();
            span.record("outcome", word);
            span.record("milliseconds", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            tracing::info!("handled");
            outcome
        }
        .instrument(span)
        .await
    }

    /// What a failure means for the update. One that is nobody's fault is the end of it; a database that does not answer
    /// is a reason to try again.
    fn failed(&self, error: &anyhow::Error) -> (Outcome, &'static str) {
        if error.downcast_ref::<Refusal>().is_some_and(Refusal::is_fate) {
            return (Outcome::Done, "refused");
        }
        tracing::error!(error = %format!("{error:#}"), "an update failed");
        match error.downcast_ref::<store::Error>() {
            Some(store::Error::Unreachable(_)) => (Outcome::Again, "again"),
            _ => (Outcome::Done, "failed"),
        }
    }

    async fn dispatched(&self, update: Update) -> anyhow::Result<()> {
        if let Some(channel) = channel(&update) {
            return chat_member::in_channel(&self.app, &update, channel).await;
        }
        // Before anything is stored under either id.
        if let Some((old, new)) = chat_member::migration(&update) {
            return Ok(self.app.store.move_chat(old, new).await?);
        }
        let Some(cx) = Cx::of(&self.app, &update).await? else { return Ok(()) };
        let outcome = self.schema.dispatch(dptree::deps![update, cx.clone()]).await;
        let outcome = match outcome {
            std::ops::ControlFlow::Break(it) => it,
            std::ops::ControlFlow::Continue(_) => Ok(()),
        };
        if let Err(error) = &outcome {
            apologise(&cx, error).await;
        }
        cx.answer(None).await;
        outcome
    }
}

/// Says sorry, with a code by which the failure is found in the log. Not where nobody could read it, and not if the
/// update will be tried again.
async fn apologise(cx: &Cx, error: &anyhow::Error) {
    let fate = error.downcast_ref::<Refusal>().is_some_and(Refusal::is_fate);
    let again = matches!(error.downcast_ref(), Some(store::Error::Unreachable(_)));
    if fate || again {
        return;
    }
    let code = format!("{:08X}", rand::random::<u32>());
    tracing::error!(code, "the person was given this code");
    let args = [("code", code.into())];
    if cx.is_press() {
        cx.toast(&cx.plain("error-unexpected", &args)).await;
    } else if cx.message_id.is_some() {
        let _ = cx.reply(cx.html("error-unexpected", &args)).await;
    }
}

/// Renews the claim on an update for as long as it is handled.
async fn with_renewal(app: &App, id: i64, handled: impl Future<Output = Outcome>) -> Outcome {
    // Beside the handler and not in its stead: what waits for a connection to the database must not keep those from going
    // on that have one.
    let renewing = async {
        loop {
            tokio::time::sleep(store::LEASE / 4).await;
            if let Err(error) = app.store.renew_update(id).await {
                tracing::warn!(update = id, %error, "a claim could not be renewed");
            }
        }
    };
    tokio::select! {
        outcome = handled => outcome,
        never = renewing => never,
    }
}

/// What has to be handled in order: a chat's updates, or else a person's.
fn place(update: &Update) -> i64 {
    match (update.chat(), update.from()) {
        (Some(chat), _) => chat.id.0,
        (None, Some(user)) => store::user_id(user),
        (None, None) => 0,
    }
}

/// The channel that an update is about.
fn channel(update: &Update) -> Option<i64> {
    let chat = update.chat()?;
    match &chat.kind {
        ChatKind::Public(it) if matches!(it.kind, PublicChatKind::Channel(_)) => Some(chat.id.0),
        _ => None,
    }
}

fn kind(kind: &UpdateKind) -> &'static str {
    match kind {
        UpdateKind::Message(_) => "message",
        UpdateKind::CallbackQuery(_) => "callback_query",
        UpdateKind::MyChatMember(_) => "my_chat_member",
        UpdateKind::ChatMember(_) => "chat_member",
        UpdateKind::PreCheckoutQuery(_) => "pre_checkout_query",
        _ => "other",
    }
}
