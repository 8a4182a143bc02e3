//! What must be in no output: what the contract calls sensitive, wherever in a scenario's result it stands.
//!
//! In records the contract's messages say by pointer what it is ([`Hidden`]); in texts of whatever origin it is found by its name
//! ([`beside`]) and by its value ([`forms`]). A result is looked through once, before anything is written or shown.

mod beside;
mod everywhere;
mod forms;
mod names;
#[cfg(test)]
mod tests;

pub(super) use names::{HIDDEN, Hidden};
