//! `services`: all of them, and how they share the load balancer.

use std::collections::BTreeMap;

use super::reader::{Field, Section};
use super::service::Service;
use super::{Stack, names};

/// Reads all services, each with its own mistakes, and then compares them.
pub(super) fn read(root: &mut Section<'_>, stack: &Stack<'_>) -> BTreeMap<String, Service> {
    let field = root.optional("services");
    let entries = field.as_ref().and_then(Field::entries).unwrap_or_default();
    let mut services = BTreeMap::new();
    let mut routes = Vec::new();
    for entry in &entries {
        if let Err(wrong) =
            names::service(entry.name).and_then(|()| names::combined(stack.name, entry.name))
        {
            entry.refuse_name(wrong);
        }
        let Some(section) = entry.section() else { continue };
        let routed = section.has("port");
        let fields = (section.has("host"), section.has("path"));
        let service = Service::read(section, stack);
        if routed {
            routes.push(Route::new(entry, fields, &service));
        }
        services.insert(entry.name.to_owned(), service);
    }
    compare(&routes);
    if stack.has_load_balancer {
        whole(root, field.as_ref(), &routes);
    }
    services
}

/// Which requests a service takes.
struct Route<'f, 'a> {
    service: &'f Field<'a>,
    /// None if it takes all; `Some(None)` if what is written is wrong.
    host: Option<Option<String>>,
    path: Option<Option<String>>,
}

impl<'f, 'a> Route<'f, 'a> {
    fn new(service: &'f Field<'a>, (host, path): (bool, bool), read: &Service) -> Self {
        Self {
            service,
            host: host.then(|| read.host.clone()),
            path: path.then(|| read.path.clone()),
        }
    }

    fn takes_the_rest(&self) -> bool {
        self.host.is_none() && self.path.is_none()
    }

    fn is_right(&self) -> bool {
        self.host != Some(None) && self.path != Some(None)
    }
}

/// No two services take the same requests.
fn compare(routes: &[Route<'_, '_>]) {
    let right: Vec<&Route<'_, '_>> = routes.iter().filter(|route| route.is_right()).collect();
    for (index, route) in right.iter().enumerate() {
        let same = |other: &&&Route<'_, '_>| other.host == route.host && other.path == route.path;
        let Some(first) = right.iter().take(index).find(same) else { continue };
        let text = match route.takes_the_rest() {
            true => format!("has no `host` or `path`, and neither has `{}`", first.service.path),
            false => format!("has the same `host` and `path` as `{}`", first.service.path),
        };
        route.service.refuse_key(&text, |problem| {
            problem.help("only one service takes what no rule is for; give the others a `host` or a `path` of their own")
        });
    }
}

/// Some service takes every request that comes.
fn whole(root: &mut Section<'_>, services: Option<&Field<'_>>, routes: &[Route<'_, '_>]) {
    if routes.is_empty() {
        if let Some(field) = root.optional("load_balancer") {
            field.refuse_key("has nothing behind it", |problem| {
                problem.help("give a service a `port`, or take `load_balancer` out")
            });
        }
    } else if !routes.iter().any(Route::takes_the_rest)
        && let Some(field) = services
    {
        field.refuse_key("has no service for requests that no rule is for", |problem| {
            problem.help("one service with a `port` must have neither `host` nor `path`")
        });
    }
}
