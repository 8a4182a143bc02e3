//! What failed at the first stage: refused, or without a known outcome; the first few with their reasons.

use serde::{Deserialize, Serialize};

/// How many reasons are kept.
const KEPT: usize = 3;

/// The failures of one arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failures {
    pub planned: u64,
    pub refused: u64,
    pub unknown: u64,
    /// Of those, the ones that were planned after the warm-up.
    pub measured_refused: u64,
    pub measured_unknown: u64,
    pub reasons: Vec<String>,
}

impl Failures {
    pub fn all(&self) -> u64 {
        self.refused + self.unknown
    }

    /// Those of another process too.
    pub fn add(&mut self, other: &Failures) {
        self.planned += other.planned;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.measured_refused += other.measured_refused;
        self.measured_unknown += other.measured_unknown;
        other.reasons.iter().cloned().for_each(|why| self.because(why));
    }

    pub fn refused(&mut self, measured: bool, why: String) {
        self.refused += 1;
        self.measured_refused += u64::from(measured);
        self.because(why);
    }

    pub fn unknown(&mut self, measured: bool, why: String) {
        self.unknown += 1;
        self.measured_unknown += u64::from(measured);
        self.because(why);
    }

    fn because(&mut self, why: String) {
        if !why.is_empty() && self.reasons.len() < KEPT && !self.reasons.contains(&why) {
            self.reasons.push(why);
        }
    }
}
