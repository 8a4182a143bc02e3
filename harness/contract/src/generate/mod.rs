//! New records that keep to the contract: choices from the seed, identities from the run.

mod again;
mod form;
mod hostile;
mod identity;
mod invalid;
mod known;
mod neighbour;
mod pad;
mod pattern;
mod record;
mod value;

pub use again::Renamed;
pub use form::{Filled, Form};
pub use identity::event_number;
pub use invalid::Invalid;
pub use known::{Came, Mark};
pub use record::{Draft, GenerateError, Generator};
