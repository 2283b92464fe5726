//! The program against a stand-in of the cloud, over HTTP, with the real clients.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod resources;
mod support;
