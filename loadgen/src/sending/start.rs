//! Choosing the side that sends.

use std::sync::Arc;
use std::sync::mpsc::{Sender as To, channel};

use eventproof_evidence::Clock;

use super::{Sending, records, requests};
use crate::collector::Message;
use crate::plan::{Plan, What};
use crate::run::{LoadError, LoadSetup};

/// Starts to send what the plan says.
pub(crate) fn start(
    setup: &LoadSetup<'_>,
    plan: &Plan,
    to: To<Message>,
    clock: Arc<dyn Clock>,
) -> Result<Sending, LoadError> {
    let (tell, done) = channel();
    match &plan.what {
        What::Records(records) => records::start(setup, plan, records.clone(), to, clock, tell)?,
        What::Requests(asked) => requests::start(setup, plan, asked.clone(), to, clock, tell)?,
    }
    Ok(Sending { done, report: Default::default() })
}
