//! Database users with a password; those of other authentications are not modelled.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Project,
    contract::{invalid, is_cluster_name, missing, no_such_word, refusal},
    project,
};
use crate::{
    chance::Chance,
    refusal::{Answer, Refusal},
    world::Context,
};

/// A user as it is kept: there is no password in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct User {
    group: String,
    name: String,
    description: Option<String>,
    roles: Vec<Role>,
    scopes: Vec<Scope>,
    salt: String,
    /// SHA-256 of salt and password.
    fingerprint: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Role {
    database_name: String,
    role_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection_name: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    name: String,
    r#type: ScopeType,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ScopeType {
    Cluster,
    DataLake,
    Stream,
}

/// Of the database `admin` only.
const ADMIN_ROLES: &[&str] = &[
    "atlasAdmin",
    "backup",
    "clusterMonitor",
    "enableSharding",
    "killOpSession",
    "readAnyDatabase",
    "readWriteAnyDatabase",
];
const DATABASE_ROLES: &[&str] = &["dbAdmin", "dbAdminAnyDatabase", "read", "readWrite"];
const COMMON_PASSWORDS: &[&str] = &[
    "11111111",
    "12345678",
    "123456789",
    "iloveyou",
    "letmein1",
    "password",
    "password1",
    "qwertyui",
];

/// What a user can be given, when it is made and later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Change {
    database_name: Option<String>,
    group_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    description: Option<String>,
    roles: Option<Vec<Role>>,
    scopes: Option<Vec<Scope>>,
}

pub(super) fn create(cx: &mut Context<'_>, group: &str, input: Change) -> Answer {
    project(cx, group)?;
    let database = input.database_name.as_deref().ok_or_else(|| missing("databaseName"))?;
    match database {
        "admin" => {}
        "$external" => return Err(Refusal::not_modelled("atlas createDatabaseUser $external")),
        other => return Err(no_such_word(other)),
    }
    if input.group_id.is_none() {
        return Err(missing("groupId"));
    }
    let name = input.username.clone().ok_or_else(|| missing("username"))?;
    if !(1..=1024).contains(&name.len()) {
        return Err(invalid("username", "must have 1 to 1024 characters"));
    }
    let roles = input.roles.as_ref().ok_or_else(|| missing("roles"))?;
    if roles.is_empty() {
        return Err(invalid("roles", "must not be empty"));
    }
    let password = input.password.as_deref().ok_or_else(|| missing("password"))?;
    check(&input, group)?;
    if project(cx, group)?.users.contains_key(&name) {
        let words = format!("A user with username {name} already exists.");
        return Err(refusal("USER_ALREADY_EXISTS", words, json!([name])).with_status(409));
    }
    let mut user = User {
        group: group.to_owned(),
        name: name.clone(),
        description: None,
        roles: Vec::new(),
        scopes: Vec::new(),
        salt: String::new(),
        fingerprint: String::new(),
    };
    user.set_password(password, cx.chance);
    user.set(input);
    let shown = user.shown();
    project(cx, group)?.users.insert(name, user);
    Ok(shown)
}

pub(super) fn get(project: &Project, name: &str) -> Answer {
    project.users.get(name).map(User::shown).ok_or_else(|| no_such_user(name))
}

pub(super) fn list(project: &Project) -> Vec<Value> {
    project.users.values().map(User::shown).collect()
}

pub(super) fn update(cx: &mut Context<'_>, group: &str, name: &str, input: Change) -> Answer {
    let mut user =
        project(cx, group)?.users.get(name).cloned().ok_or_else(|| no_such_user(name))?;
    let fixed = |code: &str, what: &str| {
        let words = format!("Cannot modify the {what} of an existing database user.");
        Err(refusal(code, words, json!([])).with_status(409))
    };
    if input.username.as_ref().is_some_and(|it| *it != name) {
        return fixed("DATABASE_USERNAME_CANNOT_BE_CHANGED", "username");
    }
    if input.database_name.as_ref().is_some_and(|it| it != "admin") {
        return fixed("DATABASE_NAME_CANNOT_BE_CHANGED", "authentication database");
    }
    check(&input, group)?;
    if let Some(password) = &input.password {
        user.set_password(password, cx.chance);
    }
    user.set(input);
    let shown = user.shown();
    project(cx, group)?.users.insert(name.to_owned(), user);
    Ok(shown)
}

pub(super) fn delete(project: &mut Project, name: &str) -> Answer {
    project.users.remove(name).map(|_| Value::Null).ok_or_else(|| no_such_user(name))
}

impl User {
    fn set_password(&mut self, password: &str, chance: &mut Chance) {
        self.salt = chance.hex(16);
        self.fingerprint = hex::encode(Sha256::digest(format!("{}{password}", self.salt)));
    }

    fn set(&mut self, input: Change) {
        self.roles = input.roles.unwrap_or_else(|| self.roles.clone());
        self.scopes = input.scopes.unwrap_or_else(|| self.scopes.clone());
        self.description = input.description.or_else(|| self.description.take());
    }

    fn shown(&self) -> Value {
        let mut shown = json!({
            "awsIAMType": "NONE",
            "databaseName": "admin",
            "groupId": self.group,
            "labels": [],
            "ldapAuthType": "NONE",
            "links": [],
            "oidcAuthType": "NONE",
            "roles": self.roles,
            "scopes": self.scopes,
            "username": self.name,
            "x509Type": "NONE",
        });
        if let Some(description) = &self.description {
            shown["description"] = json!(description);
        }
        shown
    }

    /// For tests: whether a password is the right one.
    pub(super) fn dumped(&self) -> Value {
        let mut dumped = self.shown();
        dumped["password_salt"] = json!(self.salt);
        dumped["password_sha256"] = json!(self.fingerprint);
        dumped
    }
}

fn check(input: &Change, group: &str) -> Result<(), Refusal> {
    if let Some(other) = input.group_id.as_ref().filter(|it| *it != group) {
        let words = format!("The specified group ID {other} does not match the URL.");
        return Err(refusal("GROUP_MISMATCH", words, json!([other])));
    }
    if input.description.as_ref().is_some_and(|it| it.chars().count() > 100) {
        return Err(invalid("description", "must have at most 100 characters"));
    }
    for scope in input.scopes.iter().flatten() {
        if !is_cluster_name(&scope.name) {
            return Err(invalid("scopes.name", "must be the name of a cluster"));
        }
    }
    let roles = input.roles.as_deref().unwrap_or_default();
    for (index, role) in roles.iter().enumerate() {
        check_role(role, &roles[..index])?;
    }
    let Some(password) = &input.password else { return Ok(()) };
    if password.chars().count() < 8 {
        return Err(invalid("password", "must have at least 8 characters"));
    }
    if COMMON_PASSWORDS.contains(&password.to_lowercase().as_str()) {
        let words = "The password provided is too weak, as it can be found in most commonly used password lists.";
        return Err(refusal("COMMON_PASSWORD", words, json!([])));
    }
    Ok(())
}

fn check_role(role: &Role, before: &[Role]) -> Result<(), Refusal> {
    let (name, database) = (role.role_name.as_str(), role.database_name.as_str());
    if before.contains(role) {
        let words = format!("Duplicate database roles specified for user: {name}@{database}.");
        return Err(refusal("DUPLICATE_DATABASE_ROLES", words, json!([name])));
    }
    if ADMIN_ROLES.contains(&name) && database != "admin" {
        let words = format!("The specified role {name} only exists for database admin.");
        return Err(refusal("ATLAS_INVALID_ROLE_DATABASE", words, json!([name, "admin"])));
    }
    if !ADMIN_ROLES.contains(&name) && !DATABASE_ROLES.contains(&name) {
        let words = format!("The specified role {name}@{database} does not exist.");
        return Err(refusal("ATLAS_INVALID_ROLE", words, json!([name, database])));
    }
    Ok(())
}

fn no_such_user(name: &str) -> Refusal {
    let words = format!("No user with username {name} exists.");
    refusal("USERNAME_NOT_FOUND", words, json!([name])).with_status(404)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{clock::Time, times::Times, world::World};

    #[test]
    fn a_saved_world_holds_no_password() {
        let mut world = World::new(Time(0), Times::none(), 1);
        let group = "5f00000000000000000000a1";
        let input = json!({
            "databaseName": "admin",
            "groupId": group,
            "username": "bot",
            "password": "correct-horse",
            "roles": [{ "databaseName": "gsm", "roleName": "readWrite" }],
        });
        let input = serde_json::from_value(input).unwrap();
        create(&mut world.context("eu-central-1"), group, input).unwrap();
        let saved = serde_json::to_string(&world).unwrap();
        assert!(saved.contains("\"bot\"") && !saved.contains("correct-horse"));
        assert!(!saved.contains(&hex::encode(Sha256::digest("correct-horse"))));
    }
}
