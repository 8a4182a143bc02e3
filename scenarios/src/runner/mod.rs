//! Running a plan: cucumber drives the scenarios, this part gives every step its meaning.

mod adaptor;
mod alerts;
mod attachments;
mod broker;
mod carry_out;
mod choice;
mod conformance;
mod context;
mod disturb;
mod elsewhere;
mod expect;
mod hidden;
mod holds;
mod invalid;
mod order;
mod outcome;
mod outside;
mod publish;
mod queue;
mod result;
mod retrying;
mod scene;
mod shown;
mod timeline;
mod waiting;
mod world;

pub use adaptor::{Coming, run};
pub use choice::{Choice, Rules};
pub use context::{RunContext, RunReport, ScenarioListener};
pub use scene::{Known, Scene};
