//! The bot. `run::start` starts it; `schema::schema` shows every path that an update can take.

pub mod announcer;
pub mod callback;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod context;
pub mod dialogue;
pub mod handlers;
pub mod house_keeping;
pub mod log;
pub mod menus;
pub mod metrics;
pub mod polling;
pub mod presence;
pub mod run;
pub mod schema;
pub mod sign_in;
pub mod store;
pub mod telegram;
pub mod text;
pub mod updates;
pub mod webhook;
