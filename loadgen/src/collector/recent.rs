//! What was sent of events that are done: a copy of one may come yet, and be another.

/// Of how many events behind the latest it is known.
pub(crate) const RECENT: usize = 200_000;

/// Hashes of payloads by their events' numbers, of which the latest are kept.
#[derive(Default)]
pub(super) struct Recent {
    /// By number modulo its length: the number and one, and the hash. Laid out when the first is kept.
    places: Vec<(u64, u64)>,
}

impl Recent {
    /// Keeps what was sent as an event.
    pub fn keep(&mut self, number: u64, hash: u64) {
        if self.places.is_empty() {
            self.places = vec![(0, 0); RECENT];
        }
        self.places[place(number)] = (number + 1, hash);
    }

    /// What was sent as that event, if that is still known.
    pub fn hash(&self, number: u64) -> Option<u64> {
        let (kept, hash) = *self.places.get(place(number))?;
        (kept == number + 1).then_some(hash)
    }
}

fn place(number: u64) -> usize {
    (number % RECENT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known_and_no_other() {
        let mut recent = Recent::default();
        assert_eq!(recent.hash(0), None);
        let last = RECENT as u64 + 4;
        (0..=last).for_each(|number| recent.keep(number, number * 3));
        assert_eq!([4, 5, last].map(|number| recent.hash(number)), [None, Some(15), Some(last * 3)]);
        assert_eq!(recent.hash(last + 1), None);
    }
}
