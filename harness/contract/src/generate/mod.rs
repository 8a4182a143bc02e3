//! New records that keep to the contract: choices from the seed, identities from the run.

mod identity;
mod pad;
mod record;
mod value;

pub use identity::event_number;
pub use record::{Draft, GenerateError, Generator};
