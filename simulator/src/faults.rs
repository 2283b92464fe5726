//! What goes wrong: by plan, or by chance.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    call::{Call, Service},
    chance::Chance,
    refusal::Refusal,
};

/// Which calls a fault is for. What is not said matches every call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The service, under the SDKs' name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// A text in path or body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// A fault by plan: what happens to matching calls.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which calls.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// HTTP status of the answer in place of the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Error code, written in the service's own way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A body as it is, in place of an error of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Headers beside it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How often it strikes; null: always.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// How many matching calls it lets pass before.
    #[serde(default)]
    pub skip: u32,
    /// Delays the call.
    #[serde(default)]
    pub delay_ms: u64,
    /// Refuses the connection: nothing is received, nothing recorded, and nothing comes of it.
    #[serde(default)]
    pub refuse: bool,
    /// Closes the connection in place of an answer.
    #[serde(default)]
    pub drop: bool,
    /// Breaks the answer off after so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate: Option<usize>,
    /// Strikes when the service has done what it was asked.
    #[serde(default)]
    pub after_effect: bool,
    /// Answers a read with what was true so many milliseconds ago; never one of S3, which promises otherwise.
    #[serde(default)]
    pub stale_ms: u64,
}

/// Whether a service promises that what was written is read: no replica of it lags behind.
fn is_consistent(service: Service) -> bool {
    service == Service::S3
}

/// The code of a service that fails.
fn failure(service: Service) -> &'static str {
    match service {
        Service::S3 => "InternalError",
        _ => "InternalFailure",
    }
}

fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Whether it takes the place of the answer; a mere delay does not.
    pub(crate) fn answers(&self) -> bool {
        self.status.is_some() || self.code.is_some() || self.body.is_some()
    }

    /// The error it puts in place of the answer.
    pub(crate) fn refusal(&self, service: Service) -> Refusal {
        let status = self.status.unwrap_or(if self.code.is_some() { 400 } else { 500 });
        let code = self.code.clone().unwrap_or_else(|| failure(service).to_owned());
        let message = self.message.clone();
        let message = message.unwrap_or_else(|| format!("{code} (asked for by the test)"));
        let mut refusal = Refusal::new(code, message).with_status(status);
        for (name, value) in &self.headers {
            refusal = refusal.with_header(name, value);
        }
        refusal
    }

    fn wants(&self, call: &Call) -> bool {
        let Match { service, action, contains } = &self.matching;
        !(self.stale_ms > 0 && is_consistent(call.service))
            && service.as_ref().is_none_or(|it| *it == call.service.to_string())
            && action.as_ref().is_none_or(|it| *it == call.action)
            && contains.as_ref().is_none_or(|it| {
                call.path.contains(it.as_str())
                    || String::from_utf8_lossy(&call.body).contains(it.as_str())
            })
    }
}

/// Probabilities, 0 to 1, of what goes wrong by chance at each call.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chaos {
    /// Throttled, in the shape of the service's protocol.
    pub throttled: f64,
    /// 500 or 503 before any effect.
    pub unavailable: f64,
    /// The connection is refused.
    pub refused: f64,
    /// The connection is reset before any effect.
    pub reset: f64,
    /// The connection is reset after the effect.
    pub lost: f64,
    /// A read, of any service but S3, tells what was true some seconds ago.
    pub stale: f64,
    /// Longest age of what a stale read tells.
    pub stale_ms: u64,
}

impl Chaos {
    fn strike(&self, call: &Call, chance: &mut Chance) -> Option<Fault> {
        let mut fault = Fault {
            matching: Match::default(),
            status: None,
            code: None,
            message: None,
            body: None,
            headers: BTreeMap::new(),
            times: once(),
            skip: 0,
            delay_ms: 0,
            refuse: false,
            drop: false,
            truncate: None,
            after_effect: false,
            stale_ms: 0,
        };
        if chance.happens(self.throttled) {
            let (status, code) = match call.service {
                Service::Ec2 => (503, "RequestLimitExceeded"),
                Service::Elb | Service::Iam | Service::Sts => (400, "Throttling"),
                Service::Route53 => (400, "PriorRequestNotComplete"),
                Service::S3 => (503, "SlowDown"),
                Service::Atlas => (429, "RATE_LIMITED"),
                Service::GitHub => (429, "rate limited"),
                Service::Registry => (429, "TOOMANYREQUESTS"),
                _ => (400, "ThrottlingException"),
            };
            fault.status = Some(status);
            fault.code = Some(code.to_owned());
            fault.message = Some("Rate exceeded".to_owned());
            if status == 429 {
                fault.headers.insert("Retry-After".to_owned(), "1".to_owned());
            }
        } else if chance.happens(self.unavailable) {
            let fails = chance.happens(0.5);
            fault.status = Some(if fails { 500 } else { 503 });
            let code = match call.service {
                Service::S3 if fails => failure(Service::S3),
                _ => "ServiceUnavailable",
            };
            fault.code = Some(code.to_owned());
            fault.message = Some("Service is unavailable. Please try again.".to_owned());
        } else if chance.happens(self.refused) {
            fault.refuse = true;
        } else if chance.happens(self.reset) {
            fault.drop = true;
        } else if chance.happens(self.lost) {
            fault.drop = true;
            fault.after_effect = true;
        } else if !call.mutating && !is_consistent(call.service) && chance.happens(self.stale) {
            fault.stale_ms = chance.between(1, self.stale_ms.max(1));
        } else {
            return None;
        }
        Some(fault)
    }
}

/// All faults, and the delay of every call.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: Vec<Entry>,
    numbers: u32,
    /// By chance.
    pub chaos: Chaos,
    /// Least and most delay of each call.
    pub latency: (Duration, Duration),
}

#[derive(Clone, Debug, Serialize)]
struct Entry {
    id: u32,
    left: Option<u32>,
    struck: u32,
    #[serde(flatten)]
    fault: Fault,
}

impl Faults {
    /// Plans one; its number.
    pub fn add(&mut self, fault: Fault) -> u32 {
        self.numbers += 1;
        self.planned.push(Entry { id: self.numbers, left: fault.times, struck: 0, fault });
        self.numbers
    }

    /// Forgets those that are planned.
    pub fn clear(&mut self) {
        self.planned.clear();
    }

    /// Those that are planned, and how often each struck.
    pub fn list(&self) -> Value {
        serde_json::to_value(&self.planned).unwrap_or_default()
    }

    /// What strikes this call. Each counts its matches on its own.
    pub(crate) fn take(&mut self, call: &Call, chance: &mut Chance) -> Option<Fault> {
        for it in &mut self.planned {
            if it.left == Some(0) || !it.fault.wants(call) {
                continue;
            }
            if it.fault.skip > 0 {
                it.fault.skip -= 1;
                continue;
            }
            it.struck += 1;
            it.left = it.left.map(|left| left - 1);
            return Some(it.fault.clone());
        }
        self.chaos.strike(call, chance)
    }
}

impl Faults {
    pub(crate) fn may_be_stale(&self) -> bool {
        self.planned.iter().any(|it| it.fault.stale_ms > 0 && it.left != Some(0))
    }
}
