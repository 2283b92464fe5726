//! Entry of an Atlas project's IP access list: who may connect to its clusters at all.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, sort_by_mark},
    engine::{Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// One block of addresses. The list is the project's: every cluster in it is open to them.
///
/// Tasks on Fargate with public addresses have no fixed one, so without a NAT gateway `0.0.0.0/0` is the only entry
/// that lets them in; the user's password is then all that guards the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessEntry {
    /// Id of the project.
    pub project_id: Output<String>,
    /// The block; a bare address means that address alone.
    pub cidr: String,
    /// What the list says about it, at most 80 characters. Entries take no tags: the word of
    /// [`mark`](crate::cloud::mark) in it says whose it is.
    pub comment: String,
}

/// What it takes to find an entry again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessEntryOutputs {
    /// Id of the project.
    pub project_id: String,
    /// The block, as Atlas writes it.
    pub cidr: String,
}

impl Resource for AccessEntry {
    type Outputs = AccessEntryOutputs;
    const KIND: Kind = Kind::AccessEntry;
    const REPLACED_BY: &'static [&'static str] = &["project_id", "cidr"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        if let Some(Existing { outputs, .. }) = recorded {
            let found = self.read_at(&outputs.project_id, &outputs.cidr, cloud).await?;
            if !matches!(found, Found::Nothing) {
                return Ok(found);
            }
        }
        self.read_at(&self.project_id.get()?, &normal(&self.cidr), cloud).await
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        Ok(Existing { inputs: self.clone(), outputs: self.put(cloud).await? })
    }

    async fn update(
        &self,
        _existing: &Existing<Self>,
        cloud: &Cloud,
    ) -> Result<AccessEntryOutputs> {
        // Adding an entry that is there changes its comment.
        self.put(cloud).await
    }

    async fn delete(outputs: &AccessEntryOutputs, cloud: &Cloud) -> Result<Progress> {
        let AccessEntryOutputs { project_id, cidr } = outputs;
        let path = ["groups", project_id, "accessList", cidr];
        cloud.atlas().delete("deleteAccessListEntry", &path).await?;
        Ok(Progress::Done)
    }
}

impl AccessEntry {
    async fn read_at(&self, project_id: &str, cidr: &str, cloud: &Cloud) -> Result<Found<Self>> {
        #[derive(Deserialize)]
        struct Entry {
            comment: Option<String>,
        }
        let path = ["groups", project_id, "accessList", cidr];
        let found: Option<Entry> = cloud.atlas().find("getAccessListEntry", &path).await?;
        let Some(Entry { comment }) = found else { return Ok(Found::Nothing) };
        let comment = comment.unwrap_or_default();
        let same = cidr == normal(&self.cidr);
        let existing = Existing {
            inputs: Self {
                project_id: project_id.to_owned().into(),
                cidr: if same { self.cidr.clone() } else { cidr.to_owned() },
                comment: comment.clone(),
            },
            outputs: AccessEntryOutputs {
                project_id: project_id.to_owned(),
                cidr: cidr.to_owned(),
            },
        };
        Ok(sort_by_mark(&comment, existing, cloud))
    }

    async fn put(&self, cloud: &Cloud) -> Result<AccessEntryOutputs> {
        let (project_id, cidr) = (self.project_id.get()?, normal(&self.cidr));
        let body = json!([{ "cidrBlock": cidr, "comment": self.comment }]);
        let path = ["groups", &project_id, "accessList"];
        let _: Value = cloud.atlas().post("createAccessListEntry", &path, &body).await?;
        Ok(AccessEntryOutputs { project_id, cidr })
    }
}

/// A block as Atlas writes it: with its length, and without the bits that the length leaves out.
fn normal(cidr: &str) -> String {
    let block = cidr.parse::<IpNet>().or_else(|_| cidr.parse::<IpAddr>().map(IpNet::from));
    block.map_or_else(|_| cidr.to_owned(), |it| it.trunc().to_string())
}

impl Output<AccessEntryOutputs> {
    /// The block, as Atlas writes it.
    pub fn cidr(&self) -> Output<String> {
        self.map(|it| it.cidr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_block_of_one() {
        assert_eq!(normal("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(normal("10.1.2.3/8"), "10.0.0.0/8");
        assert_eq!(normal("2001:DB8::1"), "2001:db8::1/128");
        assert_eq!(normal("nonsense"), "nonsense");
    }
}
