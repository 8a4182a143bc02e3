//! Which rate is tried next. Knows nothing of loads: it is told what held and what did not.

/// How far apart, at most, the highest rate that held and the lowest that did not are in the end, as a share of the former.
const APART: f64 = 0.02;
/// How much faster each step is as long as nothing fails.
const GROWTH: f64 = 2.0;
/// How much slower the next soak is each time that one failed: a little as long as it may be near, more once it is not. Short steps do
/// not show a queue that grows slowly.
const RETREATS: [f64; 4] = [0.97, 0.97, 0.94, 0.88];
/// Slower than this, nothing is searched.
const SLOWEST: f64 = 0.1;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// A short step at this rate.
    Step(f64),
    /// A long run at the rate found.
    Soak(f64),
    /// The highest rate that a soak confirmed; none if there was none.
    Done(Option<f64>),
}

/// The state of a search.
#[derive(Clone, Debug)]
pub struct Hunt {
    start: f64,
    ceiling: Option<f64>,
    held: Option<f64>,
    /// Rates that failed, the lowest last; none of them held since. One that holds when it is tried again leaves the others.
    failed: Vec<f64>,
    /// Whether the lowest has failed twice. What else a machine does for a moment is no limit.
    twice: bool,
    /// The next soak's rate, once one has failed.
    soak: Option<f64>,
    soaks: usize,
    confirmed: Option<f64>,
}

impl Hunt {
    /// A search from `start` on, and never above `ceiling`.
    pub fn new(start: f64, ceiling: Option<f64>) -> Hunt {
        let start = ceiling.map_or(start, |ceiling| start.min(ceiling));
        Hunt { start, ceiling, held: None, failed: Vec::new(), twice: false, soak: None, soaks: 0, confirmed: None }
    }

    /// What is to be done next.
    pub fn next(&self) -> Next {
        if self.confirmed.is_some() || self.soaks > RETREATS.len() {
            return Next::Done(self.confirmed);
        }
        if let Some(rate) = self.soak {
            return Next::Soak(rate);
        }
        match (self.held, self.failed.last().copied()) {
            (None, None) => Next::Step(self.start),
            (None, Some(failed)) if failed / GROWTH < SLOWEST => Next::Done(None),
            (None, Some(failed)) => Next::Step(failed / GROWTH),
            (Some(held), None) if self.ceiling.is_some_and(|ceiling| held >= ceiling) => Next::Soak(held),
            (Some(held), None) => Next::Step(self.ceiling.map_or(held * GROWTH, |top| top.min(held * GROWTH))),
            (Some(held), Some(failed)) if failed - held <= held * APART => match self.twice {
                true => Next::Soak(held),
                false => Next::Step(failed),
            },
            (Some(held), Some(failed)) => Next::Step((held + failed) / 2.0),
        }
    }

    /// What came of it.
    pub fn told(&mut self, done: Next, held: bool) {
        match (done, held) {
            (Next::Step(rate), true) => {
                self.held = Some(rate);
                self.failed.retain(|failed| *failed > rate);
                self.twice = false;
            }
            (Next::Step(rate), false) => {
                self.twice = self.failed.last() == Some(&rate);
                self.failed.retain(|failed| *failed != rate);
                self.failed.push(rate);
            }
            (Next::Soak(rate), true) => self.confirmed = Some(rate),
            (Next::Soak(rate), false) => {
                self.soak = RETREATS.get(self.soaks).map(|slower| rate * slower);
                self.soaks += 1;
            }
            (Next::Done(_), _) => {}
        }
    }

    /// Whether it ended at the ceiling instead of a limit.
    pub fn is_at_ceiling(&self) -> bool {
        self.confirmed.is_some() && self.confirmed == self.ceiling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a system that holds up to `limit`, and in soaks up to `lasting`; returns what was found, and every rate tried.
    fn search(mut hunt: Hunt, limit: f64, lasting: f64) -> (Option<f64>, Vec<f64>) {
        let mut tried = Vec::new();
        loop {
            let next = hunt.next();
            match next {
                Next::Done(found) => return (found, tried),
                Next::Step(rate) => hunt.told(next, rate <= limit),
                Next::Soak(rate) => hunt.told(next, rate <= lasting),
            }
            tried.extend(match next {
                Next::Step(rate) | Next::Soak(rate) => Some(rate),
                Next::Done(_) => None,
            });
            assert!(tried.len() < 60, "{tried:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_known_limit_is_found_within_5_percent_and_never_overstated(start in 1.0f64..10_000.0, limit in 1.0f64..100_000.0) {
            let (found, _) = search(Hunt::new(start, None), limit, limit);
            let found = found.unwrap();
            proptest::prop_assert!(found <= limit && found >= limit * 0.95, "{found} of {limit}");
        }

        #[test]
        fn nothing_above_the_ceiling_is_tried(start in 1.0f64..10_000.0, ceiling in 1.0f64..10_000.0, limit in 1.0f64..20_000.0) {
            let (found, tried) = search(Hunt::new(start, Some(ceiling)), limit, limit);
            proptest::prop_assert!(tried.iter().all(|rate| *rate <= ceiling));
            proptest::prop_assert!(found.unwrap() >= limit.min(ceiling) * 0.95);
        }
    }

    #[test]
    fn a_burst_of_something_else_is_no_limit() {
        let mut hunt = Hunt::new(100.0, None);
        let mut bursts = 0;
        let found = loop {
            let next = hunt.next();
            match next {
                Next::Done(found) => break found.unwrap(),
                // The first try at 400/s meets a burst.
                Next::Step(rate) => {
                    let burst = rate == 400.0 && bursts == 0;
                    bursts += u32::from(burst);
                    hunt.told(next, rate <= 1000.0 && !burst);
                }
                Next::Soak(rate) => hunt.told(next, rate <= 1000.0),
            }
        };
        assert!(bursts == 1 && found > 950.0, "{found}");
    }

    #[test]
    fn a_rate_that_holds_when_it_is_tried_again_leaves_what_failed_above_it() {
        let mut hunt = Hunt::new(100.0, None);
        let mut tried = Vec::new();
        while let (next @ Next::Step(rate), true) = (hunt.next(), tried.len() < 30) {
            // Whatever is near the limit holds the second time only.
            hunt.told(next, rate <= 150.0 || rate < 160.0 && tried.contains(&rate));
            tried.push(rate);
        }
        assert!(tried.iter().skip(2).all(|rate| *rate < 200.0) && tried.len() < 20, "{tried:?}");
        assert!(matches!(hunt.next(), Next::Soak(rate) if (150.0..160.0).contains(&rate)), "{tried:?}");
    }

    #[test]
    fn a_soak_that_fails_is_tried_again_a_little_slower() {
        let (found, tried) = search(Hunt::new(100.0, None), 1000.0, 950.0);
        assert!(found.unwrap() <= 950.0 && found.unwrap() > 900.0, "{tried:?}");
        let (found, tried) = search(Hunt::new(100.0, None), 1000.0, 850.0);
        assert!(found.unwrap() <= 850.0 && found.unwrap() > 750.0, "{tried:?}");
        assert_eq!(search(Hunt::new(100.0, None), 1000.0, 500.0).0, None, "what only short steps hold is not found");
    }

    #[test]
    fn a_system_that_holds_nothing_has_no_rate() {
        assert_eq!(search(Hunt::new(100.0, None), 0.0, 0.0).0, None);
    }
}
