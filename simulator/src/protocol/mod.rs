//! Answers and refusals as bytes: once for each protocol.

mod s3;
mod xml;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

pub(crate) use self::s3::Reply;
use crate::{clock::Time, refusal::Refusal, services};

/// A way to write answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    /// EC2's dialect of Query.
    Ec2,
    /// AWS Query.
    Query { namespace: &'static str },
    /// AWS JSON 1.0 and 1.1.
    Json,
    /// Route 53's REST with XML.
    RestXml,
    /// S3's REST, of XML and raw bytes.
    S3,
    /// The Atlas Admin API.
    Atlas,
    /// GitHub's REST API.
    GitHub,
    /// The OCI Distribution Specification's: a manifest says itself of which kind it is.
    Registry,
}

const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const ROUTE53: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

impl Protocol {
    pub(crate) const fn query(namespace: &'static str) -> Self {
        Self::Query { namespace }
    }

    /// What a service answered.
    pub(crate) fn answer(self, action: &str, request: &str, answer: Value) -> Response<Bytes> {
        let answer = without_nulls(answer);
        match self {
            Self::Ec2 => {
                let request_id = json!(request);
                let mut fields = vec![("requestId", &request_id)];
                fields.extend(xml::fields(&answer));
                let root = format!("{action}Response");
                self.reply(200, request, xml::document(&root, EC2, &fields, Some("item")))
            }
            Self::Query { namespace } => {
                let result = format!("{action}Result");
                let metadata = json!({ "RequestId": request });
                let mut fields = vec![("ResponseMetadata", &metadata)];
                // Actions without a result have no element for it either. SDKs look for it first.
                if !answer.is_null() {
                    fields.insert(0, (&result, &answer));
                }
                let root = format!("{action}Response");
                self.reply(200, request, xml::document(&root, namespace, &fields, Some("member")))
            }
            // Lists of Route 53 name their elements: the services write them out.
            Self::RestXml => {
                let root = format!("{action}Response");
                self.reply(200, request, xml::document(&root, ROUTE53, &xml::fields(&answer), None))
            }
            Self::S3 => s3::answer(request, answer),
            Self::Json if answer.is_null() => self.reply(200, request, String::new()),
            Self::Json => self.reply(200, request, answer.to_string()),
            Self::GitHub => {
                let text = if answer.is_null() { String::new() } else { answer.to_string() };
                self.reply(services::github::status(action), request, text)
            }
            Self::Registry => {
                let kind = answer["mediaType"].as_str().map(http::HeaderValue::try_from);
                let mut response = self.reply(200, request, answer.to_string());
                if let Some(Ok(kind)) = kind {
                    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
                }
                response
            }
            Self::Atlas => {
                let text = if answer.is_null() { String::new() } else { answer.to_string() };
                let mut response = self.reply(services::atlas::status(action), request, text);
                let kind = services::atlas::media_type(action);
                if let Ok(kind) = http::HeaderValue::try_from(kind) {
                    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
                }
                response
            }
        }
    }

    /// Why a service did not.
    pub(crate) fn refuse(self, request: &str, refusal: &Refusal) -> Response<Bytes> {
        let Refusal { status, code, message, headers, more } = refusal;
        let kind = if *status < 500 { "Sender" } else { "Receiver" };
        let body = match self {
            Self::Ec2 => {
                let error = json!({ "Code": code, "Message": message });
                let fields = json!({ "Errors": { "Error": error }, "RequestID": request });
                xml::document("Response", "", &xml::fields(&fields), None)
            }
            Self::Query { namespace } => {
                let mut error = json!({ "Type": kind, "Code": code, "Message": message });
                merge(&mut error, more.clone());
                let fields = json!({ "Error": error, "RequestId": request });
                xml::document("ErrorResponse", namespace, &xml::fields(&fields), Some("member"))
            }
            Self::RestXml => {
                let error = json!({ "Type": kind, "Code": code, "Message": message });
                let fields = json!({ "Error": error, "RequestId": request });
                xml::document("ErrorResponse", ROUTE53, &xml::fields(&fields), None)
            }
            Self::S3 => s3::error(request, refusal),
            Self::Json => {
                let mut error = json!({ "__type": code, "message": message });
                merge(&mut error, more.clone());
                error.to_string()
            }
            Self::Atlas => {
                let reason =
                    StatusCode::from_u16(*status).ok().and_then(|it| it.canonical_reason());
                let mut error = json!({
                    "error": status,
                    "errorCode": code,
                    "reason": reason,
                    "detail": message,
                    "parameters": [],
                });
                merge(&mut error, more.clone());
                without_nulls(error).to_string()
            }
            Self::GitHub => {
                let mut error = json!({
                    "message": message,
                    "documentation_url": "https://docs.github.com/rest",
                    "status": status.to_string(),
                });
                merge(&mut error, more.clone());
                error.to_string()
            }
            Self::Registry => {
                json!({ "errors": [{ "code": code, "message": message }] }).to_string()
            }
        };
        let mut response = self.reply(*status, request, body);
        for (name, value) in headers {
            let name = http::HeaderName::try_from(name.as_str());
            if let (Ok(name), Ok(value)) = (name, http::HeaderValue::try_from(value.as_str())) {
                response.headers_mut().append(name, value);
            }
        }
        if self == Self::Json
            && let Ok(code) = http::HeaderValue::try_from(code.as_str())
        {
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        response
    }

    /// A body of this protocol.
    pub(crate) fn reply(
        self,
        status: u16,
        request: &str,
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let body = body.into();
        let kind = match self {
            Self::Ec2 => "text/xml;charset=UTF-8",
            Self::Query { .. } | Self::RestXml => "text/xml",
            Self::S3 => "application/xml",
            Self::Json => "application/x-amz-json-1.1",
            Self::Atlas | Self::GitHub | Self::Registry => "application/json",
        };
        let length = body.len();
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        headers.insert(http::header::CONTENT_LENGTH, length.into());
        if let Ok(request) = http::HeaderValue::try_from(request) {
            let name = if self == Self::S3 { "x-amz-request-id" } else { "x-amzn-requestid" };
            headers.insert(name, request);
        }
        if self == Self::S3 {
            headers.insert("x-amz-id-2", http::HeaderValue::from_static(s3::HOST));
        }
        response
    }

    /// The answer to a request of a method as it leaves the service at a time.
    pub(crate) fn sent(
        self,
        method: &str,
        now: Time,
        response: Response<Bytes>,
    ) -> Response<Bytes> {
        match self {
            Self::S3 => s3::sent(method, now, response),
            _ => response,
        }
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// Leaves out what is null, at every depth.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let there = fields.into_iter().filter(|(_, it)| !it.is_null());
            Value::Object(there.map(|(name, it)| (name, without_nulls(it))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
