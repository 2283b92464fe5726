//! Names, and what AWS and DNS allow in them.

use super::reader::Wrong;

/// AWS's shortest limit for a name we make (load balancers and target groups).
const LONGEST_AWS_NAME: usize = 32;
/// A hyphen and six characters of a hash, after the stack's and the service's name.
const SUFFIX: usize = 7;
/// The hyphen between the two.
const HYPHEN: usize = 1;

/// A stack's name: the first part of almost every name in AWS.
pub(super) fn stack(name: &str) -> Result<String, Wrong> {
    simple(name, "the name of a stack")?;
    if name.len() > 20 {
        return Err(Wrong::new("is too long for the name of a stack").help("at most 20 characters"));
    }
    // Load balancers must not be called so, and the first one is called after the stack.
    if name == "internal" || name.starts_with("internal-") {
        return Err(Wrong::new("cannot be the name of a stack").help(
            "AWS keeps names that start with `internal-` for load balancers of its own making",
        ));
    }
    Ok(name.to_owned())
}

/// A service's name.
pub(super) fn service(name: &str) -> Result<(), Wrong> {
    simple(name, "the name of a service")?;
    let taken = TAKEN.contains(&name)
        || TAKEN.iter().any(|it| name.strip_prefix(it).is_some_and(|rest| rest.starts_with('-')))
        || PARTS.iter().any(|it| name.strip_suffix(it).is_some_and(|rest| rest.ends_with('-')));
    if taken {
        return Err(Wrong::new("is what a part of the stack is called")
            .help(format!("not one of {}, alone or before a hyphen", TAKEN.join(", ")))
            .help(format!("and not {} after a hyphen", PARTS.join(", "))));
    }
    Ok(())
}

/// Names of the program's own resources, and what those of a service end in (see `provisioner/src/program/`): a service
/// of such a name would be two things at once.
const TAKEN: [&str; 13] = [
    "balancer",
    "certificate",
    "cluster",
    "database",
    "domain",
    "github-provider",
    "http",
    "https",
    "jenkins",
    "key",
    "logs",
    "network",
    "zone",
];
const PARTS: [&str; 7] = ["execution", "group", "ingress", "role", "rule", "targets", "task"];

/// Whether AWS allows what we make of both names. The stack's own name has been checked.
pub(super) fn combined(stack: &str, service: &str) -> Result<(), Wrong> {
    let most = LONGEST_AWS_NAME.saturating_sub(SUFFIX + HYPHEN + stack.len());
    if service.len() <= most {
        return Ok(());
    }
    Err(Wrong::new(format!("is too long beside the stack's name `{stack}`")).help(format!(
        "at most {most} characters: AWS allows {LONGEST_AWS_NAME} in the name of a target group, which is made of \
         both names and {SUFFIX} more characters"
    )))
}

fn simple(name: &str, what: &str) -> Result<(), Wrong> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let start = name.starts_with(|c: char| c.is_ascii_lowercase());
    if start && name.chars().all(fits) && !name.ends_with('-') {
        return Ok(());
    }
    let help = "lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen";
    let better: String = name
        .to_lowercase()
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .skip_while(|c| !c.is_alphabetic())
        .collect();
    let better = better.trim_matches('-');
    Err(Wrong::new(format!("cannot be {what}")).help(if better.is_empty() || better.len() > 20 {
        help.to_owned()
    } else {
        format!("{help}; for example `{better}`")
    }))
}

/// An AWS region, by its shape: new ones appear.
pub(super) fn region(name: &str) -> Result<String, Wrong> {
    if is_region(name) {
        return Ok(name.to_owned());
    }
    let wrong = Wrong::new("is not the name of an AWS region");
    let plain = name.to_lowercase().replace(['_', ' '], "-");
    let zone = plain.trim_end_matches(|c: char| c.is_ascii_lowercase());
    Err(wrong.help(if is_region(&plain) {
        format!("did you mean `{plain}`?")
    } else if is_region(zone) {
        format!("did you mean `{zone}`? (`{plain}` is one of its zones)")
    } else {
        "for example `eu-central-1`".to_owned()
    }))
}

fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    match parts.as_slice() {
        [area, middle @ .., number] => {
            (2..=4).contains(&area.len())
                && word(area)
                && (1..=2).contains(&middle.len())
                && middle.iter().all(word)
                && (1..=2).contains(&number.len())
                && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    }
}

/// The name of an environment variable, as POSIX has it.
pub(super) fn variable(name: &str) -> Result<String, Wrong> {
    if is_variable(name) {
        return Ok(name.to_owned());
    }
    Err(Wrong::new("is not the name of an environment variable")
        .help("letters, digits and underscores, not starting with a digit"))
}

/// See [`variable`].
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A tag's key.
pub(super) fn tag_key(key: &str) -> Result<(), Wrong> {
    let lower = key.to_lowercase();
    for (prefix, owner) in [("aws:", "AWS"), ("provisioner:", "the provisioner")] {
        if lower.starts_with(prefix) {
            return Err(Wrong::new(format!("starts with `{prefix}`, which belongs to {owner}")));
        }
    }
    tag_text(key, 1, 128)
}

/// A tag's value.
pub(super) fn tag_value(value: &str) -> Result<(), Wrong> {
    tag_text(value, 0, 256)
}

/// The characters that every service of AWS allows in tags; some allow more.
fn tag_text(text: &str, least: usize, most: usize) -> Result<(), Wrong> {
    if !(least..=most).contains(&text.chars().count()) {
        return Err(Wrong::new("has a length AWS does not allow in a tag")
            .help(format!("{least} to {most} characters")));
    }
    match text.chars().find(|c| !(c.is_alphanumeric() || " _.:/=+-@".contains(*c))) {
        None => Ok(()),
        Some(c) => Err(Wrong::new(format!("has a character AWS does not allow in a tag: `{c}`"))
            .help("letters, digits, spaces and _ . : / = + - @")),
    }
}

/// A host name, without a trailing dot and in lower case.
pub(super) fn domain(name: &str) -> Result<String, Wrong> {
    let wrong = Wrong::new("is not a domain name");
    if name.contains("://") || name.contains('/') {
        return Err(wrong.help("only the name, without `https://` and without a path"));
    }
    let plain = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if !plain.contains('.') || !plain.split('.').all(label) {
        return Err(wrong.help("for example `bot.example.com`"));
    }
    if plain.len() > 253 {
        return Err(wrong.help("at most 253 characters"));
    }
    Ok(plain)
}

/// The id of an AWS resource: a prefix and 8 or 17 hexadecimal digits.
pub(super) fn id(prefix: &'static str) -> impl Fn(&str) -> Result<String, Wrong> {
    move |text| {
        let digits =
            text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
        let hex = digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        if hex && (digits.len() == 8 || digits.len() == 17) {
            return Ok(text.to_owned());
        }
        Err(Wrong::new(format!("is not the id of a {prefix}")).help(format!(
            "`{prefix}-` and 8 or 17 digits from 0 to f, for example `{prefix}-0123456789abcdef0`"
        )))
    }
}

/// An address range.
pub(super) fn cidr(text: &str) -> Result<ipnet::IpNet, Wrong> {
    if let Ok(net) = text.parse::<ipnet::IpNet>() {
        if net == net.trunc() {
            return Ok(net);
        }
        return Err(Wrong::new("is an address within a range, not a range").help(format!(
            "`{}` for the whole range, `{}` for this address",
            net.trunc(),
            single(net.addr())
        )));
    }
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Err(Wrong::new("is an address, not a range")
            .help(format!("`{}` for this address alone", single(address))));
    }
    Err(Wrong::new("is not an address range")
        .help("for example `203.0.113.7/32`, or `0.0.0.0/0` for every address"))
}

fn single(address: std::net::IpAddr) -> ipnet::IpNet {
    ipnet::IpNet::from(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help<T>(result: Result<T, Wrong>) -> String {
        result.err().and_then(|wrong| wrong.help).unwrap_or_default()
    }

    #[test]
    fn stack_names() {
        for good in ["a", "gsm", "a-1", "abcdefghijklmnopqrst", "internals"] {
            assert_eq!(stack(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "1a",
            "a-",
            "A",
            "a_b",
            "-a",
            "ä",
            "a b",
            "abcdefghijklmnopqrstu",
            "internal",
            "internal-x",
        ] {
            assert!(stack(bad).is_err(), "{bad}");
        }
        assert!(help(stack("My Bot_")).ends_with("for example `my-bot`"));
    }

    #[test]
    fn names_together_fit_a_target_group() {
        assert_eq!(combined("gsm", "abcdefghijklmnopqrstu"), Ok(()));
        assert!(combined("gsm", "abcdefghijklmnopqrstuv").is_err());
    }

    #[test]
    fn regions() {
        for good in
            ["eu-central-1", "us-gov-west-1", "ap-southeast-4", "mx-central-1", "eusc-de-east-1"]
        {
            assert_eq!(region(good), Ok(good.to_owned()));
        }
        assert_eq!(help(region("EU_CENTRAL_1")), "did you mean `eu-central-1`?");
        assert_eq!(
            help(region("eu-central-1b")),
            "did you mean `eu-central-1`? (`eu-central-1b` is one of its zones)"
        );
        assert_eq!(help(region("Frankfurt")), "for example `eu-central-1`");
        for bad in ["", "-", "eu--1", "eu-central-", "eu-central"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        assert_eq!(tag_key("Größe: a/b=c+d-e@f_g"), Ok(()));
        for bad in ["", "aws:x", "AWS:x", "provisioner:stack", "a,b", "a\u{1b}"] {
            assert!(tag_key(bad).is_err(), "{bad:?}");
        }
        assert_eq!(tag_value(""), Ok(()));
        assert!(tag_value(&"x".repeat(257)).is_err());
    }

    #[test]
    fn domains_are_made_plain() {
        assert_eq!(domain("Bot.Example.COM."), Ok("bot.example.com".to_owned()));
        for bad in
            ["", "localhost", "a..b", "-a.b", "a_b.c", "https://a.b", "a.b/c", "*.a.b", ".", "a."]
        {
            assert!(domain(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn address_ranges() {
        assert!(cidr("10.0.0.0/8").is_ok());
        assert_eq!(help(cidr("203.0.113.7")), "`203.0.113.7/32` for this address alone");
        assert_eq!(help(cidr("2001:db8::1")), "`2001:db8::1/128` for this address alone");
        assert_eq!(
            help(cidr("10.1.2.3/8")),
            "`10.0.0.0/8` for the whole range, `10.1.2.3/32` for this address"
        );
        assert!(cidr("10.0.0.0/33").is_err());
    }

    #[test]
    fn ids() {
        assert!(id("vpc")("vpc-0123456789abcdef0").is_ok());
        assert!(id("subnet")("subnet-01234567").is_ok());
        for bad in ["vpc-", "vpc-xyz", "subnet-01234567", "vpc-0123456", "vpc01234567"] {
            assert!(id("vpc")(bad).is_err(), "{bad}");
        }
    }
}
