//! Running a plan: cucumber drives the scenarios, this part gives every step its meaning.

mod absent;
mod acting;
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
mod lag;
mod order;
mod outcome;
mod outside;
mod profile;
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
pub(crate) use publish::typed;
pub use queue::order;
pub use scene::{Known, Scene};
