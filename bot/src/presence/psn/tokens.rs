//! From the cookie of somebody signed in at Sony to what PlayStation Network takes.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{
    RequestBuilder, StatusCode,
    header::{AUTHORIZATION, COOKIE, HeaderValue, LOCATION},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::super::{
    Failure, Service,
    http::{Answer, Http, below},
    keeper::{Chain, lasts},
};
use crate::{
    clock::{Clock, Time},
    config,
};

/// What Sony says about a cookie that is no longer, or never was, one.
const COOKIE_REFUSED: &str = "4165";

/// All tokens of PlayStation Network.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PsnTokens {
    /// The cookie, for when the refresh token has ended.
    npsso: Option<String>,
    refresh: Option<String>,
    refresh_until: Option<Time>,
    access: Option<String>,
    access_until: Option<Time>,
}

impl PsnTokens {
    /// Only the cookie.
    pub fn of_cookie(npsso: &SecretString) -> Self {
        Self { npsso: Some(npsso.expose_secret().to_owned()), ..Self::default() }
    }
}

/// How to get from each token to the next.
pub struct PsnChain {
    npsso: Option<SecretString>,
    client_id: String,
    basic_auth: SecretString,
    scope: String,
    redirect_uri: String,
    auth_url: Url,
    clock: Clock,
}

impl PsnChain {
    /// With the application and the addresses of `settings`.
    pub fn new(settings: &config::Psn, clock: Clock) -> Self {
        Self {
            npsso: settings.npsso.clone(),
            client_id: settings.client_id.clone(),
            basic_auth: settings.basic_auth.clone(),
            scope: settings.scope.clone(),
            redirect_uri: settings.redirect_uri.clone(),
            auth_url: settings.auth_url.clone(),
            clock,
        }
    }

    /// The code that Sony gives to whoever has the cookie.
    async fn code(&self, http: &Http, npsso: &str) -> Result<String, Failure> {
        let url = below(&self.auth_url, "api/authz/v3/oauth/authorize");
        let request = http.client.get(url).query(&[
            ("access_type", "offline"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("response_type", "code"),
            ("scope", self.scope.as_str()),
        ]);
        let mut cookie = HeaderValue::from_str(&format!("npsso={npsso}"))
            .map_err(|_| Failure::SignedOut("the npsso is not one".to_owned()))?;
        cookie.set_sensitive(true);
        let answer = http.send("psn_code", request.header(COOKIE, cookie)).await?;
        read_code(&answer)
    }

    async fn exchange(
        &self,
        http: &Http,
        grant: &[(&str, &str)],
        former: PsnTokens,
    ) -> Result<PsnTokens, Failure> {
        let mut form = vec![("scope", self.scope.as_str()), ("token_format", "jwt")];
        form.extend_from_slice(grant);
        let request = http.client.post(below(&self.auth_url, "api/authz/v3/oauth/token"));
        let answer = http.send("psn_token", self.as_app(request.form(&form))).await?;
        if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
            return Err(Failure::SignedOut("Sony refuses the refresh token".to_owned()));
        }
        if answer.status != StatusCode::OK {
            return Err(answer.unexpected());
        }
        let issued: Issued = answer.json()?;
        let now = self.clock.now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let refresh_until = issued.refresh_token_expires_in.map(after);
        Ok(PsnTokens {
            npsso: former.npsso,
            refresh: issued.refresh_token.or(former.refresh),
            refresh_until: refresh_until.or(former.refresh_until),
            access: Some(issued.access_token),
            access_until: Some(after(issued.expires_in)),
        })
    }

    fn as_app(&self, request: RequestBuilder) -> RequestBuilder {
        let secret = self.basic_auth.expose_secret();
        let secret = secret.strip_prefix("Basic ").unwrap_or(secret);
        match HeaderValue::from_str(&format!("Basic {secret}")) {
            Ok(mut header) => {
                header.set_sensitive(true);
                request.header(AUTHORIZATION, header)
            }
            Err(_) => request,
        }
    }

    /// The cookies there are, with the one of the configuration first: it may be newer than the one that is stored.
    fn cookies(&self, tokens: &PsnTokens) -> Vec<String> {
        let configured = self.npsso.as_ref().map(|npsso| npsso.expose_secret().to_owned());
        let mut cookies: Vec<String> = configured.into_iter().chain(tokens.npsso.clone()).collect();
        cookies.dedup();
        cookies
    }

    async fn sign_in(&self, http: &Http, npsso: String) -> Result<PsnTokens, Failure> {
        let code = self.code(http, &npsso).await?;
        let former = PsnTokens { npsso: Some(npsso), ..PsnTokens::default() };
        let redirect = self.redirect_uri.as_str();
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect),
        ];
        self.exchange(http, &grant, former).await
    }
}

#[async_trait]
impl Chain for PsnChain {
    type Tokens = PsnTokens;

    const SERVICE: Service = Service::Psn;

    fn configured(&self) -> Option<PsnTokens> {
        self.npsso.as_ref().map(PsnTokens::of_cookie)
    }

    fn usable_until(tokens: &PsnTokens) -> Option<Time> {
        tokens.access.as_ref().and(tokens.access_until)
    }

    fn refreshable_until(tokens: &PsnTokens) -> Option<Time> {
        tokens.refresh_until
    }

    fn header(tokens: &PsnTokens) -> String {
        format!("Bearer {}", tokens.access.as_deref().unwrap_or_default())
    }

    fn without_access(tokens: PsnTokens) -> PsnTokens {
        PsnTokens { access: None, access_until: None, ..tokens }
    }

    async fn step(&self, http: &Http, tokens: PsnTokens) -> Result<PsnTokens, Failure> {
        let mut refused = Failure::SignedOut("there is neither refresh token nor npsso".to_owned());
        let ended = tokens.refresh_until.is_some_and(|end| !lasts(Some(end), self.clock.now()));
        if let Some(refresh) = tokens.refresh.as_deref().filter(|_| !ended) {
            let grant = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
            match self.exchange(http, &grant, tokens.clone()).await {
                Err(failure @ Failure::SignedOut(_)) => refused = failure,
                result => return result,
            }
        }
        for cookie in self.cookies(&tokens) {
            match self.sign_in(http, cookie).await {
                Err(failure @ Failure::SignedOut(_)) => refused = failure,
                result => return result,
            }
        }
        Err(refused)
    }
}

/// Sony's answer with tokens.
#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: u64,
    refresh_token: Option<String>,
    refresh_token_expires_in: Option<u64>,
}

/// The code, which is in the address that Sony would send a browser to.
fn read_code(answer: &Answer) -> Result<String, Failure> {
    let refused = || Failure::SignedOut("Sony refuses the npsso".to_owned());
    if !answer.status.is_redirection() {
        let is_refusal = answer.status.is_client_error();
        return Err(if is_refusal { refused() } else { answer.unexpected() });
    }
    let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.and_then(|location| Url::parse(location).ok());
    let location = location.ok_or_else(|| answer.unexpected())?;
    let value = |name: &str| {
        let pair = location.query_pairs().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    };
    if let Some(code) = value("code") {
        return Ok(code);
    }
    match value("error_code").as_deref() {
        Some(COOKIE_REFUSED) => {
            Err(Failure::SignedOut("the npsso has ended or is wrong".to_owned()))
        }
        _ => Err(refused()),
    }
}
