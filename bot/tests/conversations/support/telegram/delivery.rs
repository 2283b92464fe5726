//! How updates get to the bot: by its webhook, again and again until it takes them, or when it asks.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use super::{BOT_API, Refused, Telegram, second_opinion};

/// Kinds of updates that Telegram sends only to those who name them.
const ON_DEMAND: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// How often an update is sent before the stand-in gives up: for a minute. Telegram does for a day; a process that is
/// killed and started again on a busy machine takes more than the ten seconds after which its claims lapse.
const DELIVERIES: usize = 600;

impl Telegram {
    /// Updates that the bot has not fetched.
    pub fn waiting(&self) -> usize {
        self.record().queue.len()
    }

    /// Sends an update until the bot takes it: to the webhook, or into the queue that it polls. Answers whether the
    /// bot wants this kind of update at all.
    pub async fn deliver(&self, update: Value) -> bool {
        let update = self.addressed(update);
        if !self.wanted(&update) {
            return false;
        }
        if self.world().webhook.is_none() {
            self.record().queue.push_back(update);
            self.queued.notify_waiters();
            return true;
        }
        for _ in 0..DELIVERIES {
            let error = match self.post(&update).await {
                Some(StatusCode::OK) => return true,
                Some(status) => format!("Wrong response from the webhook: {status}"),
                None => "Connection refused".to_owned(),
            };
            self.webhook_failed(error);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.record().defects.push(format!("an update was refused {DELIVERIES} times: {update}"));
        false
    }

    fn webhook_failed(&self, error: String) {
        let mut world = self.world();
        world.webhook_error = Some((world.now(), error));
    }

    /// The update with a number, and checked: what Telegram would never send proves nothing.
    pub fn addressed(&self, mut update: Value) -> Value {
        if update["update_id"].is_null() {
            update["update_id"] = self.world().fresh().into();
        }
        let mut misfits = BOT_API.misfits("Update", &update);
        misfits.extend(second_opinion::reads_update(&update).err());
        assert!(misfits.is_empty(), "Telegram would not send this: {misfits:#?}\n{update:#}");
        update
    }

    fn wanted(&self, update: &Value) -> bool {
        let kinds = update.as_object().into_iter().flat_map(Map::keys);
        let Some(kind) = kinds.into_iter().find(|it| *it != "update_id") else { return false };
        match &self.record().allowed {
            Some(allowed) => allowed.contains(kind),
            None => !ON_DEMAND.contains(&kind.as_str()),
        }
    }

    /// One attempt to send an update to the webhook.
    pub async fn post(&self, update: &Value) -> Option<StatusCode> {
        let status = self.post_raw(update.to_string().into_bytes()).await?;
        StatusCode::from_u16(status).ok()
    }

    /// One attempt to send anything to the webhook, with the secret that belongs to it.
    pub async fn post_raw(&self, body: Vec<u8>) -> Option<u16> {
        let (address, path, secret) = {
            let webhook = self.world().webhook.clone()?;
            let mut record = self.record();
            record.turn += 1;
            let turn = record.turn;
            let address = *record.listeners.get(turn % record.listeners.len().max(1))?;
            let url = webhook["url"].as_str().unwrap_or_default();
            let path = url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
            (address, path, webhook["secret_token"].as_str().map(String::from))
        };
        let request = self.client.post(format!("http://{address}/{path}"));
        let mut request = request.header(CONTENT_TYPE, "application/json").body(body);
        if let Some(secret) = secret {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        Some(request.send().await.ok()?.status().as_u16())
    }

    /// Long polling.
    pub(super) async fn updates(&self, call: &Value) -> Result<Value, Refused> {
        let conflict = |what: &str| Refused {
            code: 409,
            what: format!("Conflict: {what}"),
            ..Refused::bad("")
        };
        if self.world().webhook.is_some() {
            return Err(conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        let poll = {
            let mut record = self.record();
            record.allowed = asked_for(&call["allowed_updates"]).or(record.allowed.take());
            record.polls += 1;
            record.polls
        };
        let until = Instant::now() + Duration::from_secs(call["timeout"].as_u64().unwrap_or(0));
        let limit = call["limit"].as_u64().unwrap_or(100) as usize;
        // The bot is idle while it waits for updates.
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let _again = Deferred(|| {
            self.in_flight.fetch_add(1, Ordering::SeqCst);
        });
        loop {
            let told = self.queued.notified();
            {
                let mut record = self.record();
                if let Some(offset) = call["offset"].as_i64().filter(|it| *it > 0) {
                    record.queue.retain(|it| it["update_id"].as_i64() >= Some(offset));
                }
                if record.polls != poll {
                    return Err(conflict(
                        "terminated by other getUpdates request; make sure that only one bot instance is running",
                    ));
                }
                if !record.queue.is_empty() || Instant::now() >= until {
                    let batch: Vec<Value> = record.queue.iter().take(limit).cloned().collect();
                    return Ok(batch.into());
                }
            }
            let _ = tokio::time::timeout(Duration::from_millis(100), told).await;
        }
    }
}

/// Runs something when it goes out of scope.
struct Deferred<F: Fn()>(F);

impl<F: Fn()> Drop for Deferred<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The kinds of updates that a call asks for. An absent list changes nothing, an empty one asks for the usual.
pub(super) fn asked_for(list: &Value) -> Option<Vec<String>> {
    let list = list.as_array()?;
    let usual = || BOT_API.fields("Update").iter().map(|it| it.name.clone());
    Some(match list.is_empty() {
        true => usual().filter(|it| !ON_DEMAND.contains(&it.as_str())).collect(),
        false => list.iter().filter_map(|it| it.as_str().map(String::from)).collect(),
    })
}
