//! The four things that can be said of a promise.

use std::time::Duration;

use crate::{Cause, Reason};

/// What the evidence says of a promise.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The promise was kept, and this shows it.
    Held(Proof),
    /// The promise was broken, and this is how.
    Broken(Cause),
    /// Neither yet: go on observing.
    NotYet,
    /// The evidence can show neither, and never will: an honest answer, never a pass.
    CannotTell(Reason),
}

/// What showed that a promise was kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// One line for the report.
    pub text: String,
    /// How long it took, where the promise is one of time.
    pub took: Option<Duration>,
}

impl Proof {
    /// A proof in words.
    pub fn of(text: impl Into<String>) -> Proof {
        Proof { text: text.into(), took: None }
    }

    /// A proof with the time that it took.
    pub fn timed(text: impl Into<String>, took: Duration) -> Proof {
        Proof { text: text.into(), took: Some(took) }
    }
}

impl Verdict {
    /// Whether more observations could still change it.
    pub fn is_final(&self) -> bool {
        *self != Verdict::NotYet
    }

    /// Whether the promise was kept.
    pub fn is_held(&self) -> bool {
        matches!(self, Verdict::Held(_))
    }
}
