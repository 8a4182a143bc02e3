//! What a pack's `system.yaml` says.

mod follows;
mod model;
mod placeholders;
mod read;
mod request;
mod sasl;
mod store;

pub use model::{
    ActionSpec, AddressSource, AlertSpec, AlertValue, Assignment, FaultSwitch, Follows, GroupSpec, JournalView,
    ListView, Offsets, PasswordSource, ReadySpec, SHORTEST_SESSION, SaslSpec, ServiceSpec, StoreSpec, StubSpec,
    SystemSpec, UserSpec, ViewKind, ViewSpec,
};
pub(crate) use store::is_address;
