//! The clients of every cloud service, and who we are to them.

mod arn;
pub mod atlas;
mod classify;
pub(crate) mod ec2;
pub(crate) mod ecs;
pub(crate) mod elb;
pub mod github;
pub mod http;
pub mod in_process;
mod mark;
mod patience;
pub(crate) mod policy;
mod tagged;
mod tags;
mod trace;

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ec2::config::{Credentials, SharedAsyncSleep, SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};

pub use arn::Arn;
pub use atlas::{Atlas, percent_encode};
pub(crate) use classify::there;
pub use mark::{mark, marked_stack, sort_by_mark};
pub use patience::patiently;
pub use tagged::Tagged;
pub use tags::Tags;

use crate::engine::{Error, Result};
use in_process::{InProcess, SdkClient};

/// What resources need to talk to the clouds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The stack whose resources are ours.
    pub stack: String,
    /// AWS region, such as `eu-central-1`.
    pub region: String,
    /// AWS account, twelve digits.
    pub account: String,
    /// AWS partition, such as `aws` or `aws-cn`.
    pub partition: String,
    /// AWS Certificate Manager.
    pub acm: aws_sdk_acm::Client,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// Elastic Load Balancing.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// S3, for a state that is shared.
    pub s3: aws_sdk_s3::Client,
    /// Systems Manager, for its parameters.
    pub ssm: aws_sdk_ssm::Client,
    /// Resource Groups Tagging, for what carries our tags.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    /// For services without an SDK.
    pub http: http::Http,
    /// GitHub's REST API.
    pub github: github::GitHub,
    atlas: Atlas,
}

impl Cloud {
    /// Finds credentials by the SDK's own chain and asks AWS who we are.
    ///
    /// # Errors
    ///
    /// When there are no credentials or AWS does not accept them.
    pub async fn connect(stack: &str, region: &str) -> Result<Self> {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .retry_config(retries())
            .timeout_config(timeouts())
            .load()
            .await;
        let variable = |name: &str| std::env::var(name).ok();
        Self::with(&config, http::Http::network()?, stack, variable).await
    }

    /// Uses clouds that answer in this process, and asks them who we are.
    ///
    /// # Errors
    ///
    /// When they do not know us.
    pub async fn in_process(
        clouds: Arc<dyn InProcess>,
        stack: &str,
        region: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        // Made by hand: nothing of this machine's configuration, such as another endpoint, has a say here.
        let keys = Credentials::new("SANDBOX", "sandbox", None, None, "sandbox");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(SdkClient(Arc::clone(&clouds)))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SystemTimeSource::new())
            .retry_config(retries())
            .timeout_config(timeouts())
            .build();
        Self::with(&config, http::Http::in_process(clouds)?, stack, variable).await
    }

    /// Uses the given configuration of the SDK and the given client for all else, takes what concerns Atlas and GitHub
    /// from the given variables, and asks AWS who we are.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn with(
        config: &SdkConfig,
        http: http::Http,
        stack: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf(
                    $sdk::config::Builder::from(config).interceptor(trace::EachCall).build(),
                )
            };
        }
        let caller = aws_sdk_sts::Client::new(config).get_caller_identity().send().await?;
        let arn = caller.arn().unwrap_or_default();
        Ok(Self {
            stack: stack.to_owned(),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            account: caller.account().ok_or_else(|| Error::missing("account"))?.to_owned(),
            partition: arn
                .split(':')
                .nth(1)
                .filter(|it| !it.is_empty())
                .unwrap_or("aws")
                .to_owned(),
            acm: client!(aws_sdk_acm),
            ec2: client!(aws_sdk_ec2),
            ecs: client!(aws_sdk_ecs),
            elb: client!(aws_sdk_elasticloadbalancingv2),
            iam: client!(aws_sdk_iam),
            kms: client!(aws_sdk_kms),
            logs: client!(aws_sdk_cloudwatchlogs),
            route53: client!(aws_sdk_route53),
            s3: client!(aws_sdk_s3),
            ssm: client!(aws_sdk_ssm),
            tagging: client!(aws_sdk_resourcegroupstagging),
            github: github::GitHub::from_variables(http.clone(), &variable),
            atlas: Atlas::from_variables(http.clone(), variable),
            http,
        })
    }

    /// The Atlas Admin API. That its credentials are there shows at the first call.
    pub fn atlas(&self) -> &Atlas {
        &self.atlas
    }

    /// The ARN of something in this account and region, such as `arn("logs", "log-group:gsm")`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }
}

/// For faults of the service and throttling; the engine goes on where this gives up.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(6).with_max_backoff(Duration::from_secs(10))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(30))
        .operation_attempt_timeout(Duration::from_secs(60))
        .build()
}
