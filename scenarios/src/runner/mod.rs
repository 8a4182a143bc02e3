//! Running a plan: cucumber drives the scenarios, this part gives every step its meaning.

mod adaptor;
mod alerts;
mod broker;
mod carry_out;
mod choice;
mod conformance;
mod context;
mod disturb;
mod elsewhere;
mod expect;
mod holds;
mod invalid;
mod order;
mod outcome;
mod outside;
mod publish;
mod shown;
mod timeline;
mod waiting;
mod world;

pub use adaptor::{Coming, run};
pub use choice::{Choice, Rules};
pub(crate) use context::STEP_LIMIT;
pub use context::{RunContext, RunReport, ScenarioListener};
