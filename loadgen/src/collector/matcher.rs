//! Two sides of one thing that come in either order: whoever comes first waits. Memory is bounded: what came longest ago is
//! forgotten first.

use std::collections::{HashMap, VecDeque};

/// How many names are remembered; duplicates are found within so many events.
pub(crate) const WINDOW: usize = 200_000;

/// Numbers by name, and what was told of a name before its number was known.
pub(crate) struct Matcher<T> {
    numbers: HashMap<String, u64>,
    order: VecDeque<String>,
    waiting: HashMap<String, Vec<T>>,
    arrival: VecDeque<String>,
    forgotten: u64,
    /// Whether names had to be forgotten: what is told of them from then on is told of nobody.
    overflowed: bool,
    /// How often a name came to stand for another number.
    renamed: u64,
    window: usize,
}

impl<T> Default for Matcher<T> {
    fn default() -> Self {
        Matcher::of_window(WINDOW)
    }
}

impl<T> Matcher<T> {
    fn of_window(window: usize) -> Matcher<T> {
        Matcher {
            numbers: HashMap::new(),
            order: VecDeque::new(),
            waiting: HashMap::new(),
            arrival: VecDeque::new(),
            forgotten: 0,
            overflowed: false,
            renamed: 0,
            window,
        }
    }

    /// A name's number is known now; returns what was told of it before.
    pub fn learn(&mut self, name: &str, number: u64) -> Vec<T> {
        match self.numbers.insert(name.to_owned(), number) {
            None => self.order.push_back(name.to_owned()),
            Some(before) => self.renamed += u64::from(before != number),
        }
        if self.order.len() > self.window {
            self.overflowed = true;
            self.order.pop_front().and_then(|oldest| self.numbers.remove(&oldest));
        }
        self.waiting.remove(name).unwrap_or_default()
    }

    /// The number of a name.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.numbers.get(name).copied()
    }

    /// Something was told of a name whose number is not known yet.
    pub fn wait(&mut self, name: &str, told: T) {
        self.waiting.entry(name.to_owned()).or_default().push(told);
        self.arrival.push_back(name.to_owned());
        if self.arrival.len() > self.window {
            let oldest = self.arrival.pop_front().and_then(|oldest| self.waiting.remove(&oldest));
            self.forgotten += oldest.map_or(0, |told| told.len() as u64);
        }
    }

    /// How often a name came to stand for another number: nothing tells those numbers apart.
    pub fn renamed(&self) -> u64 {
        self.renamed
    }

    /// What was told of nobody, though it may be of a name that was forgotten.
    pub fn beyond_window(&self) -> u64 {
        if self.overflowed { self.strangers() } else { 0 }
    }

    /// How many entries are kept.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.numbers.len() + self.order.len() + self.waiting.len() + self.arrival.len()
    }

    /// How much was told of names that nobody knows.
    pub fn strangers(&self) -> u64 {
        self.forgotten + self.waiting.values().map(|told| told.len() as u64).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_come_together() {
        let mut matcher = Matcher::default();
        matcher.wait("early", 'a');
        matcher.wait("early", 'b');
        assert_eq!(matcher.strangers(), 2);
        assert_eq!(matcher.learn("early", 1), ['a', 'b']);
        assert_eq!((matcher.number("early"), matcher.number("late"), matcher.strangers()), (Some(1), None, 0));
        assert!(matcher.learn("late", 2).is_empty());
        assert_eq!(matcher.number("late"), Some(2));
    }

    #[test]
    fn a_name_of_two_numbers_is_counted() {
        let mut matcher: Matcher<()> = Matcher::default();
        [("a", 1), ("a", 1), ("b", 2), ("a", 3)].iter().for_each(|(name, number)| drop(matcher.learn(name, *number)));
        assert_eq!(matcher.renamed(), 1);
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_counted() {
        let mut matcher = Matcher::of_window(10);
        (0..100).for_each(|number| drop(matcher.learn(&format!("known {number}"), number)));
        (0..100).for_each(|number| matcher.wait(&format!("stranger {number}"), ()));
        assert_eq!((matcher.numbers.len(), matcher.waiting.len(), matcher.strangers()), (10, 10, 100));
        assert_eq!((matcher.number("known 99"), matcher.number("known 0")), (Some(99), None));
        assert_eq!(matcher.beyond_window(), 100, "any of them may be of a name that was forgotten");
    }
}
