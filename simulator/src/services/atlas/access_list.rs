//! The addresses from which a project's clusters can be reached.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Project,
    contract::{invalid, like, refusal},
};
use crate::refusal::{Answer, Refusal};

/// An entry as it is shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    cidr_block: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    group_id: String,
    /// Of an entry for one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
}

const IP_ADDRESS: &str = "^([0-9]{1,3}[.]){3}[0-9]{1,3}$|^[0-9a-f:]*:[0-9a-f:]*$";
const CIDR_BLOCK: &str =
    "^([0-9]{1,3}[.]){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-f:]*:[0-9a-f:]*/[0-9]{1,3}$";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewEntry {
    cidr_block: Option<String>,
    ip_address: Option<String>,
    aws_security_group: Option<String>,
    comment: Option<String>,
}

/// Adds all of them or none. One that is there already is replaced: adding it again only changes the comment.
pub(super) fn create(project: &mut Project, input: Vec<NewEntry>) -> Result<(), Refusal> {
    if input.is_empty() {
        return Err(invalid("(root)", "must not be empty"));
    }
    let entries: Result<Vec<_>, _> = input.into_iter().map(|it| entry(it, &project.id)).collect();
    project.access.extend(entries?.into_iter().map(|it| (it.cidr_block.clone(), it)));
    Ok(())
}

pub(super) fn list(project: &Project) -> Vec<Value> {
    project.access.values().map(shown).collect()
}

pub(super) fn get(project: &Project, value: &str) -> Answer {
    find(project, value).map(shown)
}

pub(super) fn delete(project: &mut Project, value: &str) -> Answer {
    let key = find(project, value)?.cidr_block.clone();
    project.access.remove(&key);
    Ok(Value::Null)
}

fn shown(entry: &Entry) -> Value {
    let mut shown = json!(entry);
    shown["links"] = json!([]);
    shown
}

/// By its CIDR block or its address.
fn find<'a>(project: &'a Project, value: &str) -> Result<&'a Entry, Refusal> {
    let mut entries = project.access.values();
    let found =
        entries.find(|it| it.cidr_block == value || it.ip_address.as_deref() == Some(value));
    found.ok_or_else(|| {
        let id = &project.id;
        let words = format!("IP Address {value} not on Atlas access list for group {id}.");
        let code = "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND";
        refusal(code, words, json!([value, id])).with_status(404)
    })
}

fn entry(input: NewEntry, group: &str) -> Result<Entry, Refusal> {
    let NewEntry { cidr_block, ip_address, aws_security_group, comment } = input;
    if comment.as_ref().is_some_and(|it| it.chars().count() > 80) {
        return Err(invalid("comment", "must have at most 80 characters"));
    }
    let value = match (cidr_block, ip_address, aws_security_group) {
        (Some(cidr), None, None) if like(CIDR_BLOCK, &cidr) => cidr,
        (Some(_), None, None) => return Err(invalid("cidrBlock", "must be in CIDR notation")),
        (None, Some(address), None) if like(IP_ADDRESS, &address) => address,
        (None, Some(_), None) => return Err(invalid("ipAddress", "must be an IP address")),
        (None, None, Some(_)) => {
            let code = "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION";
            let words = "Cannot use aws security groups as access list entries without a vpc peering connection.";
            return Err(refusal(code, words, json!([])));
        }
        (None, None, None) => {
            let words = "Either the awsSecurityGroup attribute, the cidrBlock attribute, or the ipAddress attribute must be specified.";
            return Err(refusal("MISSING_ONE_OF_THREE_ATTRIBUTES", words, json!([])));
        }
        _ => {
            let code = "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY";
            let words = "Should not specify both the IP address and the CIDR block.";
            return Err(refusal(code, words, json!([])));
        }
    };
    let network = match value.contains('/') {
        true => value.parse::<IpNet>().ok(),
        false => value.parse::<IpAddr>().ok().map(IpNet::from),
    };
    let network = network.ok_or_else(|| {
        let words = format!("The address {value} must be in valid IP address or CIDR notation.");
        refusal("INVALID_IP_ADDRESS_OR_CIDR_NOTATION", words, json!([value]))
    })?;
    let single = network.prefix_len() == network.max_prefix_len();
    Ok(Entry {
        cidr_block: if value.contains('/') { value } else { network.to_string() },
        comment,
        group_id: group.to_owned(),
        ip_address: single.then(|| network.addr().to_string()),
    })
}
