//! The result model: everything that a report may say, and nothing that it may not (no secrets reach it).

mod common;
mod coverage;
mod load;
mod prove;
mod run;

pub use common::{BrokerInfo, Finding, Outcome, Provenance, ServiceInfo, Tally};
pub use coverage::{Coverage, CoverageRow};
pub use load::{
    ConsumerLeg, Distribution, Disturbed, Generator, Interval, LagPoint, LoadResult, Objective, PercentileFigure,
    Stage, StageSlice,
};
pub use prove::{Catch, FaultRow, Healthy, ProveResult};
pub use run::{
    Attachments, Conformance, Exchange, KNOWN_ISSUE, KeptRecord, RunResult, ScenarioResult, ServiceLog, StepResult,
    SubStep, TimelineEntry,
};
