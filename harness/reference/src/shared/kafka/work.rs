//! A consumer as a service's work: on a thread of its own, and ready once it holds partitions.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Assignment;
use crate::ServeError;
use crate::shared::http::ReadyCheck;

/// Ready once partitions are held.
pub(crate) fn readiness(assignment: Assignment) -> ReadyCheck {
    Arc::new(move || {
        let held = assignment.len();
        Box::pin(
            async move { if held > 0 { Ok(()) } else { Err("no partition is assigned to this member".to_owned()) } },
        )
    })
}

/// The consumer blocks, so it has a thread of its own; a panic there ends the service rather than leave it deaf.
pub(crate) async fn on_a_thread(
    run: impl FnOnce() -> Result<(), ServeError> + Send + 'static,
) -> Result<(), ServeError> {
    let (sender, receiver) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("consumer".into()).spawn(move || {
        let _ = sender.send(run());
    });
    if let Err(source) = spawned {
        return Err(ServeError::Io { what: "starting the consumer's thread", source });
    }
    receiver
        .await
        .unwrap_or_else(|_| Err(ServeError::Ended { part: "the consumer", reason: "its thread panicked".into() }))
}
