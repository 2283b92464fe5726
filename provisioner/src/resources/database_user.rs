//! Atlas database user, and the parameter that holds the connection string with its password: one unit.
//!
//! Nobody can read the password back from Atlas, and the parameter is the only other place it is in. So when either half
//! is missing, or the two do not fit, a new password is made and both are set. A run may be cut off in between: the tag
//! `provisioner:pending` is on the parameter before anything is changed and goes away last, so that the next run knows
//! even without our state.

mod parameter;
mod user;

use futures::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{
        Cloud, Tags,
        atlas::uri::{ConnectionString, connection_string},
        mark, marked_stack, percent_encode,
    },
    engine::{
        Error, Existing, Found, Output, Progress, Replacement, Resource, Result, Sealed,
        unless_gone,
    },
    resources::Kind,
};
use user::Grants;

/// 5.8 bits each.
const PASSWORD_LENGTH: usize = 32;

/// A user with a random password, and where its connection string is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseUser {
    /// Id of the project.
    pub project_id: Output<String>,
    /// Name of the only cluster it may connect to.
    pub cluster: Output<String>,
    /// Its name.
    pub username: String,
    /// What it may do, sorted: `readWrite@gsm`, or `read@gsm.events` for one collection.
    pub roles: Vec<String>,
    /// `mongodb+srv://` and the host of the cluster.
    pub srv: Output<String>,
    /// The default database in the connection string.
    pub database: String,
    /// Name of the parameter, such as `/gsm/database/uri`.
    pub parameter: String,
    /// The KMS key that encrypts the parameter: its id or ARN.
    pub key_id: Output<String>,
    /// Whether both halves are there and fit; to be asked for as `true`.
    pub in_step: bool,
    /// Tags of the parameter. The user takes none: its description says whose it is.
    pub tags: Tags,
}

/// What others need of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseUserOutputs {
    /// Id of the project.
    pub project_id: String,
    /// Its name.
    pub username: String,
    /// Name of the parameter.
    pub parameter: String,
    /// ARN of the parameter.
    pub parameter_arn: String,
    /// Version of the parameter; grows with each new password.
    pub version: i64,
}

impl Resource for DatabaseUser {
    type Outputs = DatabaseUserOutputs;
    const KIND: Kind = Kind::DatabaseUser;
    const REPLACED_BY: &'static [&'static str] = &["project_id", "username", "parameter"];
    // Either half may keep its name.
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        let tags = recorded.map(|it| &it.inputs.tags);
        if let Some(Existing { outputs, .. }) = recorded {
            let DatabaseUserOutputs { project_id, username, parameter, .. } = outputs;
            let found = self.read_at([project_id, username, parameter], tags, cloud).await?;
            if !matches!(found, Found::Nothing) {
                return Ok(found);
            }
        }
        let project_id = self.project_id.get()?;
        self.read_at([&project_id, &self.username, &self.parameter], tags, cloud).await
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        // Marked as pending, so that the connection string and the user follow.
        let version = self.create_parameter("pending", cloud).await?;
        let outputs = DatabaseUserOutputs {
            project_id: self.project_id.get()?,
            username: self.username.clone(),
            parameter: self.parameter.clone(),
            parameter_arn: parameter::arn(&self.parameter, cloud),
            version,
        };
        Ok(Existing { inputs: Self { in_step: false, ..self.clone() }, outputs })
    }

    async fn update(
        &self,
        existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<DatabaseUserOutputs> {
        let (old, mut outputs) = (&existing.inputs, existing.outputs.clone());
        if self.needs_new_password(old) {
            outputs.version = self.renew(old, cloud).await?;
            return Ok(outputs);
        }
        if self.key_id != old.key_id {
            outputs.version = self.encrypt_again(cloud).await?;
        }
        if self.roles != old.roles || self.cluster != old.cluster {
            user::change(&self.project_id.get()?, &self.grants(cloud)?, None, cloud).await?;
        }
        if self.tags != old.tags {
            self.sync_tags(&old.tags, cloud).await?;
        }
        Ok(outputs)
    }

    fn foresee(&self, existing: &Existing<Self>) -> Option<DatabaseUserOutputs> {
        let old = &existing.inputs;
        let same_version = !self.needs_new_password(old) && self.key_id == old.key_id;
        same_version.then(|| existing.outputs.clone())
    }

    async fn delete(outputs: &DatabaseUserOutputs, cloud: &Cloud) -> Result<Progress> {
        unless_gone(user::delete(&outputs.project_id, &outputs.username, cloud).await)?;
        cloud.ssm.delete_parameter().name(&outputs.parameter).send().await?;
        Ok(Progress::Done)
    }
}

impl DatabaseUser {
    async fn read_at(
        &self,
        [project_id, username, name]: [&str; 3],
        recorded: Option<&Tags>,
        cloud: &Cloud,
    ) -> Result<Found<Self>> {
        let (user, held) =
            try_join!(user::find(project_id, username, cloud), parameter::find(name, cloud))?;
        if user.is_none() && held.is_none() {
            return Ok(Found::Nothing);
        }
        let uri = held.as_ref().and_then(|it| it.value()).and_then(ConnectionString::parse);
        let fits = uri.as_ref().is_some_and(|it| it.user == percent_encode(username));
        let pending = held.as_ref().is_some_and(|it| it.pending);
        // What is not there reads as it will be: that it is missing is said by `in_step`, and it is mended as a whole.
        let mut inputs = Self {
            project_id: project_id.to_owned().into(),
            username: username.to_owned(),
            parameter: name.to_owned(),
            in_step: user.is_some() && fits && !pending,
            ..self.clone()
        };
        if let Some(user) = &user {
            inputs.cluster = user.cluster().into();
            inputs.roles = user.roles_as(&self.roles);
        }
        if let Some(uri) = &uri {
            inputs.srv = uri.srv.clone().into();
            if uri.database != percent_encode(&self.database) {
                inputs.database = uri.database.to_owned();
            }
        }
        if let Some(held) = &held {
            inputs.key_id = self.known_key(held.key_id.as_deref());
            inputs.tags = held.tags.of_ours(&self.tags, recorded);
        }
        let arn = held.as_ref().and_then(|it| it.arn.clone());
        let outputs = DatabaseUserOutputs {
            project_id: project_id.to_owned(),
            username: username.to_owned(),
            parameter: name.to_owned(),
            parameter_arn: arn.unwrap_or_else(|| parameter::arn(name, cloud)),
            version: held.as_ref().map_or(0, |it| it.version),
        };
        let existing = Existing { inputs, outputs };
        let marked =
            user.as_ref().map(|it| marked_stack(it.description.as_deref().unwrap_or_default()));
        let tagged = held.as_ref().map(|it| it.tags.stack());
        Ok(match foreign(marked, tagged, &cloud.stack) {
            None => Found::Ours(existing),
            Some(whose) => Found::Theirs(existing, whose),
        })
    }

    fn needs_new_password(&self, old: &Self) -> bool {
        !old.in_step || self.srv != old.srv || self.database != old.database
    }

    fn grants(&self, cloud: &Cloud) -> Result<Grants> {
        Ok(Grants {
            username: self.username.clone(),
            roles: self.roles.clone(),
            cluster: self.cluster.get()?,
            description: mark(&cloud.stack),
        })
    }

    /// Sets both halves to a new password; gives the parameter's version.
    async fn renew(&self, old: &Self, cloud: &Cloud) -> Result<i64> {
        let srv = self.srv.get()?;
        if !srv.starts_with("mongodb+srv://") {
            return Err(Error::Unexpected(format!("`{srv}` is no address of an Atlas cluster")));
        }
        let password = Sealed::generate(PASSWORD_LENGTH);
        let password = password.reveal().ok_or_else(|| Error::missing("password"))?;
        let uri = connection_string(&srv, &self.username, password, &self.database, &cloud.stack);
        let version = if self.announce(cloud).await? {
            self.put_parameter(&uri, cloud).await?
        } else {
            self.create_parameter(&uri, cloud).await?
        };
        let (project_id, grants) = (self.project_id.get()?, self.grants(cloud)?);
        if !user::change(&project_id, &grants, Some(password), cloud).await? {
            user::create(&project_id, &grants, password, cloud).await?;
        }
        self.conclude(&old.tags, cloud).await?;
        Ok(version)
    }
}

/// Whose it is if it is not ours: the stack that the user's description names and the one that the parameter's tag names,
/// where there is a user and a parameter. A user that names nobody is ours if the parameter is.
fn foreign(
    user: Option<Option<&str>>,
    parameter: Option<Option<&str>>,
    stack: &str,
) -> Option<String> {
    let other = [user.flatten(), parameter.flatten()].into_iter().flatten().find(|it| *it != stack);
    if let Some(other) = other {
        return Some(format!("it belongs to the stack `{other}`"));
    }
    match (user, parameter) {
        (_, Some(None)) => Some("its parameter has no tag `provisioner:stack`".to_owned()),
        (Some(None), None) => Some(format!("its description does not say `{}`", mark(stack))),
        _ => None,
    }
}

impl Output<DatabaseUserOutputs> {
    /// Name of the parameter that holds the connection string.
    pub fn parameter(&self) -> Output<String> {
        self.map(|it| it.parameter)
    }

    /// ARN of the parameter that holds the connection string.
    pub fn parameter_arn(&self) -> Output<String> {
        self.map(|it| it.parameter_arn)
    }

    /// Version of the parameter that holds the connection string; grows with each new password.
    pub fn version(&self) -> Output<i64> {
        self.map(|it| it.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_say_whose_it_is() {
        let ours = |user, parameter| foreign(user, parameter, "gsm").is_none();
        assert!(ours(Some(Some("gsm")), Some(Some("gsm"))));
        assert!(ours(None, Some(Some("gsm"))));
        assert!(ours(Some(Some("gsm")), None));
        assert!(ours(Some(None), Some(Some("gsm"))));
        assert!(!ours(Some(None), None));
        assert!(!ours(Some(Some("gsm")), Some(None)));
        assert!(!ours(Some(Some("other")), Some(Some("gsm"))));
        assert!(!ours(None, Some(Some("other"))));
    }
}
