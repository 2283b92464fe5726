//! What can be a name on a service, decided without asking it.

use url::Url;

use super::{AccountId, Failure};

/// A gamertag: 1 to 20 characters, none of them a control character or one that would be part of a path.
pub fn gamertag(typed: &str) -> Result<&str, Failure> {
    let name = typed.trim();
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | '?' | '%' | '<' | '>');
    if (1..=20).contains(&name.chars().count()) && !name.contains(bad) {
        Ok(name)
    } else {
        Err(Failure::Invalid)
    }
}

/// A PSN online id: a letter and 2 to 15 letters, digits, hyphens or underscores.
pub fn online_id(typed: &str) -> Result<&str, Failure> {
    let name = typed.trim();
    let rest = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if (3..=16).contains(&name.len())
        && name.as_bytes()[0].is_ascii_alphabetic()
        && name.bytes().all(rest)
    {
        Ok(name)
    } else {
        Err(Failure::Invalid)
    }
}

/// How somebody named a Steam account.
#[derive(Debug, PartialEq, Eq)]
pub enum SteamName {
    /// By its number.
    Id(AccountId),
    /// By the name in the address of the profile.
    Vanity(String),
}

/// A SteamID64, the address of a profile, or the name in such an address.
pub fn steam(typed: &str) -> Result<SteamName, Failure> {
    let name = typed.trim();
    let Some(path) = profile_path(name) else { return id(name).map_or_else(|| vanity(name), Ok) };
    match (path.first().map(String::as_str), path.get(1)) {
        (Some("profiles"), Some(number)) => id(number).ok_or(Failure::Invalid),
        (Some("id"), Some(name)) => vanity(name),
        _ => Err(Failure::Invalid),
    }
}

/// The path of an address of the Steam community, with or without scheme.
fn profile_path(typed: &str) -> Option<Vec<String>> {
    if !typed.contains('/') {
        return None;
    }
    let address = if typed.contains("://") { typed.into() } else { format!("https://{typed}") };
    let url = Url::parse(&address).ok()?;
    let host = url.host_str()?;
    if host != "steamcommunity.com" && host != "www.steamcommunity.com" {
        return Some(Vec::new());
    }
    Some(url.path_segments()?.filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

fn id(digits: &str) -> Option<SteamName> {
    let is_id = digits.len() == 17 && digits.bytes().all(|c| c.is_ascii_digit());
    if is_id { digits.parse().ok().map(SteamName::Id) } else { None }
}

fn vanity(name: &str) -> Result<SteamName, Failure> {
    let possible = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if (2..=32).contains(&name.len()) && name.bytes().all(possible) {
        Ok(SteamName::Vanity(name.to_owned()))
    } else {
        Err(Failure::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamertags_are_short_and_stay_in_their_path() {
        assert_eq!(gamertag("  Major Nelson#1234 "), Ok("Major Nelson#1234"));
        assert_eq!(gamertag("Ärger"), Ok("Ärger"));
        for bad in ["", "   ", "123456789012345678901", "a/b", "a\nb", "a%2fb", "a?b"] {
            assert_eq!(gamertag(bad), Err(Failure::Invalid), "{bad}");
        }
    }

    #[test]
    fn online_ids_follow_the_rule_of_psn() {
        assert_eq!(online_id(" VaultTec-Co_1 "), Ok("VaultTec-Co_1"));
        for bad in ["ab", "1abc", "-abc", "12345678901234567", "a b c", "äbc", ""] {
            assert_eq!(online_id(bad), Err(Failure::Invalid), "{bad}");
        }
    }

    #[test]
    fn steam_takes_numbers_addresses_and_vanity_names() {
        let id = Ok(SteamName::Id(AccountId(76_561_197_960_435_530)));
        let robin = Ok(SteamName::Vanity("robinwalker".into()));
        assert_eq!(steam("76561197960435530"), id);
        assert_eq!(steam("https://steamcommunity.com/profiles/76561197960435530/"), id);
        assert_eq!(steam("steamcommunity.com/id/robinwalker?l=german"), robin);
        assert_eq!(steam("http://www.steamcommunity.com/id/robinwalker/games"), robin);
        assert_eq!(steam(" robinwalker "), robin);
        for bad in [
            "",
            "x",
            "a b",
            "https://example.com/id/robinwalker",
            "https://steamcommunity.com/groups/valve",
            "https://steamcommunity.com/profiles/12",
            "https://steamcommunity.com/id/",
            "a/../../b",
        ] {
            assert_eq!(steam(bad), Err(Failure::Invalid), "{bad}");
        }
    }
}
