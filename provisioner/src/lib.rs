//! Creates, compares, changes and deletes everything that a `stack.yaml` declares. See ARCHITECTURE.md.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod cloud;
pub mod commands;
pub mod config;
pub mod deployment;
pub mod engine;
pub mod failure;
pub mod lookups;
pub mod program;
pub mod resources;
pub mod ui;
