//! Services that have no SDK: how requests reach them, and their answers, read whole, within limits.

use std::{
    error::Error as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{Client, RequestBuilder, Response};

use super::in_process::InProcess;
use crate::engine::{ApiError, Class, Error, Result};

/// A client for services that have no SDK. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    in_process: Option<Arc<dyn InProcess>>,
}

impl Http {
    /// One that uses the network.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn network() -> Result<Self> {
        Ok(Self { client: client()?, in_process: None })
    }

    /// One whose requests are answered in this process.
    ///
    /// # Errors
    ///
    /// As [`network`](Self::network).
    pub fn in_process(cloud: Arc<dyn InProcess>) -> Result<Self> {
        // It only builds requests, and reading the roots of TLS takes longer than many simulated calls: one does for all.
        static BUILDER: OnceLock<Client> = OnceLock::new();
        let client = match BUILDER.get() {
            Some(client) => client.clone(),
            None => {
                let made = client()?;
                BUILDER.get_or_init(|| made).clone()
            }
        };
        Ok(Self { client, in_process: Some(cloud) })
    }

    /// To build requests with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Looks once whether a page of a machine of ours is there; what serves it names itself in `header`. None: in a
    /// simulated cloud no machine runs anything that could answer.
    pub async fn knock(&self, url: &str, header: &str) -> Option<Knock> {
        if self.in_process.is_some() {
            return None;
        }
        let request = self.client.get(url).timeout(Duration::from_secs(5));
        Some(match request.send().await {
            Ok(it) if it.status().is_success() && it.headers().contains_key(header) => Knock::Open,
            Ok(_) => Knock::Busy,
            Err(error) if is_refusal(&error) => Knock::Busy,
            Err(_) => Knock::Silent,
        })
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// [`Class::Transient`] when there is no answer.
    pub async fn send(
        &self,
        service: &str,
        action: &str,
        request: RequestBuilder,
    ) -> Result<Response> {
        let lost = |it| lost(service, action, it);
        let Some(cloud) = &self.in_process else { return request.send().await.map_err(lost) };
        let request = request.build().map_err(lost)?;
        let request = ::http::Request::try_from(request).map_err(lost)?;
        let body = request.body().as_bytes().unwrap_or_default().to_vec();
        let answer = cloud.answer(request.map(|_| body.into()));
        let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await;
        let answer = answer.unwrap_or_else(|_| Err("no answer came in time".to_owned()));
        answer
            .map(Response::from)
            .map_err(|broken| error(service, action, broken, Class::Transient))
    }
}

/// From the first byte that is sent to the last that is read.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// What came of looking for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knock {
    /// It is there.
    Open,
    /// The machine is there, and the page is not.
    Busy,
    /// Nobody answers.
    Silent,
}

/// Whether a machine has answered that nobody listens there.
fn is_refusal(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|it| it.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = cause.source();
    }
    false
}

fn client() -> Result<Client> {
    Client::builder()
        .user_agent(concat!("provisioner/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(ANSWERED_WITHIN)
        .build()
        .map_err(|error| Error::Unexpected(format!("no HTTP client: {error}")))
}

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
fn lost(service: &str, action: &str, lost: reqwest::Error) -> Error {
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
pub fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
    };

    use super::*;

    /// What comes of knocking at a port that answers so; None: nobody listens there.
    async fn knocked(answer: Option<&'static str>) -> Option<Knock> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/login", listener.local_addr().unwrap());
        match answer {
            Some(answer) => drop(std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                stream.write_all(answer.as_bytes()).unwrap();
            })),
            None => drop(listener),
        }
        Http::network().unwrap().knock(&url, "x-jenkins").await
    }

    #[tokio::test]
    async fn only_the_page_itself_is_the_page() {
        let page = "HTTP/1.1 200 OK\r\nX-Jenkins: 2.555\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(knocked(Some(page)).await, Some(Knock::Open));
        let starting = "HTTP/1.1 503 Starting\r\nX-Jenkins: 2.555\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(knocked(Some(starting)).await, Some(Knock::Busy));
        let another = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(knocked(Some(another)).await, Some(Knock::Busy));
        assert_eq!(knocked(None).await, Some(Knock::Busy));
        assert_eq!(knocked(Some("")).await, Some(Knock::Silent));
    }
}
