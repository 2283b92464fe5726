//! `gsm-bot auth`: somebody signs in to a service for the bot. Secrets come from the environment or from standard
//! input, never from arguments, which other users of the machine can see.

use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;
use secrecy::SecretString;
use tokio::sync::oneshot;
use url::Url;

use crate::{
    clock::Clock,
    config::Config,
    metrics::Metrics,
    presence::auth::{self, Consent},
    store::{Store, Vault},
};

/// Where to sign in.
#[derive(Clone, Debug, Subcommand)]
pub enum SignIn {
    /// Sign in to Xbox Live, with a browser
    Xbox {
        /// Where Microsoft sends the browser afterwards; registered with the application
        #[arg(long, default_value = "http://localhost:8080/auth/callback")]
        redirect: Url,
    },
    /// Sign in to PlayStation Network, with the npsso cookie from PSN_NPSSO or standard input
    Psn,
}

/// Signs in, and stores what the service gave for it.
pub async fn run(sign_in: SignIn, config: &Config) -> Result<()> {
    let services = &config.services;
    let key = services.credentials_key.as_ref().context("CREDENTIALS_KEY is not set")?;
    let (clock, metrics) = (Clock::default(), Metrics::new()?);
    let store = Store::connect(&config.mongodb, clock.clone()).await?;
    store.make_indexes().await?;
    let vault = Vault::new(store, key)?;
    match sign_in {
        SignIn::Xbox { redirect } => {
            let settings = services.xbox.as_ref();
            let settings = settings.context("XBOX_CLIENT_ID and XBOX_CLIENT_SECRET are not set")?;
            let consent = Consent::ask(settings, redirect)?;
            println!("Open this in a browser and agree:\n\n{}\n", consent.url);
            println!(
                "If the browser cannot reach this machine, paste the address it ends on here:"
            );
            let code = code(&consent).await?;
            auth::xbox(settings, &vault, &clock, metrics, &consent, &code).await?;
        }
        SignIn::Psn => {
            let settings = services.psn.as_ref().context("PlayStation Network is not set up")?;
            let npsso = match &settings.npsso {
                Some(npsso) => npsso.clone(),
                None => {
                    println!("Sign in at playstation.com, then open this and copy the npsso:\n");
                    println!("https://ca.account.sony.com/api/v1/ssocookie\n");
                    print!("npsso: ");
                    std::io::stdout().flush()?;
                    SecretString::from(line().await?)
                }
            };
            auth::psn(settings, &vault, &clock, metrics, &npsso).await?;
        }
    }
    println!("signed in");
    Ok(())
}

/// The code, from the browser or from whoever pastes its address, whichever comes first. If one of the ways is closed,
/// the port being in use or standard input empty, there is still the other.
async fn code(consent: &Consent) -> Result<SecretString> {
    let (browser, pasted) = (consent.wait(), line());
    tokio::pin!(browser, pasted);
    tokio::select! {
        code = &mut browser => match code {
            Ok(code) => Ok(code),
            Err(error) => {
                println!("({error:#})");
                consent.read(&pasted.await?)
            }
        },
        address = &mut pasted => match address {
            Ok(address) => consent.read(&address),
            Err(_) => browser.await,
        },
    }
}

/// A line from standard input. It is read in a thread of its own, so that the program can end without it.
async fn line() -> Result<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Nobody listens any more if the browser was faster.
        let _ = sender.send(std::io::stdin().read_line(&mut line).map(|_| line));
    });
    let line = receiver.await??;
    ensure!(!line.is_empty(), "there is nothing on standard input");
    Ok(line)
}
