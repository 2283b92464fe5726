//! Long lists in pages.

/// One page and the token of the next. The token is where it begins: callers must not know, and they do not look.
///
/// None: the token is not one of ours.
pub(crate) fn page<T>(
    all: impl IntoIterator<Item = T>,
    token: Option<&str>,
    size: usize,
) -> Option<(Vec<T>, Option<String>)> {
    let start = match token {
        Some(token) => token.strip_prefix("page-")?.parse().ok()?,
        None => 0,
    };
    let mut rest = all.into_iter().skip(start);
    let items: Vec<T> = rest.by_ref().take(size.max(1)).collect();
    let next = rest.next().map(|_| format!("page-{}", start + items.len()));
    Some((items, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_everything_once() {
        let (first, token) = page(0..5, None, 2).unwrap_or_default();
        let (second, token) = page(0..5, token.as_deref(), 2).unwrap_or((first.clone(), token));
        let (third, end) = page(0..5, token.as_deref(), 2).unwrap_or((first.clone(), token));
        assert_eq!((first, second, third, end), (vec![0, 1], vec![2, 3], vec![4], None));
        assert_eq!(page(0..5, Some("nonsense"), 2), None);
    }
}
