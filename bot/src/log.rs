//! The log: JSON or text, with nothing in it that must not be.

use std::{
    io::{self, Write},
    sync::Arc,
};

use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::Config;

/// What others log below this may have addresses and bodies in it, so it is left out whatever is asked for.
const CAPPED: [&str; 8] = [
    "hyper=info",
    "hyper_util=info",
    "reqwest=info",
    "rustls=info",
    "h2=info",
    "mongodb=info",
    "teloxide=warn",
    "teloxide_core=warn",
];

/// Begins to log as the configuration says.
pub fn begin(config: &Config) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&config.log.filter)
        .map_err(|it| anyhow::anyhow!("RUST_LOG is `{}`: {it}", config.log.filter))?;
    for directive in CAPPED {
        filter = filter.add_directive(directive.parse()?);
    }
    let writer = Redacting { secrets: Arc::new(secrets(config)) };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if config.log.json {
        log.json().init();
    } else {
        log.with_ansi(false).init();
    }
    Ok(())
}

/// Everything that must not be in the log.
fn secrets(config: &Config) -> Vec<String> {
    let mut secrets = vec![config.token.clone(), config.mongodb.uri.clone()];
    secrets.extend(config.webhook.secret.clone());
    secrets.push(crate::webhook::secret(config));
    secrets.extend(config.mongodb.user.clone().map(|it| it.1));
    secrets.extend(config.feedback_token.clone());
    secrets.extend(config.donations.provider_token.clone());
    secrets.extend(config.services.xbox.clone().map(|it| it.client_secret));
    secrets.extend(config.services.steam.clone().map(|it| it.api_key));
    if let Some(psn) = &config.services.psn {
        secrets.push(psn.basic_auth.clone());
        secrets.extend(psn.npsso.clone());
    }
    let long_enough = |it: &SecretString| {
        // Shorter ones would blank out ordinary words, and are no secrets worth the name.
        Some(it.expose_secret().to_owned()).filter(|it| it.len() >= 8)
    };
    secrets.iter().filter_map(long_enough).collect()
}

/// Standard output, with secrets blanked out. Nothing should write one; this is for the day when something does.
#[derive(Clone)]
struct Redacting {
    secrets: Arc<Vec<String>>,
}

impl Write for Redacting {
    /// The subscriber writes a whole line at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut clean = text.into_owned();
        for secret in self.secrets.iter() {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), "[secret]");
            }
        }
        io::stdout().write_all(clean.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
