//! From the fold of a load to figures and verdicts: what was measured, and what became of each objective.
//!
//! ```text
//! Collector --> figures (stages, spans, legs, sizes)
//! Objective + Collector --> times, lags, counts --> what was not seen --> verdict
//! ```

mod counts;
mod figures;
mod judge;
mod lags;
mod sight;
mod times;

pub(crate) use figures::{Taken, legs, sizes, spans, stages};
pub(crate) use judge::{is_of_time, judge, judge_one};

#[cfg(test)]
mod tests;
