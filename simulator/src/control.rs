//! What a test may see and set, under `/__cloud/`: the same as the stand-in in `provisioner/tests/cloud`.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    faults::Fault,
    services::{atlas, ecs},
    simulator::Simulator,
};

/// Where these addresses begin.
pub(crate) const PREFIX: &str = "/__cloud/";

/// Answers one.
pub(crate) fn answer(simulator: &Simulator, request: &Request<Bytes>) -> Response<Bytes> {
    let what = request.uri().path().trim_start_matches(PREFIX).trim_matches('/');
    let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
    let answer = match (request.method(), what) {
        (&Method::GET, "calls") => Ok(json!(simulator.calls())),
        (&Method::DELETE, "calls") => {
            simulator.forget();
            Ok(Value::Null)
        }
        (&Method::GET, "faults") => Ok(simulator.faults(|it| it.list())),
        (&Method::POST, "faults") => add_faults(simulator, body),
        (&Method::DELETE, "faults") => {
            simulator.faults(|it| it.clear());
            Ok(Value::Null)
        }
        (&Method::PUT, "latency") => set_latency(simulator, &body),
        (&Method::GET, "census") => Ok(simulator.census()),
        (&Method::GET, "atlas") => {
            Ok(simulator.world(|it| atlas::dump(&it.context("eu-central-1"))))
        }
        (&Method::PUT, "atlas") => set_atlas(simulator, &body),
        (&Method::PUT, "aws") => set_aws(simulator, &body),
        (&Method::PUT, "policy") => {
            let policy = (!body.is_null()).then(|| body.to_string());
            simulator.allow_only(policy.as_deref()).map(|()| Value::Null)
        }
        (&Method::GET, "policy") => Ok(json!(simulator.needed())),
        (&Method::PUT, "rollouts") => {
            simulator.world(|it| ecs::plan(&mut it.context("eu-central-1"), body))
        }
        (method, path) => return reply(404, &json!({ "error": format!("no {method} {path}") })),
    };
    match answer {
        Ok(Value::Null) => reply(204, &Value::Null),
        Ok(answer) => reply(200, &answer),
        Err(error) => reply(400, &json!({ "error": error })),
    }
}

fn add_faults(simulator: &Simulator, body: Value) -> Result<Value, String> {
    let faults: Vec<Fault> = match body {
        Value::Array(_) => serde_json::from_value(body),
        one => serde_json::from_value(one).map(|it| vec![it]),
    }
    .map_err(|error| error.to_string())?;
    Ok(simulator.faults(|it| faults.into_iter().map(|fault| it.add(fault)).collect()))
}

fn set_latency(simulator: &Simulator, body: &Value) -> Result<Value, String> {
    let ms = body["ms"].as_f64().ok_or("`ms` is a number of milliseconds")?;
    let latency = Duration::from_secs_f64(ms.max(0.0) / 1000.0);
    simulator.faults(|it| it.latency = (latency, latency));
    Ok(json!({ "ms": ms }))
}

fn set_atlas(simulator: &Simulator, body: &Value) -> Result<Value, String> {
    simulator.world(|world| {
        for (name, value) in body.as_object().ok_or("an object is expected")? {
            match name.as_str() {
                "settle" => {
                    let ms = milliseconds(name, value)?;
                    world.times.atlas_creating = ms;
                    world.times.atlas_updating = ms;
                    world.times.atlas_deleting = ms;
                }
                "calls_per_minute" => atlas::limit(&mut world.global.atlas, value.as_u64()),
                "expire_credentials" => atlas::expire_credentials(&mut world.global.atlas),
                unknown => return Err(format!("unknown field `{unknown}`")),
            }
        }
        Ok(Value::Null)
    })
}

fn set_aws(simulator: &Simulator, body: &Value) -> Result<Value, String> {
    if let Some(knows) = body["service_deployments"].as_bool() {
        know_service_deployments(simulator, knows);
    }
    simulator.world(|world| {
        for (name, value) in body.as_object().ok_or("an object is expected")? {
            match name.as_str() {
                "service_deployments" => {}
                "certificate_record_after" => world.times.certificate = milliseconds(name, value)?,
                "balancer_active_after" => world.times.balancer = milliseconds(name, value)?,
                "interfaces_linger" => world.times.balancer_interfaces = milliseconds(name, value)?,
                "seen_after" => {
                    let ms = milliseconds(name, value)?;
                    world.times.see_after(ms);
                }
                "iam_spreads_after" => world.times.iam = milliseconds(name, value)?,
                unknown => return Err(format!("unknown field `{unknown}`")),
            }
        }
        serde_json::to_value(&world.times).map_err(|error| error.to_string())
    })
}

/// Makes it a cloud that has no service deployments, as other emulators are.
fn know_service_deployments(simulator: &Simulator, knows: bool) {
    let actions = ["ListServiceDeployments", "DescribeServiceDeployments", "StopServiceDeployment"];
    for action in actions.into_iter().filter(|_| !knows) {
        let fault = json!({
            "match": { "service": "ecs", "action": action },
            "status": 400,
            "code": "UnknownOperationException",
            "message": "The requested operation is not supported",
            "times": null,
        });
        if let Ok(fault) = serde_json::from_value::<Fault>(fault) {
            simulator.faults(|it| it.add(fault));
        }
    }
}

/// From seconds.
fn milliseconds(name: &str, value: &Value) -> Result<u64, String> {
    let seconds = value.as_f64().filter(|it| *it >= 0.0);
    seconds.map(|it| (it * 1000.0) as u64).ok_or_else(|| format!("`{name}` is a number of seconds"))
}

fn reply(status: u16, body: &Value) -> Response<Bytes> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let kind = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}
