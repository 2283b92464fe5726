//! `load_balancer`: the application load balancer in front of the services.

use ipnet::{IpNet, Ipv4Net};

use super::names;
use super::reader::{Field, Wrong};

/// The application load balancer in front of the services that have a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// The name in DNS, in lower case. With it come a certificate, HTTPS, and a redirect from HTTP. Within `zone`.
    pub domain: Option<String>,
    /// The Route 53 hosted zone that holds `domain`, in lower case and without a trailing dot.
    pub zone: Option<String>,
    /// Who may connect; everybody unless told otherwise.
    pub allow_from: Vec<IpNet>,
    /// Seconds without traffic after which a connection is closed, 1 to 4000; 60 unless told otherwise.
    pub idle_timeout: i32,
    /// Whether AWS itself refuses to delete it; off unless told otherwise.
    pub deletion_protection: bool,
}

impl LoadBalancer {
    fn defaults() -> Self {
        Self {
            domain: None,
            zone: None,
            allow_from: vec![IpNet::V4(Ipv4Net::default())],
            idle_timeout: 60,
            deletion_protection: false,
        }
    }

    pub(super) fn read(field: &Field<'_>) -> Self {
        let defaults = Self::defaults();
        let Some(mut section) = field.section() else { return defaults };
        let domain_field = section.optional("domain");
        let zone_field = section.optional("zone");
        let domain = domain_field.as_ref().and_then(|field| field.parsed(certified));
        let zone = zone_field.as_ref().and_then(|field| field.parsed(names::domain));
        match (&domain_field, &zone_field) {
            (Some(field), None) => field.refuse_key("needs `zone` beside it", |problem| {
                problem.help("add the Route 53 hosted zone that holds the name, as in `zone: example.com`")
            }),
            (None, Some(field)) => field.refuse_key("has no use without `domain`", |problem| {
                problem.help("add the name of the load balancer in the zone, as in `domain: bot.example.com`")
            }),
            (Some(field), Some(_)) => {
                if let (Some(domain), Some(zone)) = (&domain, &zone)
                    && domain != zone
                    && !domain.ends_with(&format!(".{zone}"))
                {
                    let wrong = Wrong::new(format!("is not in the zone `{zone}`"));
                    field.refuse_value(wrong.help(format!("`{zone}` itself or a name that ends with `.{zone}`")));
                }
            }
            (None, None) => {}
        }
        let allow_from = section.optional("allow_from").map(|field| {
            if field.elements().is_some_and(|list| list.is_empty()) {
                field.refuse("is empty: nobody could connect", |problem| {
                    problem.help("take it out to let everybody connect")
                });
            }
            field.list(names::cidr)
        });
        let load_balancer = Self {
            domain,
            zone,
            allow_from: allow_from.unwrap_or(defaults.allow_from),
            idle_timeout: section.number("idle_timeout", defaults.idle_timeout, 1..=4000),
            deletion_protection: section
                .boolean("deletion_protection", defaults.deletion_protection),
        };
        section.finish();
        load_balancer
    }
}

/// The first name of a certificate is its common name, which is shorter than names may be otherwise.
pub(super) fn certified(name: &str) -> Result<String, Wrong> {
    let name = names::domain(name)?;
    if name.len() > 64 {
        return Err(Wrong::new("is too long for a certificate").help("at most 64 characters"));
    }
    Ok(name)
}
