//! Colours by meaning, and text that does no harm to a terminal.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

use crate::{config::visible_char, engine::Action};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const MAGENTA: Style = AnsiColor::Magenta.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Text in a style.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The sign and the style of an action.
pub(super) fn sign(action: Action) -> (char, Style) {
    match action {
        Action::Keep => ('=', DIM),
        Action::Create => ('+', GREEN),
        Action::Update => ('~', YELLOW),
        Action::Replace => ('±', MAGENTA),
        Action::Delete => ('-', RED),
    }
}

/// What came from outside, without what a terminal would obey, or what hides what is written.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|it| if it == '\n' { it } else { visible_char(it) }).collect()
}
