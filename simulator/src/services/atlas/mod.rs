//! MongoDB Atlas, its Admin API v2: projects, flex, free and dedicated clusters, database users, access lists.
//!
//! Sources: the official OpenAPI document of August 2026 (paths, versions, limits, error codes); answers of the service
//! recorded in the same month (shapes, states, headers); RFC 7616 for Digest.

mod access_list;
mod auth;
mod clusters;
mod contract;
mod users;

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::{access_list::Entry, auth::Auth, clusters::Cluster, contract::refusal, users::User};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// An organization with two projects.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Atlas {
    auth: Auth,
    /// How many calls are answered in a minute; None: all of them.
    limit: Option<u64>,
    /// When the current minute began, and how many calls were answered since.
    window: (Time, u64),
    projects: BTreeMap<String, Project>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Project {
    id: String,
    name: String,
    clusters: BTreeMap<String, Cluster>,
    /// By name, which is unique here: all users authenticate with `admin`.
    users: BTreeMap<String, User>,
    /// By CIDR block.
    access: BTreeMap<String, Entry>,
}

impl Default for Atlas {
    fn default() -> Self {
        let projects = [("5f00000000000000000000a1", "gsm"), ("5f00000000000000000000b2", "other")];
        let projects = projects.map(|(id, name)| {
            let (id, name) = (id.to_owned(), name.to_owned());
            (id.clone(), Project { id, name, ..Project::default() })
        });
        Self {
            auth: Auth::default(),
            limit: None,
            window: (Time::default(), 0),
            projects: projects.into(),
        }
    }
}

const ORGANIZATION: &str = "5f0000000000000000000001";
const MINUTE_MS: u64 = 60_000;

/// Answers a call.
pub(crate) fn answer(cx: &mut Context<'_>, call: &Call) -> Answer {
    if call.action == "oauthToken" {
        return auth::grant(cx, call);
    }
    auth::check(cx, call)?;
    check_limit(cx, call)?;
    contract::check(call)?;
    let parts = call.segments();
    let part = |index: usize| parts.get(index).map_or("", String::as_str);
    // /api/atlas/v2/groups/GROUP/KIND/NAME/USER
    let (group, name) = (part(4), part(6));
    match call.action.as_str() {
        "createAccessListEntry" => {
            access_list::create(project(cx, group)?, contract::read(call)?)?;
            page(call, access_list::list(project(cx, group)?))
        }
        "createCluster" => clusters::create(cx, group, contract::read(call)?),
        "createDatabaseUser" => users::create(cx, group, contract::read(call)?),
        "createFlexCluster" => clusters::create_flex(cx, group, contract::read(call)?),
        "deleteAccessListEntry" => access_list::delete(project(cx, group)?, name),
        "deleteCluster" => clusters::delete(cx, group, name),
        "deleteDatabaseUser" => users::delete(project(cx, group)?, part(7)),
        "deleteFlexCluster" => clusters::delete_flex(cx, group, name),
        "getAccessListEntry" => access_list::get(project(cx, group)?, name),
        "getCluster" => clusters::get(cx, group, name),
        "getDatabaseUser" => users::get(project(cx, group)?, part(7)),
        "getFlexCluster" => clusters::get_flex(cx, group, name),
        "getGroup" => Ok(project(cx, group)?.shown()),
        "listAccessListEntries" => page(call, access_list::list(project(cx, group)?)),
        "listClusters" => page(call, clusters::list(cx, group, false)?),
        "listDatabaseUsers" => page(call, users::list(project(cx, group)?)),
        "listFlexClusters" => page(call, clusters::list(cx, group, true)?),
        "listGroups" => {
            let ids: Vec<_> = cx.global.atlas.projects.keys().cloned().collect();
            let all: Result<_, _> = ids.iter().map(|it| Ok(project(cx, it)?.shown())).collect();
            page(call, all?)
        }
        "updateCluster" => clusters::update(cx, group, name, contract::read(call)?),
        "updateDatabaseUser" => users::update(cx, group, part(7), contract::read(call)?),
        "updateFlexCluster" => clusters::update_flex(cx, group, name, contract::read(call)?),
        _ => Err(call.not_modelled()),
    }
}

/// What is there.
pub(crate) fn census(cx: &Context<'_>) -> Vec<(&'static str, Vec<Value>)> {
    let projects: Vec<_> = cx.global.atlas.projects.values().map(|it| it.dumped(cx.now)).collect();
    let all = |kind: &str| {
        projects.iter().filter_map(|it| it[kind].as_array()).flatten().cloned().collect()
    };
    vec![
        ("atlas_clusters", all("clusters")),
        ("atlas_users", all("users")),
        ("atlas_accessList", all("accessList")),
    ]
}

/// All of it by the name of the project, with fingerprints for passwords.
pub(crate) fn dump(cx: &Context<'_>) -> Value {
    let projects = cx.global.atlas.projects.values();
    projects.map(|it| (it.name.clone(), it.dumped(cx.now))).collect()
}

/// Makes nonces stale and tokens invalid, as time would.
pub(crate) fn expire_credentials(atlas: &mut Atlas) {
    atlas.auth.expire();
}

/// Answers so many calls in a minute, and refuses the others.
pub(crate) fn limit(atlas: &mut Atlas, calls_per_minute: Option<u64>) {
    (atlas.limit, atlas.window) = (calls_per_minute, (Time::default(), 0));
}

/// Whether a path is Atlas's.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/api/atlas/") || path.starts_with("/api/oauth/")
}

/// Which call a request is: its operationId.
pub(crate) fn action(method: &Method, path: &str) -> String {
    let found = contract::find(method.as_str(), path);
    found.map_or_else(|| format!("{method} {path}"), |it| it.operation.to_owned())
}

/// Whether it changes nothing.
pub(crate) fn reads(method: &Method, path: &str) -> bool {
    method == Method::GET || path == contract::TOKEN
}

/// HTTP status of an answer.
pub(crate) fn status(action: &str) -> u16 {
    contract::named(action).map_or(200, |it| it.status)
}

/// Media type of an answer.
pub(crate) fn media_type(action: &str) -> String {
    match contract::named(action).map(|it| it.version) {
        None | Some("") => "application/json".to_owned(),
        Some(version) => format!("application/vnd.atlas.{version}+json;charset=utf-8"),
    }
}

impl Project {
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "orgId": ORGANIZATION,
            "clusterCount": self.clusters.len(),
            "created": "2026-01-01T00:00:00Z",
            "links": [],
        })
    }

    fn dumped(&self, now: Time) -> Value {
        let clusters = self.clusters.values().filter(|it| !it.gone(now));
        json!({
            "id": self.id,
            "clusters": clusters.map(|it| it.dumped(now)).collect::<Vec<_>>(),
            "users": self.users.values().map(User::dumped).collect::<Vec<_>>(),
            "accessList": access_list::list(self),
        })
    }
}

/// A project, without the clusters whose deletion is over.
fn project<'a>(cx: &'a mut Context<'_>, id: &str) -> Result<&'a mut Project, Refusal> {
    let now = cx.now;
    let project = cx.global.atlas.projects.get_mut(id).ok_or_else(|| {
        let words = format!("No group with ID {id} exists.");
        refusal("GROUP_NOT_FOUND", words, json!([id])).with_status(404)
    })?;
    project.clusters.retain(|_, it| !it.gone(now));
    Ok(project)
}

/// One page, with the addresses of its neighbours.
fn page(call: &Call, items: Vec<Value>) -> Answer {
    let number = |name: &str, default: usize| {
        call.query(name).and_then(|it| it.parse().ok()).unwrap_or(default)
    };
    let (size, page) = (number("itemsPerPage", 100), number("pageNum", 1));
    let count = call.query("includeCount").is_none_or(|it| it == "true");
    let host = call.headers.get("host").and_then(|it| it.to_str().ok());
    let host = host.map_or("https://cloud.mongodb.com".to_owned(), |it| format!("http://{it}"));
    let path = call.path.split('?').next().unwrap_or_default();
    let link = |rel: &str, page: usize| {
        let query = format!("includeCount={count}&pageNum={page}&itemsPerPage={size}");
        json!({ "href": format!("{host}{path}?{query}"), "rel": rel })
    };
    let mut links = vec![link("self", page)];
    if page > 1 {
        links.push(link("previous", page - 1));
    }
    if page.saturating_mul(size) < items.len() {
        links.push(link("next", page + 1));
    }
    let total = count.then_some(items.len());
    let skipped = (page - 1).saturating_mul(size);
    let results: Vec<_> = items.into_iter().skip(skipped).take(size).collect();
    Ok(json!({ "links": links, "results": results, "totalCount": total }))
}

/// Counts a call, and refuses it when there were too many in its minute.
fn check_limit(cx: &mut Context<'_>, call: &Call) -> Result<(), Refusal> {
    let now = cx.now;
    let atlas = &mut cx.global.atlas;
    let Some(limit) = atlas.limit else { return Ok(()) };
    let age = |window: &(Time, u64)| now.since(window.0).as_millis() as u64;
    if age(&atlas.window) >= MINUTE_MS {
        atlas.window = (now, 0);
    }
    if atlas.window.1 < limit {
        atlas.window.1 += 1;
        return Ok(());
    }
    let wait = (MINUTE_MS - age(&atlas.window)).div_ceil(1000);
    let words = format!("Rate limit exceeded. Please retry after {wait} seconds.");
    let path = call.path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let refused =
        refusal("RATE_LIMITED_TOKEN_BUCKET", words, json!([path, wait, limit, limit, 60]))
            .with_status(429)
            .with_header("retry-after", wait.to_string())
            .with_header("ratelimit-limit", limit.to_string())
            .with_header("ratelimit-remaining", "0");
    Err(refused)
}
