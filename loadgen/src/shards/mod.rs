//! One load from several processes, on one machine or many, without a coordinator.
//!
//! Each shard knows the whole plan and sends the part that is its own: the events whose key belongs to one of its
//! partitions ([`Split`]). So one producer owns each key's order, and each partition is read by one shard only. On the
//! control topic they gather and agree on a common start ([`Meeting`]); on the results topic each publishes its intervals
//! and, at its end, everything that its fold found (a [`Part`]). Parts add up exactly: histograms, counts by leg, and
//! verdicts on order, since no key is in two of them. Shard 1 merges them and judges the objectives on the whole, and
//! all the others end as it says. A shard on which an objective is missed for certain tells the others, and none sends on.
//!
//! ```text
//! shard i: Plan --split--> Meeting (control topic) --> common start --> load --> Part --> results topic
//! shard i: load --missed for certain--> control topic --> every other shard stops sending
//! shard 1: results topic --> merge --> LoadResult --> exit code --> control topic --> every other shard
//! ```

mod clock;
mod gather;
mod meeting;
mod merge;
mod part;
mod run;
mod split;

pub(crate) use meeting::Meeting;
pub use meeting::{ShardError, Sharding};
pub use merge::{PartError, merge_parts};
pub use part::Part;
pub use run::{ShardRun, in_parts, run_shard};
pub(crate) use split::Split;
pub use split::unfit;

#[cfg(test)]
mod tests;
