//! What was just made is not seen at first: services that are eventually consistent answer some reads by a replica that
//! has not heard of it yet. How long that can last is in [`Times`](crate::Times); a service that has no time there is
//! consistent at once.
//!
//! Only what is new is unseen. What a call changes or deletes is so for the next read; for older tales there are stale
//! reads, a fault.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::{clock::Time, refusal::Answer, world::Context};

/// Something that is not seen at first.
pub(crate) trait Made {
    /// When it was made.
    fn made(&self) -> Time;
}

/// When a read sees something: at the latest so long `after` it was made. The same thing is seen at the same time in
/// every read, and in every life of the same seed.
pub(crate) fn seen_from(id: &str, made: Time, after: Duration) -> Time {
    if after.is_zero() {
        return made;
    }
    // Not out of the world's chance: its ids are not to depend on whether things are seen at once.
    let digest = Sha256::digest(format!("{id} {}", made.0));
    let part = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    made + after.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

/// Answers without those of a table that are not seen yet.
pub(crate) fn hiding<T: Made>(
    cx: &mut Context<'_>,
    after: Duration,
    table: for<'a> fn(&'a mut Context<'_>) -> &'a mut BTreeMap<String, T>,
    answer: impl FnOnce(&mut Context<'_>) -> Answer,
) -> Answer {
    let now = cx.now;
    let unseen = table(cx).extract_if(.., |id, it| seen_from(id, it.made(), after) > now);
    let unseen: Vec<(String, T)> = unseen.collect();
    let answer = answer(cx);
    table(cx).extend(unseen);
    answer
}

#[cfg(test)]
mod tests;
