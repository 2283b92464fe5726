//! What conversations are made of: a stand-in for Telegram, a database, the bot, and people who talk to it.

pub mod bot;
pub mod conversation;
pub mod database;
pub mod draft;
pub mod group;
pub mod logs;
pub mod person;
pub mod providers;
pub mod queries;
pub mod telegram;
#[macro_use]
pub mod transcript;
