//! The one place where everything comes together: a fold over what was sent, acknowledged, seen and effected.
//! Memory depends on keys and on events in flight, not on events sent.

mod asides;
mod commits;
mod fates;
mod fold;
mod lag;
mod matcher;
mod message;
mod recent;

pub(crate) use asides::{AsideSight, By, Named, named_bytes, named_place};
pub(crate) use fates::Failures;
pub(crate) use fold::{Collector, slice_of};
pub(crate) use lag::{Leasts, STALE};
pub(crate) use matcher::WINDOW;
pub(crate) use message::{Event, Frame, Group, Lane, Message, Ours, Sight};

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_elsewhere;
