//! `state`: where what we remember of the stack is kept, if not in a folder of this machine.

use super::{
    names::region,
    reader::{Field, Wrong},
};

/// A place in S3 for the state, for several people and machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateBucket {
    /// The bucket.
    pub bucket: String,
    /// What the keys of its objects begin with, without a slash at its end; empty for none.
    pub prefix: String,
    /// The bucket's AWS region; the stack's if none.
    pub region: Option<String>,
    /// The AWS account that the bucket must belong to, twelve digits; the stack's if none.
    pub account: Option<String>,
}

impl StateBucket {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let mut section = field.section()?;
        let place = section
            .required("s3", "my-bucket/my-prefix")
            .and_then(|field| field.parsed(Self::parse))
            .unwrap_or_else(|| Self::of("", ""));
        let state = Self {
            region: section.parsed("region", region),
            account: section.optional("account").and_then(|field| field.parsed_scalar(account)),
            ..place
        };
        section.finish();
        Some(state)
    }

    /// Reads `bucket/prefix`, also with `s3://` before it.
    ///
    /// # Errors
    ///
    /// What S3 would not take, by "General purpose bucket naming rules" and "Naming Amazon S3 objects" in its User Guide.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let path = text.strip_prefix("s3://").unwrap_or(text).trim_end_matches('/');
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if let Err(help) = check_bucket(bucket) {
            return Err(Wrong::new("does not begin with the name of a bucket").help(help));
        }
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_.!'()/".contains(c);
        let step = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !prefix.is_empty() && (!prefix.chars().all(safe) || !prefix.split('/').all(step)) {
            return Err(Wrong::new("has a prefix that is not safe in keys of S3")
                .help("letters, digits and -_.!'() between single slashes"));
        }
        if prefix.len() > 900 {
            return Err(Wrong::new("has too long a prefix").help("at most 900 characters"));
        }
        Ok(Self::of(bucket, prefix))
    }

    /// The key of the object called `name`.
    pub fn key(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    fn of(bucket: &str, prefix: &str) -> Self {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Self { bucket, prefix, region: None, account: None }
    }
}

fn check_bucket(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(3..=63).contains(&name.len()) {
        return Err("a bucket's name has 3 to 63 characters");
    }
    if !name.chars().all(|c| plain(c) || c == '-' || c == '.') {
        return Err("a bucket's name has lower-case letters, digits, hyphens and dots only");
    }
    if !name.starts_with(plain) || !name.ends_with(plain) || name.contains("..") {
        return Err(
            "a bucket's name begins and ends with a letter or digit, and has no two dots in a row",
        );
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("a bucket's name does not look like an IP address");
    }
    if name.starts_with("xn--") || name.starts_with("sthree-") || name.ends_with("-s3alias") {
        return Err(
            "S3 keeps names that begin with `xn--` or `sthree-`, or end in `-s3alias`, for itself",
        );
    }
    Ok(())
}

fn account(text: &str) -> Result<String, Wrong> {
    match text.len() == 12 && text.chars().all(|c| c.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err(Wrong::new("is not an AWS account").help(
            "twelve digits, in quotation marks if the first is 0; `aws sts get-caller-identity` prints it",
        )),
    }
}
