//! Why there is no verdict.

use std::fmt;
use std::time::Duration;

use crate::Waited;
use crate::cause::duration;

/// Why the evidence can show neither that a promise was kept nor that it was broken.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The recorder, a view or the machine was blind when it mattered.
    Blind { what: String, why: String, lasted: Duration },
    /// Whether our own record is on the topic is unknown.
    OutcomeUnknown { event: String, error: String },
    /// Our own record was refused, so nothing could follow from it.
    NotPublished { event: String, error: String },
    /// The effect was not there before, and at the next look it was, with the deadline in between.
    BetweenSamples { earliest: Duration, latest: Duration, limit: Duration },
    /// Nothing shows that the duplicate was handled at all.
    DuplicateNotHandled { event: String, waited: Waited, detail: String },
    /// The event waits in a retry topic: it may still have its effect.
    RetryPending { event: String, attempt: usize, group: String, place: String },
    /// The group's committed offsets say nothing of what it has read.
    OffsetsElsewhere { group: String, detail: String },
    /// The positive control failed: the first effect, or the sibling's, was never seen.
    NoPositiveControl { detail: String },
    /// What counts the attempts does not tell when they were.
    TimesUnknown { what: String, detail: String },
    /// Two records are on different partitions, and nothing tells which came first.
    OrderUnknown { what: String, detail: String },
    /// The view cannot count, so it cannot show that something happened once.
    CannotCount { view: String },
    /// The view never gave an answer that could be understood.
    ViewSilent { view: String, detail: String },
    /// The tool itself killed or paused what the promise is about.
    OwnDoing { detail: String },
    /// Too few samples for the percentile that was asked for.
    TooFewSamples { percentile: String, samples: u64, needed: u64 },
    /// The committed offset says too little: the service commits too seldom for this objective.
    OffsetTooCoarse { group: String, step: Duration, limit: Duration },
    /// Effects are looked at too seldom to measure against this limit.
    LooksTooSeldom { group: String, every: Duration, limit: Duration },
    /// The generator did not keep its plan.
    GeneratorSaturated { detail: String },
    /// The environment failed before the promise could be tried.
    Environment { detail: String },
}

impl Reason {
    /// A stable code for reports and filters.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::Blind { .. } => "blind",
            Reason::OutcomeUnknown { .. } => "outcome-unknown",
            Reason::NotPublished { .. } => "not-published",
            Reason::BetweenSamples { .. } => "between-samples",
            Reason::DuplicateNotHandled { .. } => "duplicate-not-handled",
            Reason::RetryPending { .. } => "retry-pending",
            Reason::OffsetsElsewhere { .. } => "offsets-elsewhere",
            Reason::NoPositiveControl { .. } => "no-positive-control",
            Reason::TimesUnknown { .. } => "times-unknown",
            Reason::OrderUnknown { .. } => "order-unknown",
            Reason::CannotCount { .. } => "cannot-count",
            Reason::ViewSilent { .. } => "view-silent",
            Reason::OwnDoing { .. } => "own-doing",
            Reason::TooFewSamples { .. } => "too-few-samples",
            Reason::OffsetTooCoarse { .. } => "offset-too-coarse",
            Reason::LooksTooSeldom { .. } => "looks-too-seldom",
            Reason::GeneratorSaturated { .. } => "generator-saturated",
            Reason::Environment { .. } => "environment",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Blind { what, why, lasted } => {
                write!(f, "the observer of {what} could not see for {}: {why}", duration(*lasted))
            }
            Reason::OutcomeUnknown { event, error } => {
                write!(f, "whether {event} was written is unknown: {error}")
            }
            Reason::NotPublished { event, error } => {
                write!(f, "{event} was not published, so nothing could follow from it: {error}")
            }
            Reason::BetweenSamples { earliest, latest, limit } => write!(
                f,
                "the effect came between two looks, after {} at the earliest and {} at the latest; the limit of {} lies between them",
                duration(*earliest),
                duration(*latest),
                duration(*limit)
            ),
            Reason::DuplicateNotHandled { event, waited, detail } => {
                write!(f, "nothing shows that the duplicate of {event} was handled within {waited}: {detail}")
            }
            Reason::RetryPending { event, attempt, group, place } => write!(
                f,
                "{event} waits for attempt {attempt} at {place}, which group \"{group}\" has not committed past: it may still have its effect"
            ),
            Reason::OffsetsElsewhere { group, detail } => {
                write!(
                    f,
                    "group \"{group}\" keeps its offsets elsewhere, so nothing shows how far it has read: {detail}"
                )
            }
            Reason::NoPositiveControl { detail } => write!(f, "no positive control: {detail}"),
            Reason::TimesUnknown { what, detail } => {
                write!(f, "nothing shows how far apart the attempts at {what} were: {detail}")
            }
            Reason::OrderUnknown { what, detail } => {
                write!(f, "nothing shows whether {what} came first: {detail}")
            }
            Reason::CannotCount { view } => {
                write!(f, "view \"{view}\" cannot count, so it cannot show that something happened only once")
            }
            Reason::ViewSilent { view, detail } => write!(f, "view \"{view}\" gave no usable answer: {detail}"),
            Reason::OwnDoing { detail } => write!(f, "eventproof caused it itself: {detail}"),
            Reason::TooFewSamples { percentile, samples, needed } => {
                write!(f, "{percentile} of {samples} samples says nothing: it takes at least {needed}")
            }
            Reason::OffsetTooCoarse { group, step, limit } => write!(
                f,
                "group \"{group}\" commits every {}, which is more than a quarter of the limit of {}",
                duration(*step),
                duration(*limit)
            ),
            Reason::LooksTooSeldom { group, every, limit } => write!(
                f,
                "the effects of group \"{group}\" are looked at every {}, which is more than a quarter of the limit of {}",
                duration(*every),
                duration(*limit)
            ),
            Reason::GeneratorSaturated { detail } => write!(f, "the generator did not keep its plan: {detail}"),
            Reason::Environment { detail } => f.write_str(detail),
        }
    }
}
