//! Who plays what: the presence of people on Xbox Live, PlayStation Network and Steam.
//!
//! Knows nothing of Telegram and nothing of MongoDB: credentials come through a trait, results go out as data.

pub mod auth;
mod breaker;
mod cache;
mod credentials;
mod http;
mod keeper;
mod names;
mod presences;
mod psn;
mod steam;
mod times;
mod warnings;
mod xbox;

use std::{collections::HashMap, fmt, num::ParseIntError, str::FromStr, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Time;

pub use credentials::{Credentials, Secrets, Stored};
pub use presences::{Presences, Report, Seen};
pub use warnings::{Warning, due};

/// A service on which people have accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Microsoft's.
    Xbox,
    /// Sony's.
    Psn,
    /// Valve's.
    Steam,
}

impl Service {
    /// All of them, in the order in which they are asked for and shown.
    pub const ALL: [Service; 3] = [Service::Xbox, Service::Psn, Service::Steam];

    /// The name for databases, metrics and logs.
    pub const fn key(self) -> &'static str {
        match self {
            Service::Xbox => "xbox",
            Service::Psn => "psn",
            Service::Steam => "steam",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Xbox => "Xbox Live",
            Service::Psn => "PSN",
            Service::Steam => "Steam",
        })
    }
}

/// The number of an account: XUID, PSN account id or SteamID64. The services count unsigned and send digits as text;
/// the database has signed 64-bit integers, so the bits are kept and only read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.cast_unsigned().fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = ParseIntError;

    fn from_str(digits: &str) -> Result<Self, Self::Err> {
        Ok(Self(digits.parse::<u64>()?.cast_signed()))
    }
}

/// One account on one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// Where it is.
    pub service: Service,
    /// Which one it is.
    pub id: AccountId,
}

/// An account that a service knows by a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its number.
    pub id: AccountId,
    /// Its name as the service spells it.
    pub name: String,
}

/// How present somebody is, weakest first: the order for sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The service said nothing we understand.
    Unknown,
    /// Not there.
    Offline,
    /// There, and wants peace.
    DoNotDisturb,
    /// Signed in, but not at the controls.
    Away,
    /// There.
    Online,
}

/// What a service says about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// How present its owner is.
    pub state: State,
    /// The game that is played, or was played last.
    pub game: Option<String>,
    /// What the game says about it, such as a level or a mode.
    pub detail: Option<String>,
    /// The device in use, or used last, by its product name.
    pub device: Option<String>,
    /// When somebody offline was last seen.
    pub last_seen: Option<Time>,
}

impl Presence {
    /// Only a state, nothing else known.
    pub const fn of(state: State) -> Self {
        Self { state, game: None, detail: None, device: None, last_seen: None }
    }
}

/// Why a service gave no answer. Details are for the log and never contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was typed cannot be a name on this service.
    #[error("not a possible name")]
    Invalid,
    /// The service knows no such account.
    #[error("no such account")]
    NotFound,
    /// The account's owner does not let others see it.
    #[error("private")]
    Private,
    /// The service, or we ourselves, allow no more requests for now.
    #[error("too many requests")]
    RateLimited {
        /// When it is worth another try, if that is known.
        again_in: Option<Duration>,
    },
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// Broken, or not reachable.
    #[error("not available: {0}")]
    Unavailable(String),
    /// The operator's credentials are missing, expired or refused.
    #[error("not signed in: {0}")]
    SignedOut(String),
    /// The operator has not set this service up.
    #[error("not configured")]
    NotConfigured,
}

impl Failure {
    /// Whether it concerns only the account that was asked for, and not the service as a whole.
    pub const fn is_about_the_account(&self) -> bool {
        match self {
            Failure::Invalid | Failure::NotFound | Failure::Private => true,
            Failure::RateLimited { .. }
            | Failure::Timeout
            | Failure::Unavailable(_)
            | Failure::SignedOut(_)
            | Failure::NotConfigured => false,
        }
    }
}

/// Whether a service can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The operator has not set it up.
    NotConfigured,
    /// It failed so often, or refused our credentials, that it is left alone for a while.
    Down,
    /// Nothing speaks against asking.
    Up,
}

/// What was found out about each account of a batch. Accounts of which the service said nothing are absent.
pub type Batch = HashMap<AccountId, Result<Presence, Failure>>;

/// A service that can be asked.
#[async_trait]
pub trait PresenceProvider: Send + Sync {
    /// Which one it is.
    fn service(&self) -> Service;

    /// Whether it can be asked.
    async fn condition(&self) -> Condition;

    /// The account behind a name, as somebody typed it.
    async fn resolve(&self, name: &str) -> Result<Found, Failure>;

    /// The presence of several accounts, at least one; in as few requests as the service allows.
    async fn fetch(&self, accounts: &[AccountId]) -> Result<Batch, Failure>;

    /// What the operator should know about the credentials.
    async fn warnings(&self) -> Vec<Warning>;
}
