//! The systems of the seed documents, as small real services.
//!
//! eventproof judges them as it judges anybody's: each service is a process of its own with HTTP, a store, a transactional
//! outbox or an idempotent consumer, metrics and a graceful end. So this crate depends on no other part of eventproof.
//! Each service also carries *named faults*: with one switched on it behaves as a careless team's would, and the gate
//! has to notice.
//!
//! What flows through: a system, a service and fault names come in ([`serve`]), settings come from environment variables
//! ([`Settings`]), records flow from HTTP through the outbox to Kafka and from Kafka into a view. [`systems`] lists all there is.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod catalogue;
mod data_platform;
mod error;
mod nova_bus;
mod nova_domain;
mod photo_portfolio;
mod serve;
mod shared;
mod todo;
mod ugly;

pub use catalogue::{FaultInfo, ServiceInfo, SystemInfo, systems};
pub use error::ServeError;
pub use serve::{Running, serve, start};
pub use shared::settings::{SettingFault, Settings, SettingsError};
