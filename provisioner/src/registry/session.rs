//! One image's questions to its registry: requests, the token between them, and what the answers mean.

use std::time::Duration;

use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    Look, Manifest,
    challenge::Challenge,
    image::Image,
    manifest::{CONFIGS, Document, MANIFESTS, Platform, Platforms},
};
use crate::{
    cloud::http::{self, Http},
    engine::Error,
};

const SERVICE: &str = "registry";
/// A registry that takes longer is as good as none.
const WITHIN: Duration = Duration::from_secs(15);
/// More of a registry's words is not shown.
const LONGEST: usize = 300;

/// What was found, or the look that ends the session.
type Step<T> = std::result::Result<T, Look>;

/// An answer, read whole.
struct Answer {
    status: StatusCode,
    challenge: Option<Challenge>,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// The conversation with a registry about one image.
pub(super) struct Session<'a> {
    http: &'a Http,
    image: &'a Image,
    address: String,
    is_mirror: bool,
    token: Option<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(http: &'a Http, mirror: Option<&str>, image: &'a Image) -> Self {
        let address = mirror.map_or_else(|| image.address(), str::to_owned);
        Self { http, image, address, is_mirror: mirror.is_some(), token: None }
    }

    /// Digest and platforms.
    pub(super) async fn manifest(mut self) -> Step<Manifest> {
        self.refuse_ecr()?;
        let path = format!("manifests/{}", self.image.reference);
        let answer = self.ask(Method::GET, &path, MANIFESTS).await?;
        let body = self.good(answer)?.body;
        let digest = digest(&body);
        if self.image.is_digest() && self.image.reference != digest {
            return Err(self.unclear("answers with something that has another digest"));
        }
        let document: Document = self.parse(&body)?;
        let platforms = match document.platforms() {
            Some(Platforms::Listed(platforms)) => platforms,
            Some(Platforms::In(blob)) => {
                let answer = self.ask(Method::GET, &format!("blobs/{blob}"), CONFIGS).await?;
                let config = self.good(answer)?.body;
                vec![self.parse::<Platform>(&config)?]
            }
            None => return Err(self.unclear("answers with something that is no image")),
        };
        Ok(Manifest { digest, platforms })
    }

    /// Whether it is there.
    pub(super) async fn exists(mut self) -> Step<()> {
        self.refuse_ecr()?;
        let path = format!("manifests/{}", self.image.reference);
        let mut answer = self.ask(Method::HEAD, &path, MANIFESTS).await?;
        if answer.status == StatusCode::NOT_FOUND {
            // The registry's words are in a body, which this answer has not.
            answer = self.ask(Method::GET, &path, MANIFESTS).await?;
        }
        self.good(answer).map(drop)
    }

    fn refuse_ecr(&self) -> Step<()> {
        match self.image.is_in_ecr() && !self.is_mirror {
            true => Err(Look::Unclear(
                "a private repository of ECR is shown to credentials of AWS only".to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// One question; a second time with a token, if the registry wants one.
    async fn ask(&mut self, method: Method, path: &str, accept: &str) -> Step<Answer> {
        let answer = self.send(method.clone(), path, accept).await?;
        match (&answer.challenge, answer.status) {
            (Some(challenge), StatusCode::UNAUTHORIZED) if self.token.is_none() => {
                self.token = Some(self.fetch_token(challenge).await?);
                self.send(method, path, accept).await
            }
            _ => Ok(answer),
        }
    }

    async fn send(&self, method: Method, path: &str, accept: &str) -> Step<Answer> {
        let url = format!("{}/v2/{}/{path}", self.address, self.image.repository);
        let mut request = self.http.client().request(method, url).header(ACCEPT, accept);
        if self.is_mirror {
            // As containerd asks its mirrors: they serve several registries.
            request = request.query(&[("ns", &self.image.registry)]);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Step<Answer> {
        let lost = |error: Error| Look::Unclear(self.lost(&error));
        let request = request.timeout(WITHIN);
        let response = self.http.send(SERVICE, "", request).await.map_err(lost)?;
        let header = response.headers().get(WWW_AUTHENTICATE);
        let challenge = header.and_then(|it| it.to_str().ok()).and_then(Challenge::read);
        let (status, retry_after) = (response.status(), http::retry_after(&response));
        let body = http::body(SERVICE, "", response).await.map_err(lost)?;
        Ok(Answer { status, challenge, retry_after, body })
    }

    /// A token that allows what everybody may do.
    pub(super) async fn fetch_token(&self, challenge: &Challenge) -> Step<String> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let realm = Url::parse(&challenge.realm).ok();
        let safe = |it: &Url| it.scheme() == "https" || self.address.starts_with("http://");
        let Some(realm) = realm.filter(safe) else {
            return Err(self.unclear("sends to an address for tokens that is none"));
        };
        let service = challenge.service.as_ref().map(|it| ("service", it));
        let scope = challenge.scope.as_ref().map(|it| ("scope", it));
        let query: Vec<_> = service.into_iter().chain(scope).collect();
        let answer = self.answer(self.http.client().get(realm).query(&query)).await?;
        let token: Token = self.parse(&self.good(answer)?.body)?;
        let token = token.token.or(token.access_token).filter(|it| !it.is_empty());
        token.ok_or_else(|| self.unclear("gives no token"))
    }

    /// What an answer means.
    fn good(&self, answer: Answer) -> Step<Answer> {
        let words = words(&answer.body);
        let said = || words.as_ref().map_or_else(|| answer.status.to_string(), |it| it.1.clone());
        match answer.status {
            status if status.is_success() => Ok(answer),
            StatusCode::NOT_FOUND => match &words {
                // Harbor has a code of its own.
                Some((code, said))
                    if matches!(
                        code.as_str(),
                        "MANIFEST_UNKNOWN" | "NAME_UNKNOWN" | "NOT_FOUND"
                    ) =>
                {
                    Err(Look::Absent(said.clone()))
                }
                // Whoever this is, it is no registry.
                _ => Err(self.unclear(&format!("answers {}", said()))),
            },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Look::Closed(said())),
            StatusCode::TOO_MANY_REQUESTS => {
                let again = answer.retry_after.map(|it| format!(", in {} s again", it.as_secs()));
                let again = again.unwrap_or_default();
                Err(self.unclear(&format!("has had too many questions from this address{again}")))
            }
            _ => Err(self.unclear(&format!("answers {}", said()))),
        }
    }

    fn parse<T: for<'de> Deserialize<'de>>(&self, body: &[u8]) -> Step<T> {
        serde_json::from_slice(body)
            .map_err(|error| self.unclear(&format!("answers with something else: {error}")))
    }

    fn unclear(&self, what: &str) -> Look {
        Look::Unclear(format!("{} {what}", self.name()))
    }

    fn lost(&self, error: &Error) -> String {
        let said = match error {
            Error::Api(it) => it.message.clone(),
            other => other.to_string(),
        };
        format!("{} could not be asked: {}", self.name(), shown(&said))
    }

    /// Who is asked.
    fn name(&self) -> String {
        match self.is_mirror {
            true => format!("the mirror {}", self.address),
            false => self.image.registry.clone(),
        }
    }
}

/// Code and words of a registry's first error.
fn words(body: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Refusal>,
    }
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
        #[serde(default)]
        message: String,
    }
    let errors: Errors = serde_json::from_slice(body).ok()?;
    let Refusal { code, message } = errors.errors.into_iter().next()?;
    let said = match message.is_empty() {
        true => code.clone(),
        false => format!("{code}: {message}"),
    };
    Some((code, shown(&said)))
}

/// Words from outside, on one line and not too many.
fn shown(words: &str) -> String {
    words.replace('\n', " ").chars().take(LONGEST).collect()
}

fn digest(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(body).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
