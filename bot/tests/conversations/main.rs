//! Conversations with the bot: messages in, replies out. One binary, because linking it is what costs time.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod acceptance;
mod announcements;
mod dialogues;
mod donations;
mod feedback;
mod general;
mod hand_off;
mod hostile;
mod invitations;
mod join;
mod life_cycle;
mod migration;
mod notify;
mod notify_groups;
mod presence;
mod privacy;
mod queries;
mod runtime;
mod settings;
mod status;
mod status_users;
mod support;
mod telegram_stand_in;
mod updates;
