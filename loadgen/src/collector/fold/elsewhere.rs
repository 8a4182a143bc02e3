//! Events that have no effect and are somewhere all the same: what a record in a retry or dead-letter topic changes.

use eventproof_evidence::ledger::LegCounts;

use super::{Collector, Later};
use crate::collector::{AsideSight, By, Event, Sight};
use crate::plan::End;
use crate::stages;

impl Collector {
    /// A record in one of those topics: which event it is may be known only later.
    pub(super) fn set_aside(&mut self, sight: AsideSight) {
        let number = match &sight.by {
            By::Event(Event::Ours(number)) => *number,
            By::Event(Event::Theirs(None)) => None,
            By::Event(Event::Theirs(Some(id))) => {
                let number = self.events.number(id);
                if number.is_none() {
                    self.events.wait(id, Later::Aside(sight.clone()));
                }
                number
            }
            By::Name(name) => self.asides.named(&sight, name),
        };
        number.into_iter().for_each(|number| self.apply_aside(number, &sight));
    }

    /// A record of an event stands somewhere: others may say that they were that record.
    pub(super) fn placed(&mut self, number: u64, sight: &Sight) {
        let Some(topic) = self.frame.topics.get(sight.topic) else { return };
        let known = self.asides.learn_place(topic, sight.partition, sight.offset, number);
        known.into_iter().for_each(|aside| self.apply_aside(number, &aside));
    }

    pub(super) fn apply_aside(&mut self, number: u64, sight: &AsideSight) {
        let Some(aside) = self.asides.all.get(sight.aside).cloned() else { return };
        let is_ours = number >= self.frame.first && self.frame.owns(number);
        if !is_ours || !aside.lanes.contains(&self.frame.lane_index(number)) {
            return;
        }
        let (leg, key) = (aside.leg, self.frame.key(number));
        let is_pending = self.ledger.is_pending(leg, key, number);
        match aside.end {
            End::Waits { .. } => {
                self.ledger.put_off(leg, key, number);
                // The next record may say that it was this one.
                let known = self.asides.learn_place(&aside.topic, sight.partition, sight.offset, number);
                if is_pending {
                    self.asides.stopped(leg, number, sight);
                }
                known.into_iter().for_each(|next| self.apply_aside(number, &next));
            }
            End::DeadOfSeveral if is_pending => self.asides.stopped(leg, number, sight),
            End::DeadOfSeveral => {}
            End::Dead => {
                if self.ledger.dead_lettered(leg, key, number) {
                    self.asides.ended(leg, number);
                    self.last_arrived[leg] = self.last_arrived[leg].max(Some(sight.at));
                }
            }
        }
    }

    /// By stage: how many measured events were given up on the way there.
    pub fn given_up(&self) -> Vec<u64> {
        let mut dead = self.closed_dead.clone();
        for leg in 1..=self.frame.groups.len() {
            for number in self.ledger.given_up(leg).filter(|number| self.is_measured_event(*number)) {
                dead[stages::place(self.frame.lane(number).arm, leg + 1, self.frame.stages())] += 1;
            }
        }
        dead
    }

    /// Whether an event counts that is still owed somewhere: as long as it is, its plan is known.
    fn is_measured_event(&self, number: u64) -> bool {
        self.flights.get(&number).is_some_and(|flight| self.is_measured(flight.planned))
    }

    /// Whether events may be put off on the leg of that name.
    pub fn may_put_off(&self, leg: &str) -> bool {
        let group = self.frame.groups.iter().position(|group| group.name == leg);
        group.is_some_and(|group| self.asides.may_wait(group + 1))
    }

    /// What became of the events on every leg, if nothing more comes: what waits for another try is not lost.
    pub fn legs(&self) -> Vec<(String, LegCounts)> {
        let mut legs = self.ledger.legs();
        for (leg, (_, counts)) in legs.iter_mut().enumerate().skip(1) {
            let owes = |number: &u64| self.ledger.owes(leg, self.frame.key(*number), *number);
            let undecided = self.asides.undecided(leg, self.now).filter(owes).count() as u64;
            counts.lost -= undecided.min(counts.lost);
            counts.undecided += undecided;
        }
        legs
    }
}
