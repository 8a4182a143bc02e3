//! The services under test: how they start, when they are ready, how they are disturbed, and where their effects show.
//!
//! A pack's `system.yaml` ([`SystemSpec`]) says it all; nothing about any one system is coded here. Services are
//! processes of their own, so they can be killed and paused. Views answer questions (a [`Sample`] bounds a moment from
//! both sides) or are followed as a journal of effects that can be counted. Actions are HTTP requests such as a user of
//! the system would make.
//!
//! ```text
//! system.yaml --> SystemSpec --> System (processes, views, actions) --> observations --> Journal
//! ```
//!
//! [`Sample`]: eventproof_evidence::Sample
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod action;
mod alert;
mod error;
mod follow;
mod metrics;
mod process;
mod ready;
mod registry;
mod rig;
mod sasl;
mod spec;
mod store;
mod stub;
mod system;
mod template;
mod view;

pub use action::Answer;
pub use error::SystemError;
pub use metrics::{Scrape, Series};
pub use ready::{GroupNeed, Readiness};
pub use registry::Registry;
pub use rig::{Rig, RigPlan};
pub use spec::{
    ActionSpec, AddressSource, AlertSpec, AlertValue, Assignment, FaultSwitch, Follows, GroupSpec, JournalView,
    ListView, Offsets, PasswordSource, ReadySpec, SHORTEST_SESSION, SaslSpec, ServiceSpec, StoreSpec, StubSpec,
    SystemSpec, UserSpec, ViewKind, ViewSpec,
};
pub use store::{Mended, StoreFault};
pub use stub::{Failing, Instead};
pub use system::{Environment, LATER, ServiceState, System};
pub use template::{Params, fill, placeholders};
pub use view::Looked;
