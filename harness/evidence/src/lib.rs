//! What was seen, and what may be concluded from it.
//!
//! Everything that eventproof observes while it drives a system is one [`Observation`]: a record planned, sent,
//! acknowledged or seen on a topic, a position committed by a group, a view sampled, an effect counted, a service
//! started or dead, a span in which the observer itself was blind. Everything that it claims is one [`Verdict`]:
//! held, broken with a [`Cause`], not yet, or cannot tell with a [`Reason`].
//!
//! Between the two stand the oracles: pure folds over observations ([`oracle`]) for single events, and a [`Ledger`]
//! for streams of them. They do no I/O and read no clock, so the same verdict can be reached again from a saved log,
//! and they are tested on made-up histories.
//!
//! ```text
//! recorder, publisher, group watch, views, services --> Journal --> oracles --> Verdict --> scenarios, reports
//!                                   load generator  --> Ledger, Latencies ----> Verdict --> objectives, reports
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod blind;
mod cause;
mod clock;
mod journal;
mod latency;
pub mod ledger;
mod observation;
pub mod oracle;
mod reason;
mod services;
mod surroundings;
mod verdict;
mod waited;

pub use blind::{Blind, Subject};
pub use cause::{Cause, Counted, Death, Missing, Near, Place, Refusal};
pub use clock::{At, Clock, ManualClock, RunClock};
pub use journal::{Journal, JournalReader, Standpoint};
pub use latency::{Latencies, NoHistogram, Percentile, PercentileValue, samples_needed};
pub use ledger::Ledger;
pub use observation::{GroupState, Name, Observation, Sample, Seen};
pub use oracle::{Oracle, judge};
pub use reason::Reason;
pub use surroundings::Surroundings;
pub use verdict::{Proof, Verdict};
pub use waited::Waited;
