//! Oracles: pure folds from observations to a verdict, one promise each.

mod absent;
mod attempts;
mod dead_lettered;
mod exactly_once;
mod never_older;
mod none_before;
mod none_lost;
mod on_topic;
mod on_topic_once;
mod order;
mod processed;
mod retried;
mod share;
mod target;
mod tracked;
mod tries;
mod view;
mod waiting;

use crate::{At, Observation, Verdict};

pub use absent::StaysAbsent;
pub use attempts::{Attempts, AttemptsSeen, Expected};
pub use dead_lettered::DeadLetteredAfter;
pub use exactly_once::ExactlyOnce;
pub use never_older::NeverOlder;
pub use none_before::NoneBefore;
pub use none_lost::NoneLost;
pub use on_topic::OnTopic;
pub use on_topic_once::OnTopicOnce;
pub use order::{EffectOrder, TopicOrder};
pub use processed::Processed;
pub use share::ShareInTime;
pub use target::{Handler, Recognise, Target};
pub use tries::{ExpectedTries, Tries};
pub use view::{ViewBecomes, ViewKeeps};
pub use waiting::{BYTES, RecordLink, RetryPath, RetryStop};

/// One promise, judged by folding observations. Neither method does I/O or reads a clock.
pub trait Oracle: Send {
    /// Takes in one observation; observations come in the order in which eventproof learned of them.
    fn observe(&mut self, observation: &Observation);

    /// What the evidence says so far, if it is `now`.
    fn verdict(&self, now: At) -> Verdict;

    /// The one event whose absence from its topic breaks the promise, if it is one.
    fn awaits(&self) -> Option<&Target> {
        None
    }
}

/// Judges a whole history at once, as it stands at `now`.
pub fn judge<'a>(mut oracle: impl Oracle, history: impl IntoIterator<Item = &'a Observation>, now: At) -> Verdict {
    history.into_iter().for_each(|observation| oracle.observe(observation));
    oracle.verdict(now)
}

#[cfg(test)]
mod tests;
