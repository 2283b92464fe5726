//! `database`: the MongoDB Atlas cluster, its user and who may connect.

use ipnet::IpNet;

use super::reader::{Field, Wrong};
use super::{Stack, names};

/// A MongoDB Atlas cluster with one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The Atlas project it is in, which must exist: its name or its id of 24 hexadecimal digits.
    pub project: String,
    /// The cluster's name.
    pub cluster: String,
    /// Its size.
    pub tier: Tier,
    /// Its region, in Atlas's spelling: `EU_CENTRAL_1`.
    pub region: String,
    /// Whose machines it runs on.
    pub provider: BackingProvider,
    /// The user the services connect as; the password is made up.
    pub user: String,
    /// What the user may do; at least one.
    pub roles: Vec<DatabaseRole>,
    /// The project's IP access list: who may connect at all. May be empty.
    pub allow_from: Vec<IpNet>,
    /// Whether `destroy` refuses to delete it; on unless told otherwise.
    pub protect: bool,
    /// The default database in the connection URI (field `database`); that of the first role unless told otherwise, so
    /// never absent in a configuration that was read.
    pub name: Option<String>,
}

/// A cluster's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tier {
    /// M0: free of charge, shared, one in a project.
    Free,
    /// Flex: shared, paid by use.
    Flex,
    /// Machines of its own: `M10` and larger, in upper case.
    Dedicated(String),
}

/// Whose machines a cluster runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackingProvider {
    /// Amazon (`AWS`).
    #[default]
    Aws,
    /// Google (`GCP`).
    Gcp,
    /// Microsoft (`AZURE`).
    Azure,
}

/// What a user may do with a database, written `readWrite@gsm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseRole {
    /// A built-in role such as `readWrite`, or one of the project's own.
    pub role: String,
    /// The database it is for; `admin` for roles that are for all.
    pub database: String,
}

impl Database {
    pub(super) fn read(field: &Field<'_>, stack: &Stack<'_>) -> Self {
        let empty = Self {
            project: String::new(),
            cluster: String::new(),
            tier: Tier::Free,
            region: String::new(),
            provider: BackingProvider::default(),
            user: String::new(),
            roles: Vec::new(),
            allow_from: Vec::new(),
            protect: true,
            name: None,
        };
        let Some(mut section) = field.section() else { return empty };
        let provider_field = section.optional("provider");
        let provider = match &provider_field {
            None => Some(BackingProvider::Aws),
            Some(field) => field.choice(&[
                ("AWS", BackingProvider::Aws),
                ("GCP", BackingProvider::Gcp),
                ("AZURE", BackingProvider::Azure),
            ]),
        };
        let roles: Vec<DatabaseRole> = section
            .required("roles", "[readWrite@my-database]")
            .map(|field| {
                if field.elements().is_some_and(|list| list.is_empty()) {
                    field.refuse("is empty: the user could do nothing", |problem| {
                        problem.help("for example `[readWrite@my-database]`")
                    });
                }
                field.list(role)
            })
            .unwrap_or_default();
        let database = Self {
            project: section
                .required("project", "my-project")
                .and_then(|field| field.parsed(project))
                .unwrap_or_default(),
            cluster: section
                .required("cluster", "my-cluster")
                .and_then(|field| field.parsed(cluster))
                .unwrap_or_default(),
            tier: section
                .required("tier", "flex")
                .and_then(|field| field.parsed(tier))
                .unwrap_or(Tier::Free),
            region: match section.optional("region") {
                Some(field) => field.parsed(region).unwrap_or_default(),
                None => match (provider, stack.region) {
                    (Some(BackingProvider::Aws), Some(region)) => atlas_region(region),
                    (Some(BackingProvider::Gcp | BackingProvider::Azure), _) => {
                        section.required("region", "EUROPE_WEST_3");
                        String::new()
                    }
                    _ => String::new(),
                },
            },
            provider: provider.unwrap_or_default(),
            user: section
                .required("user", "my-bot")
                .and_then(|field| field.parsed(user))
                .unwrap_or_default(),
            allow_from: section
                .required("allow_from", "[0.0.0.0/0]")
                .map(|field| field.list(names::cidr))
                .unwrap_or_default(),
            protect: section.boolean("protect", true),
            name: section
                .parsed("database", database_name)
                .or_else(|| roles.first().map(|role| role.database.clone())),
            roles,
        };
        section.finish();
        database
    }
}

fn project(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || " ()@&+:._',-".contains(c);
    if text.len() <= 64 && text.chars().all(fits) && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is neither the name nor the id of an Atlas project")
        .help("at most 64 letters, digits, spaces and ( ) @ & + : . _ - ' , — or the id of 24 digits from 0 to f"))
}

/// Atlas makes the host name of the first 23 characters, which must be unlike those of every other cluster there.
fn cluster(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.len() <= 64 && text.chars().all(fits) && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("cannot be the name of an Atlas cluster")
        .help("at most 64 letters, digits and hyphens, not starting with a hyphen"))
}

fn tier(text: &str) -> Result<Tier, Wrong> {
    let lower = text.to_lowercase();
    let instead = "use `free` or `flex`, or a dedicated tier from `m10` on";
    match lower.as_str() {
        "free" => return Ok(Tier::Free),
        "flex" => return Ok(Tier::Flex),
        "m0" => return Err(Wrong::new("is called `free` here").help("write `tier: free`")),
        "serverless" => {
            let wrong = Wrong::new(
                "does not exist any more: Atlas ended serverless instances on 22 January 2026",
            );
            return Err(wrong.help(instead));
        }
        "m2" | "m5" | "shared" => {
            let wrong = Wrong::new(
                "does not exist any more: Atlas ended M2 and M5 clusters on 22 January 2026",
            );
            return Err(wrong.help(instead));
        }
        _ => {}
    }
    // General purpose, low CPU and NVMe tiers; Atlas knows which there are in the region.
    let size = lower.strip_suffix("_nvme").unwrap_or(&lower);
    let size = size.strip_prefix('m').or_else(|| size.strip_prefix('r')).unwrap_or_default();
    let digits = (2..=3).contains(&size.len()) && size.chars().all(|c| c.is_ascii_digit());
    if digits && !size.starts_with('0') && size.ends_with('0') {
        return Ok(Tier::Dedicated(text.to_uppercase()));
    }
    Err(Wrong::new("is not a tier of Atlas")
        .help("`free`, `flex`, or a dedicated tier such as `m10`, `m20`, `m30`"))
}

fn region(text: &str) -> Result<String, Wrong> {
    if text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
        return Ok(text.to_owned());
    }
    let spelt = atlas_region(text);
    let wrong = Wrong::new("is not how Atlas writes a region");
    Err(wrong.help(if spelt.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        format!("did you mean `{spelt}`?")
    } else {
        "upper-case letters, digits and underscores, for example `EU_CENTRAL_1`".to_owned()
    }))
}

/// An AWS region in Atlas's spelling.
fn atlas_region(region: &str) -> String {
    region.to_uppercase().replace(['-', ' '], "_")
}

/// Narrower than Atlas's own rule: these need no escaping in a connection string or an address.
fn user(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.len() <= 100 && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("cannot be the name of a database user")
        .help("at most 100 letters, digits, dots, hyphens and underscores"))
}

fn role(text: &str) -> Result<DatabaseRole, Wrong> {
    let wrong = || Wrong::new("is not a role").help("`role@database`, for example `readWrite@gsm`");
    let (role, database) = text.split_once('@').ok_or_else(wrong)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if role.is_empty() || !role.chars().all(fits) || database.is_empty() {
        return Err(wrong());
    }
    Ok(DatabaseRole { role: role.to_owned(), database: database_name(database)? })
}

fn database_name(text: &str) -> Result<String, Wrong> {
    let fits = |c: char| !c.is_control() && !"/\\. \"$*<>:|?@".contains(c);
    if text.len() <= 63 && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("has a name MongoDB does not allow for a database")
        .help("at most 63 bytes, without spaces, dots and / \\ \" $ * < > : | ? @"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers() {
        assert_eq!(tier("flex"), Ok(Tier::Flex));
        assert_eq!(tier("m10"), Ok(Tier::Dedicated("M10".to_owned())));
        assert_eq!(tier("M40_NVME"), Ok(Tier::Dedicated("M40_NVME".to_owned())));
        for bad in ["", "m", "m1", "m15", "m00", "x10", "m10000", "serverless", "M0", "M2", "m5"] {
            assert!(tier(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_in_the_spelling_of_aws() {
        assert_eq!(region("EU_CENTRAL_1"), Ok("EU_CENTRAL_1".to_owned()));
        assert_eq!(
            region("eu-central-1").err().and_then(|wrong| wrong.help).as_deref(),
            Some("did you mean `EU_CENTRAL_1`?")
        );
    }

    #[test]
    fn roles() {
        assert!(role("readWrite@gsm").is_ok());
        for bad in ["", "@", "readWrite", "@gsm", "readWrite@", "a@b@c", "a b@c", "a@b.c"] {
            assert!(role(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn clusters_and_projects() {
        assert!(cluster("gsm-db").is_ok());
        assert!(
            cluster("-a").is_err() && cluster("a_b").is_err() && cluster(&"a".repeat(65)).is_err()
        );
        assert!(project("Gamer's project (1)").is_ok());
        assert!(project("0123456789abcdef01234567").is_ok());
        assert!(project(" a").is_err() && project("a/b").is_err());
    }
}
