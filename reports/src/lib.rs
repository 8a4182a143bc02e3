//! What a run found, and how people and builds read it.
//!
//! The [`model`] is the one result that scenarios and load produce and that every renderer reads. Renderers are pure:
//! model in, bytes out; only the CLI writes files. The JSON form of the model is the model itself, so a report can be
//! rendered again from `result.json` (`report FILE…`).
//!
//! ```text
//! RunResult, LoadResult --> html | junit | json | terminal --> bytes
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod model;
