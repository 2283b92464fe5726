//! `--sandbox-fault`: what can go wrong in a simulated cloud, by name. What can become of tasks is listed by the simulator.

use std::{fmt::Write as _, str::FromStr};

use serde_json::json;
use simulator::{
    Fault, Simulator,
    services::ecs::{self, FATES, Fate},
};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// One of [`NAMED`].
    Named(&'static Named),
    /// The tasks of every deployment that begins meet this fate.
    Fate(Fate),
    /// Calls of an action are denied.
    Denied {
        /// Under the SDKs' name.
        service: String,
        /// The action.
        action: String,
    },
    /// The program ends, as if killed, when so many calls have reached the cloud.
    KilledAfter(u32),
}

/// A trouble that needs no further word.
#[derive(Debug)]
pub struct Named {
    /// What the user calls it.
    pub name: &'static str,
    /// What happens.
    pub what: &'static str,
    prepare: fn(&Simulator),
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Every trouble with a name of its own.
pub const NAMED: &[Named] = &[
    Named {
        name: "atlas-503",
        what: "Atlas answers 503 to five calls",
        prepare: |it| {
            plan(it, json!({ "match": { "service": "atlas" }, "status": 503, "times": 5 }))
        },
    },
    Named {
        name: "throttling",
        what: "every fifth call, by chance, is throttled",
        prepare: |it| it.faults(|it| it.chaos.throttled = 0.2),
    },
    Named {
        name: "unavailable",
        what: "every tenth call, by chance, is answered with 500 or 503",
        prepare: |it| it.faults(|it| it.chaos.unavailable = 0.1),
    },
    Named {
        name: "connections-refused",
        what: "every tenth connection, by chance, is refused",
        prepare: |it| it.faults(|it| it.chaos.refused = 0.1),
    },
    Named {
        name: "connections-reset",
        what: "every tenth connection, by chance, breaks before the call has an effect",
        prepare: |it| it.faults(|it| it.chaos.reset = 0.1),
    },
    Named {
        name: "answers-lost",
        what: "every tenth connection, by chance, breaks after the call had its effect",
        prepare: |it| it.faults(|it| it.chaos.lost = 0.1),
    },
    Named {
        name: "stale-reads",
        what: "every third read, by chance, tells what was true a moment ago",
        prepare: |it| {
            it.faults(|it| {
                it.chaos.stale = 0.3;
                it.chaos.stale_ms = 500;
            });
        },
    },
    Named {
        name: "iam-slow",
        what: "what IAM knows takes ten times longer to reach the other services",
        prepare: |it| it.world(|world| world.times.iam *= 10),
    },
];

impl Trouble {
    /// Lets it happen to what comes.
    pub fn prepare(&self, simulator: &Simulator) {
        match self {
            Self::Named(named) => (named.prepare)(simulator),
            Self::Fate(fate) => simulator.world(|world| {
                let regions: Vec<String> = world.regions.keys().cloned().collect();
                for region in regions {
                    ecs::meet(&mut world.context(&region), None, *fate);
                }
            }),
            Self::Denied { service, action } => {
                let code = if service == "ec2" {
                    "UnauthorizedOperation"
                } else {
                    "AccessDeniedException"
                };
                let message = format!(
                    "User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: {service}:{action}"
                );
                let calls = json!({ "service": service, "action": action });
                let fault = json!({ "match": calls, "status": 403, "code": code, "message": message, "times": null });
                plan(simulator, fault);
            }
            Self::KilledAfter(_) => {}
        }
    }
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(named) = NAMED.iter().find(|it| it.name == text) {
            return Ok(Self::Named(named));
        }
        if let Some((_, fate, _)) = FATES.iter().find(|(name, ..)| *name == text) {
            return Ok(Self::Fate(*fate));
        }
        let mut words = text.split(':');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("denied"), Some(service), Some(action), None) => {
                Ok(Self::Denied { service: service.to_owned(), action: action.to_owned() })
            }
            (Some("killed-after"), Some(calls), None, None) if calls.parse::<u32>().is_ok() => {
                Ok(Self::KilledAfter(calls.parse().unwrap_or_default()))
            }
            _ => Err(format!("it is none of these:\n{}", list())),
        }
    }
}

/// All of them, a line each.
pub fn list() -> String {
    let mut lines = String::new();
    let parameters = [
        ("denied:SERVICE:ACTION", "these calls are denied, as in denied:ecs:CreateService"),
        ("killed-after:N", "the program ends, as if killed, at its Nth call"),
    ];
    let fates = FATES.iter().map(|(name, _, what)| (*name, *what));
    let named = NAMED.iter().map(|it| (it.name, it.what));
    for (name, what) in fates.chain(named).chain(parameters) {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "  {name:<24} {what}");
    }
    lines
}

fn plan(simulator: &Simulator, fault: serde_json::Value) {
    // Only what is written above is planned.
    if let Ok(fault) = serde_json::from_value::<Fault>(fault) {
        simulator.faults(|it| it.add(fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_understood_and_others_are_told_the_list() {
        let names = NAMED.iter().map(|it| it.name).chain(FATES.iter().map(|it| it.0));
        for name in names {
            let trouble: Trouble = name.parse().unwrap();
            let simulator = Simulator::new(simulator::Setup::default());
            trouble.prepare(&simulator);
        }
        let denied = Trouble::Denied { service: "ecs".into(), action: "CreateService".into() };
        assert_eq!("denied:ecs:CreateService".parse(), Ok(denied));
        assert_eq!("killed-after:12".parse(), Ok(Trouble::KilledAfter(12)));
        for wrong in ["", "nonsense", "denied:ecs", "killed-after:soon"] {
            assert!(wrong.parse::<Trouble>().unwrap_err().contains("atlas-503"), "{wrong}");
        }
    }
}
