//! Metrics, in the format of Prometheus.

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Everything that is measured. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Updates by kind and outcome.
    pub updates: IntCounterVec,
    /// How long updates took, in seconds, by kind.
    pub latency: HistogramVec,
    /// Requests that Telegram refused, by method and kind of refusal.
    pub telegram_errors: IntCounterVec,
    /// Webhook requests that were turned away, by reason.
    pub turned_away: IntCounterVec,
    /// Updates that are being handled.
    pub in_flight: IntGauge,
    /// Dialogues that are open.
    pub dialogues: IntGauge,
    /// How long services took to tell who is playing, in seconds.
    pub provider_latency: HistogramVec,
    /// Requests to those services that failed, by service and kind of failure.
    pub provider_errors: IntCounterVec,
    /// Answers from the cache of presences, by service and `hit` or `miss`.
    pub presence_cache: IntCounterVec,
}

impl Metrics {
    /// Nothing measured yet.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let histogram = |name: &str, help: &str, label: &str| {
            let histogram = HistogramVec::new(HistogramOpts::new(name, help), &[label])?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        Ok(Self {
            updates: counter("gsm_updates_total", "Updates handled", &["kind", "outcome"])?,
            latency: histogram("gsm_update_seconds", "Time to handle an update", "kind")?,
            telegram_errors: counter(
                "gsm_telegram_errors_total",
                "Requests that Telegram refused",
                &["method", "kind"],
            )?,
            turned_away: counter(
                "gsm_webhook_turned_away_total",
                "Webhook requests turned away",
                &["reason"],
            )?,
            in_flight: gauge("gsm_updates_in_flight", "Updates being handled")?,
            dialogues: gauge("gsm_dialogues_open", "Open dialogues")?,
            provider_latency: histogram(
                "gsm_provider_seconds",
                "Time of a request to a service",
                "provider",
            )?,
            provider_errors: counter(
                "gsm_provider_errors_total",
                "Requests to a service that failed",
                &["provider", "kind"],
            )?,
            presence_cache: counter(
                "gsm_presence_cache_total",
                "Presences asked for",
                &["provider", "outcome"],
            )?,
            registry,
        })
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // Only writing can fail, and a Vec takes everything.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// The page that Prometheus asks for.
    pub fn routes(self) -> Router {
        let format = "text/plain; version=0.0.4";
        Router::new().route(
            "/metrics",
            get(move || {
                let metrics = self.clone();
                async move { ([(CONTENT_TYPE, format)], metrics.text()) }
            }),
        )
    }
}
