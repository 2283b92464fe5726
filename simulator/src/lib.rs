//! The part of AWS and MongoDB Atlas that the provisioner uses, simulated in memory: with the rules, the delays and the
//! failures of the real ones, on a clock of its own, behind the wire protocols that the real SDKs speak.
//!
//! A [`Simulator`] answers HTTP requests. It plugs into an SDK as its HTTP client, or is served on a port of this machine.
//! What it models, what it does not, and how far to trust it is told in `docs/simulator.md`.

// A test may give up where the program must not.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod call;
mod census;
mod chance;
mod clock;
mod control;
mod faults;
mod form;
mod page;
mod protocol;
mod recorder;
mod refusal;
mod rights;
mod saved;
#[cfg(feature = "serve")]
mod serve;
pub mod services;
mod simulator;
mod times;
mod visibility;
mod world;

pub use call::{Call, Service};
pub use clock::{Clock, Time};
pub use faults::{Chaos, Fault, Faults, Match};
pub use recorder::Seen;
pub use refusal::{Answer, Refusal};
#[cfg(feature = "serve")]
pub use serve::Served;
pub use simulator::{Broken, Setup, Simulator};
pub use times::Times;
pub use world::{Context, Global, Region, World};
