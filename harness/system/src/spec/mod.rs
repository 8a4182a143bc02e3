//! What a pack's `system.yaml` says.

mod model;
mod read;

pub use model::{
    ActionSpec, AlertSpec, AlertValue, Follows, GroupSpec, JournalView, ListView, ReadySpec, ServiceSpec, StubSpec,
    SystemSpec, ViewKind, ViewSpec,
};
