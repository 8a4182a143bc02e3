//! Gathering: a fold over the announcements of a run in the order of the control topic. Every shard folds the same records in the
//! same order, so all of them come to the same end: a common start, or the same refusal.

use std::collections::BTreeMap;

use eventproof_reports::model::Shard;
use serde::{Deserialize, Serialize};

/// What a shard announces of itself once everything of its own stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub shard: Shard,
    /// This process, and no other one that ever was.
    pub instance: String,
    /// The machine, for people.
    pub host: String,
    /// What all shards must have in common, by name.
    pub facts: BTreeMap<String, String>,
}

/// How far the gathering is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Gathered {
    /// These shards are still missing.
    Waiting(Vec<u64>),
    /// All were there at this instant of the broker's clock. Milliseconds.
    Complete(i64),
    /// They do not belong together; every reason.
    Refused(Vec<String>),
}

/// The fold.
#[derive(Clone, Debug)]
pub(crate) struct Gathering {
    own: Ready,
    there: BTreeMap<u64, Ready>,
    refused: Vec<String>,
    complete: Option<i64>,
}

impl Gathering {
    pub fn new(own: Ready) -> Gathering {
        Gathering { own, there: BTreeMap::new(), refused: Vec::new(), complete: None }
    }

    /// The next announcement of the run.
    pub fn take(&mut self, ready: Ready, appended_ms: i64) {
        if self.complete.is_some() {
            return self.come_too_late(&ready);
        }
        if let Some(there) = self.there.get(&ready.shard.number).filter(|there| there.instance != ready.instance) {
            self.refused.push(format!(
                "two processes are shard {}: one on {} and one on {}; has this run's name been used before?",
                there.shard, there.host, ready.host
            ));
        }
        if let Some(first) = self.there.values().next() {
            self.refused.extend(differences(first, &ready));
        }
        self.there.insert(ready.shard.number, ready);
        if self.refused.is_empty() && self.missing().is_empty() {
            self.complete = Some(appended_ms);
        }
    }

    /// A run has begun: whoever announces itself now is none of it.
    fn come_too_late(&mut self, ready: &Ready) {
        if ready.instance == self.own.instance && self.there.values().all(|there| there.instance != ready.instance) {
            self.refused.push("all shards of a run of this name have been here already: give another --run".to_owned());
        }
    }

    pub fn state(&self) -> Gathered {
        match self.complete {
            _ if !self.refused.is_empty() => Gathered::Refused(self.refused.clone()),
            Some(at) if self.there.values().any(|there| there.instance == self.own.instance) => Gathered::Complete(at),
            // Complete without us: our own announcement is still to be read, and then refused.
            _ => Gathered::Waiting(self.missing()),
        }
    }

    fn missing(&self) -> Vec<u64> {
        let of = self.there.values().next().map_or(self.own.shard.of, |first| first.shard.of);
        (1..=of).filter(|number| !self.there.contains_key(number)).collect()
    }
}

/// In what two shards differ that must not.
fn differences(one: &Ready, other: &Ready) -> Vec<String> {
    let mut found = Vec::new();
    if one.shard.of != other.shard.of {
        found.push(format!(
            "shard {} (on {}) and shard {} (on {}) are of different runs",
            one.shard, one.host, other.shard, other.host
        ));
    }
    let names: std::collections::BTreeSet<&String> = one.facts.keys().chain(other.facts.keys()).collect();
    let none = "nothing".to_owned();
    for name in names {
        let (here, there) = (one.facts.get(name).unwrap_or(&none), other.facts.get(name).unwrap_or(&none));
        if here != there {
            found.push(format!(
                "the {name} differs: {here} for shard {} (on {}), {there} for shard {} (on {})",
                one.shard, one.host, other.shard, other.host
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ready(number: u64, of: u64) -> Ready {
        let facts = BTreeMap::from([("profile".to_owned(), "p1".to_owned()), ("seed".to_owned(), "7".to_owned())]);
        Ready { shard: Shard { number, of }, instance: format!("process-{number}"), host: format!("m{number}"), facts }
    }

    fn refusal(own: &Ready, all: &[Ready]) -> String {
        let mut gathering = Gathering::new(own.clone());
        all.iter().zip(0..).for_each(|(ready, at)| gathering.take(ready.clone(), at));
        match gathering.state() {
            Gathered::Refused(why) => why.join("\n"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn shards_of_another_cut_profile_or_contract_are_refused_by_all_with_what_differs() {
        let mut other = ready(2, 3);
        other.facts.insert("profile".to_owned(), "p2".to_owned());
        let why = refusal(&ready(1, 3), &[ready(1, 3), other.clone()]);
        assert_eq!(why, "the profile differs: p1 for shard 1/3 (on m1), p2 for shard 2/3 (on m2)");
        assert_eq!(refusal(&other, &[ready(1, 3), other.clone()]), why, "everyone says the same");
        let why = refusal(&ready(1, 3), &[ready(1, 3), ready(2, 4)]);
        assert_eq!(why, "shard 1/3 (on m1) and shard 2/4 (on m2) are of different runs");
    }

    #[test]
    fn two_processes_with_one_number_are_refused() {
        let twin = Ready { instance: "twin".to_owned(), host: "elsewhere".to_owned(), ..ready(1, 3) };
        let why = refusal(&ready(1, 3), &[ready(1, 3), twin]);
        assert!(why.starts_with("two processes are shard 1/3: one on m1 and one on elsewhere"), "{why}");
    }

    #[test]
    fn a_name_that_was_used_before_is_refused() {
        let late = Ready { instance: "late".to_owned(), ..ready(1, 2) };
        let why = refusal(&late, &[ready(1, 2), ready(2, 2), late.clone()]);
        assert!(why.contains("give another --run"), "{why}");
        // Whoever is in it goes on.
        let mut gathering = Gathering::new(ready(2, 2));
        [ready(1, 2), ready(2, 2), late].into_iter().for_each(|ready| gathering.take(ready, 5));
        assert_eq!(gathering.state(), Gathered::Complete(5));
    }

    proptest! {
        #[test]
        fn in_whatever_order_they_come_all_begin_at_the_last_ones_time(
            order in Just((1u64..=6).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            for own in 1..=6 {
                let mut gathering = Gathering::new(ready(own, 6));
                for (place, number) in order.iter().enumerate() {
                    let mut missing: Vec<u64> = order[place..].to_vec();
                    missing.sort_unstable();
                    prop_assert_eq!(gathering.state(), Gathered::Waiting(missing));
                    gathering.take(ready(*number, 6), 100 + place as i64);
                }
                prop_assert_eq!(gathering.state(), Gathered::Complete(105));
            }
        }
    }
}
