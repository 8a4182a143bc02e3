//! Events that a group has committed past, where nothing else shows that it processed them.

use std::time::Duration;

use eventproof_evidence::{At, Observation};

use super::Collector;
use crate::collector::Sight;
use crate::collector::commits::{Done, Waiting};

impl Collector {
    /// An event stands on its topic: every group that is to process it has to commit past it.
    pub(super) fn await_commits(&mut self, number: Option<u64>, planned: Option<At>, sight: &Sight) {
        let Some((number, planned)) = number.zip(planned) else { return };
        if self.frame.committing.is_empty() || !self.is_measured(planned) {
            return;
        }
        let event = Waiting { number, offset: sight.offset, planned, seen: sight.at };
        for group in 0..self.frame.committing.len() {
            let consumes = self.frame.lane(number).committing.get(group) == Some(&true);
            let done = consumes.then(|| self.commits.seen(group, (sight.topic, sight.partition), event)).flatten();
            done.into_iter().for_each(|done| self.done(group, done));
        }
    }

    /// A group's position moved.
    pub(super) fn committed(&mut self, observation: &Observation) {
        let Observation::Committed { group, topic, partition, offset, at } = observation else { return };
        let group = self.frame.committing.iter().position(|known| *known.name == **group);
        let topic = self.frame.topics.iter().position(|known| **known == **topic);
        let Some((group, topic)) = group.zip(topic) else { return };
        let place = (topic, *partition);
        let done = self.commits.committed(group, place, (*offset, *at), self.lags.read_to(place));
        done.into_iter().for_each(|done| self.done(group, done));
    }

    fn done(&mut self, group: usize, Done { number, planned, seen, at }: Done) {
        self.latency(number, 2 + self.frame.groups.len() + group, at.since(planned));
        self.committed_past(number, group, at.since(seen));
    }

    /// By how much the figures of a stage may be wrong, and of which group, where it is seen by committed positions.
    pub fn commit_step(&self, stage: &str) -> Option<(&str, Duration)> {
        let group = self.group_of(stage)?.checked_sub(self.frame.groups.len())?;
        Some((self.frame.committing.get(group)?.name.as_str(), self.commits.step(group)))
    }

    /// The same where it is seen in a view.
    pub fn looks_every(&self, stage: &str) -> Option<(&str, Duration)> {
        let group = &self.frame.groups.get(self.group_of(stage)?)?.name;
        (!self.frame.is_message(group)).then_some((group.as_str(), self.frame.effect_error))
    }

    /// On which leg a stage or span ends: the topic's or a group's; none where nobody but the sender is told.
    pub fn leg_of(&self, stage: &str) -> Option<&str> {
        match self.place_of(stage)?.checked_sub(1)? {
            0 => Some("topic"),
            leg => self.frame.group_names().get(leg - 1).copied(),
        }
    }

    /// Whose stage or span it is, by the order of the stages.
    fn group_of(&self, stage: &str) -> Option<usize> {
        self.place_of(stage)?.checked_sub(2)
    }

    /// The place of a stage or span among those of its arm.
    fn place_of(&self, stage: &str) -> Option<usize> {
        let names = [self.stage_names(), self.span_names()];
        let place = names.iter().find_map(|names| names.iter().position(|known| known == stage))?;
        Some(place % self.frame.stages())
    }
}
