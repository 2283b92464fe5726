//! Clouds that answer within this process, in place of a network: the same clients, without a port.

use std::{fmt, sync::Arc};

use ::http::{Request, Response};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::Response as SdkResponse,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::future::BoxFuture;

/// Something that answers HTTP requests in this process.
pub trait InProcess: fmt::Debug + Send + Sync + 'static {
    /// Answers one. The error is what a client learns of a connection that broke.
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>>;
}

/// The HTTP client of the SDK.
#[derive(Clone, Debug)]
pub struct SdkClient(pub Arc<dyn InProcess>);

impl HttpClient for SdkClient {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SdkClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let cloud = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request =
                request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // The calls we make have bodies in memory; a stream would be a request we do not know.
            let request =
                request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
            let answer = cloud.answer(request).await;
            let answer = answer.map_err(|broken| ConnectorError::io(broken.into()))?;
            SdkResponse::try_from(answer.map(SdkBody::from))
                .map_err(|error| ConnectorError::user(error.into()))
        })
    }
}
