//! What the recorder has still to read after it could not see for a while.
//!
//! Its positions are its own, so blindness loses nothing: once it has read up to the ends that it found after it could
//! see again, whatever is absent from a topic was not there.

use std::collections::{HashMap, HashSet};

use rustc_hash::FxHashMap;

/// A partition of a topic.
pub(super) type Part = (String, i32);

/// How far every partition was read, and how far it must be read to have missed nothing.
#[derive(Default)]
pub(super) struct Arrears {
    next: FxHashMap<String, FxHashMap<i32, i64>>,
    targets: HashMap<Part, i64>,
    /// Whether the ends are still to be asked for.
    unasked: bool,
}

impl Arrears {
    /// Where reading began.
    pub fn begin_at(&mut self, known: &HashMap<Part, i64>) {
        for ((topic, partition), offset) in known {
            self.next.entry(topic.clone()).or_default().entry(*partition).or_insert(*offset);
        }
    }

    /// A record was read. Every record comes through here, so a known topic costs no new name.
    pub fn read(&mut self, topic: &str, partition: i32, offset: i64) {
        match self.next.get_mut(topic) {
            Some(partitions) => drop(partitions.insert(partition, offset + 1)),
            None => drop(self.next.insert(topic.to_owned(), FxHashMap::from_iter([(partition, offset + 1)]))),
        }
    }

    /// The recorder can see again after it was blind.
    pub fn owe(&mut self) {
        self.targets.clear();
        self.unasked = true;
    }

    /// Whether something that was written while nothing could be seen has perhaps not been read yet.
    pub fn owes(&self) -> bool {
        self.unasked || !self.targets.is_empty()
    }

    /// Asks for the ends once the broker answers, then tells the topics that have been read up to them, each once.
    pub fn settle(&mut self, end_of: impl Fn(&Part) -> Option<i64>) -> Vec<String> {
        if self.unasked {
            let ends: Option<HashMap<Part, i64>> =
                self.parts().map(|part| end_of(&part).map(|end| (part, end))).collect();
            let Some(ends) = ends else { return Vec::new() };
            (self.targets, self.unasked) = (ends, false);
        }
        let behind: HashSet<&str> = self
            .targets
            .iter()
            .filter(|((topic, part), end)| {
                self.next.get(topic).and_then(|parts| parts.get(part)).is_none_or(|next| next < end)
            })
            .map(|((topic, _), _)| topic.as_str())
            .collect();
        let done: HashSet<String> = self
            .targets
            .keys()
            .map(|(topic, _)| topic)
            .filter(|topic| !behind.contains(topic.as_str()))
            .cloned()
            .collect();
        self.targets.retain(|(topic, _), _| !done.contains(topic));
        done.into_iter().collect()
    }

    /// Whether every partition was read up to these ends.
    pub fn has_read(&self, ends: &HashMap<Part, i64>) -> bool {
        let next = |(topic, part): &Part| self.next.get(topic).and_then(|parts| parts.get(part)).copied();
        ends.iter().all(|(place, end)| next(place).is_some_and(|next| next >= *end))
    }

    /// Partitions that are read.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.next.iter().flat_map(|(topic, parts)| parts.keys().map(|part| (topic.clone(), *part)))
    }

    /// Topics that are read.
    pub fn topics(&self) -> HashSet<String> {
        self.next.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_made_good_once_it_was_read_up_to_the_ends_found_afterwards() {
        let mut arrears = Arrears::default();
        arrears.begin_at(&HashMap::from([
            (("a".to_owned(), 0), 5),
            (("a".to_owned(), 1), 0),
            (("b".to_owned(), 0), 2),
        ]));
        assert!(arrears.settle(|_| Some(0)).is_empty() && !arrears.owes(), "nothing is owed");
        arrears.owe();
        assert!(arrears.settle(|_| None).is_empty(), "the broker does not answer yet");
        let end_of = |part: &Part| Some(if part.0 == "a" && part.1 == 0 { 7 } else { 0 });
        assert_eq!(arrears.settle(end_of), ["b"]);
        assert!(arrears.owes());
        arrears.read("a", 0, 5);
        assert!(arrears.settle(|_| None).is_empty());
        arrears.read("a", 0, 6);
        assert_eq!(arrears.settle(|_| None), ["a"]);
        assert!(arrears.settle(|_| None).is_empty() && !arrears.owes(), "each is told once");
    }
}
