//! Times as the services write them.

use chrono::{DateTime, NaiveDateTime};

use crate::clock::Time;

/// The time that `text` means, if it means one: with or without a fraction of any length, and in UTC where it names no
/// zone.
pub fn parse(text: &str) -> Option<Time> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())
        })
        .ok()
        .map(|time| Time(time.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_and_zones_may_be_missing() {
        for (text, millis) in [
            ("2018-03-27T02:19:03.1204387Z", 120),
            ("2018-03-27T02:19:03Z", 0),
            ("2018-03-27T02:19:03", 0),
            ("2018-03-27T02:19:03.12", 120),
            (" 2018-03-27T04:19:03.120438799123+02:00", 120),
        ] {
            assert_eq!(parse(text), Some(Time(1_522_117_143_000 + millis)), "{text}");
        }
        for text in ["", "soon", "2018-03-27", "2018-13-27T02:19:03Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
