//! What can go wrong around scenarios, before any promise is judged.

use eventproof_broker::BrokerError;
use eventproof_source::Diagnostics;
use eventproof_system::SystemError;

/// A run could not begin, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The pack is wrong: all its faults.
    #[error("the pack has {} error(s)", .0.errors())]
    Pack(Diagnostics),
    /// The services could not be brought up.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// No scenario was chosen.
    #[error("no scenario was chosen: {0}")]
    NothingChosen(String),
}
