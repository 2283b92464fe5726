//! Whose something is that takes no tags: a word in its comment or description says so.

use super::Cloud;
use crate::engine::{Existing, Found, Resource};

const WORD: &str = "provisioner:stack=";

/// The word that marks something as a stack's.
pub fn mark(stack: &str) -> String {
    format!("{WORD}{stack}")
}

/// The stack that a comment names.
pub fn marked_stack(comment: &str) -> Option<&str> {
    comment.split_whitespace().find_map(|word| word.strip_prefix(WORD))
}

/// Whose `existing` is, by its comment.
pub fn sort_by_mark<R: Resource>(comment: &str, existing: Existing<R>, cloud: &Cloud) -> Found<R> {
    match marked_stack(comment) {
        Some(stack) if stack == cloud.stack => Found::Ours(existing),
        Some(other) => Found::Theirs(existing, format!("it belongs to the stack `{other}`")),
        None => {
            let word = mark(&cloud.stack);
            Found::Theirs(existing, format!("its comment does not say `{word}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_a_comment_names_the_stack() {
        assert_eq!(marked_stack(&mark("gsm")), Some("gsm"));
        assert_eq!(marked_stack("office, provisioner:stack=gsm (do not delete)"), Some("gsm"));
        assert_eq!(marked_stack("gsm"), None);
    }
}
