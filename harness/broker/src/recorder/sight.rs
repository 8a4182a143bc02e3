//! The recorder's own blindness: when the broker did not answer it, and when the machine stalled it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::{At, Blind, Clock, Subject};

use super::{POLL, Sink};

/// A pause between two polls that is long enough to change a verdict, beyond what a poll may wait.
const STALL: Duration = Duration::from_millis(500);

/// Watches over the spans in which nothing could be seen.
pub(super) struct Sight {
    clock: Arc<dyn Clock>,
    last_poll: At,
    blind_since: Option<(At, String)>,
    /// Topics of which what came while a question was asked still waits to be taken.
    behind: HashSet<String>,
}

impl Sight {
    pub fn new(clock: Arc<dyn Clock>) -> Sight {
        Sight { last_poll: clock.now(), clock, blind_since: None, behind: HashSet::new() }
    }

    /// A poll has ended now, with or without a record. It waits for [`POLL`] at most, and what it found was taken at once: whatever
    /// it took longer since the last one, nobody looked.
    pub fn polled(&mut self, at: At, sink: &mut dyn Sink) {
        let pause = at.since(self.last_poll);
        if pause >= POLL + STALL {
            let why = format!("the machine stalled the recorder for {} ms", pause.as_millis());
            sink.blind(Blind { what: Subject::Everything, from: self.last_poll, to: Some(at), why });
        }
        self.last_poll = at;
    }

    /// A question to the broker has ended: its silence is no stall, and nothing is lost by it. But nobody took what came meanwhile, and
    /// that bears a later time than it had.
    pub fn asked(&mut self, topics: &HashSet<String>, sink: &mut dyn Sink) {
        let (from, to) = (self.last_poll, self.clock.now());
        self.last_poll = to;
        let took = to.since(from);
        if took >= POLL + STALL && !self.is_blind() {
            let why = format!("the broker took {} ms to answer a question of the recorder", took.as_millis());
            tell(topics, (from, Some(to)), &why, sink);
            self.behind.extend(topics.iter().cloned());
        }
    }

    /// Nothing waits to be taken: what came while a question was asked has been seen.
    pub fn took_all(&mut self, sink: &mut dyn Sink) {
        for topic in self.behind.drain() {
            sink.caught_up(&topic, self.last_poll);
        }
    }

    /// The client reported an error: from now on absence of these topics' records proves nothing. That is told at once, for a verdict
    /// may fall due while it lasts.
    pub fn cannot_see(&mut self, why: &str, topics: &HashSet<String>, sink: &mut dyn Sink) {
        if self.blind_since.is_none() {
            tell(topics, (self.last_poll, None), why, sink);
            self.blind_since = Some((self.last_poll, why.to_owned()));
            // That is owed now with all the rest.
            self.behind.clear();
        }
    }

    /// Whether the client's last word was an error.
    pub fn is_blind(&self) -> bool {
        self.blind_since.is_some()
    }

    /// The broker answered: that ends a blindness, which was one to these topics; some may have come meanwhile.
    pub fn can_see(&mut self, topics: &HashSet<String>, sink: &mut dyn Sink) {
        let Some((from, why)) = self.blind_since.take() else { return };
        let to = self.clock.now();
        tell(topics, (from, Some(to)), &why, sink);
        // Until now the silence has been told.
        self.last_poll = to;
    }
}

fn tell(topics: &HashSet<String>, (from, to): (At, Option<At>), why: &str, sink: &mut dyn Sink) {
    for topic in topics {
        sink.blind(Blind { what: Subject::Topic(topic.as_str().into()), from, to, why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::ManualClock;

    use super::*;
    use crate::RawRecord;

    #[derive(Default)]
    struct Spans {
        told: Vec<Blind>,
        caught_up: Vec<String>,
    }

    impl Sink for Spans {
        fn record(&mut self, _: &RawRecord<'_>, _: At) {}

        fn blind(&mut self, blind: Blind) {
            self.told.push(blind);
        }

        fn caught_up(&mut self, topic: &str, _: At) {
            self.caught_up.push(topic.to_owned());
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn begun() -> (Arc<ManualClock>, Sight, Spans, HashSet<String>) {
        let clock = Arc::new(ManualClock::default());
        let sight = Sight::new(clock.clone());
        (clock, sight, Spans::default(), HashSet::from(["posts".to_owned()]))
    }

    #[test]
    fn a_pause_beyond_what_a_poll_may_wait_is_a_blind_span_to_everything() {
        let (clock, mut sight, mut spans, topics) = begun();
        clock.advance(POLL + ms(499));
        sight.polled(clock.now(), &mut spans);
        clock.advance(ms(500));
        sight.asked(&topics, &mut spans);
        sight.polled(clock.now(), &mut spans);
        assert!(spans.told.is_empty());
        clock.advance(ms(700));
        sight.polled(clock.now(), &mut spans);
        sight.polled(clock.now(), &mut spans);
        assert_eq!(spans.told.len(), 1);
        assert_eq!((spans.told[0].what.clone(), spans.told[0].lasted(clock.now())), (Subject::Everything, ms(700)));
    }

    #[test]
    fn what_came_while_a_slow_question_was_asked_is_late_and_not_lost() {
        let (clock, mut sight, mut spans, topics) = begun();
        clock.advance(ms(2500));
        sight.asked(&topics, &mut spans);
        sight.polled(clock.now(), &mut spans);
        let [span] = &spans.told[..] else { panic!("one span: {:?}", spans.told) };
        assert_eq!((span.what.name(), span.from, span.to), (Some("posts"), At::START, Some(clock.now())));
        assert_eq!(span.why, "the broker took 2500 ms to answer a question of the recorder");
        assert!(spans.caught_up.is_empty(), "a record may wait to be taken");
        sight.took_all(&mut spans);
        sight.took_all(&mut spans);
        assert_eq!(spans.caught_up, ["posts"]);
    }

    #[test]
    fn an_error_makes_blind_at_once_and_until_the_broker_answers_again() {
        let (clock, mut sight, mut spans, topics) = begun();
        sight.cannot_see("all brokers down", &topics, &mut spans);
        assert_eq!((spans.told.len(), spans.told[0].to), (1, None), "a verdict may fall due before it ends");
        clock.advance(ms(3000));
        sight.cannot_see("still down", &topics, &mut spans);
        sight.asked(&topics, &mut spans);
        assert!(sight.is_blind() && spans.told.len() == 1, "it is told once");
        clock.advance(ms(1000));
        sight.can_see(&topics, &mut spans);
        sight.can_see(&topics, &mut spans);
        sight.asked(&topics, &mut spans);
        let [lasting, ended] = &spans.told[..] else { panic!("once more when it has ended: {:?}", spans.told) };
        assert_eq!((&lasting.why[..], &ended.why[..]), ("all brokers down", "all brokers down"));
        assert_eq!((ended.from, ended.to), (lasting.from, Some(At::START + ms(4000))));
        assert!(!sight.is_blind());
    }

    #[test]
    fn what_waited_when_the_broker_was_gone_is_owed_with_the_rest() {
        let (clock, mut sight, mut spans, topics) = begun();
        clock.advance(ms(2500));
        sight.asked(&topics, &mut spans);
        sight.cannot_see("all brokers down", &topics, &mut spans);
        sight.took_all(&mut spans);
        assert!(spans.caught_up.is_empty(), "it is not seen what there is");
    }
}
