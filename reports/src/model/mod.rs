//! The result model: everything that a report may say, and nothing that it may not (no secrets reach it).

mod common;
mod compare;
mod coverage;
mod distribution;
mod load;
mod prove;
mod run;

pub use common::{BrokerInfo, Finding, Outcome, Provenance, ServiceInfo, Tally};
pub use compare::{Change, Comparison, CountChange, Figure, Side, Span, StagePair, Tolerance};
pub use coverage::{Coverage, CoverageRow};
pub use distribution::{Distribution, PercentileFigure};
pub use load::{
    Aborted, ClientSpan, ConsumerLeg, Disturbed, Generator, Interval, LagPoint, LegFigure, LegPoint, LoadResult,
    LoadShard, LoadShards, Objective, SearchResult, SearchStep, Sizes, Stage, StageSlice, figures_of,
};
pub use prove::{Catch, FaultRow, Healthy, ProveResult};
pub use run::{
    Attachments, Conformance, Exchange, KNOWN_ISSUE, KeptLook, KeptRecord, RunResult, ScenarioResult, ServiceLog,
    Shard, StepResult, SubStep, TimelineEntry,
};
