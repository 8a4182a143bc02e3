//! An oracle of one's own: a pure fold over observations, so that it can be tested on made-up histories.

use std::collections::BTreeSet;
use std::time::Duration;

use eventproof_evidence::{At, Cause, Observation, Oracle, Proof, Surroundings, Verdict};

/// The orders of a customer cost so much together.
pub struct Costs {
    topic: String,
    customer: String,
    expected: u64,
    since: At,
    limit: Duration,
    /// Orders by their ids: a copy costs nothing.
    orders: BTreeSet<String>,
    sum: u64,
    around: Surroundings,
}

impl Costs {
    /// The orders on `topic` must cost `expected` within `limit` after `since`.
    pub fn new(topic: &str, customer: &str, expected: u64, since: At, limit: Duration) -> Costs {
        let (topic, customer) = (topic.to_owned(), customer.to_owned());
        let (orders, around) = (BTreeSet::new(), Surroundings::default());
        Costs { topic, customer, expected, since, limit, orders, sum: 0, around }
    }

    fn broken(&self) -> Verdict {
        let objective = format!("the orders of {} cost {}", self.customer, self.expected);
        let actual = format!("{} orders cost {}", self.orders.len(), self.sum);
        Verdict::Broken(Cause::ObjectiveMissed { objective, actual })
    }
}

impl Oracle for Costs {
    fn observe(&mut self, observation: &Observation) {
        self.around.observe(observation);
        let Observation::Seen(seen) = observation else { return };
        if *seen.topic != *self.topic || seen.field("/customer") != Some(&self.customer) {
            return;
        }
        let Some(id) = seen.id.as_deref() else { return };
        if self.orders.insert(id.to_owned()) {
            self.sum += seen.field("/total").and_then(|total| total.parse::<u64>().ok()).unwrap_or_default();
        }
    }

    fn verdict(&self, now: At) -> Verdict {
        if self.sum == self.expected {
            return Verdict::Held(Proof::of(format!("{} orders cost {}", self.orders.len(), self.sum)));
        }
        if self.sum > self.expected {
            return self.broken();
        }
        if now <= self.since + self.limit {
            return Verdict::NotYet;
        }
        // What could not be seen is not said to be missing.
        match self.around.blindness(&self.topic, self.since, now) {
            Some(reason) => Verdict::CannotTell(reason),
            None => self.broken(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use eventproof_evidence::oracle::judge;
    use eventproof_evidence::{Blind, Seen, Subject};

    use super::*;

    fn at(seconds: u64) -> At {
        At::START + Duration::from_secs(seconds)
    }

    fn order(id: &str, total: u64) -> Observation {
        Observation::Seen(Seen {
            topic: "orders".into(),
            partition: 0,
            offset: 0,
            at: at(1),
            timestamp_ms: None,
            key: None,
            id: Some(id.into()),
            event_type: None,
            correlation: None,
            fields: vec![("/customer".into(), "ann".into()), ("/total".into(), total.to_string().into())],
            violations: Vec::new(),
        })
    }

    fn verdict(history: &[Observation], now: u64) -> Verdict {
        judge(Costs::new("orders", "ann", 60, at(0), Duration::from_secs(5)), history, at(now))
    }

    #[test]
    fn a_copy_costs_nothing_and_what_could_not_be_seen_is_not_missing() {
        assert!(verdict(&[order("a", 40), order("a", 40), order("b", 20)], 2).is_held());
        assert_eq!(verdict(&[order("a", 40)], 2), Verdict::NotYet);
        assert!(matches!(verdict(&[order("a", 40)], 6), Verdict::Broken(_)));
        assert!(matches!(verdict(&[order("a", 70)], 2), Verdict::Broken(_)));
        let blind = Blind { what: Subject::Everything, from: at(1), to: None, why: "the broker was gone".to_owned() };
        assert!(matches!(verdict(&[order("a", 40), Observation::Blind(blind)], 6), Verdict::CannotTell(_)));
    }
}
