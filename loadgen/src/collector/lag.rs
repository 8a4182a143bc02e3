//! How far groups are behind: ends of the topics as they were seen, against committed offsets.

use std::collections::HashMap;

use eventproof_evidence::{Blind, Observation};
use eventproof_reports::model::LagPoint;

use super::message::Group;

/// What is known of ends and positions.
#[derive(Default)]
pub(crate) struct Lags {
    /// (topic, partition) -> the offset behind the last record seen
    ends: HashMap<(usize, i32), i64>,
    /// (group, topic, partition) -> committed offset
    committed: HashMap<(String, usize, i32), i64>,
    /// Groups that do not answer, and why.
    blind: HashMap<String, String>,
    pub greatest: HashMap<String, i64>,
    /// Intervals without a lag, because the group did not answer: how many, and why.
    pub unseen: HashMap<String, (u32, String)>,
}

impl Lags {
    pub fn seen(&mut self, topic: usize, partition: i32, offset: i64) {
        let end = self.ends.entry((topic, partition)).or_default();
        *end = (*end).max(offset + 1);
    }

    pub fn told(&mut self, observation: &Observation, topics: &[String]) {
        match observation {
            Observation::Committed { group, topic, partition, offset, .. } => {
                if let Some(topic) = topics.iter().position(|known| **known == **topic) {
                    self.committed.insert((group.to_string(), topic, *partition), *offset);
                }
            }
            Observation::Blind(Blind { what: Some(group), why, .. }) => {
                self.blind.insert(group.to_string(), why.clone());
            }
            Observation::CaughtUp { what, .. } => {
                self.blind.remove(&**what);
            }
            _ => {}
        }
    }

    /// The lag of every group that answers: positions of one that does not are old, and would make a lag of nothing.
    pub fn now(&self, groups: &[Group]) -> Vec<LagPoint> {
        let lag = |group: &Group| {
            let read = self.ends.iter().filter(|((topic, _), _)| group.topics.contains(topic));
            let behind = read.map(|((topic, partition), end)| {
                let place = (group.name.clone(), *topic, *partition);
                (end - self.committed.get(&place).copied().unwrap_or(0)).max(0)
            });
            LagPoint { group: group.name.clone(), records: behind.sum() }
        };
        groups.iter().filter(|group| !self.blind.contains_key(&group.name)).map(lag).collect()
    }

    /// An interval after the warm-up has ended with this.
    pub fn measured(&mut self, lags: &[LagPoint]) {
        for point in lags {
            let greatest = self.greatest.entry(point.group.clone()).or_default();
            *greatest = (*greatest).max(point.records);
        }
        for (group, why) in &self.blind {
            self.unseen.entry(group.clone()).or_insert_with(|| (0, why.clone())).0 += 1;
        }
    }
}
