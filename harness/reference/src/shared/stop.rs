//! Asking a service to end: one sender, any number of listeners.

use std::time::Duration;

use tokio::sync::watch;

/// Ends a service.
pub(crate) struct Stopper(watch::Sender<bool>);

/// Says whether the service has been asked to end.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// A connected pair.
pub(crate) fn stop_pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// True once the service is to end, and also when whoever could ask for it is gone.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    pub(crate) async fn wait(&self) {
        let mut receiver = self.0.clone();
        let _ = receiver.wait_for(|stopped| *stopped).await;
    }

    /// Sleeps, but not beyond the request to end.
    pub(crate) async fn sleep(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.wait()).await;
    }

    /// Waits for the request to end, and then some time more: what is in hand may take that long.
    pub(crate) async fn wait_and(&self, more: Duration) {
        self.wait().await;
        tokio::time::sleep(more).await;
    }
}
