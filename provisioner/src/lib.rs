//! Creates, compares, changes and deletes everything that a `stack.yaml` declares. See ARCHITECTURE.md.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod cloud;
pub mod commands;
pub mod config;
pub mod core_dump;
pub mod deployment;
pub mod engine;
pub mod failure;
pub mod lookups;
pub mod permissions;
pub mod place;
pub mod program;
pub mod registry;
pub mod resources;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod shared_state;
pub mod ui;
pub mod verify;
