//! Kafka producers whose thread sleeps while nothing comes.
//!
//! Records go in from any thread; their fates come back on the producer's own: to a context (`Polled`), or to whoever waits for each
//! (`Awaited`). It is rdkafka's producer throughout, only what polls it is ours: why, says `polled`.

mod awaited;
mod polled;

pub use awaited::{Answer, Answers, Awaited, Written};
pub use polled::Polled;
