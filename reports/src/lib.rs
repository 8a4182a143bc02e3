//! What a run found, and how people and builds read it.
//!
//! The [`model`] is the one result that scenarios and load produce and that every renderer reads. Renderers are pure:
//! model in, text out; only the CLI writes files. The JSON form of the model is the model itself.
//!
//! ```text
//! RunResult  --> html_run  | junit      | json_run  | terminal_run  --> text
//! LoadResult --> html_load | junit_load | json_load | terminal_load --> text
//! LoadResult, LoadResult --> compare --> Comparison --> html_compare | markdown_compare | json_compare | terminal_compare --> text
//! ProveResult --> html_prove | junit_prove | json_prove | terminal_prove --> text
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod compare;
mod html;
mod intervals;
mod json;
mod junit;
mod markdown;
mod merge;
pub mod model;
mod packs;
mod prometheus;
mod terminal;
mod text;

#[cfg(test)]
mod fixtures;

pub use compare::compare;
pub use html::{html_compare, html_load, html_prove, html_run};
pub use intervals::{LoadHead, Recovered, end_line, head_line, interval_line, parse_intervals};
pub use json::{
    AnyResult, ParseError, json_compare, json_load, json_prove, json_run, parse_any, parse_load, parse_run,
};
pub use junit::{junit, junit_load, junit_prove};
pub use markdown::markdown_compare;
pub use merge::{MergeFault, merge_runs};
pub use packs::whole_of;
pub use prometheus::LoadMetrics;
pub use terminal::{
    Style, fault_line, load_line, scenario_line, tail_line, terminal_compare, terminal_load, terminal_prove,
    terminal_run,
};
