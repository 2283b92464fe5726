//! DNS record: a name in a hosted zone of Route 53 and what it leads to.

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use serde::{Deserialize, Serialize};

use crate::{
    cloud::{Cloud, there},
    engine::{Error, Existing, Found, Output, Progress, Resource, Result},
    resources::Kind,
};

/// A record of one name and type.
///
/// Records have no tags: one that we have no record of is ours if it says exactly what we want it to say. So a
/// validation record that two stacks ask for, which are about the same domain, belongs to both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Id of the hosted zone, without `/hostedzone/`.
    pub zone_id: Output<String>,
    /// The name, in full; with or without a dot at the end.
    pub name: Output<String>,
    /// The type, such as `A` or `CNAME`.
    pub record_type: Output<String>,
    /// What it leads to.
    pub target: DnsTarget,
}

/// What a record leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsTarget {
    /// The record says it itself.
    Values {
        /// Seconds that others may remember it.
        ttl: i64,
        /// Its values as they are written in a zone file, in any order.
        values: Output<Vec<String>>,
    },
    /// Route 53 answers with what another name leads to.
    Alias {
        /// The other name.
        dns_name: Output<String>,
        /// Id of the hosted zone of the other name: for a load balancer not a zone of ours, but its region's.
        zone_id: Output<String>,
        /// Whether this leads nowhere while the other name's targets are not healthy.
        evaluate_target_health: bool,
    },
    /// Something that we never ask for, in words.
    Other(String),
}

/// What others need of a record, and what it takes to find it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsRecordOutputs {
    /// Id of the hosted zone, without `/hostedzone/`.
    pub zone_id: String,
    /// The name.
    pub name: String,
    /// The type.
    pub record_type: String,
}

impl Resource for DnsRecord {
    type Outputs = DnsRecordOutputs;
    const KIND: Kind = Kind::DnsRecord;
    const REPLACED_BY: &'static [&'static str] = &["zone_id", "name", "record_type"];

    async fn read(&self, recorded: Option<&Existing<Self>>, cloud: &Cloud) -> Result<Found<Self>> {
        if let Some(it) = recorded {
            let sets = find(&it.outputs, cloud).await?;
            if !sets.is_empty() {
                return Ok(Found::Ours(self.existing(it.outputs.clone(), &sets)));
            }
        }
        let outputs = self.outputs()?;
        let sets = find(&outputs, cloud).await?;
        if sets.is_empty() {
            return Ok(Found::Nothing);
        }
        let existing = self.existing(outputs, &sets);
        if existing.inputs.target == self.target {
            return Ok(Found::Ours(existing));
        }
        let DnsRecordOutputs { name, record_type, .. } = &existing.outputs;
        let whose = format!(
            "a record of the name {name} and the type {record_type} with other content exists: {}",
            existing.inputs.target.in_words()
        );
        Ok(Found::Theirs(existing, whose))
    }

    async fn create(&self, _token: &str, cloud: &Cloud) -> Result<Existing<Self>> {
        // Unlike UPSERT this refuses when there is something already.
        self.change(ChangeAction::Create, cloud).await
    }

    async fn update(&self, existing: &Existing<Self>, cloud: &Cloud) -> Result<DnsRecordOutputs> {
        self.change(ChangeAction::Upsert, cloud).await?;
        Ok(existing.outputs.clone())
    }

    async fn delete(outputs: &DnsRecordOutputs, cloud: &Cloud) -> Result<Progress> {
        // Route 53 deletes only what one can describe exactly. Several records of this name and type, which answers
        // are chosen from, are not ours: somebody put them in the place of ours.
        let mut sets = find(outputs, cloud).await?;
        sets.retain(|it| it.set_identifier.is_none());
        if let Some(set) = sets.pop() {
            change(&outputs.zone_id, ChangeAction::Delete, set, cloud).await?;
        }
        Ok(Progress::Done)
    }
}

impl DnsRecord {
    fn outputs(&self) -> Result<DnsRecordOutputs> {
        Ok(DnsRecordOutputs {
            zone_id: self.zone_id.get()?,
            name: self.name.get()?,
            record_type: self.record_type.get()?,
        })
    }

    /// What was found at a place, said as we say it where it means the same.
    fn existing(&self, outputs: DnsRecordOutputs, sets: &[ResourceRecordSet]) -> Existing<Self> {
        let live = DnsTarget::as_found(sets);
        let same_name = self.name.get().is_ok_and(|it| canonical(&it) == canonical(&outputs.name));
        Existing {
            inputs: Self {
                zone_id: outputs.zone_id.as_str().into(),
                name: if same_name { self.name.clone() } else { outputs.name.as_str().into() },
                record_type: outputs.record_type.as_str().into(),
                target: if live.means(&self.target, &outputs.record_type) {
                    self.target.clone()
                } else {
                    live
                },
            },
            outputs,
        }
    }

    async fn change(&self, action: ChangeAction, cloud: &Cloud) -> Result<Existing<Self>> {
        let outputs = self.outputs()?;
        let set = ResourceRecordSet::builder().name(&outputs.name);
        let set = set.r#type(RrType::from(outputs.record_type.as_str()));
        let set = match &self.target {
            DnsTarget::Values { ttl, values } => {
                let records =
                    values.get()?.into_iter().map(|it| ResourceRecord::builder().value(it).build());
                set.ttl(*ttl)
                    .set_resource_records(Some(records.collect::<std::result::Result<_, _>>()?))
            }
            DnsTarget::Alias { dns_name, zone_id, evaluate_target_health } => {
                let target =
                    AliasTarget::builder().dns_name(dns_name.get()?).hosted_zone_id(zone_id.get()?);
                set.alias_target(target.evaluate_target_health(*evaluate_target_health).build()?)
            }
            DnsTarget::Other(words) => {
                return Err(Error::Unexpected(format!("no record can be told to be: {words}")));
            }
        };
        change(&outputs.zone_id, action, set.build()?, cloud).await?;
        Ok(Existing { inputs: self.clone(), outputs })
    }
}

impl DnsTarget {
    fn as_found(sets: &[ResourceRecordSet]) -> Self {
        match sets {
            [set] if set.set_identifier.is_none() => match &set.alias_target {
                Some(target) => Self::Alias {
                    dns_name: target.dns_name.as_str().into(),
                    zone_id: target.hosted_zone_id.as_str().into(),
                    evaluate_target_health: target.evaluate_target_health,
                },
                None => Self::Values {
                    ttl: set.ttl.unwrap_or_default(),
                    values: set
                        .resource_records()
                        .iter()
                        .map(|it| it.value.clone())
                        .collect::<Vec<_>>()
                        .into(),
                },
            },
            _ => {
                let names: Vec<_> = sets.iter().filter_map(|it| it.set_identifier()).collect();
                Self::Other(format!(
                    "{} records that answers are chosen from: {}",
                    sets.len(),
                    names.join(", ")
                ))
            }
        }
    }

    /// Whether both lead to the same. Not so if that is not known yet.
    fn means(&self, other: &Self, record_type: &str) -> bool {
        match (self, other) {
            (Self::Values { ttl: one, values: ones }, Self::Values { ttl: two, values: twos }) => {
                let value =
                    |it: &String| if record_type == "CNAME" { canonical(it) } else { it.clone() };
                let sorted = |values: &Output<Vec<String>>| {
                    let mut values: Vec<_> = values.get().ok()?.iter().map(value).collect();
                    values.sort_unstable();
                    Some(values)
                };
                one == two && sorted(ones).is_some_and(|it| Some(it) == sorted(twos))
            }
            (
                Self::Alias { dns_name: one, zone_id: from, evaluate_target_health: checks },
                Self::Alias { dns_name: two, zone_id: of, evaluate_target_health: check },
            ) => {
                let same_name = one.get().ok().zip(two.get().ok()).is_some_and(|(one, two)| {
                    // What the console puts in front of a load balancer's name. For an application load balancer both
                    // names have the same addresses; for an AAAA record of a classic one they had not.
                    let plain =
                        |name: &str| canonical(name).trim_start_matches("dualstack.").to_owned();
                    if record_type == "A" {
                        plain(&one) == plain(&two)
                    } else {
                        canonical(&one) == canonical(&two)
                    }
                });
                same_name && from.get().is_ok_and(|it| of.get() == Ok(it)) && checks == check
            }
            _ => false,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Values { ttl, values } => {
                format!("{} (TTL {ttl} s)", values.get().unwrap_or_default().join(", "))
            }
            Self::Alias { dns_name, .. } => {
                format!("an alias of {}", dns_name.get().unwrap_or_default())
            }
            Self::Other(words) => words.clone(),
        }
    }
}

/// Every record set of that name and type: one, or several that answers are chosen from.
async fn find(at: &DnsRecordOutputs, cloud: &Cloud) -> Result<Vec<ResourceRecordSet>> {
    // The answer begins at this name and type and goes on with whatever comes after.
    let request = cloud.route53.list_resource_record_sets().hosted_zone_id(&at.zone_id);
    let request = request
        .start_record_name(&at.name)
        .start_record_type(RrType::from(at.record_type.as_str()));
    let found = there(request.send().await)?.map(|it| it.resource_record_sets).unwrap_or_default();
    let name = canonical(&at.name);
    let is_here = |it: &ResourceRecordSet| {
        canonical(&it.name) == name && it.r#type.as_str() == at.record_type
    };
    Ok(found.into_iter().filter(is_here).collect())
}

async fn change(
    zone_id: &str,
    action: ChangeAction,
    set: ResourceRecordSet,
    cloud: &Cloud,
) -> Result<()> {
    let change = Change::builder().action(action).resource_record_set(set).build()?;
    let batch = ChangeBatch::builder().changes(change).build()?;
    cloud
        .route53
        .change_resource_record_sets()
        .hosted_zone_id(zone_id)
        .change_batch(batch)
        .send()
        .await?;
    Ok(())
}

/// A name as DNS compares it: without upper case, without the dot at the end, and without Route 53's way of writing
/// unusual characters (`\052` is `*`), by
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>.
fn canonical(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        let code = after.get(1..4).and_then(|it| u8::from_str_radix(it, 8).ok());
        match code {
            Some(code) => plain.push(char::from(code)),
            None => plain.push('\\'),
        }
        rest = after.get(if code.is_some() { 4 } else { 1 }..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain.strip_suffix('.').unwrap_or(&plain).to_ascii_lowercase()
}

impl Output<DnsRecordOutputs> {
    /// The name.
    pub fn name(&self) -> Output<String> {
        self.map(|it| it.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_name_however_it_is_written() {
        assert_eq!(canonical("\\052.Example.com."), "*.example.com");
        assert_eq!(canonical("*.example.com"), "*.example.com");
        for odd in ["\\", "\\0", "\\09x", "a\\ä.b", "\\777"] {
            assert!(canonical(odd).starts_with(['\\', 'a']), "{odd}");
        }
    }

    #[test]
    fn targets_that_mean_the_same_are_the_same() {
        let alias = |name: &str| DnsTarget::Alias {
            dns_name: name.into(),
            zone_id: "Z1".into(),
            evaluate_target_health: false,
        };
        assert!(
            alias("dualstack.gsm-1.elb.amazonaws.com.")
                .means(&alias("GSM-1.elb.amazonaws.com"), "A")
        );
        assert!(
            !alias("dualstack.gsm-1.elb.amazonaws.com.")
                .means(&alias("gsm-1.elb.amazonaws.com"), "AAAA")
        );
        assert!(!alias("gsm-1.elb.amazonaws.com.").means(&alias("gsm-2.elb.amazonaws.com"), "A"));
        let values = |ttl, values: &[&str]| DnsTarget::Values {
            ttl,
            values: values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().into(),
        };
        assert!(
            values(60, &["1.1.1.1", "2.2.2.2"]).means(&values(60, &["2.2.2.2", "1.1.1.1"]), "A")
        );
        assert!(!values(60, &["1.1.1.1"]).means(&values(300, &["1.1.1.1"]), "A"));
        assert!(values(60, &["A.b."]).means(&values(60, &["a.b"]), "CNAME"));
        assert!(!values(60, &["\"A.b.\""]).means(&values(60, &["\"a.b\""]), "TXT"));
        assert!(!values(60, &["1.1.1.1"]).means(&alias("a"), "A"));
    }

    #[test]
    fn records_that_answers_are_chosen_from_are_never_ours() {
        let set = |id: &str| {
            let set = ResourceRecordSet::builder().name("a.").r#type(RrType::A).set_identifier(id);
            set.build().unwrap()
        };
        let found = DnsTarget::as_found(&[set("blue"), set("green")]);
        assert_eq!(found.in_words(), "2 records that answers are chosen from: blue, green");
    }
}
