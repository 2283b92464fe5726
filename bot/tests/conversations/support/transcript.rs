//! Whole conversations as snapshots.

/// What differs in each run, and what stands for it.
pub const CHANCE: [(&str, &str); 4] = [
    // Deep links of hand-offs.
    (r"\bi_[A-Za-z0-9_-]{22}", "i_TOKEN"),
    // Files that were uploaded.
    (r"file-\d+-", "file-"),
    // Users and groups are numbered in the order of their making, across all chats.
    (r"tg://user\?id=\d+", "tg://user?id=ID"),
    // Codes by which a mistake is found in the log.
    (r"\b[0-9A-F]{8}\b", "REFERENCE"),
];

/// Compares what came in and what went out since the last time with a snapshot: in a file of its own, or inline as
/// `assert_conversation!(world, @"…")`.
#[macro_export]
macro_rules! assert_conversation {
    ($world:expr $(, @ $inline:literal)?) => {
        insta::with_settings!({
            filters => $crate::support::transcript::CHANCE.to_vec(),
            omit_expression => true,
        }, {
            insta::assert_snapshot!($world.conversation() $(, @ $inline)?);
        })
    };
}
