//! Telegram's limits: how many messages may go to one chat, and how many in all.
//!
//! teloxide's `Throttle` works in rounds of a quarter of a second, so that the second message of anybody waits, and lets
//! nobody send anything while one chat has to wait. Here, each chat waits for itself.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep_until},
};

/// So many messages in so much time.
type Limit = (usize, Duration);

/// What a group gets. Telegram allows 20 a minute; another replica and edits need some as well.
const GROUP: [Limit; 2] = [(3, Duration::from_secs(1)), (18, Duration::from_secs(60))];

/// What a person gets: one a second, and short bursts.
const PERSON: [Limit; 2] = [(3, Duration::from_secs(1)), (20, Duration::from_secs(20))];

/// What all together get. Telegram allows 30 a second.
const ALL: [Limit; 1] = [(28, Duration::from_secs(1))];

/// Chats that are remembered before those that were quiet are forgotten.
const REMEMBERED: usize = 1000;

/// Lets messages out at the pace that Telegram allows.
#[derive(Debug, Default)]
pub(super) struct Pace {
    off: bool,
    all: AsyncMutex<Window>,
    chats: Mutex<HashMap<i64, Arc<AsyncMutex<Window>>>>,
}

/// When the last messages went out.
#[derive(Debug, Default)]
struct Window {
    sent: VecDeque<Instant>,
    /// Telegram asked for silence until then.
    not_before: Option<Instant>,
}

impl Window {
    /// Waits until one more message may go out, and counts it.
    async fn turn(&mut self, limits: &[Limit]) {
        let over = |(count, time): &Limit| {
            let first = self.sent.len().checked_sub(*count)?;
            Some(*self.sent.get(first)? + *time)
        };
        let free = limits.iter().filter_map(over).chain(self.not_before).max();
        if let Some(moment) = free {
            sleep_until(moment).await;
        }
        self.sent.push_back(Instant::now());
        let longest = limits.iter().map(|it| it.0).max().unwrap_or_default();
        while self.sent.len() > longest {
            self.sent.pop_front();
        }
    }

    fn is_quiet(&self) -> bool {
        self.sent.back().is_none_or(|it| it.elapsed() > Duration::from_secs(60))
    }
}

impl Pace {
    /// No limits at all: for a Bot API server of one's own.
    pub(super) fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// Waits until a message may go to this chat. Whoever came first goes first.
    pub(super) async fn turn(&self, chat_id: i64) {
        if self.off {
            return;
        }
        let limits = if chat_id < 0 { &GROUP } else { &PERSON };
        self.window(chat_id).lock().await.turn(limits).await;
        self.all.lock().await.turn(&ALL).await;
    }

    /// Telegram asked for silence in this chat.
    pub(super) async fn hold(&self, chat_id: i64, time: Duration) {
        self.window(chat_id).lock().await.not_before = Some(Instant::now() + time);
    }

    fn window(&self, chat_id: i64) -> Arc<AsyncMutex<Window>> {
        let Ok(mut chats) = self.chats.lock() else { return Arc::default() };
        if chats.len() > REMEMBERED {
            chats.retain(|_, it| it.try_lock().is_ok_and(|it| !it.is_quiet()));
        }
        chats.entry(chat_id).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_group_gets_eighteen_a_minute_and_nobody_else_waits_for_it() {
        let pace = Pace::default();
        let began = Instant::now();
        for _ in 0..18 {
            pace.turn(-1).await;
        }
        assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
        let before = Instant::now();
        pace.turn(2).await;
        assert!(before.elapsed() < Duration::from_secs(1));
        pace.turn(-1).await;
        assert!(began.elapsed() >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_get_less_than_thirty_a_second() {
        let pace = Pace::default();
        let began = Instant::now();
        for chat in 1..=57 {
            pace.turn(chat).await;
        }
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_kept() {
        let pace = Pace::default();
        let began = Instant::now();
        pace.hold(1, Duration::from_secs(9)).await;
        pace.turn(1).await;
        assert!(began.elapsed() >= Duration::from_secs(9));
    }
}
