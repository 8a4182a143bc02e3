//! What people write, with positions: files, YAML trees that know where everything stands, units, and diagnostics
//! that show the place, say what was expected and what to do.
//!
//! ```text
//! file --> Source --> Node (YAML, JSON) --> Fields (typed reading, all faults at once) --> a part's own model
//!                                                  \--> Diagnostics --> text for people
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod diagnostic;
mod fields;
mod nearest;
mod pointer;
mod source;
pub mod units;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use fields::Fields;
pub use nearest::{nearest, slip_of};
pub use pointer::{escape_name, parse_pointer, unescape_name};
pub use source::{Source, Span};
pub use yaml::{Entry, Node, Value, parse_yaml};
