//! Buttons below a message.

use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup};
use url::Url;

use crate::callback::Callback;

/// Rows of buttons below a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyboard(Vec<Vec<Button>>);

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    label: String,
    does: Does,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Does {
    Press(Callback),
    Open(String),
}

impl Button {
    /// A button that tells the bot something.
    pub fn press(label: impl Into<String>, callback: Callback) -> Self {
        Self { label: label.into(), does: Does::Press(callback) }
    }

    /// A button that opens a page.
    pub fn open(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self { label: label.into(), does: Does::Open(url.into()) }
    }

    fn telegrams(&self) -> InlineKeyboardButton {
        let label = self.label.as_str();
        match &self.does {
            Does::Press(callback) => InlineKeyboardButton::callback(label, callback.encode()),
            Does::Open(url) => match Url::parse(url) {
                Ok(url) => InlineKeyboardButton::url(label, url),
                // A mistake of ours; the message is worth more than the button.
                Err(_) => InlineKeyboardButton::callback(label, Callback::Foreign.encode()),
            },
        }
    }
}

impl Keyboard {
    /// No buttons.
    pub fn new() -> Self {
        Self::default()
    }

    /// With another row. An empty one is left out.
    pub fn row(mut self, buttons: impl IntoIterator<Item = Button>) -> Self {
        let row: Vec<Button> = buttons.into_iter().collect();
        if !row.is_empty() {
            self.0.push(row);
        }
        self
    }

    /// With these buttons, so many in each row.
    pub fn grid(mut self, buttons: impl IntoIterator<Item = Button>, columns: usize) -> Self {
        let buttons: Vec<Button> = buttons.into_iter().collect();
        self.0.extend(buttons.chunks(columns.max(1)).map(<[Button]>::to_vec));
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn markup(&self) -> InlineKeyboardMarkup {
        let row = |row: &Vec<Button>| row.iter().map(Button::telegrams).collect::<Vec<_>>();
        InlineKeyboardMarkup::new(self.0.iter().map(row))
    }
}
