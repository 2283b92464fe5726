//! Makes declared resources exist, without knowing any of them.

mod act;
mod apply;
mod decide;
mod disk;
mod error;
mod forgotten;
mod node;
mod output;
mod patience;
mod plan;
mod resource;
mod run;
mod secret;
mod stack;
mod state;
pub mod store;

pub use apply::{Done, Outcome, apply};
pub use decide::{Action, Cause, Change, decide};
pub use error::{ApiError, Class, Error, Result, unless_gone};
pub use forgotten::left_overs;
pub use output::{Output, Unknown, Wiring, unknown_sources};
pub use plan::{Failure, Plan, Step, plan};
pub use resource::{Existing, Found, KnownBy, Lookup, Progress, Replacement, Resource};
pub use run::{Event, Observer, Options, Run};
pub use secret::{Sealed, is_secret};
pub use stack::Stack;
pub use state::{Intent, Record, Retired, State};
pub use store::{Keeper, Store};
