//! Volumes: those that instances start from, and those of their own.
//!
//! Sources: the EC2 API reference (CreateVolume, DeleteVolume, ModifyVolume), the EC2 user guide ("Error codes"), the EBS
//! user guide ("EBS volume lifecycle").

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    attachments::Attachment,
    filters::{Asked, Findable, Found, ReadFound},
    launch::{asked, remembered},
    network,
    tags::{self, Specification},
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    times::Times,
    world::Context,
};

/// A volume.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Volume {
    /// In GiB.
    pub(super) size: i32,
    pub(super) kind: String,
    pub(super) encrypted: bool,
    /// What it was made of, if it was not empty.
    pub(super) snapshot: Option<String>,
    /// Its availability zone.
    pub(super) zone: String,
    pub(super) created: Time,
    /// From when on it is no longer being created.
    pub(super) ready: Time,
    pub(super) attachment: Option<Attachment>,
    /// Its changes, the latest last.
    pub(super) changes: Vec<Change>,
    /// When it goes, by itself or with its instance.
    pub(super) gone: Option<Time>,
}

/// A change of a volume.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Change {
    at: Time,
    /// What the volume was before.
    size: i32,
    kind: String,
}

/// So long it takes until a volume is available, and until a deleted one is no longer shown.
const CREATING: Duration = Duration::from_secs(3);
const DELETING: Duration = Duration::from_secs(3);
const KINDS: &[&str] = &["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"];
/// So long a changed volume is still as it was, and so long it takes until it may be changed again.
const MODIFYING: Duration = Duration::from_secs(10);
const OPTIMIZING: Duration = Duration::from_secs(300);
/// A volume is changed so often within a day.
const MOST_CHANGES: usize = 4;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What an instance may start from: no less than what its image has.
pub(super) fn check_root(size: i32, kind: &str) -> Result<(), Refusal> {
    check(size.max(1), kind)?;
    if !(8..=16384).contains(&size) {
        let words = format!("Volume of size {size}GB is smaller than snapshot, expect size >= 8GB");
        return Err(Refusal::new("InvalidBlockDeviceMapping", words));
    }
    Ok(())
}

fn check(size: i32, kind: &str) -> Result<(), Refusal> {
    if !KINDS.contains(&kind) {
        let words = format!("Invalid value '{kind}' for VolumeType.");
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    if !(1..=16384).contains(&size) {
        let words = format!("Volume of {size}GiB is not between 1GiB and 16384GiB.");
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    Ok(())
}

/// Forgets those that are gone, and the attachments that are over.
pub(super) fn sweep(cx: &mut Context<'_>) {
    let (now, ec2) = (cx.now, &mut cx.region.ec2);
    for volume in ec2.volumes.values_mut() {
        volume.attachment.take_if(|it| it.is_over(now));
    }
    let (tags, tokens) = (&mut ec2.tags, &mut ec2.tokens);
    ec2.volumes.retain(|id, it| {
        if it.is_gone(now) {
            tags.remove(id);
            tokens.retain(|_, (_, made)| made != id);
        }
        !it.is_gone(now)
    });
}

/// Its status goes with it: that depends on the time.
impl Findable<&'static str> for Volume {
    fn named(filter: &str) -> Option<ReadFound<Self, &'static str>> {
        let read: ReadFound<Self, &'static str> = match filter {
            "volume-id" => |it| vec![it.id.to_owned()],
            "availability-zone" => |it| vec![it.it.zone.clone()],
            "attachment.instance-id" => {
                |it| it.it.attachment.iter().map(|it| it.instance.clone()).collect()
            }
            "status" => |it| vec![it.more.to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

impl Volume {
    pub(super) fn is_gone(&self, now: Time) -> bool {
        self.gone.is_some_and(|it| it <= now)
    }

    /// Whether it is attached to this instance.
    pub(super) fn is_at(&self, instance: &str) -> bool {
        self.attachment.as_ref().is_some_and(|it| it.instance == instance)
    }

    pub(super) fn status(&self, now: Time) -> &'static str {
        match &self.attachment {
            Some(_) => "in-use",
            None if self.gone.is_some() => "deleting",
            None if self.ready > now => "creating",
            None => "available",
        }
    }

    /// How far its latest change is.
    fn modification_state(&self, now: Time, times: &Times) -> &'static str {
        let Some(latest) = self.changes.last() else { return "completed" };
        match now.since(latest.at) {
            passed if passed < times.paced(MODIFYING) => "modifying",
            passed if passed < times.paced(OPTIMIZING) => "optimizing",
            _ => "completed",
        }
    }

    /// Its size and type: a change takes effect when the volume is optimizing.
    fn in_effect(&self, now: Time, times: &Times) -> (i32, &str) {
        match self.changes.last() {
            Some(latest) if self.modification_state(now, times) == "modifying" => {
                (latest.size, &latest.kind)
            }
            _ => (self.size, &self.kind),
        }
    }

    /// Its changes of the last day, if they let it be changed once more.
    fn may_change(&self, id: &str, now: Time, times: &Times) -> Result<Vec<Change>, Refusal> {
        let state = self.modification_state(now, times);
        if state != "completed" {
            let state = state.to_uppercase();
            let words = format!("Volume {id} cannot be modified in modification state {state}");
            return Err(Refusal::new("IncorrectModificationState", words));
        }
        let day = times.paced(DAY);
        let recent: Vec<_> = self.changes.iter().filter(|it| it.at + day > now).cloned().collect();
        if recent.len() >= MOST_CHANGES {
            let again = (recent[0].at + day).iso();
            let words = format!(
                "You've reached the maximum modification rate per volume limit. {id} can be modified again at {again}."
            );
            return Err(Refusal::new("VolumeModificationRateExceeded", words));
        }
        Ok(recent)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    availability_zone: String,
    size: i32,
    volume_type: Option<String>,
    encrypted: Option<bool>,
    client_token: Option<String>,
    #[serde(default)]
    tag_specification: Vec<Specification>,
}

pub(super) fn create(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Create = call.input()?;
    if let Some(id) = remembered(cx, call, input.client_token.as_ref())? {
        let volume = cx.region.ec2.volumes.get(&id).ok_or_else(|| no_such_volume(&id))?;
        return Ok(show(cx, &id, volume));
    }
    let zone = input.availability_zone;
    if !network::has_zone(&cx.region.name, &zone) {
        let words = format!("The zone '{zone}' does not exist.");
        return Err(Refusal::new("InvalidZone.NotFound", words));
    }
    let kind = input.volume_type.unwrap_or_else(|| "gp2".to_owned());
    check(input.size, &kind)?;
    let [given] = tags::given(&input.tag_specification, ["volume"])?;
    let volume = Volume {
        size: input.size,
        kind,
        encrypted: input.encrypted.unwrap_or(false),
        snapshot: None,
        zone,
        created: cx.now,
        ready: cx.now + cx.times.paced(CREATING),
        attachment: None,
        changes: Vec::new(),
        gone: None,
    };
    let id = format!("vol-{}", cx.chance.hex(17));
    let ec2 = &mut cx.region.ec2;
    ec2.tags.insert(id.clone(), given);
    ec2.volumes.insert(id.clone(), volume.clone());
    if let Some(token) = input.client_token {
        ec2.tokens.insert(token, (asked(call), id.clone()));
    }
    let mut shown = show(cx, &id, &volume);
    // However fast it goes.
    shown["status"] = "creating".into();
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    volume_id: String,
}

pub(super) fn delete(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Delete { volume_id: id } = call.input()?;
    let gone = cx.now + cx.times.paced(DELETING);
    let volume = there_mut(cx, &id)?;
    if let Some(Attachment { instance, .. }) = &volume.attachment {
        let words = format!("Volume {id} is currently attached to {instance}");
        return Err(Refusal::new("VolumeInUse", words));
    }
    // Also one that is still being created, as everything that was asked for can be taken back.
    volume.gone = volume.gone.or(Some(gone));
    super::sweep(cx);
    Ok(Value::Null)
}

/// A volume, which must be there.
pub(super) fn there_mut<'a>(cx: &'a mut Context<'_>, id: &str) -> Result<&'a mut Volume, Refusal> {
    cx.region.ec2.volumes.get_mut(id).ok_or_else(|| no_such_volume(id))
}

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "VolumeId")?;
    let status = |_: &str, it: &Volume| it.status(cx.now);
    let (page, next) = asked.among(ec2, &ec2.volumes, no_such_volume, status)?;
    let shown: Vec<Value> = page.iter().map(|Found { id, it, .. }| show(cx, id, it)).collect();
    Ok(json!({ "volumeSet": shown, "nextToken": next }))
}

fn show(cx: &Context<'_>, id: &str, volume: &Volume) -> Value {
    let (size, kind) = volume.in_effect(cx.now, cx.times);
    let attached = volume.attachment.iter().map(|it| {
        let mut shown = it.show(id, cx.now);
        let instance = cx.region.ec2.instances.get(&it.instance);
        shown["deleteOnTermination"] = instance.is_some_and(|it| it.takes_along(id)).into();
        shown
    });
    json!({
        "volumeId": id,
        "size": size,
        "snapshotId": volume.snapshot,
        "availabilityZone": volume.zone,
        "status": volume.status(cx.now),
        "createTime": volume.created.iso(),
        "attachmentSet": attached.collect::<Vec<_>>(),
        "volumeType": kind,
        "encrypted": volume.encrypted,
        "tagSet": tags::shown(&cx.region.ec2.tags_of(id)),
    })
}

pub(super) fn describe_modifications(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "VolumeId")?;
    let status = |_: &str, it: &Volume| it.status(cx.now);
    let (page, next) = asked.among(ec2, &ec2.volumes, no_such_volume, status)?;
    let shown = page
        .iter()
        .filter_map(|it| modification(it.id, it.it, it.it.modification_state(cx.now, cx.times)));
    Ok(json!({ "volumeModificationSet": shown.collect::<Vec<_>>(), "nextToken": next }))
}

fn modification(id: &str, volume: &Volume, state: &str) -> Option<Value> {
    let change = volume.changes.last()?;
    Some(json!({
        "volumeId": id,
        "modificationState": state,
        "originalSize": change.size,
        "originalVolumeType": change.kind,
        "targetSize": volume.size,
        "targetVolumeType": volume.kind,
        "startTime": change.at.iso(),
        "progress": if state == "completed" { 100 } else { 0 },
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Modify {
    volume_id: String,
    size: Option<i32>,
    volume_type: Option<String>,
}

pub(super) fn modify(cx: &mut Context<'_>, call: &Call) -> Answer {
    let input: Modify = call.input()?;
    let volume = cx.region.ec2.volumes.get(&input.volume_id);
    let volume = volume.ok_or_else(|| no_such_volume(&input.volume_id))?;
    let size = input.size.unwrap_or(volume.size);
    let kind = input.volume_type.unwrap_or_else(|| volume.kind.clone());
    check(size, &kind)?;
    if ["creating", "deleting"].contains(&volume.status(cx.now)) {
        let words =
            format!("Volume {} is in the '{}' state", input.volume_id, volume.status(cx.now));
        return Err(Refusal::new("IncorrectState", words));
    }
    if size < volume.size {
        let words = format!("New size cannot be smaller than existing size ({} GiB)", volume.size);
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    let mut changes = volume.may_change(&input.volume_id, cx.now, cx.times)?;
    changes.push(Change { at: cx.now, size: volume.size, kind: volume.kind.clone() });
    let changed = Volume { size, kind, changes, ..volume.clone() };
    let shown = modification(&input.volume_id, &changed, "modifying");
    cx.region.ec2.volumes.insert(input.volume_id, changed);
    Ok(json!({ "volumeModification": shown }))
}

pub(super) fn no_such_volume(id: &str) -> Refusal {
    Refusal::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_changes_four_times_a_day_one_after_the_other() -> Result<(), Refusal> {
        let times = Times::real();
        let mut volume = Volume {
            size: 8,
            kind: "gp3".to_owned(),
            encrypted: true,
            snapshot: None,
            zone: "eu-central-1a".to_owned(),
            created: Time(0),
            ready: Time(0),
            attachment: None,
            changes: Vec::new(),
            gone: None,
        };
        let mut change = |at: Time| {
            let mut changes = volume.may_change("vol-1", at, &times)?;
            changes.push(Change { at, size: volume.size, kind: volume.kind.clone() });
            (volume.size, volume.changes) = (volume.size + 1, changes);
            let seen = [Duration::ZERO, MODIFYING, OPTIMIZING].map(|it| {
                (volume.in_effect(at + it, &times).0, volume.modification_state(at + it, &times))
            });
            Ok::<_, Refusal>(seen)
        };
        let hour = |number: u64| Time(number * 3_600_000);
        assert_eq!(change(hour(1))?, [(8, "modifying"), (9, "optimizing"), (9, "completed")]);
        let code = |refused: Result<_, Refusal>| refused.err().map(|it: Refusal| it.code);
        assert_eq!(
            code(change(hour(1) + MODIFYING)).as_deref(),
            Some("IncorrectModificationState")
        );
        for number in 2..=4 {
            change(hour(number))?;
        }
        let most = Some("VolumeModificationRateExceeded");
        assert_eq!(code(change(hour(24))).as_deref(), most);
        change(hour(25))?;
        assert_eq!(code(change(hour(25) + OPTIMIZING)).as_deref(), most);
        Ok(())
    }
}
