//! Everything that is fixed before the first event: instants, topics, legs, and what is sent.
//!
//! ```text
//! Profile --> Ground (topics, lanes) --> records or requests --> Plan --> Frame (what the collector must know of it)
//! ```

mod asides;
mod ground;
mod limits;
mod model;
mod records;
mod replay;
mod requests;

pub(crate) use asides::{Aside, End, readers, topics as topics_of};
pub(crate) use ground::Derived;
pub(crate) use limits::longest_payload;
pub(crate) use model::{Plan, What};
pub(crate) use records::{Kind, Records};
pub(crate) use requests::{Asked, Link};
