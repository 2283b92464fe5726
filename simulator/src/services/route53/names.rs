//! Names in DNS: how Route 53 writes and orders them.

/// A name as we keep it: in lower case, without the dot at the end, and without Route 53's way of writing characters
/// (`\052` is `*`).
pub(super) fn canonical(name: &str) -> String {
    let plain = name.strip_suffix('.').unwrap_or(name);
    plain.replace("\\052", "*").to_ascii_lowercase()
}

pub(super) fn escaped(name: &str) -> String {
    name.replace('*', "\\052")
}

/// A name as Route 53 gives it back.
pub(super) fn written(name: &str) -> String {
    format!("{}.", escaped(name))
}

/// Where a record stands in its zone: names count from their end.
pub(super) fn place(name: &str, kind: &str) -> (Vec<String>, String) {
    (labels(name), kind.to_owned())
}

pub(super) fn labels(name: &str) -> Vec<String> {
    name.split('.').rev().map(str::to_owned).collect()
}

pub(super) fn is_legal(name: &str) -> bool {
    let label = |it: &str| {
        (1..=63).contains(&it.len())
            && it.chars().all(|it| it.is_ascii_alphanumeric() || "-_*".contains(it))
    };
    name.len() <= 255 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_they_are_written() {
        assert_eq!(canonical("\\052.Example.com."), "*.example.com");
        assert_eq!(written("*.example.com"), "\\052.example.com.");
    }

    #[test]
    fn records_stand_by_their_labels_from_the_end() {
        let mut names =
            vec!["cot.example.com", "sub.bot.example.com", "bot.example.com", "example.com"];
        names.sort_by_key(|it| place(it, "A"));
        let sorted = ["example.com", "bot.example.com", "sub.bot.example.com", "cot.example.com"];
        assert_eq!(names, sorted);
    }
}
