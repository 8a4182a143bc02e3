//! The event is dead-lettered, and its dead letter says after how many attempts. It counts only: when they were, it does not say.

use super::{OnTopic, Oracle, Target};
use crate::{At, Cause, Counted, Name, Observation, Proof, Seen, Verdict};

/// Waits for the dead letter of one event and reads its count.
pub struct DeadLetteredAfter {
    /// The event that was given up.
    what: String,
    letter: OnTopic,
    /// Where the letter says it, as the contract writes it.
    says: Name,
    /// In all, the first among them.
    times: usize,
}

impl DeadLetteredAfter {
    /// `letter` says when it must be there; `says`, under which mark of the record its count is kept.
    pub fn new(what: String, letter: OnTopic, says: Name, times: usize) -> DeadLetteredAfter {
        DeadLetteredAfter { what, letter, says, times }
    }

    fn judge(&self, letter: &Seen, found: Verdict) -> Verdict {
        let place = letter.place();
        let said = letter.field(&self.says);
        let Some(actual) = said.and_then(|text| text.trim().parse::<usize>().ok()) else {
            let says = &self.says;
            let violation = match said {
                Some(text) => format!("{says} is no count of attempts: `{text}`"),
                None => format!("{says} is not there, and should count the attempts"),
            };
            let what = self.letter.target().what.clone();
            return Verdict::Broken(Cause::Nonconforming { place, what, violations: vec![violation] });
        };
        if actual != self.times {
            let counted = Counted::OnDeadLetter { says: self.says.to_string(), place };
            let what = self.what.clone();
            return Verdict::Broken(Cause::Attempts { what, counted, expected: self.times, actual });
        }
        match found {
            Verdict::Held(proof) => {
                let text = format!("{}, after {actual} attempts by {}", proof.text, self.says);
                Verdict::Held(Proof { text, ..proof })
            }
            other => other,
        }
    }
}

impl Oracle for DeadLetteredAfter {
    fn observe(&mut self, observation: &Observation) {
        self.letter.observe(observation);
    }

    fn awaits(&self) -> Option<&Target> {
        self.letter.awaits()
    }

    fn verdict(&self, now: At) -> Verdict {
        match (self.letter.verdict(now), self.letter.found()) {
            (found @ Verdict::Held(_), Some(letter)) => self.judge(letter, found),
            (other, _) => other,
        }
    }
}
