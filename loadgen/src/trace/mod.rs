//! A trace: records that were, and the gaps between them, from a file or a stretch of a topic.
//!
//! ```text
//! JSON lines | topic --> Trace (records in their order, each with its instant) --> plan::replay --> sent again as new events
//! ```

mod file;
mod model;
mod topic;

pub(crate) use file::read_file;
pub use model::Replayed;
pub(crate) use model::{Trace, Traced};
pub(crate) use topic::of_topic;
