//! How far a group is behind, as the recorder and the group watch show it.

use std::collections::HashMap;

use eventproof_evidence::{
    At, Blind, Cause, JournalReader, Name, Observation, Proof, Reason, Subject, Verdict, Waited,
};

use super::shown::ASK;
use super::world::{Running, broken, environment};
use crate::catalogue::Arguments;

impl Running {
    /// `the lag of group "…" is below … within …`.
    pub async fn lag_is_below(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let group = arguments.text("group").unwrap_or_default().to_owned();
        let most = arguments.count("most").unwrap_or_default() as u64;
        let limit = arguments.duration("limit").unwrap_or_default();
        if self.keeps_offsets_elsewhere(&group) {
            return Err(environment(format!("group \"{group}\" keeps its offsets elsewhere, so nobody sees its lag")));
        }
        let mut lag = GroupLag::new(&group, self.context.rig.journal.reader(0));
        let began = self.now();
        loop {
            let behind = lag.now().map(|behind| behind as u64);
            let waited = self.now().since(began);
            match behind.filter(|behind| *behind < most) {
                Some(behind) => {
                    let text = format!("it is {behind} record(s) behind");
                    return Ok(Verdict::Held(Proof::timed(text, waited)));
                }
                None if waited > limit => {
                    if let Some(reason) = lag.unseen(self.now()) {
                        return Err(Verdict::CannotTell(reason));
                    }
                    return Err(broken(Cause::LagTooHigh {
                        group,
                        lag: behind,
                        most,
                        waited: Waited { limit, watched: waited },
                    }));
                }
                None => tokio::time::sleep(ASK).await,
            }
        }
    }
}

/// How far a group is behind: what was seen on the topics against what it has committed.
pub(super) struct GroupLag {
    group: String,
    reader: JournalReader,
    ends: HashMap<(Name, i32), i64>,
    committed: HashMap<(Name, i32), i64>,
    /// Spans in which the group or a topic was not seen, and what was missed has not been read yet.
    blind: Vec<Blind>,
}

impl GroupLag {
    pub fn new(group: &str, reader: JournalReader) -> GroupLag {
        GroupLag { group: group.to_owned(), reader, ends: HashMap::new(), committed: HashMap::new(), blind: Vec::new() }
    }

    /// Why nobody knows by now how far it is behind: what is known is older than that.
    pub fn unseen(&self, now: At) -> Option<Reason> {
        let concerns = |blind: &&Blind| match &blind.what {
            Subject::Group(group) => **group == *self.group,
            Subject::Topic(topic) => self.committed.keys().any(|(of, _)| of == topic),
            _ => false,
        };
        let blind = self.blind.iter().find(concerns)?;
        let what = format!("the lag of group \"{}\"", self.group);
        Some(Reason::Blind { what, why: blind.why.clone(), lasted: blind.lasted(now) })
    }

    /// Records behind now, on all partitions where the group has a position; nothing if it has none, or if that cannot be seen.
    pub fn now(&mut self) -> Option<f64> {
        for observation in self.reader.take() {
            match &*observation {
                Observation::Seen(seen) => {
                    let end = self.ends.entry((seen.topic.clone(), seen.partition)).or_default();
                    *end = (seen.offset + 1).max(*end);
                }
                // What was acknowledged is there, whether the recorder has read it yet or not.
                Observation::Acknowledged { topic, partition, offset, .. } => {
                    let end = self.ends.entry((topic.clone(), *partition)).or_default();
                    *end = (offset + 1).max(*end);
                }
                Observation::Committed { group, topic, partition, offset, .. } if **group == *self.group => {
                    self.committed.insert((topic.clone(), *partition), *offset);
                }
                Observation::Blind(blind) => blind.clone().join(&mut self.blind),
                Observation::CaughtUp { what, at } => drop(Blind::made_good(&mut self.blind, what, *at)),
                _ => {}
            }
        }
        let behind = |(place, committed): (&(Name, i32), &i64)| {
            let end = self.ends.get(place).copied().unwrap_or(*committed);
            (end - committed).max(0) as f64
        };
        let is_known = !self.committed.is_empty() && self.unseen(At::START).is_none();
        is_known.then(|| self.committed.iter().map(behind).sum())
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::{Journal, Seen};

    use super::*;

    fn seen(partition: i32, offset: i64) -> Observation {
        Observation::Seen(Seen {
            topic: "posts".into(),
            partition,
            offset,
            at: At::START,
            timestamp_ms: None,
            key: None,
            id: None,
            event_type: None,
            correlation: None,
            fields: Vec::new(),
            violations: Vec::new(),
        })
    }

    fn committed(group: &str, partition: i32, offset: i64) -> Observation {
        Observation::Committed { group: group.into(), topic: "posts".into(), partition, offset, at: At::START }
    }

    #[test]
    fn a_group_is_behind_by_what_was_seen_and_not_committed() {
        let journal = Journal::default();
        let mut lag = GroupLag::new("g", journal.reader(0));
        assert_eq!(lag.now(), None, "a group without a position is not behind by nothing");
        [committed("g", 0, 5), committed("g", 1, 2), committed("other", 0, 0), seen(0, 9), seen(1, 1), seen(2, 7)]
            .into_iter()
            .for_each(|one| journal.push(one));
        assert_eq!(lag.now(), Some(5.0), "five on partition 0, none on 1, and 2 is nobody's");
        journal.push(committed("g", 0, 10));
        assert_eq!(lag.now(), Some(0.0));
    }

    #[test]
    fn what_was_not_seen_is_no_lag() {
        let journal = Journal::default();
        let mut lag = GroupLag::new("g", journal.reader(0));
        let span =
            |what: &Subject| Blind { what: what.clone(), from: At::START, to: None, why: "it is down".to_owned() };
        [committed("g", 0, 5), seen(0, 4)].into_iter().for_each(|one| journal.push(one));
        assert_eq!(lag.now(), Some(0.0));
        for what in [Subject::Topic("posts".into()), Subject::Group("g".into())] {
            journal.push(Observation::Blind(span(&what)));
            assert_eq!(lag.now(), None, "{what:?}");
            assert!(lag.unseen(At::START).is_some());
            journal.push(Observation::CaughtUp { what, at: At::START });
            assert_eq!(lag.now(), Some(0.0));
        }
        journal.push(Observation::Blind(span(&Subject::View("g".into()))));
        assert_eq!(lag.now(), Some(0.0), "a namesake");
    }
}
