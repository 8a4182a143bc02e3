//! Schema registries that speak Confluent's HTTP API: a client for any of them, and one of our own in memory.
//!
//! [`RegistryClient`] asks and registers; [`EmbeddedRegistry`] answers, and refuses what others refuse; [`connect`] makes
//! sure that every schema of a contract has its id before the first record; [`drift`] tells what differs.
//!
//! ```text
//! Contract --> connect --> RegistryClient --> embedded | external registry
//!          <-- schema ids, schemas of other ids (while records are read)
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod client;
mod connect;
mod drift;
mod embedded;
mod error;
mod lookup;

pub use client::{RegistryClient, Version};
pub use connect::connect;
pub use drift::drift;
pub use embedded::EmbeddedRegistry;
pub use error::RegistryError;
