//! What a request must look like: paths, versions, media types, parameters and bodies.

use http::header::{ACCEPT, CONTENT_TYPE};
use regex_lite::Regex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{call::Call, refusal::Refusal};

/// Where service accounts get their tokens.
pub(super) const TOKEN: &str = "/api/oauth/token";

/// A call of the API.
pub(super) struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub operation: &'static str,
    /// Of its answer when all is well.
    pub status: u16,
    /// The version that answers: the latest of the resource.
    pub version: &'static str,
}

const fn of(
    method: &'static str,
    path: &'static str,
    operation: &'static str,
    status: u16,
    version: &'static str,
) -> Operation {
    Operation { method, path, operation, status, version }
}

#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    of("POST", TOKEN, "oauthToken", 200, ""),
    of("GET", "/api/atlas/v2/groups", "listGroups", 200, "2023-01-01"),
    of("GET", "/api/atlas/v2/groups/{}", "getGroup", 200, "2023-01-01"),
    of("GET", "/api/atlas/v2/groups/{}/flexClusters", "listFlexClusters", 200, "2024-11-13"),
    of("POST", "/api/atlas/v2/groups/{}/flexClusters", "createFlexCluster", 201, "2024-11-13"),
    of("GET", "/api/atlas/v2/groups/{}/flexClusters/{}", "getFlexCluster", 200, "2024-11-13"),
    of("PATCH", "/api/atlas/v2/groups/{}/flexClusters/{}", "updateFlexCluster", 200, "2024-11-13"),
    of("DELETE", "/api/atlas/v2/groups/{}/flexClusters/{}", "deleteFlexCluster", 204, "2024-11-13"),
    of("GET", "/api/atlas/v2/groups/{}/clusters", "listClusters", 200, "2024-08-05"),
    of("POST", "/api/atlas/v2/groups/{}/clusters", "createCluster", 201, "2024-10-23"),
    of("GET", "/api/atlas/v2/groups/{}/clusters/{}", "getCluster", 200, "2024-08-05"),
    of("PATCH", "/api/atlas/v2/groups/{}/clusters/{}", "updateCluster", 200, "2024-10-23"),
    of("DELETE", "/api/atlas/v2/groups/{}/clusters/{}", "deleteCluster", 202, "2023-02-01"),
    of("GET", "/api/atlas/v2/groups/{}/databaseUsers", "listDatabaseUsers", 200, "2023-01-01"),
    of("POST", "/api/atlas/v2/groups/{}/databaseUsers", "createDatabaseUser", 201, "2023-01-01"),
    of("GET", "/api/atlas/v2/groups/{}/databaseUsers/{}/{}", "getDatabaseUser", 200, "2023-01-01"),
    of("PATCH", "/api/atlas/v2/groups/{}/databaseUsers/{}/{}", "updateDatabaseUser", 200, "2023-01-01"),
    of("DELETE", "/api/atlas/v2/groups/{}/databaseUsers/{}/{}", "deleteDatabaseUser", 204, "2023-01-01"),
    of("GET", "/api/atlas/v2/groups/{}/accessList", "listAccessListEntries", 200, "2023-01-01"),
    of("POST", "/api/atlas/v2/groups/{}/accessList", "createAccessListEntry", 201, "2023-01-01"),
    of("GET", "/api/atlas/v2/groups/{}/accessList/{}", "getAccessListEntry", 200, "2023-01-01"),
    of("DELETE", "/api/atlas/v2/groups/{}/accessList/{}", "deleteAccessListEntry", 204, "2023-01-01"),
];

/// Fields that Atlas knows and the simulator does not.
const NOT_MODELLED: &[&str] = &[
    "advancedConfiguration",
    "analyticsSpecs",
    "autoScaling",
    "awsIAMType",
    "biConnector",
    "deleteAfterDate",
    "diskIOPS",
    "ebsVolumeType",
    "encryptionAtRestProvider",
    "labels",
    "ldapAuthType",
    "oidcAuthType",
    "readOnlySpecs",
    "x509Type",
];

/// The operation of a request. A `%2F` is part of its segment.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|it| it.method == method && matches(it.path, path))
}

/// An operation by its id.
pub(super) fn named(operation: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|it| it.operation == operation)
}

/// An error with its parameters.
pub(super) fn refusal(code: &str, words: impl Into<String>, parameters: Value) -> Refusal {
    Refusal::new(code, words)
        .with(json!({ "parameters": parameters }))
        .with_header("x-error-code", code)
}

/// A value that breaks a rule of its field. The value stays out of the words: it may be a password.
pub(super) fn invalid(field: &str, rule: &str) -> Refusal {
    let words = format!("The request content produced the validation error: {field} {rule}.");
    let fields = json!([{ "field": field, "description": rule }]);
    let mut refused = refusal("VALIDATION_ERROR", words, json!([field]));
    refused.more["badRequestDetail"] = json!({ "fields": fields });
    refused
}

/// A word that is none of those that are possible.
pub(super) fn no_such_word(word: &str) -> Refusal {
    let words = format!("An invalid enumeration value {word} was specified.");
    refusal("INVALID_ENUM_VALUE", words, json!([word]))
}

/// A field that this request must have.
pub(super) fn missing(field: &str) -> Refusal {
    let words = format!("The required attribute {field} was not specified.");
    refusal("MISSING_ATTRIBUTE", words, json!([field]))
}

/// A field that this request must not have.
pub(super) fn not_here(field: &str) -> Refusal {
    refusal("INVALID_ATTRIBUTE", format!("Invalid attribute {field} specified."), json!([field]))
}

/// Whether a text is as a pattern wants it.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|it| it.is_match(text))
}

/// Checks everything but the fields of the body.
pub(super) fn check(call: &Call) -> Result<(), Refusal> {
    let path = call.path.split('?').next().unwrap_or_default();
    let Some(operation) = named(&call.action) else {
        if OPERATIONS.iter().any(|it| matches(it.path, path)) {
            let words = format!("The method {} is not allowed here.", call.method);
            return Err(refusal("METHOD_NOT_ALLOWED", words, json!([])).with_status(405));
        }
        let words = format!("Cannot find resource {path}.");
        return Err(refusal("RESOURCE_NOT_FOUND", words, json!([path])).with_status(404));
    };
    check_version(call, operation)?;
    check_path(call, operation)?;
    check_query(call, operation)?;
    let takes_body = matches!(operation.method, "POST" | "PATCH");
    match (takes_body, call.body.is_empty()) {
        (true, true) => {
            let words = "Received JSON does not match expected format.";
            Err(refusal("INVALID_JSON", words, json!([])))
        }
        (true, false) => check_media_type(call, operation),
        (false, true) => Ok(()),
        (false, false) => Err(refusal("INVALID_JSON", "This resource takes no body.", json!([]))),
    }
}

/// The body, in the words of Atlas when it is not as it must be.
pub(super) fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(&call.body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if !error.is_data() {
            return refusal("MALFORMED_JSON", "Received JSON is malformed.", json!([]));
        }
        let words = error.to_string();
        let quoted = words.split('`').nth(1).unwrap_or_default();
        if words.starts_with("unknown field") && NOT_MODELLED.contains(&quoted) {
            return Refusal::not_modelled(format_args!("atlas {} `{quoted}`", call.action));
        }
        if words.starts_with("unknown field") {
            not_here(quoted)
        } else if words.starts_with("missing field") {
            missing(quoted)
        } else if words.starts_with("unknown variant") {
            no_such_word(quoted)
        } else {
            let field = if path == "." { "(root)" } else { &path };
            let words =
                format!("Received JSON for the {field} attribute does not match expected format.");
            refusal("INVALID_JSON_ATTRIBUTE", words, json!([field]))
        }
    })
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.trim_end_matches('/').split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some("{}"), Some(part)) if !part.is_empty() => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

fn check_version(call: &Call, operation: &Operation) -> Result<(), Refusal> {
    let accept = call.headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match accept.split(',').find_map(version) {
        Some(asked) if asked >= operation.version => Ok(()),
        Some(asked) => {
            let words = format!("No version of this resource is as old as {asked}.");
            Err(refusal("INVALID_VERSION_DATE", words, json!([asked])).with_status(406))
        }
        None => {
            let words = "Invalid accept header or version date.";
            Err(refusal("INVALID_VERSION_DATE", words, json!([])).with_status(406))
        }
    }
}

/// The date in `application/vnd.atlas.DATE+json`.
fn version(media_type: &str) -> Option<&str> {
    let media_type = media_type.split(';').next()?.trim();
    let date = media_type.strip_prefix("application/vnd.atlas.")?.strip_suffix("+json")?;
    like(r"^\d{4}-\d{2}-\d{2}$", date).then_some(date)
}

fn check_media_type(call: &Call, operation: &Operation) -> Result<(), Refusal> {
    let given = call.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if media_type == "application/json"
        || version(media_type).is_some_and(|it| it >= operation.version)
    {
        return Ok(());
    }
    let words = format!("The media type {media_type} is not supported.");
    Err(refusal("UNSUPPORTED_MEDIA_TYPE", words, json!([media_type])).with_status(415))
}

fn check_path(call: &Call, operation: &Operation) -> Result<(), Refusal> {
    let parts = call.segments();
    let wrong = |code: &str, status: u16, name: &str, value: &str| {
        let words = format!("Invalid parameter {name} specified: {value}.");
        Err(refusal(code, words, json!([name])).with_status(status))
    };
    match parts.get(4) {
        Some(group) if !like("^[a-f0-9]{24}$", group) => {
            return wrong("INVALID_GROUP_ID", 404, "groupId", group);
        }
        _ => {}
    }
    match (parts.get(5).map(String::as_str), parts.get(6)) {
        (Some("clusters" | "flexClusters"), Some(name)) if !is_cluster_name(name) => {
            wrong("INVALID_PATH_PARAMETER", 400, "name", name)
        }
        (Some("databaseUsers"), Some(database)) if database == "$external" => {
            Err(Refusal::not_modelled(format_args!("atlas {} $external", operation.operation)))
        }
        (Some("databaseUsers"), Some(database)) if database != "admin" => {
            wrong("INVALID_PATH_PARAMETER", 400, "databaseName", database)
        }
        _ => Ok(()),
    }
}

/// Whether a cluster may have this name, as far as its letters go.
pub(super) fn is_cluster_name(name: &str) -> bool {
    name.len() <= 64 && like("^[a-zA-Z0-9][a-zA-Z0-9-]*$", name)
}

fn check_query(call: &Call, operation: &Operation) -> Result<(), Refusal> {
    let query = call.path.split_once('?').map_or("", |it| it.1);
    let pages =
        operation.operation.starts_with("list") || operation.operation == "createAccessListEntry";
    for name in query.split('&').filter(|it| !it.is_empty()) {
        let name = name.split('=').next().unwrap_or_default();
        let value = call.query(name).unwrap_or_default();
        let right = match name {
            "includeCount" if pages => value == "true" || value == "false",
            "itemsPerPage" if pages => value.parse().is_ok_and(|it| (1..=500).contains(&it)),
            "pageNum" if pages => value.parse::<usize>().is_ok_and(|it| it >= 1),
            "envelope" | "pretty" => value != "true",
            _ => false,
        };
        if !right {
            let words = format!("Invalid query parameter {name} specified.");
            return Err(refusal("INVALID_QUERY_PARAMETER", words, json!([name])));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_slash_does_not_end_a_segment() {
        let of = |path: &str| find("DELETE", path).map(|it| it.operation);
        let list = "/api/atlas/v2/groups/5f/accessList";
        assert_eq!(of(&format!("{list}/0.0.0.0%2F0")), Some("deleteAccessListEntry"));
        assert_eq!(of(&format!("{list}/0.0.0.0/0")), None);
    }
}
