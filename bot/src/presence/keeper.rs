//! Keeps one service's tokens: in memory as long as they work, in the store for restarts and other replicas, and
//! renewed by one replica at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use reqwest::{
    RequestBuilder, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::ExposeSecret as _;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Credentials, Failure, Secrets, Service,
    http::{Answer, Http},
};
use crate::clock::{Clock, Time};

/// Tokens that end sooner than this are as good as ended.
const MARGIN: Duration = Duration::from_secs(2 * 60);

/// More requests than any service needs from its oldest token to a usable one.
const MOST_STEPS: usize = 6;

/// How long to wait for another replica that is renewing.
const LOCK_PATIENCE: Duration = Duration::from_secs(8);

/// How often to look whether it is done.
const LOCK_PAUSE: Duration = Duration::from_millis(150);

/// After a refusal nothing is tried for so long; then somebody may have signed in again.
const SIGNED_OUT_PAUSE: Duration = Duration::from_secs(60);

/// How a service gets from what it was given once to what its requests carry.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
    /// All tokens of the service. What is missing in the store is `None` here.
    type Tokens: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Which service it is.
    const SERVICE: Service;

    /// What the configuration brings, where nobody has signed in by a command.
    fn configured(&self) -> Option<Self::Tokens>;

    /// When the tokens stop working, or `None` if they do not work now.
    fn usable_until(tokens: &Self::Tokens) -> Option<Time>;

    /// When somebody must sign in again, if that is known.
    fn refreshable_until(tokens: &Self::Tokens) -> Option<Time>;

    /// What requests carry in their `Authorization` header.
    fn header(tokens: &Self::Tokens) -> String;

    /// The same without anything that the service has refused.
    fn without_access(tokens: Self::Tokens) -> Self::Tokens;

    /// The next step, at most a few requests, towards usable tokens. Each is saved before the following is made, for a
    /// token that was exchanged may be worth nothing any more.
    async fn step(&self, http: &Http, tokens: Self::Tokens) -> Result<Self::Tokens, Failure>;
}

/// Whether something that ends at `end` still works, and will for a moment.
pub fn lasts(end: Option<Time>, now: Time) -> bool {
    end.is_some_and(|end| now + MARGIN < end)
}

/// The tokens of one service.
pub struct Keeper<C: Chain> {
    chain: C,
    http: Arc<Http>,
    credentials: Arc<dyn Credentials>,
    clock: Clock,
    held: Mutex<Held<C::Tokens>>,
    /// Whose turn it is to renew within this process.
    turn: tokio::sync::Mutex<()>,
}

struct Held<T> {
    tokens: Option<T>,
    /// Until when it is no use to try, and why.
    signed_out: Option<(Time, String)>,
}

impl<C: Chain> Keeper<C> {
    /// Keeps what `credentials` has, renewing it by `chain`.
    pub fn new(
        chain: C,
        http: Arc<Http>,
        credentials: Arc<dyn Credentials>,
        clock: Clock,
    ) -> Arc<Self> {
        let held = Mutex::new(Held { tokens: None, signed_out: None });
        Arc::new(Self {
            chain,
            http,
            credentials,
            clock,
            held,
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Sends a request with the tokens, and once more with new ones if these are refused.
    pub async fn send(
        self: &Arc<Self>,
        call: &'static str,
        request: RequestBuilder,
    ) -> Result<Answer, Failure> {
        let another = request.try_clone();
        let tokens = self.tokens(None).await?;
        let answer = self.http.send(call, signed::<C>(request, &tokens)).await?;
        let Some(another) = another.filter(|_| answer.status == StatusCode::UNAUTHORIZED) else {
            return Ok(answer);
        };
        let tokens = self.tokens(Some(tokens)).await?;
        let answer = self.http.send(call, signed::<C>(another, &tokens)).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(self.sign_out(format!("{call}: new tokens are refused")));
        }
        Ok(answer)
    }

    /// Why nobody is signed in, if the service said so lately.
    pub fn signed_out(&self) -> Option<String> {
        let now = self.clock.now();
        let held = self.held();
        held.signed_out.as_ref().filter(|(until, _)| now < *until).map(|(_, why)| why.clone())
    }

    /// Whether there are credentials at all.
    pub async fn has_some(&self) -> bool {
        let held = self.held().tokens.is_some();
        held || self.chain.configured().is_some()
            || !matches!(self.credentials.load(C::SERVICE).await, Ok(None))
    }

    /// Why the service refused what we had, as long as it has taken nothing since.
    pub fn refused(&self) -> Option<String> {
        self.held().signed_out.as_ref().map(|(_, why)| why.clone())
    }

    /// When somebody must sign in again, from the store.
    pub async fn refreshable_until(&self) -> Option<Time> {
        let stored = self.credentials.load(C::SERVICE).await.ok()??;
        stored.secrets.refresh_expires_at
    }

    /// Tokens that work, and are others than those that were refused.
    async fn tokens(self: &Arc<Self>, refused: Option<C::Tokens>) -> Result<C::Tokens, Failure> {
        if let Some(why) = self.signed_out() {
            return Err(Failure::SignedOut(why));
        }
        if let Some(tokens) = self.good(refused.as_ref()) {
            return Ok(tokens);
        }
        // A task of its own, because whoever waits may lose patience between the answer that brings a new refresh token
        // and the moment it is saved, and the old one may be worth nothing by then.
        let this = Arc::clone(self);
        let renewal = tokio::spawn(async move { this.renew(refused).await });
        renewal.await.unwrap_or_else(|error| Err(Failure::Unavailable(error.to_string())))
    }

    /// What is in memory, if it works.
    fn good(&self, refused: Option<&C::Tokens>) -> Option<C::Tokens> {
        self.held().tokens.clone().filter(|tokens| self.works(tokens, refused))
    }

    fn works(&self, tokens: &C::Tokens, refused: Option<&C::Tokens>) -> bool {
        Some(tokens) != refused && lasts(C::usable_until(tokens), self.clock.now())
    }

    async fn renew(&self, refused: Option<C::Tokens>) -> Result<C::Tokens, Failure> {
        let _turn = self.turn.lock().await;
        if let Some(why) = self.signed_out() {
            return Err(Failure::SignedOut(why));
        }
        if let Some(tokens) = self.good(refused.as_ref()) {
            return Ok(tokens);
        }
        let started = Instant::now();
        loop {
            // Another replica may have renewed them, and then there is nothing to do.
            let (stored, _) = self.load().await?;
            if self.works(&stored, refused.as_ref()) {
                return Ok(self.hold(stored));
            }
            if self.credentials.lock(C::SERVICE).await.map_err(unavailable)? {
                break;
            }
            if started.elapsed() > LOCK_PATIENCE {
                return Err(Failure::Timeout);
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        let renewed = self.renew_alone(refused).await;
        if let Err(error) = self.credentials.unlock(C::SERVICE).await {
            tracing::warn!(service = C::SERVICE.key(), %error, "lock not released, it runs out");
        }
        match renewed {
            Err(Failure::SignedOut(why)) => Err(self.sign_out(why)),
            renewed => renewed,
        }
    }

    /// Goes the service's way to usable tokens, while all other replicas wait.
    async fn renew_alone(&self, refused: Option<C::Tokens>) -> Result<C::Tokens, Failure> {
        let (mut tokens, mut rev) = self.load().await?;
        for _ in 0..MOST_STEPS {
            if refused.as_ref() == Some(&tokens) {
                tokens = C::without_access(tokens);
            }
            if self.works(&tokens, None) {
                return Ok(self.hold(tokens));
            }
            match self.chain.step(&self.http, tokens).await {
                Ok(next) => {
                    let saved = self.save(&next, rev).await?;
                    (tokens, rev) = if saved { (next, rev + 1) } else { self.load().await? };
                }
                Err(Failure::SignedOut(why)) => {
                    // Unless others have come by new ones meanwhile, that is final.
                    let seen = rev;
                    (tokens, rev) = self.load().await?;
                    if rev == seen {
                        return Err(Failure::SignedOut(why));
                    }
                }
                Err(failure) => return Err(failure),
            }
            self.credentials.lock(C::SERVICE).await.map_err(unavailable)?;
        }
        Err(Failure::SignedOut("no end of tokens to exchange".to_owned()))
    }

    async fn load(&self) -> Result<(C::Tokens, i64), Failure> {
        let stored = self.credentials.load(C::SERVICE).await.map_err(unavailable)?;
        let Some(stored) = stored else {
            let configured = self.chain.configured().map(|tokens| (tokens, 0));
            return configured.ok_or_else(|| self.sign_out("nobody has signed in yet".to_owned()));
        };
        let tokens = serde_json::from_str(stored.secrets.json.expose_secret());
        let tokens = tokens.map_err(|_| self.sign_out("what is stored is no token".to_owned()))?;
        Ok((tokens, stored.rev))
    }

    async fn save(&self, tokens: &C::Tokens, rev: i64) -> Result<bool, Failure> {
        let secrets = secrets::<C>(tokens)?;
        self.credentials.save(C::SERVICE, &secrets, rev).await.map_err(unavailable)
    }

    fn hold(&self, tokens: C::Tokens) -> C::Tokens {
        *self.held() = Held { tokens: Some(tokens.clone()), signed_out: None };
        tokens
    }

    fn sign_out(&self, why: String) -> Failure {
        tracing::error!(service = C::SERVICE.key(), why, "not signed in");
        let until = self.clock.now() + SIGNED_OUT_PAUSE;
        *self.held() = Held { tokens: None, signed_out: Some((until, why.clone())) };
        Failure::SignedOut(why)
    }

    fn held(&self) -> MutexGuard<'_, Held<C::Tokens>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokens in the form in which they are stored.
pub fn secrets<C: Chain>(tokens: &C::Tokens) -> Result<Secrets, Failure> {
    let json = serde_json::to_string(tokens)
        .map_err(|_| Failure::Unavailable("tokens cannot be written as JSON".to_owned()))?;
    Ok(Secrets {
        json: json.into(),
        access_expires_at: C::usable_until(tokens),
        refresh_expires_at: C::refreshable_until(tokens),
    })
}

/// Tokens of somebody who has just signed in, tried all the way to a usable one.
pub async fn complete<C: Chain>(
    chain: &C,
    http: &Http,
    mut tokens: C::Tokens,
    now: Time,
) -> Result<C::Tokens, Failure> {
    for _ in 0..MOST_STEPS {
        if lasts(C::usable_until(&tokens), now) {
            return Ok(tokens);
        }
        tokens = chain.step(http, tokens).await?;
    }
    Err(Failure::SignedOut("no end of tokens to exchange".to_owned()))
}

fn signed<C: Chain>(request: RequestBuilder, tokens: &C::Tokens) -> RequestBuilder {
    match HeaderValue::from_str(&C::header(tokens)) {
        Ok(mut header) => {
            header.set_sensitive(true);
            request.header(AUTHORIZATION, header)
        }
        // A token with a line break in it; the service will refuse the request.
        Err(_) => request,
    }
}

fn unavailable(error: anyhow::Error) -> Failure {
    Failure::Unavailable(format!("credentials: {error:#}"))
}
