//! The half in Atlas: a user that logs in with a password.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    engine::{Class, Result},
};

/// The database that every user with a password is authenticated by.
const AUTHENTICATION: &str = "admin";

/// What we want of a user, without its password.
pub struct Grants {
    pub username: String,
    pub roles: Vec<String>,
    pub cluster: String,
    pub description: String,
}

/// A user as Atlas has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LiveUser {
    roles: Vec<Role>,
    scopes: Vec<Scope>,
    pub description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Role {
    role_name: String,
    database_name: String,
    collection_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scope {
    name: String,
    r#type: String,
}

impl LiveUser {
    /// What it may do, sorted.
    pub fn roles(&self) -> Vec<String> {
        let written = |it: &Role| match it.collection_name.as_deref().filter(|it| !it.is_empty()) {
            Some(collection) => format!("{}@{}.{collection}", it.role_name, it.database_name),
            None => format!("{}@{}", it.role_name, it.database_name),
        };
        let mut roles: Vec<_> = self.roles.iter().map(written).collect();
        roles.sort();
        roles
    }

    /// What it may do, in the order of `wanted` if that is the same.
    pub fn roles_as(&self, wanted: &[String]) -> Vec<String> {
        let mut sorted = wanted.to_vec();
        sorted.sort();
        let roles = self.roles();
        if roles == sorted { wanted.to_vec() } else { roles }
    }

    /// The cluster it may connect to, or in words which others.
    pub fn cluster(&self) -> String {
        match self.scopes.as_slice() {
            [] => "(every cluster of the project)".to_owned(),
            [only] if only.r#type == "CLUSTER" => only.name.clone(),
            several => {
                let names: Vec<_> =
                    several.iter().map(|it| format!("{} {}", it.r#type, it.name)).collect();
                names.join(", ")
            }
        }
    }
}

impl Grants {
    fn body(&self, password: Option<&str>) -> Value {
        let mut body = json!({
            "roles": self.roles.iter().map(|it| role(it)).collect::<Vec<_>>(),
            "scopes": [{ "name": self.cluster, "type": "CLUSTER" }],
            "description": self.description,
        });
        if let Some(password) = password {
            body["password"] = password.into();
        }
        body
    }
}

fn role(text: &str) -> Value {
    let (role, place) = text.split_once('@').unwrap_or((text, AUTHENTICATION));
    // A database's name has no dots, a collection's may.
    match place.split_once('.') {
        Some((database, collection)) => {
            json!({ "roleName": role, "databaseName": database, "collectionName": collection })
        }
        None => json!({ "roleName": role, "databaseName": place }),
    }
}

pub async fn find(project_id: &str, username: &str, cloud: &Cloud) -> Result<Option<LiveUser>> {
    cloud.atlas().find("getDatabaseUser", &path(project_id, username)).await
}

pub async fn create(
    project_id: &str,
    grants: &Grants,
    password: &str,
    cloud: &Cloud,
) -> Result<()> {
    let mut body = grants.body(Some(password));
    body["databaseName"] = AUTHENTICATION.into();
    body["groupId"] = project_id.into();
    body["username"] = grants.username.as_str().into();
    let path = ["groups", project_id, "databaseUsers"];
    let _: Value = cloud.atlas().post("createDatabaseUser", &path, &body).await?;
    Ok(())
}

/// Gives a user that is there what it is to have, and a new password if there is one; says whether it is there.
pub async fn change(
    project_id: &str,
    grants: &Grants,
    password: Option<&str>,
    cloud: &Cloud,
) -> Result<bool> {
    let path = path(project_id, &grants.username);
    match cloud.atlas().patch::<Value>("updateDatabaseUser", &path, &grants.body(password)).await {
        Ok(_) => Ok(true),
        Err(error) if error.class() == Class::Gone => Ok(false),
        Err(error) => Err(error),
    }
}

pub async fn delete(project_id: &str, username: &str, cloud: &Cloud) -> Result<()> {
    cloud.atlas().delete("deleteDatabaseUser", &path(project_id, username)).await
}

fn path<'a>(project_id: &'a str, username: &'a str) -> [&'a str; 5] {
    ["groups", project_id, "databaseUsers", AUTHENTICATION, username]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_read_as_they_were_written() {
        let wanted = ["read@gsm.events.2026", "readWrite@gsm", "readWriteAnyDatabase@admin"];
        let roles: Vec<Value> = wanted.iter().map(|it| role(it)).collect();
        assert_eq!(
            roles[0],
            json!({ "roleName": "read", "databaseName": "gsm", "collectionName": "events.2026" })
        );
        let live: LiveUser = serde_json::from_value(json!({ "roles": roles })).unwrap();
        assert_eq!(live.roles(), wanted);
        assert_eq!(live.cluster(), "(every cluster of the project)");
    }
}
