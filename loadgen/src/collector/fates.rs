//! What failed at the first stage: refused, or without a known outcome; the first few with their reasons.

/// How many reasons are kept.
const KEPT: usize = 3;

/// The failures of one arm.
#[derive(Clone, Debug, Default)]
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

    pub fn because(&mut self, why: String) {
        if !why.is_empty() && self.reasons.len() < KEPT && !self.reasons.contains(&why) {
            self.reasons.push(why);
        }
    }
}
