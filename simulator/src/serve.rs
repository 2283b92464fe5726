//! The simulated cloud on a port of this machine, for whoever speaks HTTP: the AWS CLI, boto3, another process.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    control,
    simulator::{Broken, Simulator},
};

/// Longest body that is read.
const LONGEST: usize = 8 << 20;

/// A served cloud; it ends when this is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Serves on 127.0.0.1; port 0 means any that is free.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub async fn serve(&self, port: u16) -> io::Result<Served> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let simulator = self.clone();
        let task = tokio::spawn(async move {
            // A connection that could not be accepted is that client's trouble.
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(converse(simulator.clone(), stream));
                }
            }
        });
        Ok(Served { address, task })
    }
}

impl Served {
    /// Such as `http://127.0.0.1:4566`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(simulator: Simulator, stream: TcpStream) {
    let service = service_fn(move |request| answer(simulator.clone(), request));
    // An error here is a connection that one side closed, perhaps on purpose: see `Broken`.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
async fn answer(
    simulator: Simulator,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LONGEST).collect().await.map_err(io::Error::other)?;
    let request = Request::from_parts(head, body.to_bytes());
    if request.uri().path().starts_with(control::PREFIX) {
        return Ok(control::answer(&simulator, &request).map(Full::new));
    }
    match simulator.call(request).await {
        Ok(response) => Ok(response.map(Full::new)),
        // Its Content-Length announces the whole: after the part, hyper closes the connection.
        Err(Broken::Truncated(part)) => Ok((*part).map(Full::new)),
        // Served, a connection is accepted before anybody knows what it will ask for, so refusing is closing.
        Err(broken @ (Broken::Refused | Broken::Reset)) => Err(io::Error::other(broken)),
    }
}
