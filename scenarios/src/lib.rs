//! What QA writes, and how it is run.
//!
//! The built-in sentences stand in one [`catalogue`], each with its meaning, what it observes, what that proves and
//! what it cannot. A pack's phrases are made of them. The same catalogue serves `run`, `lint` and `steps`: cucumber
//! itself runs one catch-all step, because phrases exist only at run time.
//!
//! ```text
//! *.feature, phrases.yaml --> Pack --> Plan (every step matched, every name checked: lint)
//! Plan --> runner (cucumber; holds keep apart what would disturb each other) --> ScenarioResult per scenario
//! ```
//!
//! Only this part names `cucumber`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod catalogue;
mod coverage;
mod error;
mod inspection;
mod lint;
mod needs;
pub mod own;
mod pack;
mod phrases;
mod plan;
mod runner;
mod seeded;

pub use coverage::coverage;
pub use error::ScenarioError;
pub use inspection::{Holds, Inspection};
pub use needs::needed;
pub use pack::Pack;
pub use phrases::{Phrase, Phrases};
pub use plan::{KnownIssue, Plan, PlannedScenario, PlannedStep, Tags};
pub use runner::{Choice, Coming, Rules, RunContext, RunReport, ScenarioListener, order, run};
pub use seeded::{Catcher, SeededFault, SeededFaults};
