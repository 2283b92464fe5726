//! Chance that repeats itself: the same seed gives the same ids, delays and faults.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// A source of chance that is saved with the world.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Chance(Pcg64Mcg);

impl Chance {
    /// The same seed gives the same sequence.
    pub fn seeded(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Hexadecimal digits, as in `i-0123456789abcdef0`.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from_digit(self.0.random_range(0..16), 16).unwrap_or('0'))
            .collect()
    }

    /// Capital letters and digits, as in the ids of IAM.
    pub fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        (0..count).map(|_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())])).collect()
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let digits = self.hex(32);
        let (a, b, c, d, e) =
            (&digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..]);
        format!("{a}-{b}-4{c}-a{d}-{e}")
    }

    /// A number in a range that includes both ends.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most.max(least))
    }

    /// Whether something of this probability, 0 to 1, happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.0.random_bool(probability.min(1.0))
    }
}
