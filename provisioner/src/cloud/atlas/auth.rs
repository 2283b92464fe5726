//! Who we are to Atlas: an API key by HTTP Digest (RFC 7616), or a service account by a bearer token.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::super::http::{self, Http};
use crate::engine::{Class, Result};

const PUBLIC_KEY: &str = "MONGODB_ATLAS_PUBLIC_KEY";
const PRIVATE_KEY: &str = "MONGODB_ATLAS_PRIVATE_KEY";
const CLIENT_ID: &str = "MONGODB_ATLAS_CLIENT_ID";
const CLIENT_SECRET: &str = "MONGODB_ATLAS_CLIENT_SECRET";

/// A token is not used in the last part of its life, so that it does not die on the way.
const MARGIN: Duration = Duration::from_secs(60);

/// Credentials, and what the service has told us to use them with.
pub struct Auth {
    credentials: Credentials,
    /// The last challenge that we answered rightly; counts how often.
    challenge: Mutex<Option<WwwAuthenticateHeader>>,
    /// Held while a token is fetched, so that one is fetched at a time.
    token: tokio::sync::Mutex<Option<Token>>,
}

enum Credentials {
    ApiKey {
        public: String,
        private: SecretString,
    },
    ServiceAccount {
        id: String,
        secret: SecretString,
    },
    /// Why there are none.
    Missing(String),
}

struct Token {
    header: HeaderValue,
    expires: Instant,
}

/// One request, as far as signing it needs to know.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What errors call it.
    pub operation: &'a str,
    pub method: &'a Method,
    pub url: &'a Url,
    /// Address of the service without a path of ours.
    pub base: &'a Url,
}

/// An answer to a challenge.
pub struct Answer {
    /// To be sent with the request.
    pub header: HeaderValue,
    /// To be kept if the answer is right.
    pub challenge: Option<WwwAuthenticateHeader>,
}

impl Auth {
    /// Takes the credentials from variables; an API key comes before a service account.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| variable(name).filter(|it| !it.is_empty());
        let credentials = match (
            get(PUBLIC_KEY),
            get(PRIVATE_KEY),
            get(CLIENT_ID),
            get(CLIENT_SECRET),
        ) {
            (Some(public), Some(private), _, _) => {
                Credentials::ApiKey { public, private: private.into() }
            }
            (_, _, Some(id), Some(secret)) => {
                Credentials::ServiceAccount { id, secret: secret.into() }
            }
            (Some(_), None, _, _) => half(PUBLIC_KEY, PRIVATE_KEY),
            (None, Some(_), _, _) => half(PRIVATE_KEY, PUBLIC_KEY),
            (_, _, Some(_), None) => half(CLIENT_ID, CLIENT_SECRET),
            (_, _, None, Some(_)) => half(CLIENT_SECRET, CLIENT_ID),
            (None, None, None, None) => Credentials::Missing(format!(
                "no credentials: set {PUBLIC_KEY} and {PRIVATE_KEY} to an API key, or {CLIENT_ID} and \
                 {CLIENT_SECRET} to a service account"
            )),
        };
        Self { credentials, challenge: Mutex::default(), token: tokio::sync::Mutex::default() }
    }

    /// What to send with a request before anything was asked.
    ///
    /// # Errors
    ///
    /// When there are no credentials, or no token can be had for them.
    pub async fn authorize(
        &self,
        http: &Http,
        request: Request<'_>,
    ) -> Result<Option<HeaderValue>> {
        match &self.credentials {
            Credentials::Missing(why) => Err(unauthenticated(request.operation, why)),
            Credentials::ServiceAccount { id, secret } => {
                self.bearer(http, request, id, secret, None).await.map(Some)
            }
            Credentials::ApiKey { public, private } => {
                let mut kept = self.challenge.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(kept.as_mut().and_then(|it| respond(it, public, private, request)))
            }
        }
    }

    /// What to send after `refused` was answered with 401; `None` when there is nothing better.
    ///
    /// # Errors
    ///
    /// When no token can be had.
    pub async fn answer(
        &self,
        http: &Http,
        request: Request<'_>,
        refused: Option<&HeaderValue>,
        headers: &HeaderMap,
    ) -> Result<Option<Answer>> {
        match &self.credentials {
            Credentials::Missing(_) => Ok(None),
            Credentials::ServiceAccount { id, secret } => {
                let header = self.bearer(http, request, id, secret, refused).await?;
                Ok(Some(Answer { header, challenge: None }))
            }
            Credentials::ApiKey { public, private } => {
                let Some(mut challenge) = challenge(headers) else { return Ok(None) };
                // The new challenge is ours alone until it has worked: a server that wants its counts in order would
                // otherwise refuse this request because of another that overtook it.
                let header = respond(&mut challenge, public, private, request);
                Ok(header.map(|header| Answer { header, challenge: Some(challenge) }))
            }
        }
    }

    /// Keeps a challenge that was answered rightly, so that the next requests need not be refused first.
    pub fn keep(&self, challenge: Option<WwwAuthenticateHeader>) {
        if let Some(challenge) = challenge {
            *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(challenge);
        }
    }

    /// What a user should look at when the credentials are refused.
    pub fn hint(&self) -> String {
        match &self.credentials {
            Credentials::ApiKey { .. } => format!(
                "is the API key in {PUBLIC_KEY} and {PRIVATE_KEY} right, and has it a role in this project?"
            ),
            Credentials::ServiceAccount { .. } => format!(
                "is the service account in {CLIENT_ID} and {CLIENT_SECRET} right, and has it a role in this project?"
            ),
            Credentials::Missing(why) => why.clone(),
        }
    }

    /// The token; a new one if there is none, if it is about to expire, or if it is the one that was refused.
    async fn bearer(
        &self,
        http: &Http,
        request: Request<'_>,
        id: &str,
        secret: &SecretString,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue> {
        let mut kept = self.token.lock().await;
        if let Some(token) = &*kept
            && Some(&token.header) != refused
            && Instant::now() < token.expires
        {
            return Ok(token.header.clone());
        }
        let token = fetch_token(http, request.base, id, secret).await?;
        Ok(kept.insert(token).header.clone())
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.credentials {
            Credentials::ApiKey { .. } => "an API key",
            Credentials::ServiceAccount { .. } => "a service account",
            Credentials::Missing(_) => "no credentials",
        })
    }
}

/// Exactly what stands in the request line: Digest signs it byte by byte, `%2F` and all.
fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The Digest challenge among those that came with a 401.
fn challenge(headers: &HeaderMap) -> Option<WwwAuthenticateHeader> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|it| it.to_str().ok());
    texts
        .filter_map(|it| it.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Digest"))
        .find_map(|(_, rest)| digest_auth::parse(rest).ok())
}

fn respond(
    challenge: &mut WwwAuthenticateHeader,
    public: &str,
    private: &SecretString,
    request: Request<'_>,
) -> Option<HeaderValue> {
    let method = HttpMethod::from(request.method.as_str());
    let target = target(request.url);
    let context = AuthContext::new_with_method::<_, _, _, &[u8]>(
        public,
        private.expose_secret(),
        target,
        None,
        method,
    );
    let answer = challenge.respond(&context).ok()?;
    sensitive(&answer.to_string())
}

/// Asks for a token (OAuth 2.0 client credentials; Atlas's live an hour).
async fn fetch_token(http: &Http, base: &Url, id: &str, secret: &SecretString) -> Result<Token> {
    const OPERATION: &str = "oauthToken";
    #[derive(Deserialize)]
    struct Granted {
        access_token: SecretString,
        expires_in: u64,
    }
    let mut url = base.clone();
    url.set_path(&format!("{}/api/oauth/token", base.path().trim_end_matches('/')));
    let pair = BASE64_STANDARD.encode(format!("{id}:{}", secret.expose_secret()));
    let Some(basic) = sensitive(&format!("Basic {pair}")) else {
        return Err(unauthenticated(OPERATION, "the client id or secret cannot be sent"));
    };
    let asked = Instant::now();
    let request = http.client().post(url).header(AUTHORIZATION, basic);
    let request = request.form(&[("grant_type", "client_credentials")]);
    let response = http.send(super::SERVICE, OPERATION, request).await?;
    let (status, retry_after) = (response.status(), http::retry_after(&response));
    let body = http::body(super::SERVICE, OPERATION, response).await?;
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST) {
        let why = format!("the service account in {CLIENT_ID} and {CLIENT_SECRET} was refused");
        return Err(unauthenticated(OPERATION, &why));
    }
    if !status.is_success() {
        return Err(super::refusal(OPERATION, status, retry_after, &body, None).into());
    }
    let granted: Granted = super::parse(OPERATION, &body)?;
    let header = sensitive(&format!("Bearer {}", granted.access_token.expose_secret()));
    let header = header.ok_or_else(|| unauthenticated(OPERATION, "the token cannot be sent"))?;
    let life = Duration::from_secs(granted.expires_in);
    // Of a life too short for the margin, the first half is used.
    Ok(Token { header, expires: asked + life.saturating_sub(MARGIN).max(life / 2) })
}

/// A header whose value is left out when headers are printed.
fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn half(given: &str, missing: &str) -> Credentials {
    Credentials::Missing(format!("{given} is set but {missing} is not: set both"))
}

fn unauthenticated(operation: &str, why: &str) -> crate::engine::Error {
    http::error(super::SERVICE, operation, why, Class::Unauthenticated)
}
