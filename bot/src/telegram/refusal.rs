//! What it means that Telegram did not do something.

use teloxide::{ApiError, RequestError};

/// Why Telegram did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bot cannot write to this chat or person any more, or never could.
    #[error("the chat cannot be reached")]
    Gone,
    /// The bot is in the chat but may not write there. It stays silent.
    #[error("the bot may not write there")]
    Silenced,
    /// The group has become a supergroup with this id.
    #[error("the group has become {0}")]
    Migrated(i64),
    /// What was asked for is so already, or does not matter any more.
    #[error("nothing to do")]
    Harmless,
    /// The message cannot be edited: it was deleted or is too old.
    #[error("the message cannot be edited")]
    Uneditable,
    /// The topic is closed to us or deleted.
    #[error("there is no such topic")]
    NoSuchTopic,
    /// What Telegram called this file means nothing to it any more.
    #[error("the file is not known any more")]
    StaleFile,
    /// Too many requests, even after waiting.
    #[error("too many requests")]
    TooMany,
    /// Telegram was not reached, or its answer got lost: nobody knows whether it was done.
    #[error("Telegram was not reached: {0}")]
    Unknown(String),
    /// Anything else: most likely a mistake of ours.
    #[error("Telegram refused: {0}")]
    Other(String),
}

impl Refusal {
    /// What an error means.
    pub fn of(error: &RequestError) -> Self {
        match error {
            RequestError::MigrateToChatId(new) => Self::Migrated(new.0),
            RequestError::RetryAfter(_) => Self::TooMany,
            RequestError::Network(it) => Self::Unknown(network(it)),
            RequestError::Io(it) => Self::Unknown(it.kind().to_string()),
            // The answer may quote messages, so it stays out.
            RequestError::InvalidJson { source, .. } => {
                Self::Unknown(format!("an answer that is not as expected: {:?}", source.classify()))
            }
            RequestError::Api(it) => Self::of_api(it),
        }
    }

    fn of_api(error: &ApiError) -> Self {
        match error {
            ApiError::BotBlocked
            | ApiError::BotKicked
            | ApiError::BotKickedFromSupergroup
            | ApiError::BotKickedFromChannel
            | ApiError::UserDeactivated
            | ApiError::CantInitiateConversation
            | ApiError::CantTalkWithBots
            | ApiError::ChatNotFound
            | ApiError::GroupDeactivated => Self::Gone,
            ApiError::MessageNotModified
            | ApiError::MessageToDeleteNotFound
            | ApiError::MessageCantBeDeleted
            | ApiError::InvalidQueryId => Self::Harmless,
            ApiError::MessageToEditNotFound
            | ApiError::MessageCantBeEdited
            | ApiError::MessageIdInvalid => Self::Uneditable,
            ApiError::WrongFileId | ApiError::WrongFileIdOrUrl | ApiError::FileIdInvalid => {
                Self::StaleFile
            }
            ApiError::NotEnoughRightsToPostMessages => Self::Silenced,
            ApiError::Unknown(text) => Self::of_text(text),
            other => Self::Other(other.to_string()),
        }
    }

    /// Errors that teloxide has no name for.
    fn of_text(text: &str) -> Self {
        let lower = text.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|it| lower.contains(it));
        if says(&["not enough rights", "no rights to send", "write_forbidden", "topic_closed"]) {
            Self::Silenced
        } else if says(&["message thread not found", "topic_deleted"]) {
            Self::NoSuchTopic
        } else if says(&["no text in the message to edit"]) {
            Self::Uneditable
        } else if lower.starts_with("forbidden") || says(&["peer_id_invalid", "chat not found"]) {
            Self::Gone
        } else {
            Self::Other(text.to_owned())
        }
    }

    /// In a word, for the metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Silenced => "silenced",
            Self::Migrated(_) => "migrated",
            Self::Harmless => "harmless",
            Self::Uneditable => "uneditable",
            Self::NoSuchTopic => "no_such_topic",
            Self::StaleFile => "stale_file",
            Self::TooMany => "too_many",
            Self::Unknown(_) => "unknown",
            Self::Other(_) => "other",
        }
    }

    /// Whether this is simply how the chat is, so that nobody has to be told and nothing is broken.
    pub fn is_fate(&self) -> bool {
        matches!(
            self,
            Self::Gone
                | Self::Silenced
                | Self::Migrated(_)
                | Self::Harmless
                | Self::Uneditable
                | Self::NoSuchTopic
        )
    }
}

/// What kind of network error it is. Its text has the address in it, and the token is part of that.
fn network(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "time is up"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "an answer that was cut off"
    } else {
        "the connection failed"
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_without_a_name_are_sorted_by_their_text() {
        let of = |text: &str| Refusal::of(&RequestError::Api(ApiError::Unknown(text.to_owned())));
        assert_eq!(of("Forbidden: bot was kicked from the group chat"), Refusal::Gone);
        assert_eq!(of("Forbidden: bot can't initiate conversation with a user"), Refusal::Gone);
        assert_eq!(of("Bad Request: not enough rights to send text messages"), Refusal::Silenced);
        assert_eq!(of("Bad Request: TOPIC_CLOSED"), Refusal::Silenced);
        assert_eq!(of("Bad Request: message thread not found"), Refusal::NoSuchTopic);
        assert_eq!(of("Bad Request: no such thing").kind(), "other");
    }
}
