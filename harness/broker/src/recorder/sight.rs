//! The recorder's own blindness: when the broker did not answer it, and when the machine stalled it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::{At, Blind, Clock};

use super::{POLL, Sink};

/// A pause between two polls that is long enough to change a verdict, beyond what a poll may wait.
const STALL: Duration = Duration::from_millis(500);

/// Watches over the spans in which nothing could be seen.
pub(super) struct Sight {
    clock: Arc<dyn Clock>,
    last_poll: At,
    blind_since: Option<(At, String)>,
}

impl Sight {
    pub fn new(clock: Arc<dyn Clock>) -> Sight {
        Sight { last_poll: clock.now(), clock, blind_since: None }
    }

    /// A poll has ended now, with or without a record. It waits for [`POLL`] at most, and what it found was taken at once: whatever
    /// it took longer since the last one, nobody looked.
    pub fn polled(&mut self, at: At, sink: &mut dyn Sink) {
        let pause = at.since(self.last_poll);
        if pause >= POLL + STALL {
            let why = format!("the machine stalled the recorder for {} ms", pause.as_millis());
            sink.blind(Blind { what: None, from: self.last_poll, to: Some(at), why });
        }
        self.last_poll = at;
    }

    /// A question to the broker has ended: its silence is no stall.
    pub fn asked(&mut self) {
        self.last_poll = self.clock.now();
    }

    /// The client reported an error: from now on absence proves nothing.
    pub fn cannot_see(&mut self, why: &str) {
        if self.blind_since.is_none() {
            self.blind_since = Some((self.last_poll, why.to_owned()));
        }
    }

    /// Whether the client's last word was an error.
    pub fn is_blind(&self) -> bool {
        self.blind_since.is_some()
    }

    /// The broker answered: that ends a blindness, which was one to these topics.
    pub fn can_see(&mut self, topics: &HashSet<String>, sink: &mut dyn Sink) {
        let Some((from, why)) = self.blind_since.take() else { return };
        let to = Some(self.clock.now());
        for topic in topics {
            sink.blind(Blind { what: Some(topic.as_str().into()), from, to, why: why.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::ManualClock;

    use super::*;
    use crate::RawRecord;

    #[derive(Default)]
    struct Spans(Vec<Blind>);

    impl Sink for Spans {
        fn record(&mut self, _: &RawRecord<'_>, _: At) {}

        fn blind(&mut self, blind: Blind) {
            self.0.push(blind);
        }

        fn caught_up(&mut self, _: &str, _: At) {}
    }

    #[test]
    fn a_pause_beyond_what_a_poll_may_wait_is_a_blind_span_and_a_slow_answer_is_not() {
        let clock = Arc::new(ManualClock::default());
        let (mut sight, mut spans) = (Sight::new(clock.clone()), Spans::default());
        clock.advance(POLL + Duration::from_millis(499));
        sight.polled(clock.now(), &mut spans);
        clock.advance(Duration::from_secs(2));
        sight.asked();
        sight.polled(clock.now(), &mut spans);
        assert!(spans.0.is_empty());
        clock.advance(Duration::from_millis(700));
        sight.polled(clock.now(), &mut spans);
        sight.polled(clock.now(), &mut spans);
        assert_eq!(spans.0.len(), 1);
        assert_eq!(spans.0[0].lasted(clock.now()), Duration::from_millis(700));
    }

    #[test]
    fn an_error_makes_blind_until_the_broker_answers_again() {
        let clock = Arc::new(ManualClock::default());
        let (mut sight, mut spans) = (Sight::new(clock.clone()), Spans::default());
        sight.cannot_see("all brokers down");
        clock.advance(Duration::from_secs(3));
        sight.cannot_see("still down");
        let topics = HashSet::from(["posts".to_owned()]);
        assert!(sight.is_blind());
        sight.can_see(&topics, &mut spans);
        assert_eq!(spans.0[0].why, "all brokers down");
        assert_eq!(spans.0[0].lasted(clock.now()), Duration::from_secs(3));
        assert!(!sight.is_blind());
        sight.can_see(&topics, &mut spans);
        assert_eq!(spans.0.len(), 1);
    }
}
