//! The text of the file and places in it.

use std::ops::Range;

use super::problem::visible_char;

/// A part of the text, in characters from its start, as the parser counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// The first character.
    pub(super) start: usize,
    /// The one after the last.
    pub(super) end: usize,
}

impl Span {
    /// A place between two characters.
    pub(super) fn point(at: usize) -> Self {
        Self { start: at, end: at }
    }
}

/// A file's name and content.
#[derive(Clone, Debug)]
pub(super) struct Text {
    file_name: String,
    content: String,
    /// The byte at which each character starts.
    bytes: Vec<usize>,
    /// The character at which each line starts.
    lines: Vec<usize>,
}

/// One line as it is shown.
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    /// Without characters that control a terminal.
    pub(super) shown: String,
    /// The bytes of `shown` to underline.
    pub(super) marked: Range<usize>,
}

impl Text {
    /// Takes a byte order mark off: no position counts it.
    pub(super) fn new(file_name: &str, content: &str) -> Self {
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        let bytes = content.char_indices().map(|(byte, _)| byte).collect();
        let breaks = content.chars().enumerate().filter(|(_, char)| *char == '\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file_name: file_name.to_owned(), content: content.to_owned(), bytes, lines }
    }

    /// As the user gave it.
    pub(super) fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The whole of it.
    pub(super) fn content(&self) -> &str {
        &self.content
    }

    /// The characters of a span.
    pub(super) fn slice(&self, span: Span) -> &str {
        let start = self.byte_of(span.start);
        let end = self.byte_of(span.end).max(start);
        self.content.get(start..end).unwrap_or_default()
    }

    /// The character a byte belongs to.
    pub(super) fn char_of(&self, byte: usize) -> usize {
        self.bytes.partition_point(|start| *start < byte)
    }

    /// The number of the line a character is in, from 1.
    pub(super) fn line_number(&self, char: usize) -> usize {
        self.lines.partition_point(|start| *start <= char)
    }

    /// The line in which a span starts, with the part of the span that is in it, and `hidden` starred out.
    pub(super) fn line_of(&self, span: Span, hidden: &[Span]) -> Line {
        let number = self.line_number(span.start);
        let line_start = number
            .checked_sub(1)
            .and_then(|index| self.lines.get(index))
            .copied()
            .unwrap_or_default();
        let rest = self.content.get(self.byte_of(line_start)..).unwrap_or_default();
        let line: Vec<char> = rest.chars().take_while(|c| *c != '\n').collect();
        let used = line.iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1);

        let from = span.start.saturating_sub(line_start).min(used);
        let to = (span.end.saturating_sub(line_start)).clamp(from, used);
        // What ends before it starts (an empty value, the end of the file) is shown as one character.
        let to = if to == from { (from + 1).min(used) } else { to };

        let mut shown = String::with_capacity(used);
        let mut marked = 0..0;
        for (column, char) in line.iter().take(used).enumerate() {
            if column == from {
                marked.start = shown.len();
            }
            let at = line_start + column;
            let secret = hidden.iter().any(|span| (span.start..span.end).contains(&at));
            shown.push(if secret { '*' } else { visible_char(*char) });
            if column < to {
                marked.end = shown.len();
            }
        }
        if from == used {
            marked = shown.len()..shown.len();
        }
        Line { number, shown, marked }
    }

    fn byte_of(&self, char: usize) -> usize {
        self.bytes.get(char).copied().unwrap_or(self.content.len())
    }
}
