//! PlayStation Network: online ids and presence.

mod records;
pub mod tokens;

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use self::tokens::PsnChain;
use super::{
    AccountId, Batch, Condition, Credentials, Failure, Found, Presence, PresenceProvider, Service,
    Warning,
    http::{Http, below},
    keeper::Keeper,
    names, warnings,
};
use crate::{clock::Clock, config};

/// So many accounts in one request. How many the service takes is not documented.
const BATCH: usize = 50;

/// So many requests for single accounts at a time.
const AT_ONCE: usize = 5;

/// What is asked for about presence.
const ABOUT: &str = "type=primary&platforms=PS4,PS5,MOBILE_APP,PSPC&withOwnGameTitleInfo=true";

/// Asks PlayStation Network.
pub struct Psn {
    http: Arc<Http>,
    keeper: Arc<Keeper<PsnChain>>,
    profile_url: Url,
    presence_url: Url,
    clock: Clock,
}

impl Psn {
    /// With the application and the addresses of `settings`.
    pub fn new(
        settings: &config::Psn,
        http: Arc<Http>,
        credentials: Arc<dyn Credentials>,
        clock: Clock,
    ) -> Self {
        let chain = PsnChain::new(settings, clock.clone());
        Self {
            keeper: Keeper::new(chain, Arc::clone(&http), credentials, clock.clone()),
            http,
            profile_url: settings.profile_url.clone(),
            presence_url: settings.presence_url.clone(),
            clock,
        }
    }

    /// Several accounts in one request; nothing if the service will not have that.
    async fn several(&self, accounts: &[AccountId]) -> Result<Option<Batch>, Failure> {
        let ids: Vec<String> = accounts.iter().map(AccountId::to_string).collect();
        let path = format!(
            "api/userProfile/v2/internal/users/basicPresences?{ABOUT}&accountIds={}",
            ids.join(",")
        );
        let request = self.http.client.get(below(&self.presence_url, &path));
        let answer = self.keeper.send("psn_presences", request).await?;
        if answer.status.is_client_error() {
            return Ok(None);
        }
        if answer.status != StatusCode::OK {
            return Err(answer.unexpected());
        }
        let records = answer.json::<Presences>()?.basic_presences;
        Ok(Some(records.into_iter().filter_map(records::read_named).collect()))
    }

    async fn single(&self, account: AccountId) -> Result<Presence, Failure> {
        let path = format!("api/userProfile/v2/internal/users/{account}/basicPresences?{ABOUT}");
        let request = self.http.client.get(below(&self.presence_url, &path));
        let answer = self.keeper.send("psn_presence", request).await?;
        match answer.status {
            StatusCode::OK => Ok(records::read(answer.json::<OnePresence>()?.basic_presence)),
            StatusCode::FORBIDDEN => Err(Failure::Private),
            StatusCode::NOT_FOUND => Err(Failure::NotFound),
            _ => Err(answer.unexpected()),
        }
    }
}

#[async_trait]
impl PresenceProvider for Psn {
    fn service(&self) -> Service {
        Service::Psn
    }

    async fn condition(&self) -> Condition {
        if !self.keeper.has_some().await {
            // The application is the same for everybody, so without a sign-in there is nothing.
            Condition::NotConfigured
        } else if self.http.is_down() || self.keeper.signed_out().is_some() {
            Condition::Down
        } else {
            Condition::Up
        }
    }

    async fn resolve(&self, name: &str) -> Result<Found, Failure> {
        let name = utf8_percent_encode(names::online_id(name)?, NON_ALPHANUMERIC);
        let path = format!(
            "userProfile/v1/users/{name}/profile2?fields=accountId,onlineId,currentOnlineId"
        );
        let request = self.http.client.get(below(&self.profile_url, &path));
        let answer = self.keeper.send("psn_profile", request).await?;
        match answer.status {
            StatusCode::OK => answer.json::<Answered>()?.profile.found(),
            StatusCode::NOT_FOUND => Err(Failure::NotFound),
            StatusCode::BAD_REQUEST => Err(Failure::Invalid),
            StatusCode::FORBIDDEN => Err(Failure::Private),
            _ => Err(answer.unexpected()),
        }
    }

    async fn fetch(&self, accounts: &[AccountId]) -> Result<Batch, Failure> {
        let mut batch = Batch::new();
        for accounts in accounts.chunks(BATCH) {
            batch.extend(self.several(accounts).await?.unwrap_or_default());
        }
        // Whoever is left out is asked for alone, for only then the service says why.
        let missing: Vec<AccountId> =
            accounts.iter().copied().filter(|account| !batch.contains_key(account)).collect();
        let mut singles = stream::iter(missing)
            .map(|account| async move { (account, self.single(account).await) })
            .buffer_unordered(AT_ONCE);
        while let Some((account, result)) = singles.next().await {
            match result {
                Err(failure) if !failure.is_about_the_account() && batch.is_empty() => {
                    return Err(failure);
                }
                result => batch.insert(account, result),
            };
        }
        Ok(batch)
    }

    async fn warnings(&self) -> Vec<Warning> {
        let has_some = self.keeper.has_some().await;
        if let Some(why) = self.keeper.refused().filter(|_| has_some) {
            return vec![Warning::SignedOut { service: Service::Psn, why }];
        }
        let end = self.keeper.refreshable_until().await;
        let warning = end.and_then(|at| {
            let days = warnings::due(at, self.clock.now())?;
            Some(Warning::SignInEnds { service: Service::Psn, at, days })
        });
        warning.into_iter().collect()
    }
}

/// The answer to a look-up.
#[derive(Deserialize)]
struct Answered {
    profile: Profile,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    account_id: String,
    online_id: String,
    /// Another than `onlineId` if it was changed.
    current_online_id: Option<String>,
}

impl Profile {
    fn found(self) -> Result<Found, Failure> {
        let id = self.account_id.parse().map_err(|_| {
            Failure::Unavailable("psn_profile: the account has no number".to_owned())
        })?;
        Ok(Found { id, name: self.current_online_id.unwrap_or(self.online_id) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Presences {
    #[serde(default)]
    basic_presences: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnePresence {
    basic_presence: Value,
}
