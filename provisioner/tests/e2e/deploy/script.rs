//! An ECS that plays a rollout look by look, for endings that need an exact order of answers.
//!
//! Every operation that a look calls counts its own calls since UpdateService, and the n-th call gets the n-th frame, the
//! last one for ever. So it does not matter in which order the calls of one look arrive.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::cli::Ran;

pub const OLD: &str = "ecs-svc/1111111111111111111";
pub const OURS: &str = "ecs-svc/2222222222222222222";
pub const LATER: &str = "ecs-svc/3333333333333333333";
const ARN: &str = "arn:aws:ecs:eu-central-1:123456789012";

/// What there is at one look.
#[derive(Clone, Default)]
pub struct Frame {
    /// The deployments of the service, the primary one first.
    pub deployments: Vec<Value>,
    /// State of the service deployment and its reason; none: ECS knows no service deployments.
    pub record: Option<(&'static str, &'static str)>,
    /// Tasks of our deployment that have stopped by now.
    pub stopped: Vec<Value>,
    /// Everything that ECS has said since the update, the oldest first.
    pub events: Vec<&'static str>,
    /// Address, state and description of targets.
    pub targets: Vec<(&'static str, &'static str, &'static str)>,
    /// Code and message with which DescribeServices fails.
    pub error: Option<(&'static str, &'static str)>,
}

/// A rollout.
#[derive(Clone, Default)]
pub struct Script {
    /// What there is before the update.
    pub before: Frame,
    /// What there is at each look after it.
    pub frames: Vec<Frame>,
    /// What there is after StopServiceDeployment, in place of the frames.
    pub rollback: Vec<Frame>,
    /// Whether the circuit breaker rolls back.
    pub rolls_back: bool,
    /// The end of each log.
    pub log: Vec<&'static str>,
}

/// Its address, and what was called.
pub struct Stage {
    url: String,
    world: Arc<Mutex<World>>,
}

struct World {
    script: Script,
    updated: bool,
    counts: BTreeMap<String, usize>,
    changes: Vec<String>,
    image: String,
}

/// An entry of `deployments`; revision 3 ran before, 4 is ours, 5 somebody else's.
pub fn deployment(id: &str, status: &str, revision: u32, state: &str, running: u32) -> Value {
    let created = match id {
        OLD => 100,
        OURS => 200,
        _ => 300,
    };
    let reason = match state {
        "FAILED" => "ECS deployment circuit breaker: tasks failed to start.",
        "COMPLETED" => "ECS deployment completed.",
        _ => "ECS deployment in progress.",
    };
    let wanted = if status == "PRIMARY" { 1 } else { 0 };
    let pending = if state == "IN_PROGRESS" && status == "PRIMARY" && running == 0 { 1 } else { 0 };
    let mut it = json!({
        "id": id, "status": status, "taskDefinition": format!("{ARN}:task-definition/gsm-bot:{revision}"),
        "desiredCount": wanted, "runningCount": running, "pendingCount": pending, "failedTasks": 0,
        "createdAt": created, "updatedAt": created,
    });
    if !state.is_empty() {
        it["rolloutState"] = json!(state);
        it["rolloutStateReason"] = json!(reason);
    }
    it
}

/// A task of our deployment that stopped.
pub fn stopped(id: &str, code: &str, reason: &str, exit: Option<i32>) -> Value {
    let mut container = json!({ "name": "bot", "lastStatus": "STOPPED" });
    if let Some(exit) = exit {
        container["exitCode"] = json!(exit);
    }
    json!({
        "taskArn": format!("{ARN}:task/gsm/{id}"), "startedBy": OURS, "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
        "stopCode": code, "stoppedReason": reason, "stoppedAt": 250, "containers": [container],
    })
}

impl Stage {
    pub async fn play(script: Script) -> Self {
        let world = World {
            script,
            updated: false,
            counts: BTreeMap::new(),
            changes: Vec::new(),
            image: "docker.io/me/bot:1".to_owned(),
        };
        let world = Arc::new(Mutex::new(world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, world }
    }

    /// Runs `provisioner deploy`, of `docker.io/me/bot:2` unless told otherwise.
    pub fn deploy(&self, args: &[&str]) -> Ran {
        let folder = tempfile::tempdir().unwrap();
        let stack = "name: gsm\nregion: eu-central-1\nservices:\n  bot: {image: docker.io/me/bot:0, cpu: 256, memory: 512}\n";
        std::fs::write(folder.path().join("stack.yaml"), stack).unwrap();
        let image: &[&str] =
            if args.contains(&"--image") { &[] } else { &["--image", "docker.io/me/bot:2"] };
        let output = Command::new(env!("CARGO_BIN_EXE_provisioner"))
            .current_dir(folder.path())
            .env_clear()
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", folder.path())
            .args(["--poll", "20ms", "deploy"])
            .args(image)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The calls that change something.
    pub fn changes(&self) -> Vec<String> {
        self.world.lock().unwrap().changes.clone()
    }
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let mut world = world.lock().unwrap();
    if operation.is_empty() {
        let form = String::from_utf8_lossy(&body).into_owned();
        return match form.contains("Action=DescribeTargetHealth") {
            true => world.target_health().into_response(),
            false => CALLER.into_response(),
        };
    }
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    match world.ecs(&operation, &input) {
        Ok(answer) => json_answer(StatusCode::OK, &answer),
        Err((code, message)) => {
            json_answer(StatusCode::BAD_REQUEST, &json!({ "__type": code, "message": message }))
        }
    }
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}

impl World {
    /// What there is for this call of `operation`.
    fn frame(&mut self, operation: &str) -> Frame {
        if !self.updated {
            return self.script.before.clone();
        }
        let count = self.counts.entry(operation.to_owned()).or_default();
        let frame = self
            .script
            .frames
            .get(*count)
            .or(self.script.frames.last())
            .cloned()
            .unwrap_or_default();
        *count += 1;
        frame
    }

    fn ecs(&mut self, operation: &str, input: &Value) -> Result<Value, (&'static str, String)> {
        let unknown = || Err(("UnknownOperationException", operation.to_owned()));
        Ok(match operation {
            "DescribeServices" => {
                let frame = self.frame(operation);
                if let Some((code, message)) = frame.error {
                    return Err((code, message.to_owned()));
                }
                json!({ "services": [self.service(&frame)], "failures": [] })
            }
            "DescribeTaskDefinition" => {
                let tags = json!([{ "key": "provisioner:image", "value": "docker.io/me/bot:0" }]);
                json!({ "taskDefinition": self.definition(3), "tags": tags })
            }
            "RegisterTaskDefinition" => {
                self.changes.push(operation.to_owned());
                self.image = input["containerDefinitions"][0]["image"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                json!({ "taskDefinition": self.definition(4) })
            }
            "UpdateService" => {
                let force = if input["forceNewDeployment"] == json!(true) { " force" } else { "" };
                self.changes.push(format!("{operation}{force}"));
                self.updated = true;
                let revision =
                    input["taskDefinition"].as_str().unwrap_or_default().rsplit(':').next();
                let revision = revision.and_then(|it| it.parse().ok()).unwrap_or_default();
                let began = deployment(OURS, "PRIMARY", revision, "IN_PROGRESS", 0);
                let mut service = self.service(&self.script.before);
                service["deployments"] = json!([began]);
                json!({ "service": service })
            }
            "StopServiceDeployment" => {
                self.changes.push(format!(
                    "{operation} {}",
                    input["stopType"].as_str().unwrap_or_default()
                ));
                if self.script.rollback.is_empty() {
                    return unknown();
                }
                self.script.frames = std::mem::take(&mut self.script.rollback);
                self.counts.clear();
                json!({ "serviceDeploymentArn": input["serviceDeploymentArn"] })
            }
            "ListServiceDeployments" | "DescribeServiceDeployments" => {
                // A look that finds the record reads it as well, and is one look all the same.
                let Some((status, reason)) = (match operation {
                    "ListServiceDeployments" => self.script.frames.first().and_then(|it| it.record),
                    _ => self.frame(operation).record,
                }) else {
                    return unknown();
                };
                let number = OURS.rsplit('/').next().unwrap_or_default();
                json!({ "failures": [], "serviceDeployments": [{
                    "serviceDeploymentArn": format!("{ARN}:service-deployment/gsm/gsm-bot/abc"),
                    "targetServiceRevisionArn": format!("{ARN}:service-revision/gsm/gsm-bot/{number}"),
                    "status": status, "statusReason": reason,
                }]})
            }
            "ListTasks" if input["desiredStatus"] == "STOPPED" => {
                let frame = self.frame(operation);
                json!({ "taskArns": frame.stopped.iter().map(|it| &it["taskArn"]).collect::<Vec<_>>() })
            }
            "ListTasks" => json!({ "taskArns": [] }),
            "DescribeTasks" => {
                let asked = input["tasks"].as_array().cloned().unwrap_or_default();
                let mut all =
                    self.script.frames.iter().flat_map(|it| &it.stopped).collect::<Vec<_>>();
                all.retain(|it| asked.contains(&it["taskArn"]));
                all.dedup_by_key(|it| it["taskArn"].clone());
                json!({ "tasks": all, "failures": [] })
            }
            "GetLogEvents" => {
                let lines =
                    self.script.log.iter().map(|it| json!({ "message": it, "timestamp": 1 }));
                json!({ "events": lines.collect::<Vec<_>>() })
            }
            _ => return unknown(),
        })
    }

    fn service(&self, frame: &Frame) -> Value {
        let events = frame.events.iter().enumerate().rev();
        let events =
            events.map(|(at, it)| json!({ "id": at.to_string(), "message": it, "createdAt": at }));
        let running: u64 =
            frame.deployments.iter().filter_map(|it| it["runningCount"].as_u64()).sum();
        let primary =
            frame.deployments.first().map(|it| it["taskDefinition"].clone()).unwrap_or_default();
        json!({
            "serviceName": "gsm-bot", "status": "ACTIVE", "desiredCount": 1, "runningCount": running,
            "taskDefinition": primary, "deployments": frame.deployments, "events": events.collect::<Vec<_>>(),
            "loadBalancers": [{ "targetGroupArn": "arn:aws:elasticloadbalancing:x:1:targetgroup/gsm-bot/1" }],
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": { "enable": self.script.rolls_back, "rollback": self.script.rolls_back },
            },
        })
    }

    fn definition(&self, revision: u32) -> Value {
        let log = json!({ "awslogs-group": "/gsm", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "bot" });
        json!({
            "taskDefinitionArn": format!("{ARN}:task-definition/gsm-bot:{revision}"), "family": "gsm-bot",
            "revision": revision, "status": "ACTIVE",
            "containerDefinitions": [{
                "name": "bot", "image": self.image,
                "logConfiguration": { "logDriver": "awslogs", "options": log },
            }],
        })
    }

    fn target_health(&mut self) -> String {
        let members: String = self.frame("DescribeTargetHealth").targets.iter().map(|(target, state, description)| {
            let (id, port) = target.split_once(':').unwrap_or((target, "80"));
            format!(
                "<member><Target><Id>{id}</Id><Port>{port}</Port></Target><TargetHealth><State>{state}</State>\
                 <Description>{description}</Description></TargetHealth></member>"
            )
        }).collect();
        format!(
            "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions>\
             </DescribeTargetHealthResult></DescribeTargetHealthResponse>"
        )
    }
}

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ci</Arn><UserId>A</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
