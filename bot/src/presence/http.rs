//! One way to ask all services: limits of time and size, one more try, `Retry-After`, the breaker, and figures for the
//! metrics. No address, header or body of a request gets into an error or a log, for some of them carry secrets.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::DateTime;
use rand::RngExt as _;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use serde::de::DeserializeOwned;
use url::Url;

use super::{Failure, Service, breaker::Breaker};
use crate::{
    clock::{Clock, Time},
    metrics::Metrics,
};

/// Until there is a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Until the whole answer is here.
const TOTAL: Duration = Duration::from_secs(10);

/// A service that asks for no more than this is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a limit lasts if the service does not say.
const USUAL_PAUSE: Duration = Duration::from_secs(15);

/// No service keeps us away for longer than this, whatever it says.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// More than any answer needs.
const LARGEST_ANSWER: usize = 8 << 20;

/// The client that all services share. It follows no redirects: the only one that is expected carries a code.
pub fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .redirect(Policy::none())
        .user_agent(concat!("gsm-bot/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The address `path`, query included, below `base`, whatever path that has itself.
pub fn below(base: &Url, path: &str) -> String {
    format!("{}/{path}", base.as_str().trim_end_matches('/'))
}

/// Asks one service.
pub struct Http {
    /// Makes requests.
    pub client: Client,
    service: Service,
    clock: Clock,
    metrics: Metrics,
    gate: Mutex<Gate>,
}

/// What keeps requests back.
#[derive(Default)]
struct Gate {
    breaker: Breaker,
    /// Until when which call is to wait, because the service said so.
    pauses: HashMap<&'static str, Time>,
}

/// An answer that is not the service's own failure: a success, a redirect or a refusal.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Vec<u8>,
    call: &'static str,
}

impl Answer {
    /// The body, which must be JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        // The error of serde_json can quote the body, so only its place is told.
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Failure::Unavailable(format!(
                "{}: answer not understood at {line}:{column} ({:?})",
                self.call,
                error.classify()
            ))
        })
    }

    /// The failure that a status is which nobody expected.
    pub fn unexpected(&self) -> Failure {
        Failure::Unavailable(format!("{}: HTTP {}", self.call, self.status.as_u16()))
    }
}

/// Why an attempt brought no answer.
enum Trouble {
    Timeout,
    Connection(String),
}

impl Http {
    /// Asks `service` with `client`.
    pub fn new(service: Service, client: Client, clock: Clock, metrics: Metrics) -> Self {
        Self { client, service, clock, metrics, gate: Mutex::default() }
    }

    /// Whether requests are refused for now.
    pub fn is_down(&self) -> bool {
        self.gate().breaker.is_open(self.clock.now())
    }

    /// Sends a request, `call` being its name in logs and metrics. An answer of the service that it cannot answer is a
    /// failure; one that it will not is an answer.
    pub async fn send(
        &self,
        call: &'static str,
        request: RequestBuilder,
    ) -> Result<Answer, Failure> {
        self.admit(call)?;
        let started = Instant::now();
        let another = request.try_clone();
        let mut attempt = attempt(call, request).await;
        if let Some(pause) = worth_another(&attempt, self.clock.now())
            && let Some(another) = another
        {
            tokio::time::sleep(pause).await;
            attempt = self::attempt(call, another).await;
        }
        let outcome = match &attempt {
            Ok(answer) => answer.status.as_str().to_owned(),
            Err(Trouble::Timeout) => "timeout".to_owned(),
            Err(Trouble::Connection(_)) => "connection".to_owned(),
        };
        let key = self.service.key();
        self.metrics
            .provider_latency
            .with_label_values(&[key])
            .observe(started.elapsed().as_secs_f64());
        let result = self.judge(call, attempt);
        if let Err(failure) = &result {
            self.metrics.provider_errors.with_label_values(&[key, outcome.as_str()]).inc();
            tracing::warn!(service = key, call, outcome, %failure, "no answer");
        }
        result
    }

    fn admit(&self, call: &'static str) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut gate = self.gate();
        if let Some(until) = gate.pauses.get(call).filter(|until| now < **until) {
            return Err(Failure::RateLimited { again_in: Some(until.since(now)) });
        }
        gate.pauses.remove(call);
        if gate.breaker.admit(now) {
            Ok(())
        } else {
            Err(Failure::Unavailable("left alone after several failures".to_owned()))
        }
    }

    /// Draws the consequences of how the last attempt ended.
    fn judge(
        &self,
        call: &'static str,
        attempt: Result<Answer, Trouble>,
    ) -> Result<Answer, Failure> {
        let now = self.clock.now();
        let mut gate = self.gate();
        let failure = match attempt {
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                gate.breaker.success();
                let pause = retry_after(&answer.headers, now).unwrap_or(USUAL_PAUSE);
                let pause = pause.min(LONGEST_PAUSE);
                gate.pauses.insert(call, now + pause);
                return Err(Failure::RateLimited { again_in: Some(pause) });
            }
            Ok(answer) if answer.status.is_server_error() => {
                if let Some(pause) = retry_after(&answer.headers, now) {
                    let pause = pause.min(LONGEST_PAUSE);
                    gate.pauses.insert(call, now + pause);
                }
                answer.unexpected()
            }
            Ok(answer) => {
                gate.breaker.success();
                return Ok(answer);
            }
            Err(Trouble::Timeout) => Failure::Timeout,
            Err(Trouble::Connection(why)) => Failure::Unavailable(format!("{call}: {why}")),
        };
        gate.breaker.failure(now);
        Err(failure)
    }

    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait before another try, if one may help.
fn worth_another(attempt: &Result<Answer, Trouble>, now: Time) -> Option<Duration> {
    match attempt {
        Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
            retry_after(&answer.headers, now).filter(|pause| *pause <= PATIENCE)
        }
        Ok(answer) if answer.status.is_server_error() => match retry_after(&answer.headers, now) {
            Some(pause) => Some(pause).filter(|pause| *pause <= PATIENCE),
            None => Some(jitter()),
        },
        Err(Trouble::Connection(_)) => Some(jitter()),
        Ok(_) | Err(Trouble::Timeout) => None,
    }
}

fn jitter() -> Duration {
    Duration::from_millis(rand::rng().random_range(150..500))
}

/// `Retry-After`, which is either seconds or a date.
fn retry_after(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some(Time::from_seconds(date.timestamp()).since(now))
}

async fn attempt(call: &'static str, request: RequestBuilder) -> Result<Answer, Trouble> {
    let response = request.send().await.map_err(trouble)?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: body(response).await?, call })
}

async fn body(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(trouble)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Trouble::Connection("answer too large".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn trouble(error: reqwest::Error) -> Trouble {
    // No connection within its time is a matter of the connection, and so worth another try.
    if error.is_timeout() && !error.is_connect() {
        return Trouble::Timeout;
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Trouble::Connection(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Time::from_seconds(1_445_412_480);
        let of = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().ok()?)]);
            retry_after(&headers, now)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(of("Wed, 21 Oct 2015 07:27:30 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        assert_eq!(of("-1"), None);
    }
}
