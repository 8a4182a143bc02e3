//! What a pack's `system.yaml` says.

mod model;
mod read;
mod sasl;

pub use model::{
    ActionSpec, AlertSpec, AlertValue, Assignment, Follows, GroupSpec, JournalView, ListView, Offsets, PasswordSource,
    ReadySpec, SaslSpec, ServiceSpec, StubSpec, SystemSpec, UserSpec, ViewKind, ViewSpec,
};
