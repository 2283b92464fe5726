//! Asking Telegram for updates: for a laptop, where Telegram cannot call us.
//!
//! Asking from an offset on tells Telegram to forget everything before it. So the offset is the first update that is
//! not handled yet, and updates that come again for that reason are left out.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::{
    context::App,
    updates::{Outcome, Updates},
};

/// How long Telegram waits for an update, in seconds.
const WAIT: u32 = 10;

/// How long to pause before an update is tried again, and after Telegram could not be asked.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks until the bot stops.
pub async fn run(app: Arc<App>, updates: Updates) {
    let mut under_way = BTreeSet::new();
    let mut next = 0;
    let mut handling = JoinSet::new();
    while !app.stopping.is_cancelled() {
        let offset = under_way.first().copied().unwrap_or(next);
        let wait = if under_way.is_empty() { WAIT } else { 0 };
        let asked = tokio::select! {
            it = app.telegram.updates(offset, wait) => it,
            () = app.stopping.cancelled() => break,
        };
        match asked {
            Ok(found) => {
                for update in found {
                    let Ok(id) = i32::try_from(update.id.0) else { continue };
                    if id >= next {
                        next = id.saturating_add(1);
                        under_way.insert(id);
                        let updates = updates.clone();
                        handling.spawn(async move {
                            while updates.handle(update.clone()).await == Outcome::Again {
                                tokio::time::sleep(PAUSE).await;
                            }
                            id
                        });
                    }
                }
            }
            Err(refusal) => {
                tracing::warn!(%refusal, "Telegram could not be asked for updates");
                tokio::time::sleep(PAUSE).await;
            }
        }
        // Until all are handled, or for a moment: new ones must not wait for a slow one.
        let pause = tokio::time::sleep(PAUSE);
        tokio::pin!(pause);
        while !handling.is_empty() {
            tokio::select! {
                Some(done) = handling.join_next() => {
                    if let Ok(id) = done {
                        under_way.remove(&id);
                    }
                }
                () = &mut pause => break,
            }
        }
    }
    // What is under way ends; then Telegram is told how far we came.
    let finish = async {
        while let Some(done) = handling.join_next().await {
            if let Ok(id) = done {
                under_way.remove(&id);
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(15), finish).await;
    let offset = under_way.first().copied().unwrap_or(next);
    if offset > 0 {
        let _ = app.telegram.updates(offset, 0).await;
    }
}
