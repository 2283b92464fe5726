//! The program against a stand-in of the cloud, over HTTP, with the real clients.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(feature = "sandbox")]
mod canaries;
mod changes;
mod cli;
mod deploy;
mod dockerfile;
mod failures;
#[cfg(feature = "sandbox")]
mod github_actions;
mod intents;
mod jenkins;
#[cfg(feature = "sandbox")]
mod jenkinsfile;
mod kills;
mod lifecycle;
#[cfg(feature = "sandbox")]
mod permissions;
mod resources;
#[cfg(feature = "sandbox")]
mod sandbox;
mod shared_state;
#[cfg(feature = "sandbox")]
mod simulation;
mod state_file;
mod state_samples;
mod support;
mod verify;
