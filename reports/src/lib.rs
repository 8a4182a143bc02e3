//! What a run found, and how people and builds read it.
//!
//! The [`model`] is the one result that scenarios and load produce and that every renderer reads. Renderers are pure:
//! model in, text out; only the CLI writes files. The JSON form of the model is the model itself.
//!
//! ```text
//! RunResult  --> html_run  | junit      | json_run  | terminal_run  --> text
//! LoadResult --> html_load | junit_load | json_load | terminal_load --> text
//! ProveResult --> html_prove | junit_prove | json_prove | terminal_prove --> text
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod html;
mod json;
mod junit;
pub mod model;
mod terminal;
mod text;

#[cfg(test)]
mod fixtures;

pub use html::{html_load, html_prove, html_run};
pub use json::{ParseError, json_load, json_prove, json_run, parse_load, parse_run};
pub use junit::{junit, junit_load, junit_prove};
pub use terminal::{Style, fault_line, load_line, scenario_line, terminal_load, terminal_prove, terminal_run};
