//! What a pack's `system.yaml` says.

mod model;
mod read;
mod sasl;
mod store;

pub use model::{
    ActionSpec, AddressSource, AlertSpec, AlertValue, Assignment, Follows, GroupSpec, JournalView, ListView, Offsets,
    PasswordSource, ReadySpec, SaslSpec, ServiceSpec, StoreSpec, StubSpec, SystemSpec, UserSpec, ViewKind, ViewSpec,
};
pub(crate) use store::is_address;
