//! S3's REST with XML: answers of headers, XML or raw bytes; errors without a namespace, with fields beside them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Protocol, xml};
use crate::{
    clock::Time,
    refusal::{Answer, Refusal},
};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What S3 answers: its value is what the service hands to the protocol.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Deserialize, Serialize)]
enum Body {
    Nothing,
    /// The name of the root, and what is in it.
    Xml(String, Value),
    /// In base64.
    Raw(String),
}

impl Reply {
    /// One without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Nothing }
    }

    /// One of XML.
    pub(crate) fn xml(root: &str, fields: Value) -> Self {
        Self { body: Body::Xml(root.to_owned(), fields), ..Self::empty(200) }
    }

    /// One of bytes as they are.
    pub(crate) fn raw(content: &[u8]) -> Self {
        Self { body: Body::Raw(BASE64_STANDARD.encode(content)), ..Self::empty(200) }
    }

    /// The same with a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with headers.
    pub(crate) fn with_all(mut self, headers: Vec<(String, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(crate) fn answer(self) -> Answer {
        serde_json::to_value(self)
            .map_err(|error| Refusal::new("InternalError", error.to_string()).with_status(500))
    }
}

/// What S3 answered.
pub(super) fn answer(request: &str, answer: Value) -> Response<Bytes> {
    let reply = serde_json::from_value(answer).unwrap_or_else(|_| Reply::empty(500));
    let body = match &reply.body {
        Body::Nothing => Bytes::new(),
        Body::Xml(root, fields) => {
            xml::document(root, NAMESPACE, &xml::fields(fields), None).into()
        }
        Body::Raw(content) => BASE64_STANDARD.decode(content).unwrap_or_default().into(),
    };
    let mut response = Protocol::S3.reply(reply.status, request, body);
    if !matches!(reply.body, Body::Xml(..)) {
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The document of an error.
pub(super) fn error(request: &str, refusal: &Refusal) -> String {
    let (code, message) = (json!(refusal.code), json!(refusal.message));
    let (request, host) = (json!(request), json!(HOST));
    let mut fields = vec![("Code", &code), ("Message", &message)];
    fields.extend(xml::fields(&refusal.more));
    fields.extend([("RequestId", &request), ("HostId", &host)]);
    xml::document("Error", "", &fields, None)
}

/// Which of S3's machines it was; of no use but to AWS's support.
pub(super) const HOST: &str = "c2ltdWxhdG9yc2ltdWxhdG9yc2ltdWxhdG9yc2ltdWxhdG9y";

/// What every answer has, whatever becomes of it: the time at S3, and no body where only the head was asked for.
pub(super) fn sent(method: &str, now: Time, response: Response<Bytes>) -> Response<Bytes> {
    let (mut head, mut body) = response.into_parts();
    if method == "HEAD" {
        if head.status.as_u16() >= 300 {
            describe_nothing(&mut head.headers);
        }
        body = Bytes::new();
    }
    if let Ok(date) = HeaderValue::try_from(now.http()) {
        head.headers.insert(header::DATE, date);
    }
    Response::from_parts(head, body)
}

fn describe_nothing(headers: &mut HeaderMap) {
    headers.remove(header::CONTENT_LENGTH);
}
