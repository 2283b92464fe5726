//! What people read: texts in their language, escaped, split, with people and times in them.

mod catalogue;
mod html;
mod people;
mod presence;
mod split;
mod time;

pub use self::{
    catalogue::{Arg, Args, Lang, Texts},
    html::Html,
    people::{mention, plain_name},
    presence::{age, blocks, failures, made_up_name},
    split::{MESSAGE_UNITS, messages},
    time::{ago, span},
};
