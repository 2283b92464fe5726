//! Says each call to AWS on the log that `-vv` shows: service, operation and status, and nothing of what was sent.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::FinalizerInterceptorContextRef},
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

#[derive(Debug)]
pub(super) struct EachCall;

impl Intercept for EachCall {
    fn name(&self) -> &'static str {
        "EachCall"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metadata) = cfg.load::<Metadata>() {
            let status = context.response().map_or(0, |it| it.status().as_u16());
            tracing::debug!("{} {} {status}", metadata.service(), metadata.name());
        }
        Ok(())
    }
}
