//! Volumes of their own, attached to instances.
//!
//! Sources: the EC2 API reference (AttachVolume, DetachVolume), the EC2 user guide ("Error codes", "Device names for
//! volumes"), public issue threads for the words.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    images,
    instances::{self, State},
    volumes::there_mut,
};
use crate::{
    call::Call,
    clock::Time,
    refusal::{Answer, Refusal},
    world::Context,
};

/// Where a volume is attached.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Attachment {
    pub(super) instance: String,
    pub(super) device: String,
    /// When the call was made, and from when on it is attached.
    pub(super) asked: Time,
    pub(super) attached: Time,
    /// When it is no longer, once it has been told to go.
    pub(super) over: Option<Time>,
}

/// So long a volume is attaching, and detaching.
const ATTACHING: Duration = Duration::from_secs(5);
const DETACHING: Duration = Duration::from_secs(5);

impl Attachment {
    /// That of the volume that an instance starts from.
    pub(super) fn root(instance: &str, now: Time) -> Self {
        let (instance, device) = (instance.to_owned(), images::ROOT.to_owned());
        Self { instance, device, asked: now, attached: now, over: None }
    }

    pub(super) fn is_over(&self, now: Time) -> bool {
        self.over.is_some_and(|it| it <= now)
    }

    pub(super) fn status(&self, now: Time) -> &'static str {
        match self.over {
            Some(_) => "detaching",
            None if self.attached > now => "attaching",
            None => "attached",
        }
    }

    /// As answers about the volume show it.
    pub(super) fn show(&self, volume: &str, now: Time) -> Value {
        json!({
            "volumeId": volume,
            "instanceId": self.instance,
            "device": self.device,
            "status": self.status(now),
            "attachTime": self.asked.iso(),
        })
    }
}

/// Device names that are free for volumes; see "Device names for volumes".
fn is_device(name: &str) -> bool {
    let letter = name.strip_prefix("/dev/sd").or_else(|| name.strip_prefix("/dev/xvd"));
    letter.is_some_and(|it| it.len() == 1 && ("f"..="p").contains(&it))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attach {
    volume_id: String,
    instance_id: String,
    device: String,
}

pub(super) fn attach(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Attach { volume_id: id, instance_id, device } = call.input()?;
    let now = cx.now;
    let attached = now + cx.times.paced(ATTACHING);
    let status = there_mut(cx, &id)?.status(now);
    let instance = instances::there(cx, &instance_id)?;
    let zone = cx.region.ec2.subnets.get(&instance.subnet).map(|it| it.zone.clone());
    let state = instance.state(now);
    if !is_device(&device) {
        let words = format!(
            "Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name."
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    match status {
        "available" => {}
        "in-use" => {
            let words = format!("{id} is already attached to an instance");
            return Err(Refusal::new("VolumeInUse", words));
        }
        _ => return Err(Refusal::new("IncorrectState", format!("{id} is not 'available'."))),
    }
    if !matches!(state, State::Running | State::Stopped) {
        let words = format!("Instance '{instance_id}' is not 'running'.");
        return Err(Refusal::new("IncorrectState", words));
    }
    let mut others = cx.region.ec2.volumes.values().filter_map(|it| it.attachment.as_ref());
    if others.any(|it| it.instance == instance_id && it.device == device) {
        let words = format!(
            "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        );
        return Err(Refusal::new("InvalidParameterValue", words));
    }
    let volume = there_mut(cx, &id)?;
    if Some(&volume.zone) != zone.as_ref() {
        let words = format!(
            "The volume '{id}' is not in the same availability zone as instance '{instance_id}'"
        );
        return Err(Refusal::new("InvalidVolume.ZoneMismatch", words));
    }
    let made = Attachment { instance: instance_id, device, asked: now, attached, over: None };
    let mut shown = made.show(&id, now);
    // However fast it goes.
    shown["status"] = "attaching".into();
    volume.attachment = Some(made);
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Detach {
    volume_id: String,
    instance_id: Option<String>,
    device: Option<String>,
}

pub(super) fn detach(cx: &mut Context<'_>, call: &Call) -> Answer {
    let Detach { volume_id: id, instance_id, device } = call.input()?;
    let now = cx.now;
    let over = now + cx.times.paced(DETACHING);
    let volume = there_mut(cx, &id)?;
    let Some(attachment) = &volume.attachment else {
        let words = format!("Volume '{id}' is in the '{}' state.", volume.status(now));
        return Err(Refusal::new("IncorrectState", words));
    };
    let Attachment { instance, device: there, .. } = attachment.clone();
    if instance_id.is_some_and(|it| it != instance) || device.is_some_and(|it| it != there) {
        let words =
            format!("The volume '{id}' is not attached to the instance as the given device");
        return Err(Refusal::new("InvalidAttachment.NotFound", words));
    }
    if attachment.over.is_some() {
        let words = format!("Volume '{id}' is in the 'detaching' state.");
        return Err(Refusal::new("IncorrectState", words));
    }
    let runs = instances::there(cx, &instance)?.state(now) != State::Stopped;
    if there == images::ROOT && runs {
        let words = format!("Unable to detach root volume '{id}' from instance '{instance}'");
        return Err(Refusal::new("OperationNotPermitted", words));
    }
    let Some(attachment) = there_mut(cx, &id)?.attachment.as_mut() else { return Ok(Value::Null) };
    attachment.over = Some(over);
    let shown = attachment.show(&id, now);
    super::sweep(cx);
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_names_are_free_for_volumes() {
        for free in ["/dev/sdf", "/dev/sdp", "/dev/xvdf"] {
            assert!(is_device(free), "{free}");
        }
        for not in ["", "sdf", "/dev/sda1", "/dev/sdb", "/dev/sdq", "/dev/sdf1", "/dev/nvme1n1"] {
            assert!(!is_device(not), "{not}");
        }
    }
}
