//! Load: valid events at a planned rate, every one of them accounted for.
//!
//! A [`Profile`] becomes a plan of instants (open loop: what is late is late, nothing is left out). Records are made
//! ahead of time by the contract's generator; one thread sends them at their instants. Requests to services are made at their
//! instants too, and linked to the events that follow. Acknowledgements, answers, records seen on the topic and effects in the services' journal views come back to one collector, which keeps the [`Ledger`] and the
//! latencies, all counted from the planned instant. At the end the objectives are judged. If the generator did not keep
//! its own plan there is no verdict rather than a flattering one.
//!
//! ```text
//! Profile --> maker thread --> sender thread --> broker      (or a thread of requests --> service --> broker)
//!                                  \--> collector <-- acknowledgements, recorder, journal views, group watch
//!                                           \--> LoadResult
//! ```
//!
//! [`Ledger`]: eventproof_evidence::Ledger
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod abort;
mod aside_sink;
mod client;
mod collecting;
mod collector;
mod disturbance;
mod draw;
mod known;
mod lagging;
mod link;
mod machine;
mod objective;
mod pacer;
mod plan;
mod profile;
mod ranked;
mod recovery;
mod result;
mod run;
mod search;
mod sending;
mod shape;
mod shards;
mod sink;
mod spill;
mod stages;
#[cfg(test)]
mod testing;
mod trace;
mod wording;
mod workload;

pub use disturbance::Disturbance;
pub use draw::{Keys, PayloadSize};
pub use objective::{Metric, Objective};
pub use pacer::Pacer;
pub use profile::{Arm, Pace, Profile, Replay, Requests, Stream, Traffic};
pub use run::{LoadError, LoadSetup, run};
pub use search::{Hunt, Next, Search, find_max};
pub use shape::{Phase, Schedule};
pub use shards::{Part, PartError, ShardError, ShardRun, Sharding, in_parts, merge_parts, run_shard, unfit};
pub use trace::Replayed;
pub use workload::workload;
