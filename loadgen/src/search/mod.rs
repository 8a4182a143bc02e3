//! The highest rate that meets the objectives: short steps, each twice as fast as the one before, then bisection, then a soak that
//! confirms what was found. Others on the same broker come first: a group of theirs that falls behind ends the search.
//!
//! ```text
//! Hunt (which rate next) --> a load of that rate --> what kept it from more, if anything --> Hunt --> … --> LoadResult of the soak
//! ```

mod hunt;
mod limit;
mod neighbours;
mod steps;

pub use hunt::{Hunt, Next};
pub use steps::{Search, find_max};
