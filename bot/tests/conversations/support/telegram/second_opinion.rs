//! A second opinion on calls: the types of the `frankenstein` crate, written by people who read the same
//! documentation without us.

use frankenstein::{methods, updates};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Where the crate's types see the call differently; nothing where they do not know the method.
pub fn misfits(method: &str, call: &Value) -> Option<String> {
    let outcome = match method {
        "sendMessage" => survives::<methods::SendMessageParams>(call),
        "sendAnimation" => survives::<methods::SendAnimationParams>(call),
        "sendAudio" => survives::<methods::SendAudioParams>(call),
        "sendVideo" => survives::<methods::SendVideoParams>(call),
        "sendInvoice" => survives::<methods::SendInvoiceParams>(call),
        "sendChatAction" => survives::<methods::SendChatActionParams>(call),
        "copyMessage" => survives::<methods::CopyMessageParams>(call),
        "editMessageText" => survives::<methods::EditMessageTextParams>(call),
        "editMessageReplyMarkup" => survives::<methods::EditMessageReplyMarkupParams>(call),
        "deleteMessage" => survives::<methods::DeleteMessageParams>(call),
        "deleteMessages" => survives::<methods::DeleteMessagesParams>(call),
        "answerCallbackQuery" => survives::<methods::AnswerCallbackQueryParams>(call),
        "answerPreCheckoutQuery" => survives::<methods::AnswerPreCheckoutQueryParams>(call),
        "refundStarPayment" => survives::<methods::RefundStarPaymentParams>(call),
        "getChat" => survives::<methods::GetChatParams>(call),
        "getChatMember" => survives::<methods::GetChatMemberParams>(call),
        "getChatAdministrators" => survives::<methods::GetChatAdministratorsParams>(call),
        "leaveChat" => survives::<methods::LeaveChatParams>(call),
        "setMyCommands" => survives::<methods::SetMyCommandsParams>(call),
        "setMyDescription" => survives::<methods::SetMyDescriptionParams>(call),
        "setMyShortDescription" => survives::<methods::SetMyShortDescriptionParams>(call),
        "getUpdates" => survives::<methods::GetUpdatesParams>(call),
        "setWebhook" => survives::<methods::SetWebhookParams>(call),
        _ => Ok(()),
    };
    outcome.err().map(|it| format!("{method}, says frankenstein: {it}"))
}

/// Whether the crate reads an update.
pub fn reads_update(update: &Value) -> Result<(), String> {
    let mut update = update.clone();
    modernise(&mut update);
    serde_json::from_value::<updates::Update>(update).map(drop).map_err(|it| it.to_string())
}

/// The crate is one version of the Bot API ahead of the description, and insists on a right that is new there.
fn modernise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("status").is_some_and(|it| it == "administrator") {
                fields.entry("can_send_welcome_messages").or_insert(Value::Bool(false));
            }
            fields.values_mut().for_each(modernise);
        }
        Value::Array(items) => items.iter_mut().for_each(modernise),
        _ => {}
    }
}

/// Reads the call into the type and back: what the type does not know gets lost on the way.
fn survives<T: DeserializeOwned + Serialize>(call: &Value) -> Result<(), String> {
    let read: T = serde_json::from_value(call.clone()).map_err(|it| it.to_string())?;
    let back = serde_json::to_value(&read).map_err(|it| it.to_string())?;
    let lost: Vec<&String> = call
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| back.get(name.as_str()) != Some(value))
        .map(|(name, _)| name)
        .collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("it has no place for {lost:?} as they are")) }
}
