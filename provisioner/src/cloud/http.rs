//! Answers of services that have no SDK: read whole, within limits.

use std::error::Error as _;

use reqwest::Response;

use crate::engine::{ApiError, Class, Error, Result};

/// Longest answer we read. The longest that anybody gives us, a page of 500 Atlas clusters, is well under 2 MB.
const LONGEST: usize = 8 << 20;

/// The whole body of an answer. One that broke off is no answer: nobody knows what came of the request.
///
/// # Errors
///
/// [`Class::Transient`] when it breaks off; [`Class::Final`] when it is longer than we read.
pub async fn body(service: &str, action: &str, mut response: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST => {
                body.extend_from_slice(&chunk)
            }
            Ok(Some(_)) => {
                let message = format!("the answer is longer than {} MB", LONGEST >> 20);
                return Err(error(service, action, message, Class::Final));
            }
            Ok(None) => return Ok(body),
            Err(broken) => return Err(lost(service, action, broken)),
        }
    }
}

/// No answer, or a part of one.
pub fn lost(service: &str, action: &str, lost: reqwest::Error) -> Error {
    // The address would only repeat the service, and may hold what does not belong into a message.
    let lost = lost.without_url();
    let mut message = lost.to_string();
    let mut next = lost.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !message.contains(&said) {
            message = format!("{message}: {said}");
        }
        next = cause.source();
    }
    let class = if lost.is_builder() { Class::Final } else { Class::Transient };
    error(service, action, message, class)
}

/// Seconds of a `Retry-After` header.
pub fn retry_after(response: &Response) -> Option<std::time::Duration> {
    let seconds = response.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(std::time::Duration::from_secs)
}

/// An error that no service put into words.
pub fn error(service: &str, action: &str, message: impl Into<String>, class: Class) -> Error {
    ApiError {
        service: service.to_owned(),
        action: action.to_owned(),
        code: String::new(),
        message: message.into(),
        request_id: None,
        class,
        retry_after: None,
    }
    .into()
}
