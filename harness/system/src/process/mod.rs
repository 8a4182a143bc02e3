//! One service process: started, watched, ended; its last lines kept.

mod attempts;
mod lines;
mod supervisor;

pub(crate) use lines::Lines;
pub(crate) use supervisor::{Launch, Process};
