//! New records that keep to the contract: choices from the seed, identities from the run.

mod hostile;
mod identity;
mod invalid;
mod neighbour;
mod pad;
mod pattern;
mod record;
mod value;

pub use identity::event_number;
pub use invalid::Invalid;
pub use record::{Draft, GenerateError, Generator};
