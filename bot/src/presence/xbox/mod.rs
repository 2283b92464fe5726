//! Xbox Live: gamertags and presence.

mod records;
pub mod tokens;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use self::tokens::XboxChain;
use super::{
    AccountId, Batch, Condition, Credentials, Failure, Found, PresenceProvider, Service, Warning,
    http::Http, keeper::Keeper, names, warnings,
};
use crate::{
    clock::{Clock, Time},
    config,
};

/// The service takes no more in one request.
const BATCH: usize = 1100;

/// Look-ups of gamertags that the service puts up with: 10 in 15 seconds and 30 in 5 minutes.
const LOOK_UPS: [(usize, Duration); 2] =
    [(10, Duration::from_secs(15)), (30, Duration::from_secs(300))];

/// Asks Xbox Live.
pub struct Xbox {
    http: Arc<Http>,
    keeper: Arc<Keeper<XboxChain>>,
    credentials: Arc<dyn Credentials>,
    profile_url: Url,
    presence_url: Url,
    secret_expires: Option<Time>,
    clock: Clock,
}

impl Xbox {
    /// With the application and the addresses of `settings`.
    pub fn new(
        settings: &config::Xbox,
        http: Arc<Http>,
        credentials: Arc<dyn Credentials>,
        clock: Clock,
    ) -> Self {
        let chain = XboxChain::new(settings, clock.clone());
        Self {
            keeper: Keeper::new(chain, Arc::clone(&http), Arc::clone(&credentials), clock.clone()),
            http,
            credentials,
            profile_url: settings.profile_url.clone(),
            presence_url: settings.presence_url.clone(),
            secret_expires: settings.secret_expires,
            clock,
        }
    }

    async fn profile(&self, gamertag: &str) -> Result<Found, Failure> {
        let taken = self.credentials.take(Service::Xbox, &LOOK_UPS).await;
        let taken = taken.map_err(|it| Failure::Unavailable(format!("look-ups: {it:#}")))?;
        taken.map_err(|again_in| Failure::RateLimited { again_in: Some(again_in) })?;
        let gamertag = utf8_percent_encode(gamertag, NON_ALPHANUMERIC);
        let path = format!("users/gt({gamertag})/profile/settings?settings=Gamertag");
        let request = self
            .http
            .client
            .get(super::http::below(&self.profile_url, &path))
            .header("x-xbl-contract-version", "3");
        let answer = self.keeper.send("xbox_profile", request).await?;
        match answer.status {
            StatusCode::OK => answer.json::<Profiles>()?.first(),
            StatusCode::NOT_FOUND => Err(Failure::NotFound),
            StatusCode::BAD_REQUEST => Err(Failure::Invalid),
            StatusCode::FORBIDDEN => Err(Failure::Private),
            _ => Err(answer.unexpected()),
        }
    }
}

#[async_trait]
impl PresenceProvider for Xbox {
    fn service(&self) -> Service {
        Service::Xbox
    }

    async fn condition(&self) -> Condition {
        let down = self.http.is_down()
            || self.keeper.signed_out().is_some()
            || !self.keeper.has_some().await;
        if down { Condition::Down } else { Condition::Up }
    }

    async fn resolve(&self, name: &str) -> Result<Found, Failure> {
        let gamertag = names::gamertag(name)?;
        match self.profile(gamertag).await {
            // People see their gamertag as `Name#1234`; the service may know it as `Name1234`.
            Err(Failure::NotFound) if gamertag.contains('#') => {
                self.profile(&gamertag.replace('#', "")).await
            }
            result => result,
        }
    }

    async fn fetch(&self, accounts: &[AccountId]) -> Result<Batch, Failure> {
        let mut batch = Batch::new();
        for accounts in accounts.chunks(BATCH) {
            let users: Vec<String> = accounts.iter().map(AccountId::to_string).collect();
            let request = self
                .http
                .client
                .post(super::http::below(&self.presence_url, "users/batch"))
                .header("x-xbl-contract-version", "3")
                .json(&json!({ "users": users, "level": "all" }));
            let answer = self.keeper.send("xbox_presence", request).await?;
            if answer.status != StatusCode::OK {
                return Err(answer.unexpected());
            }
            // Each record by itself, so that an odd one spoils no other.
            for record in answer.json::<Vec<Value>>()? {
                if let Some((id, presence)) = records::read(record) {
                    batch.insert(id, Ok(presence));
                }
            }
        }
        Ok(batch)
    }

    async fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let why = match self.keeper.refused() {
            None if !self.keeper.has_some().await => Some("nobody has signed in yet".to_owned()),
            why => why,
        };
        warnings.extend(why.map(|why| Warning::SignedOut { service: Service::Xbox, why }));
        if let Some(at) = self.secret_expires
            && let Some(days) = warnings::due(at, self.clock.now())
        {
            warnings.push(Warning::ClientSecretEnds { at, days });
        }
        warnings
    }
}

/// The answer to a look-up.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profiles {
    #[serde(default)]
    profile_users: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    id: String,
    #[serde(default)]
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
struct Setting {
    id: String,
    #[serde(default)]
    value: String,
}

impl Profiles {
    fn first(self) -> Result<Found, Failure> {
        let profile = self.profile_users.into_iter().next().ok_or(Failure::NotFound)?;
        let id = profile.id.parse().map_err(|_| {
            Failure::Unavailable("xbox_profile: the account has no number".to_owned())
        })?;
        let name = profile.settings.into_iter().find(|setting| setting.id == "Gamertag");
        match name.map(|setting| setting.value).filter(|name| !name.is_empty()) {
            Some(name) => Ok(Found { id, name }),
            None => Err(Failure::Unavailable("xbox_profile: no gamertag".to_owned())),
        }
    }
}
