//! The configuration, from the environment.

mod read;
#[cfg(test)]
mod reference;
mod variables;

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use secrecy::SecretString;
use url::Url;

pub use self::{
    read::Mistakes,
    variables::{VARIABLES, Variable},
};
use crate::{clock::Time, text::Lang};

/// Everything the bot can be told from outside.
#[derive(Clone, Debug)]
pub struct Config {
    /// The bot's token.
    pub token: SecretString,
    /// Another server of the Bot API than Telegram's own.
    pub api_url: Option<Url>,
    /// Whether messages go out at the pace that Telegram allows.
    pub throttle: bool,
    /// How updates come in.
    pub mode: Mode,
    /// Address of the webhook and of the health checks.
    pub listen: SocketAddr,
    /// Address of the metrics.
    pub metrics: Option<SocketAddr>,
    /// The webhook.
    pub webhook: Webhook,
    /// The database.
    pub mongodb: Mongodb,
    /// Telegram ids of the people who run the bot.
    pub operators: Vec<i64>,
    /// Another bot that delivers feedback.
    pub feedback_token: Option<SecretString>,
    /// Ways to donate.
    pub donations: Donations,
    /// What the bot says about itself.
    pub brand: Brand,
    /// Language of whoever has none of ours.
    pub default_lang: Lang,
    /// Folder with media.
    pub assets: Option<PathBuf>,
    /// Services that know who is playing.
    pub services: Services,
    /// The log.
    pub log: Log,
}

/// How updates come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Telegram calls us.
    Webhook,
    /// We ask Telegram.
    Polling,
}

/// The webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Public address, path included.
    pub url: Option<Url>,
    /// Its path.
    pub path: String,
    /// What Telegram has to send along.
    pub secret: Option<SecretString>,
}

/// The database.
#[derive(Clone, Debug)]
pub struct Mongodb {
    /// Connection string.
    pub uri: SecretString,
    /// User and password, if they are not in the connection string.
    pub user: Option<(String, SecretString)>,
    /// The database's name.
    pub database: String,
}

/// Ways to donate.
#[derive(Clone, Debug)]
pub struct Donations {
    /// Amounts of Telegram Stars.
    pub stars: Vec<u32>,
    /// A payment provider besides.
    pub provider_token: Option<SecretString>,
    /// What is asked through it.
    pub price: Price,
    /// A page such as GitHub Sponsors.
    pub sponsors_url: Option<Url>,
    /// A PayPal page.
    pub paypal_url: Option<Url>,
}

/// An amount of money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// How much, in the smallest units.
    pub amount: u32,
    /// Of which currency.
    pub currency: String,
}

impl FromStr for Price {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (amount, currency) = text.split_once(' ').ok_or(())?;
        let amount = amount.parse().map_err(|_| ())?;
        let is_code = currency.len() == 3 && currency.bytes().all(|it| it.is_ascii_uppercase());
        (amount > 0 && is_code).then(|| Self { amount, currency: currency.to_owned() }).ok_or(())
    }
}

/// What the bot says about itself.
#[derive(Clone, Debug)]
pub struct Brand {
    /// Its name.
    pub name: String,
    /// When it was born.
    pub birthday: Time,
    /// Where its source is.
    pub source_url: Option<Url>,
    /// Where mistakes are reported.
    pub issues_url: Option<Url>,
    /// A chat or channel for support.
    pub support_url: Option<Url>,
}

/// Services that know who is playing. One that is not configured is `None`.
#[derive(Clone, Debug)]
pub struct Services {
    /// The key under which sign-ins are stored.
    pub credentials_key: Option<SecretString>,
    /// Xbox Live.
    pub xbox: Option<Xbox>,
    /// PlayStation Network.
    pub psn: Option<Psn>,
    /// Steam.
    pub steam: Option<Steam>,
}

/// Xbox Live.
#[derive(Clone, Debug)]
pub struct Xbox {
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// When that expires.
    pub secret_expires: Option<Time>,
    /// Where tokens are issued.
    pub login_url: Url,
    /// User tokens.
    pub user_auth_url: Url,
    /// XSTS tokens.
    pub xsts_url: Url,
    /// Gamertags.
    pub profile_url: Url,
    /// Presence.
    pub presence_url: Url,
}

/// PlayStation Network.
#[derive(Clone, Debug)]
pub struct Psn {
    /// Cookie of a signed-in account, if it is not in the database.
    pub npsso: Option<SecretString>,
    /// Client id of the mobile app.
    pub client_id: String,
    /// Basic credentials of the mobile app.
    pub basic_auth: SecretString,
    /// Scope.
    pub scope: String,
    /// Redirect of the mobile app.
    pub redirect_uri: String,
    /// Where tokens are issued.
    pub auth_url: Url,
    /// Online ids.
    pub profile_url: Url,
    /// Presence.
    pub presence_url: Url,
}

/// Steam.
#[derive(Clone, Debug)]
pub struct Steam {
    /// Key of the Web API.
    pub api_key: SecretString,
    /// The Web API.
    pub url: Url,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// JSON, or text for people.
    pub json: bool,
    /// What to log.
    pub filter: String,
}
