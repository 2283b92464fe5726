//! The MongoDB Atlas Admin API v2.

mod auth;
pub mod cluster;
pub mod uri;

use std::{fmt::Write as _, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::http::{self, Http};
use crate::engine::{ApiError, Class, Error, Result};
use auth::{Auth, Request};

const SERVICE: &str = "Atlas";
const BASE_URL: &str = "MONGODB_ATLAS_BASE_URL";
/// The date pins what the API means; for each resource Atlas takes the latest version that is not after it.
const MEDIA_TYPE: &str = "application/vnd.atlas.2025-03-12+json";
/// The most that Atlas gives in one page.
const PAGE: usize = 500;
/// A longer wait that Atlas asks for is the engine's to do, which tells the user of it.
const SHORT: Duration = Duration::from_secs(5);

/// Client of the Atlas Admin API. Cheap to clone.
///
/// Operations are named as in Atlas's documentation (`getFlexCluster`), for errors; paths are given in segments below
/// `/api/atlas/v2`, which are percent-encoded here. GET, PATCH and DELETE are tried again a few times after a lost
/// connection or a fault of the service, which polls of a cluster being built meet all the time. A POST is not: nobody
/// knows whether it had an effect, so the engine reads first.
#[derive(Clone, Debug)]
pub struct Atlas {
    http: Http,
    base: std::result::Result<Url, String>,
    auth: Arc<Auth>,
}

impl Atlas {
    /// Takes credentials and address from variables. That something is missing shows at the first call.
    pub fn from_variables(http: Http, variable: impl Fn(&str) -> Option<String>) -> Self {
        let base = variable(BASE_URL).filter(|it| !it.is_empty());
        let base = base.unwrap_or_else(|| "https://cloud.mongodb.com".to_owned());
        let base = match Url::parse(&base) {
            Ok(url) if url.has_host() && matches!(url.scheme(), "http" | "https") => Ok(url),
            _ => Err(format!("{BASE_URL} is not an address such as https://cloud.mongodb.com")),
        };
        Self { http, base, auth: Arc::new(Auth::from_variables(variable)) }
    }

    /// Reads one thing.
    ///
    /// # Errors
    ///
    /// [`Class::Gone`] if it is not there.
    pub async fn get<T: DeserializeOwned>(&self, operation: &str, path: &[&str]) -> Result<T> {
        let url = self.url(path)?;
        let body = again(|| self.call(operation, Method::GET, url.clone(), None)).await?;
        parse(operation, &body)
    }

    /// Reads one thing that may not be there.
    ///
    /// # Errors
    ///
    /// Every error but [`Class::Gone`].
    pub async fn find<T: DeserializeOwned>(
        &self,
        operation: &str,
        path: &[&str],
    ) -> Result<Option<T>> {
        match self.get(operation, path).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.class() == Class::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads every page of a list.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn list<T: DeserializeOwned>(
        &self,
        operation: &str,
        path: &[&str],
    ) -> Result<Vec<T>> {
        #[derive(Deserialize)]
        struct Page<T> {
            results: Vec<T>,
            #[serde(default)]
            links: Vec<Link>,
        }
        #[derive(Deserialize)]
        struct Link {
            rel: String,
        }
        let mut url = self.url(path)?;
        let mut all = Vec::new();
        for number in 1.. {
            url.set_query(Some(&format!("itemsPerPage={PAGE}&pageNum={number}")));
            let body = again(|| self.call(operation, Method::GET, url.clone(), None)).await?;
            let page: Page<T> = parse(operation, &body)?;
            let last = page.results.is_empty() || !page.links.iter().any(|it| it.rel == "next");
            all.extend(page.results);
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// Creates something, with one attempt.
    ///
    /// # Errors
    ///
    /// [`Class::Exists`] if it is there already.
    pub async fn post<T: DeserializeOwned>(
        &self,
        operation: &str,
        path: &[&str],
        body: &Value,
    ) -> Result<T> {
        let url = self.url(path)?;
        parse(operation, &self.call(operation, Method::POST, url, Some(body)).await?)
    }

    /// Changes what `body` names.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn patch<T: DeserializeOwned>(
        &self,
        operation: &str,
        path: &[&str],
        body: &Value,
    ) -> Result<T> {
        let url = self.url(path)?;
        let answer = again(|| self.call(operation, Method::PATCH, url.clone(), Some(body))).await?;
        parse(operation, &answer)
    }

    /// Deletes something, or begins to.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(&self, operation: &str, path: &[&str]) -> Result<()> {
        let url = self.url(path)?;
        again(|| self.call(operation, Method::DELETE, url.clone(), None)).await?;
        Ok(())
    }

    fn base(&self) -> Result<&Url> {
        self.base.as_ref().map_err(|why| Error::Refused(why.clone()))
    }

    fn url(&self, path: &[&str]) -> Result<Url> {
        let mut url = self.base()?.clone();
        let mut whole = format!("{}/api/atlas/v2", url.path().trim_end_matches('/'));
        for segment in path {
            whole.push('/');
            whole.push_str(&percent_encode(segment));
        }
        url.set_path(&whole);
        Ok(url)
    }

    /// One request, signed, with the body of a successful answer.
    async fn call(
        &self,
        operation: &str,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Vec<u8>> {
        let request = Request { operation, method: &method, url: &url, base: self.base()? };
        let signed = self.auth.authorize(&self.http, request).await?;
        let mut response = self.send(request, body, signed.as_ref()).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let (http, headers) = (&self.http, response.headers());
            // Nothing was done, so that even a POST can be sent again.
            if let Some(answer) = self.auth.answer(http, request, signed.as_ref(), headers).await? {
                response = self.send(request, body, Some(&answer.header)).await?;
                if response.status() != StatusCode::UNAUTHORIZED {
                    self.auth.keep(answer.challenge);
                }
            }
        }
        let (status, retry_after) = (response.status(), http::retry_after(&response));
        let answer = http::body(SERVICE, operation, response).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let secret = body.and_then(|it| it.get("password")).and_then(Value::as_str);
        let mut error = refusal(operation, status, retry_after, &answer, secret);
        if status == StatusCode::UNAUTHORIZED {
            error.message =
                format!("{} ({})", error.message.trim_end_matches('.'), self.auth.hint());
        }
        Err(error.into())
    }

    async fn send(
        &self,
        request: Request<'_>,
        body: Option<&Value>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response> {
        let mut builder = self.http.client().request(request.method.clone(), request.url.clone());
        builder = builder.header(ACCEPT, MEDIA_TYPE);
        if let Some(value) = authorization {
            builder = builder.header(AUTHORIZATION, value.clone());
        }
        if let Some(body) = body {
            builder = builder.header(CONTENT_TYPE, MEDIA_TYPE).body(body.to_string());
        }
        self.http.send(SERVICE, request.operation, builder).await
    }
}

/// Text as one segment of a path, or as the user or the password in a URI: everything that RFC 3986 does not call
/// unreserved becomes `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Does something that may be done twice until it is not lost on the way.
async fn again<T, F: Future<Output = Result<T>>>(work: impl FnMut() -> F) -> Result<T> {
    let delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(SHORT)
        .with_max_times(4)
        .with_jitter();
    work.retry(delays)
        .when(|error| error.class() == Class::Transient)
        .adjust(|error, delay| match error {
            Error::Api(it) => match it.retry_after {
                Some(asked) if asked > SHORT => None,
                Some(asked) => delay.map(|it| it.max(asked)),
                None => delay,
            },
            _ => delay,
        })
        .await
}

/// A whole body as what it says. One that ends in the middle was cut off.
fn parse<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() {
            return http::error(SERVICE, operation, "the answer broke off", Class::Transient);
        }
        Error::Unexpected(format!("{SERVICE} {operation}: unexpected answer: {error}"))
    })
}

/// A refusal in Atlas's own words, without the password that was sent.
fn refusal(
    operation: &str,
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
    secret: Option<&str>,
) -> ApiError {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Refusal {
        error_code: Option<String>,
        detail: Option<String>,
        reason: Option<String>,
        bad_request_detail: Option<BadRequest>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct BadRequest {
        fields: Vec<Field>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Field {
        field: String,
        description: String,
    }
    // What is not Atlas's own, such as a proxy's page, is not repeated.
    let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let code = said.error_code.unwrap_or_default();
    let mut message = said.detail.or(said.reason).unwrap_or_else(|| status.to_string());
    for it in said.bad_request_detail.into_iter().flat_map(|it| it.fields) {
        message = format!("{message}; {}: {}", it.field, it.description);
    }
    if code == "IP_ADDRESS_NOT_ON_ACCESS_LIST" {
        message = format!(
            "{message} Add this machine's address to the API access list of the key (in Atlas: Access Manager, \
             Applications), which is not the project's IP access list."
        );
    }
    if let Some(secret) = secret.filter(|it| !it.is_empty()) {
        message = message.replace(secret, "…");
    }
    ApiError {
        service: SERVICE.to_owned(),
        action: operation.to_owned(),
        class: classify(status, &code),
        code,
        message,
        request_id: None,
        retry_after,
    }
}

/// What an answer means for how to go on. The codes are those of Atlas's documentation.
fn classify(status: StatusCode, code: &str) -> Class {
    match (status.as_u16(), code) {
        (401, _) => Class::Unauthenticated,
        (403, _) => Class::Denied,
        (404, _) => Class::Gone,
        (408 | 425 | 429 | 500.., _) => Class::Transient,
        // A cluster on its way out is waited for.
        (_, "CLUSTER_ALREADY_REQUESTED_DELETION") => Class::Blocked,
        (_, "DUPLICATE_CLUSTER_NAME") => Class::Exists,
        (_, _) if code.ends_with("_ALREADY_EXISTS") => Class::Exists,
        (409, "") => Class::Exists,
        _ => Class::Final,
    }
}

#[cfg(test)]
mod tests;
