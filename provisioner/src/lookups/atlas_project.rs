//! The MongoDB Atlas project that the database lives in.

use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Atlas, Cloud},
    engine::{Error, Lookup, Output, Result},
};

/// Which project: it must exist, since it carries the organisation's billing and access rights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtlasProject {
    /// Its name, or its id of 24 hexadecimal digits.
    pub project: String,
}

/// The project that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtlasProjectOutputs {
    /// Its id, 24 hexadecimal digits. Atlas's API also calls it group id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Lookup for AtlasProject {
    type Outputs = AtlasProjectOutputs;

    async fn find(&self, cloud: &Cloud) -> Result<Option<AtlasProjectOutputs>> {
        self.among(cloud.atlas()).await.map(Some)
    }
}

impl AtlasProject {
    /// Finds it among the projects that the credentials can see.
    ///
    /// # Errors
    ///
    /// Also when it is not among them.
    pub async fn among(&self, atlas: &Atlas) -> Result<AtlasProjectOutputs> {
        if is_id(&self.project)
            && let Some(found) = atlas.find("getGroup", &["groups", &self.project]).await?
        {
            return Ok(found);
        }
        let all: Vec<AtlasProjectOutputs> = atlas.list("listGroups", &["groups"]).await?;
        match all.iter().find(|it| it.name == self.project || it.id == self.project) {
            Some(found) => Ok(found.clone()),
            None => Err(Error::Refused(self.not_among(&all))),
        }
    }

    fn not_among(&self, all: &[AtlasProjectOutputs]) -> String {
        let mut names: Vec<_> = all.iter().map(|it| format!("`{}`", it.name)).collect();
        names.sort();
        let visible = if names.is_empty() {
            "they see none".to_owned()
        } else {
            format!("they see {}", names.join(", "))
        };
        format!(
            "There is no Atlas project `{}` that the Atlas credentials can see; {visible}. Correct \
             `database.project`, create the project in Atlas, or give the credentials the role Project Owner in it.",
            self.project
        )
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

impl Output<AtlasProjectOutputs> {
    /// Its id, 24 hexadecimal digits.
    pub fn id(&self) -> Output<String> {
        self.map(|it| it.id)
    }

    /// Its name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_visible_is_named() {
        let wanted = AtlasProject { project: "gmss".to_owned() };
        let project = |name: &str| AtlasProjectOutputs { id: String::new(), name: name.to_owned() };
        let message = wanted.not_among(&[project("other"), project("gsm")]);
        assert!(message.contains("`gmss`") && message.contains("`gsm`, `other`"), "{message}");
        assert!(wanted.not_among(&[]).contains("they see none"));
    }
}
