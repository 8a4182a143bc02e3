//! What a pack's `system.yaml` says.

mod model;
mod read;

pub use model::{
    ActionSpec, Follows, GroupSpec, JournalView, ListView, ReadySpec, ServiceSpec, SystemSpec, ViewKind, ViewSpec,
};
