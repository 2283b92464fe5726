//! Going on where the SDK has given up, for calls that no run of the engine makes.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::time::Instant;

use crate::engine::{Class, Error, Result};

/// Bounded by time, not by count, as in the engine.
const WITHIN: Duration = Duration::from_secs(3 * 60);

/// Tries again what passes: throttling, faults of a service, broken connections, what is not visible yet.
///
/// # Errors
///
/// The last one, if it does not pass or has lasted too long.
pub async fn patiently<T, F: Future<Output = Result<T>>>(call: impl FnMut() -> F) -> Result<T> {
    let began = Instant::now();
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(15))
        .with_jitter()
        .without_max_times();
    let passes = |error: &Error| {
        matches!(error.class(), Class::Transient | Class::Settling) && began.elapsed() < WITHIN
    };
    // A service may ask for more time than we have.
    let asked = |error: &Error, pause: Option<Duration>| match error {
        Error::Api(it) => pause
            .map(|pause| pause.max(it.retry_after.unwrap_or_default()))
            .filter(|it| *it <= WITHIN),
        _ => pause,
    };
    call.retry(pauses).when(passes).adjust(asked).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::cloud::http::error;

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_for_a_time_and_not_so_many_times() {
        let lasting = |seconds: u64| {
            let (began, calls) = (Instant::now(), Cell::new(0));
            async move {
                let call = || async {
                    calls.set(calls.get() + 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    match began.elapsed() < Duration::from_secs(seconds) {
                        true => Err(error("ECS", "UpdateService", "busy", Class::Transient)),
                        false => Ok(()),
                    }
                };
                (patiently(call).await.is_ok(), calls.get(), began.elapsed().as_secs())
            }
        };
        let (ok, calls, seconds) = lasting(120).await;
        assert!(ok && calls > 8 && seconds >= 120, "{calls} calls, {seconds} s");
        let (ok, _, seconds) = lasting(100_000).await;
        assert!(!ok && (180..220).contains(&seconds), "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_given_the_time_it_asks_for_if_we_have_it() {
        let asking = |seconds: u64| async move {
            let (began, calls) = (Instant::now(), Cell::new(0));
            let call = || async {
                calls.set(calls.get() + 1);
                let mut busy = match error("GitHub", "GET /meta", "busy", Class::Transient) {
                    Error::Api(it) => it,
                    other => return Err(other),
                };
                busy.retry_after = Some(Duration::from_secs(seconds));
                if calls.get() == 1 { Err(Error::Api(busy)) } else { Ok(()) }
            };
            (patiently(call).await.is_ok(), began.elapsed().as_secs())
        };
        assert_eq!(asking(70).await, (true, 70));
        assert_eq!(asking(3_600).await, (false, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_not_tried_again() {
        let calls = Cell::new(0);
        let call = || async {
            calls.set(calls.get() + 1);
            Err::<(), _>(error("ECS", "UpdateService", "no", Class::Final))
        };
        assert!(patiently(call).await.is_err());
        assert_eq!(calls.get(), 1);
    }
}
