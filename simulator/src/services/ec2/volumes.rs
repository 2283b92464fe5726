//! Volumes: those that instances start from.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    filters::{Asked, Findable, Found, ReadFound},
    images::ROOT,
    tags,
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
    pub(super) subnet: String,
    pub(super) created: Time,
    pub(super) instance: Option<String>,
    /// Its changes, the latest last.
    pub(super) changes: Vec<Change>,
    /// When it goes, with its instance.
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

const KINDS: &[&str] = &["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"];
/// So long a changed volume is still as it was, and so long it takes until it may be changed again.
const MODIFYING: Duration = Duration::from_secs(10);
const OPTIMIZING: Duration = Duration::from_secs(300);
/// A volume is changed so often within a day.
const MOST_CHANGES: usize = 4;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn check(size: i32, kind: &str) -> Result<(), Refusal> {
    if !KINDS.contains(&kind) {
        let words = format!("Invalid value '{kind}' for VolumeType.");
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    if !(8..=16384).contains(&size) {
        let words = format!("Volume of size {size}GB is smaller than snapshot, expect size >= 8GB");
        return Err(Refusal::new("InvalidBlockDeviceMapping", words));
    }
    Ok(())
}

/// Forgets those that went with their instances.
pub(super) fn sweep(cx: &mut Context<'_>) {
    let (now, ec2) = (cx.now, &mut cx.region.ec2);
    let tags = &mut ec2.tags;
    ec2.volumes.retain(|id, it| {
        if it.is_gone(now) {
            tags.remove(id);
        }
        !it.is_gone(now)
    });
}

impl Findable for Volume {
    fn named(filter: &str) -> Option<ReadFound<Self>> {
        let read: ReadFound<Self> = match filter {
            "volume-id" => |it| vec![it.id.to_owned()],
            "attachment.instance-id" => |it| it.it.instance.clone().into_iter().collect(),
            "status" => |it| vec![it.it.status().to_owned()],
            _ => return None,
        };
        Some(read)
    }
}

impl Volume {
    pub(super) fn is_gone(&self, now: Time) -> bool {
        self.gone.is_some_and(|it| it <= now)
    }

    fn status(&self) -> &'static str {
        if self.instance.is_some() { "in-use" } else { "available" }
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

pub(super) fn describe(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "VolumeId")?;
    let (page, next) = asked.among(ec2, &ec2.volumes, no_such_volume, |_, _| ())?;
    let shown: Vec<Value> = page
        .iter()
        .map(|Found { id, it: volume, tags, .. }| {
            let attached = volume.instance.iter().map(|instance| {
                json!({ "volumeId": id, "instanceId": instance, "device": ROOT, "status": "attached" })
            });
            let (size, kind) = volume.in_effect(cx.now, cx.times);
            json!({
                "volumeId": id,
                "size": size,
                "availabilityZone": ec2.subnets.get(&volume.subnet).map(|it| it.zone.clone()),
                "status": volume.status(),
                "createTime": volume.created.iso(),
                "attachmentSet": attached.collect::<Vec<_>>(),
                "volumeType": kind,
                "encrypted": volume.encrypted,
                "tagSet": tags::shown(tags),
            })
        })
        .collect();
    Ok(json!({ "volumeSet": shown, "nextToken": next }))
}

pub(super) fn describe_modifications(cx: &mut Context<'_>, call: &Call) -> Answer {
    let ec2 = &cx.region.ec2;
    let asked = Asked::of(call, "VolumeId")?;
    let (page, next) = asked.among(ec2, &ec2.volumes, no_such_volume, |_, _| ())?;
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

fn no_such_volume(id: &str) -> Refusal {
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
            subnet: "subnet-1".to_owned(),
            created: Time(0),
            instance: None,
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
