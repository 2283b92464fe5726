//! Which ARNs a field of the input means.

use serde_json::Value;

use super::{input::texts, table::Resource};
use crate::{
    call::Call,
    services::{ec2, iam, kms},
    world::Context,
};

/// The resources of a word of the table. `service`: as it is called in actions.
pub(super) fn arns(
    cx: &Context<'_>,
    call: &Call,
    input: &Value,
    service: &str,
    resource: Resource,
) -> Vec<String> {
    let Resource { kind, field } = resource;
    let own = |resource: String| cx.arn(service, &resource);
    let cluster = || match texts(input, "cluster").pop() {
        Some(given) => given.rsplit('/').next().unwrap_or_default().to_owned(),
        None => "default".to_owned(),
    };
    match kind {
        "*" => return vec!["*".to_owned()],
        "new" => return vec![own(format!("{field}/*"))],
        "in-path" => {
            let id = call.segments().into_iter().nth(2).unwrap_or_default();
            return vec![format!("arn:aws:route53:::{field}/{id}")];
        }
        "in-s3" => return vec![super::s3::arn(call, field)],
        "container-instance" => return vec![own(format!("container-instance/{}/*", cluster()))],
        _ => {}
    }
    let mut given = texts(input, field);
    if kind == "cluster" && given.is_empty() {
        given.push(cluster());
    }
    let named = given.into_iter().filter_map(|it| {
        Some(match kind {
            "service-of" => {
                let rest = it.rsplit_once('/')?.0;
                rest.replacen(":service-deployment/", ":service/", 1).replacen(
                    ":service-revision/",
                    ":service/",
                    1,
                )
            }
            "listener-of" => format!("{}/*", it.replacen(":loadbalancer/", ":listener/", 1)),
            "rule-of" => format!("{}/*", it.replacen(":listener/", ":listener-rule/", 1)),
            "key" => kms::key_arn(cx, &it).unwrap_or_else(|| own(format!("key/{it}"))),
            "alias" => own(it),
            _ if it.starts_with("arn:") => it,
            "arn" => return None,
            "by-id" => own(format!("{}/{it}", ec2::kind_of(&it)?)),
            "image" => format!("arn:aws:ec2:{}::image/{it}", cx.region.name),
            "address-of" => own(format!("elastic-ip/{}", ec2::address_of(cx, &it)?)),
            "instance-of" => own(format!("instance/{}", ec2::instance_of(cx, &it)?)),
            "service" | "task" => own(format!("{kind}/{}/{}", cluster(), it)),
            "new-revision" => own(format!("task-definition/{it}:*")),
            "balancer" => own(format!("loadbalancer/app/{it}/*")),
            "target-group" => own(format!("targetgroup/{it}/*")),
            "oidc-provider" => format!(
                "arn:aws:iam::{}:oidc-provider/{}",
                cx.account,
                it.trim_start_matches("https://")
            ),
            "role" | "instance-profile" => iam::arn_of(cx, kind, &it).unwrap_or_else(|| {
                let path = texts(input, "Path").pop().unwrap_or_else(|| "/".to_owned());
                format!("arn:aws:iam::{}:{kind}{path}{it}", cx.account)
            }),
            "log-group" => own(format!("log-group:{it}:log-stream:")),
            "log-stream" => {
                let stream = texts(input, "logStreamName").pop().unwrap_or_default();
                own(format!("log-group:{it}:log-stream:{stream}"))
            }
            "parameter" => own(format!("parameter/{}", it.trim_start_matches('/'))),
            _ => own(format!("{kind}/{it}")),
        })
    });
    named.collect()
}
