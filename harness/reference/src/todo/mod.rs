//! todo: tasks over HTTP; every change is told in an application envelope within a CloudEvents envelope, as Dapr writes it.
//!
//! todo-api (HTTP, tasks, events in the transaction of the change) → four topics `todo.tasks.*` → event-service (idempotent consumer:
//! audit trail, state of each task, dead letters) → HTTP. There is no sidecar: todo-api writes the envelope itself.

mod api;
mod envelope;
mod events;

use crate::ServeError;
use crate::catalogue::{ServiceInfo, SystemInfo};
use crate::serve::{Context, Parts};

/// The event types; each has a topic of its own.
mod event_type {
    pub(super) const CREATED: &str = "task.created";
    pub(super) const UPDATED: &str = "task.updated";
    pub(super) const DELETED: &str = "task.deleted";
    pub(super) const COMPLETED: &str = "task.completed";
}

/// What the catalogue says about this system.
pub(crate) const SYSTEM: SystemInfo = SystemInfo {
    name: "todo",
    summary: "tasks, their audit trail and their state, through CloudEvents on four topics",
    services: &[
        ServiceInfo {
            name: api::NAME,
            summary: "tasks over HTTP; every change is told after its database write, without the request waiting for it",
            faults: api::FAULTS,
        },
        ServiceInfo {
            name: events::NAME,
            summary: "consumes every task event once, keeps the audit trail and the state of each task",
            faults: events::FAULTS,
        },
    ],
};

/// Makes the parts of one of the services named above.
pub(crate) async fn build(service: &str, context: &Context) -> Result<Parts, ServeError> {
    match service {
        api::NAME => api::build(context).await,
        _ => events::build(context).await,
    }
}
