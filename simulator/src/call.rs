//! Which call an HTTP request is.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Request};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{form::Form, protocol::Protocol, refusal::Refusal, services};

/// The services, under the names that the SDKs give them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub enum Service {
    /// Certificate Manager.
    #[serde(rename = "acm")]
    Acm,
    /// MongoDB Atlas, its Admin API.
    #[serde(rename = "atlas")]
    Atlas,
    /// EC2.
    #[serde(rename = "ec2")]
    Ec2,
    /// Elastic Container Service.
    #[serde(rename = "ecs")]
    Ecs,
    /// Elastic Load Balancing, version 2.
    #[serde(rename = "elbv2")]
    Elb,
    /// GitHub's REST API.
    #[serde(rename = "github")]
    GitHub,
    /// Identity and Access Management.
    #[serde(rename = "iam")]
    Iam,
    /// Key Management Service.
    #[serde(rename = "kms")]
    Kms,
    /// CloudWatch Logs.
    #[serde(rename = "logs")]
    Logs,
    /// A registry of container images.
    #[serde(rename = "registry")]
    Registry,
    /// Route 53.
    #[serde(rename = "route53")]
    Route53,
    /// S3.
    #[serde(rename = "s3")]
    S3,
    /// Systems Manager.
    #[serde(rename = "ssm")]
    Ssm,
    /// Security Token Service.
    #[serde(rename = "sts")]
    Sts,
    /// Resource Groups Tagging.
    #[serde(rename = "resourcegroupstaggingapi")]
    Tagging,
}

impl Service {
    /// By the name in a signature's scope.
    fn signed_as(name: &str) -> Option<Self> {
        Some(match name {
            "acm" => Self::Acm,
            "ec2" => Self::Ec2,
            "ecs" => Self::Ecs,
            "elasticloadbalancing" => Self::Elb,
            "iam" => Self::Iam,
            "kms" => Self::Kms,
            "logs" => Self::Logs,
            "route53" => Self::Route53,
            "s3" => Self::S3,
            "ssm" => Self::Ssm,
            "sts" => Self::Sts,
            "tagging" => Self::Tagging,
            _ => return None,
        })
    }

    /// The protocol it speaks.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Ec2 => Protocol::Ec2,
            Self::Elb => {
                Protocol::query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/")
            }
            Self::Iam => Protocol::query("https://iam.amazonaws.com/doc/2010-05-08/"),
            Self::Sts => Protocol::query("https://sts.amazonaws.com/doc/2011-06-15/"),
            Self::Route53 => Protocol::RestXml,
            Self::S3 => Protocol::S3,
            Self::Acm | Self::Ecs | Self::Kms | Self::Logs | Self::Ssm | Self::Tagging => {
                Protocol::Json
            }
            Self::Atlas => Protocol::Atlas,
            Self::GitHub => Protocol::GitHub,
            Self::Registry => Protocol::Registry,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whom it goes to.
    pub service: Service,
    /// What it asks for: the action of AWS, the operationId of Atlas.
    pub action: String,
    /// Where; a region of AWS also for services that have none.
    pub region: String,
    /// Whether it may change anything.
    pub mutating: bool,
    /// HTTP method.
    pub method: String,
    /// Path and query, as sent; of S3 always with the bucket in the path, wherever the caller had it.
    pub path: String,
    /// Headers, as sent.
    pub headers: HeaderMap,
    /// Body, as sent.
    pub body: Bytes,
    form: Form,
}

/// Calls that change nothing although their names do not say so.
const OTHER_READS: &[&str] =
    &["AssumeRole", "BatchGet", "Decrypt", "Encrypt", "GenerateDataKey", "FilterLogEvents"];

/// Whether it is a call for credentials in exchange for a token.
fn asks_for_credentials(body: &[u8]) -> bool {
    let form = Form::parse(&String::from_utf8_lossy(body));
    form.text("Action") == Some("AssumeRoleWithWebIdentity")
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// When it is for no service that is modelled; how to say so depends on who asks, so plain text it is.
    pub(crate) fn of(request: &Request<Bytes>) -> Result<Self, String> {
        let uri = request.uri();
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        let header = |name: &str| {
            request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
        };
        let scope = header("authorization").split_once("Credential=").map(|it| it.1);
        let mut scope = scope.unwrap_or_default().split('/').skip(2);
        let region = scope.next().unwrap_or_default();
        let name = scope.next().unwrap_or_default();
        let (region, service) = match services::atlas::owns(uri.path()) {
            // A key of S3 may look like any path.
            _ if name == "s3" => (region, Service::S3),
            true => ("", Service::Atlas),
            false if services::github::owns(uri.path()) => ("", Service::GitHub),
            false if services::registry::owns(uri.path()) => ("", Service::Registry),
            false => match Service::signed_as(name) {
                // Who has no credentials yet signs nothing: the token is in the body.
                None if name.is_empty() && asks_for_credentials(request.body()) => {
                    (region, Service::Sts)
                }
                Some(service) => (region, service),
                None => {
                    return Err(format!("the simulator does not model the service `{name}`"));
                }
            },
        };
        let path = match service {
            Service::S3 => {
                let host = uri.authority().map_or(header("host"), |it| it.as_str());
                services::s3::path_style(host, &path)
            }
            _ => path,
        };
        let mut form = Form::parse("");
        let mut dry_run = false;
        let action = match service.protocol() {
            Protocol::Ec2 | Protocol::Query { .. } => {
                let query = uri.query().unwrap_or_default();
                form = Form::parse(&format!("{}&{query}", String::from_utf8_lossy(request.body())));
                dry_run = form.text("DryRun") == Some("true");
                form.text("Action").unwrap_or_default().to_owned()
            }
            Protocol::Json => {
                let target = header("x-amz-target");
                target.rsplit('.').next().unwrap_or_default().to_owned()
            }
            Protocol::RestXml => services::route53::action(request.method(), uri.path()),
            Protocol::S3 => services::s3::action(request.method(), &path),
            Protocol::Atlas => services::atlas::action(request.method(), uri.path()),
            Protocol::GitHub => services::github::action(request.method(), uri.path()),
            Protocol::Registry => services::registry::action(request.method()),
        };
        let reads = match service {
            Service::Atlas => services::atlas::reads(request.method(), uri.path()),
            Service::GitHub => services::github::reads(request.method()),
            _ => {
                let verbs = [
                    "Describe", "List", "Get", "Head", "Search", "Lookup", "Filter", "Simulate",
                    "Verify",
                ];
                verbs.iter().any(|it| action.starts_with(it))
                    || OTHER_READS.contains(&action.as_str())
                    // A registry is asked for what everybody may read.
                    || matches!(service, Service::Sts | Service::Registry)
                    || dry_run
            }
        };
        Ok(Self {
            service,
            action,
            // Global services are signed for us-east-1; the region of the account's things is what counts.
            region: match (service, region) {
                (Service::Iam | Service::Route53 | Service::Atlas | Service::GitHub, _)
                | (_, "") => "eu-central-1".to_owned(),
                (_, region) => region.to_owned(),
            },
            mutating: !reads,
            method: request.method().to_string(),
            path,
            headers: request.headers().clone(),
            body: request.body().clone(),
            form,
        })
    }

    /// The input, as the action reads it.
    ///
    /// # Errors
    ///
    /// When a field is of another kind, is missing, or is not modelled.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.read(self.form.clone())
    }

    /// The same of a form in which fields at the top are called otherwise.
    pub(crate) fn input_renaming<T: DeserializeOwned>(
        &self,
        names: &[(&str, &str)],
    ) -> Result<T, Refusal> {
        self.read(names.iter().fold(self.form.clone(), |form, (from, to)| form.renaming(from, to)))
    }

    fn read<T: DeserializeOwned>(&self, form: Form) -> Result<T, Refusal> {
        let read = match self.service.protocol() {
            Protocol::Ec2 | Protocol::Query { .. } => {
                let form = form.without(&["Action", "Version", "DryRun"]);
                serde_path_to_error::deserialize(form)
                    .map_err(|error| (error.path().to_string(), error.into_inner().to_string()))
            }
            Protocol::RestXml | Protocol::S3 => {
                let text = String::from_utf8_lossy(&self.body);
                let mut xml = quick_xml::de::Deserializer::from_str(&text);
                serde_path_to_error::deserialize(&mut xml)
                    .map_err(|error| (error.path().to_string(), error.into_inner().to_string()))
            }
            Protocol::Json | Protocol::Atlas | Protocol::GitHub | Protocol::Registry => {
                let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
                let mut json = serde_json::Deserializer::from_slice(body);
                serde_path_to_error::deserialize(&mut json)
                    .map_err(|error| (error.path().to_string(), error.into_inner().to_string()))
            }
        };
        read.map_err(|(path, error)| self.misread(&path, &error))
    }

    /// The input as it came, without its types; nothing where it is XML.
    pub(crate) fn input_value(&self) -> Value {
        match self.service.protocol() {
            Protocol::Ec2 | Protocol::Query { .. } => self.form.clone().into_value(),
            Protocol::RestXml | Protocol::S3 => Value::Null,
            Protocol::Json | Protocol::Atlas | Protocol::GitHub | Protocol::Registry => self.json(),
        }
    }

    /// Whether a field of its form says this.
    pub(crate) fn mentions(&self, value: &str) -> bool {
        self.form.mentions(value)
    }

    /// Whether the caller only asks whether it might (EC2's `DryRun`).
    pub fn dry_run(&self) -> bool {
        self.form.text("DryRun") == Some("true")
    }

    /// A parameter of the address, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        Form::parse(self.path.split_once('?')?.1).text(name).map(str::to_owned)
    }

    /// The parts of the path, decoded one by one.
    pub fn segments(&self) -> Vec<String> {
        let path = self.path.split('?').next().unwrap_or_default();
        let parts = path.split('/').filter(|it| !it.is_empty());
        parts
            .map(|it| percent_encoding::percent_decode_str(it).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// The simulator does not know this action.
    pub fn not_modelled(&self) -> Refusal {
        Refusal::not_modelled(format_args!("{} {}", self.service, self.action))
    }

    fn misread(&self, path: &str, error: &str) -> Refusal {
        let at =
            if path.is_empty() || path == "." { String::new() } else { format!(" at `{path}`") };
        if error.starts_with("unknown field") || error.starts_with("unknown variant") {
            let what = format!("{} {}{at}: {error}", self.service, self.action);
            return Refusal::not_modelled(what);
        }
        let missing = error.starts_with("missing field");
        let code = match self.service.protocol() {
            Protocol::Ec2 if missing => "MissingParameter",
            Protocol::Ec2 => "InvalidParameterValue",
            Protocol::Query { .. } => "ValidationError",
            Protocol::RestXml => "InvalidInput",
            Protocol::S3 => "MalformedXML",
            Protocol::Json if missing => "ValidationException",
            Protocol::Json => "SerializationException",
            Protocol::Atlas => "INVALID_JSON",
            Protocol::GitHub => "Bad Request",
            Protocol::Registry => "UNSUPPORTED",
        };
        Refusal::new(code, format!("{}{at}: {error}", self.action))
    }
}

/// A body of JSON as it is.
impl Call {
    /// The whole body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

#[cfg(test)]
impl Call {
    /// As an SDK sends it; `service` as in a signature's scope, `action` where the body does not tell it.
    pub(crate) fn sample(service: &str, action: &str, body: &str) -> Self {
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=x/20261123/eu-central-1/{service}/aws4_request");
        let request = Request::post("/").header("authorization", scope);
        let request = request.header("x-amz-target", format!("S.{action}"));
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        Self::of(&request).unwrap()
    }
}
