//! Signing in: what `gsm-bot auth xbox` and `gsm-bot auth psn` do. Who signs in gets credentials that work, or an error;
//! nothing is stored that was not tried.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use axum::{Router, extract::RawQuery, routing::get};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
};
use url::Url;

use super::{
    Credentials, Service,
    http::{self, Http, below},
    keeper,
    psn::tokens::{PsnChain, PsnTokens},
    xbox::tokens::{SCOPE, XboxChain},
};
use crate::{clock::Clock, config, metrics::Metrics};

/// How long the cookie of Sony's is.
const NPSSO: usize = 64;

/// Signs in to PlayStation Network with the cookie of somebody who is signed in there.
pub async fn psn(
    settings: &config::Psn,
    credentials: &dyn Credentials,
    clock: &Clock,
    metrics: Metrics,
    npsso: &SecretString,
) -> Result<()> {
    let cookie = npsso.expose_secret().trim();
    let fits = cookie.len() == NPSSO && cookie.bytes().all(|it| it.is_ascii_alphanumeric());
    ensure!(fits, "that is no npsso: it has {NPSSO} letters and digits");
    let settings = config::Psn { npsso: None, ..settings.clone() };
    let chain = PsnChain::new(&settings, clock.clone());
    let http = Http::new(Service::Psn, http::client()?, clock.clone(), metrics);
    let tokens = PsnTokens::of_cookie(&SecretString::from(cookie));
    let tokens = keeper::complete(&chain, &http, tokens, clock.now()).await?;
    credentials.replace(Service::Psn, &keeper::secrets::<PsnChain>(&tokens)?).await
}

/// Somebody's consent to the application at Microsoft, which is being waited for.
pub struct Consent {
    /// Where to give it, in a browser.
    pub url: Url,
    redirect: Url,
    state: String,
}

impl Consent {
    /// Asks for consent. Afterwards Microsoft sends the browser to `redirect`, which must be registered with the
    /// application.
    pub fn ask(settings: &config::Xbox, redirect: Url) -> Result<Self> {
        let state = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        let mut url = Url::parse(&below(&settings.login_url, "oauth20_authorize.srf"))?;
        url.query_pairs_mut()
            .append_pair("client_id", &settings.client_id)
            .append_pair("response_type", "code")
            .append_pair("approval_prompt", "auto")
            .append_pair("scope", SCOPE)
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("state", &state);
        Ok(Self { url, redirect, state })
    }

    /// Waits on the machine's own address until the browser arrives with the code.
    pub async fn wait(&self) -> Result<SecretString> {
        let port = self.redirect.port_or_known_default().context("the redirect has no port")?;
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .with_context(|| format!("cannot listen on port {port} of this machine"))?;
        let (sender, receiver) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let arrive = move |RawQuery(query): RawQuery| {
            let sender = Arc::clone(&sender);
            async move {
                if let Some(sender) = sender.lock().await.take() {
                    // Nobody listens any more if the code came another way.
                    let _ = sender.send(query.unwrap_or_default());
                }
                "Done. You can close this page and go back to the terminal."
            }
        };
        let routes = Router::new().route(self.redirect.path(), get(arrive));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await });
        let query = receiver.await;
        // So that the page reaches the browser before its server is gone.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        server.abort();
        self.code(&query.context("the browser never arrived")?)
    }

    /// The code in an address that somebody copied from their browser, for a machine that no browser can reach.
    pub fn read(&self, address: &str) -> Result<SecretString> {
        let address = Url::parse(address.trim()).context("that is no address")?;
        self.code(address.query().unwrap_or_default())
    }

    fn code(&self, query: &str) -> Result<SecretString> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let value = |name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        ensure!(value("state") == Some(&self.state), "that answers another question");
        match (value("code"), value("error")) {
            (Some(code), _) => Ok(code.as_str().into()),
            (None, Some(_)) => bail!("consent was refused"),
            (None, None) => bail!("there is no code in it"),
        }
    }
}

/// Signs in to Xbox Live with the code that consent brought.
pub async fn xbox(
    settings: &config::Xbox,
    credentials: &dyn Credentials,
    clock: &Clock,
    metrics: Metrics,
    consent: &Consent,
    code: &SecretString,
) -> Result<()> {
    let chain = XboxChain::new(settings, clock.clone());
    let http = Http::new(Service::Xbox, http::client()?, clock.clone(), metrics);
    let redirect = consent.redirect.as_str();
    let tokens = chain.exchange_code(&http, code.expose_secret(), redirect).await?;
    let tokens = keeper::complete(&chain, &http, tokens, clock.now()).await?;
    credentials.replace(Service::Xbox, &keeper::secrets::<XboxChain>(&tokens)?).await
}
