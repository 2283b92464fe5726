//! GitHub's REST API.

use std::{fmt, time::Duration};

use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::http::{self, Http};
use crate::engine::{ApiError, Class, Error, Result};

const SERVICE: &str = "GitHub";
/// Where a token is taken from.
const TOKEN: &str = "GITHUB_TOKEN";
const ADDRESS: &str = "GITHUB_API_URL";
/// Pins what the API means.
const VERSION: &str = "2022-11-28";
/// The most that GitHub gives in one page.
const PAGE: usize = 100;
/// How long GitHub asks to be left alone where it does not say: "Rate limits for the REST API".
const PAUSE: Duration = Duration::from_secs(60);

/// Client of GitHub's REST API. Cheap to clone.
///
/// Paths are given as in GitHub's documentation, such as `/repos/octocat/gsm/hooks`. A token is sent wherever there is
/// one: what everybody may read is then limited for the token, and no longer for the address that a machine may share.
#[derive(Clone)]
pub struct GitHub {
    http: Http,
    base: String,
    token: Option<SecretString>,
}

impl GitHub {
    /// Takes address and token from variables. That there is no token shows where one is needed.
    pub fn from_variables(http: Http, variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name| variable(name).filter(|it| !it.is_empty());
        let base = get(ADDRESS).unwrap_or_else(|| "https://api.github.com".to_owned());
        let base = base.trim_end_matches('/').to_owned();
        Self { http, base, token: get(TOKEN).map(SecretString::from) }
    }

    /// Reads what everybody may read.
    ///
    /// # Errors
    ///
    /// When GitHub cannot be reached, or wants fewer calls.
    pub async fn public<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        parse(&format!("GET {path}"), &self.call(Method::GET, path, None).await?)
    }

    /// Reads one thing.
    ///
    /// # Errors
    ///
    /// [`Class::Gone`] if it is not there, or the token may not see it: GitHub does not tell these apart.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.needs_token("GET", path)?;
        self.public(path).await
    }

    /// Reads every page of a list.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for number in 1.. {
            let page: Vec<T> = self.get(&format!("{path}?per_page={PAGE}&page={number}")).await?;
            let last = page.len() < PAGE;
            all.extend(page);
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// Creates something.
    ///
    /// # Errors
    ///
    /// [`Class::Exists`] if it is there already.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.needs_token("POST", path)?;
        parse(&format!("POST {path}"), &self.call(Method::POST, path, Some(body)).await?)
    }

    /// Changes something.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.needs_token("PATCH", path)?;
        parse(&format!("PATCH {path}"), &self.call(Method::PATCH, path, Some(body)).await?)
    }

    /// Deletes something.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(&self, path: &str) -> Result<()> {
        self.needs_token("DELETE", path)?;
        self.call(Method::DELETE, path, None).await?;
        Ok(())
    }

    fn needs_token(&self, method: &str, path: &str) -> Result<()> {
        match self.token {
            Some(_) => Ok(()),
            None => {
                let message = format!("no token: {TOKEN} is not set");
                Err(error(&operation(method, path), message, Class::Unauthenticated))
            }
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Vec<u8>> {
        let operation = operation(method.as_str(), path);
        let mut request = self.http.client().request(method, format!("{}{path}", self.base));
        request = request.header(ACCEPT, "application/vnd.github+json");
        request = request.header("X-GitHub-Api-Version", VERSION);
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let Ok(mut value) = value else {
                let message = format!("{TOKEN} cannot be sent: it has signs that no token has");
                return Err(error(&operation, message, Class::Unauthenticated));
            };
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = self.http.send(SERVICE, &operation, request).await?;
        if response.status().is_success() {
            return http::body(SERVICE, &operation, response).await;
        }
        let Limits { class, retry_after } = Limits::of(&response);
        let status = response.status();
        let answer = http::body(SERVICE, &operation, response).await?;
        let mut error = refusal(operation, status, class, retry_after, &answer);
        let secret = body.and_then(|it| it.pointer("/config/secret")).and_then(Value::as_str);
        if let Some(secret) = secret.filter(|it| !it.is_empty()) {
            error.message = error.message.replace(secret, "…");
        }
        Err(error.into())
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What errors call it: a query tells nobody anything.
fn operation(method: &str, path: &str) -> String {
    format!("{method} {}", path.split('?').next().unwrap_or(path))
}

fn error(operation: &str, message: impl Into<String>, class: Class) -> Error {
    http::error(SERVICE, operation, message, class)
}

fn parse<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|broken| {
        let class = if broken.is_eof() { Class::Transient } else { Class::Final };
        error(operation, format!("unexpected answer: {broken}"), class)
    })
}

/// What a status, with what stands beside it, means for how to go on.
struct Limits {
    class: Class,
    retry_after: Option<Duration>,
}

impl Limits {
    /// Limits that pass soon are waited for; the one of an hour's calls is not.
    fn of(response: &Response) -> Self {
        let spent = response.headers().get("x-ratelimit-remaining").is_some_and(|it| it == "0");
        let asked = http::retry_after(response);
        let class = match response.status() {
            StatusCode::UNAUTHORIZED => Class::Unauthenticated,
            StatusCode::NOT_FOUND => Class::Gone,
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if asked.is_some() => {
                Class::Transient
            }
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if spent => Class::Final,
            StatusCode::TOO_MANY_REQUESTS => Class::Transient,
            StatusCode::FORBIDDEN => Class::Denied,
            status if status.is_server_error() => Class::Transient,
            _ => Class::Final,
        };
        let pause = response.status() == StatusCode::TOO_MANY_REQUESTS && class == Class::Transient;
        Self { class, retry_after: asked.or(pause.then_some(PAUSE)) }
    }
}

/// A refusal in GitHub's own words.
fn refusal(
    operation: String,
    status: StatusCode,
    class: Class,
    retry_after: Option<Duration>,
    body: &[u8],
) -> ApiError {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        message: Option<String>,
        errors: Vec<Detail>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Detail {
        field: Option<String>,
        code: Option<String>,
        message: Option<String>,
    }
    // What is not GitHub's own, such as a proxy's page, is not repeated.
    let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let mut message = said.message.unwrap_or_else(|| status.to_string());
    for Detail { field, code, message: more } in said.errors {
        let words: Vec<_> = [field, more.or(code)].into_iter().flatten().collect();
        message = format!("{message}; {}", words.join(": "));
    }
    if class == Class::Final && matches!(status.as_u16(), 403 | 429) {
        message = format!("{status}: too many calls; try again within the hour");
    }
    let exists = status == StatusCode::UNPROCESSABLE_ENTITY && message.contains("already exists");
    ApiError {
        service: SERVICE.to_owned(),
        action: operation,
        code: String::new(),
        message,
        request_id: None,
        class: if exists { Class::Exists } else { class },
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_passes_soon_is_waited_for() {
        let limits = |status: u16, headers: &[(&str, &str)]| {
            let mut answer = ::http::Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            let Limits { class, retry_after } = Limits::of(&answer.body("").unwrap().into());
            (class, retry_after.map(|it| it.as_secs()))
        };
        assert_eq!(limits(429, &[]), (Class::Transient, Some(60)));
        assert_eq!(limits(429, &[("retry-after", "7")]), (Class::Transient, Some(7)));
        assert_eq!(limits(403, &[("retry-after", "7")]), (Class::Transient, Some(7)));
        assert_eq!(limits(429, &[("x-ratelimit-remaining", "0")]), (Class::Final, None));
        assert_eq!(limits(403, &[("x-ratelimit-remaining", "0")]), (Class::Final, None));
        assert_eq!(limits(403, &[]), (Class::Denied, None));
        assert_eq!(limits(502, &[]), (Class::Transient, None));
        assert_eq!(limits(404, &[]), (Class::Gone, None));
        assert_eq!(limits(401, &[]), (Class::Unauthenticated, None));
    }

    #[test]
    fn a_refusal_is_told_in_githubs_words() {
        let of = |status, class, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let it = refusal("POST /x".to_owned(), status, class, None, body.as_bytes());
            (it.message, it.class)
        };
        let twice = r#"{ "message": "Validation Failed", "errors": [
            { "resource": "Hook", "code": "custom", "message": "Hook already exists on this repository" }] }"#;
        let words = "Validation Failed; Hook already exists on this repository".to_owned();
        assert_eq!(of(422, Class::Final, twice), (words, Class::Exists));
        let wrong = r#"{ "message": "Validation Failed", "errors": [
            { "resource": "Hook", "code": "missing_field", "field": "config" }] }"#;
        let words = "Validation Failed; config: missing_field".to_owned();
        assert_eq!(of(422, Class::Final, wrong), (words, Class::Final));
        let page = "<html>proxy</html>";
        assert_eq!(of(403, Class::Denied, page), ("403 Forbidden".to_owned(), Class::Denied));
        let spent = r#"{ "message": "API rate limit exceeded for 203.0.113.7." }"#;
        let words = "403 Forbidden: too many calls; try again within the hour".to_owned();
        assert_eq!(of(403, Class::Final, spent), (words, Class::Final));
    }

    #[test]
    fn an_answer_that_broke_off_is_no_answer() {
        assert_eq!(parse::<Vec<u8>>("GET /x", b"[1, ").unwrap_err().class(), Class::Transient);
        assert_eq!(parse::<Vec<u8>>("GET /x", b"{}").unwrap_err().class(), Class::Final);
    }
}
