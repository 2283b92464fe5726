//! What a registry wants before it answers: the header `WWW-Authenticate` (RFC 9110, section 11.6.1).

/// Where a token can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The address that gives tokens.
    pub(super) realm: String,
    /// Whom the token is for.
    pub(super) service: Option<String>,
    /// What the token allows, such as `repository:me/bot:pull`.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// Reads a header; `None` if it asks for something else than a token.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut challenge = Self::default();
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = value(after)?;
            match name.trim_matches([' ', ',', '\t']).to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value,
                "service" => challenge.service = Some(value),
                "scope" => challenge.scope = Some(value),
                _ => {}
            }
            rest = after;
        }
        (!challenge.realm.is_empty()).then_some(challenge)
    }
}

/// A quoted or a plain value, and what comes after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Some((value.trim().to_owned(), after));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let read = |header: &str| {
            let it = Challenge::read(header)?;
            Some((it.realm, it.service.unwrap_or_default(), it.scope.unwrap_or_default()))
        };
        let owned = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(
            read(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:me/bot:pull""#
            ),
            owned("https://auth.docker.io/token", "registry.docker.io", "repository:me/bot:pull")
        );
        // A comma within quotes, spaces after commas, what nobody knows, and no quotes.
        assert_eq!(
            read(r#"bearer service=a, error="x,y", realm="http://h/t?a=b", scope="r:a:pull,push""#),
            owned("http://h/t?a=b", "a", "r:a:pull,push")
        );
        assert_eq!(read(r#"Bearer realm="a\"b""#), owned("a\"b", "", ""));
        for other in ["", "Basic realm=\"x\"", "Bearer", "Bearer service=\"x\"", "Bearer realm=\"x"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// `PROPTEST_CASES=1000000` reads as many as one likes.
        #[test]
        fn any_header_is_read_or_refused(rest in r#"([a-z]{0,7}|realm|[ ,=\t"\\]|"[^"]{0,5}"|.){0,30}"#) {
            if let Some(it) = Challenge::read(&format!("Bearer {rest}")) {
                proptest::prop_assert!(!it.realm.is_empty() && it.realm.len() <= rest.len());
            }
        }
    }
}
