//! The sending side: records to topics, or requests to services, each at its instant.

mod instant;
mod records;
mod requests;

use std::cell::RefCell;
use std::sync::mpsc::Receiver;

use eventproof_broker::ClientTimes;

use crate::run::LoadError;

/// What the sending side tells at its end.
pub(crate) struct Sending {
    pub done: Receiver<SendReport>,
    pub report: RefCell<Option<SendReport>>,
}

/// How the sending went.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendReport {
    pub sent: u64,
    /// Sends that had to wait: the producer's queue was full, or too many requests were under way.
    pub backpressure: u64,
    /// Sends that had to wait for their record to be made.
    pub starved: u64,
    /// Whether all was sent that is this process's part of the load.
    pub whole: bool,
    pub error: Option<String>,
    /// Where the client's time went; of requests there is none.
    pub client: Option<ClientTimes>,
}

pub(crate) use start::start;

mod start;

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), LoadError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(|_| ()).map_err(|error| LoadError::Thread(error.to_string()))
}
