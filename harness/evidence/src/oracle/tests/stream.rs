//! Oracles over several records: exactly once, none lost, in order.

use super::kit::*;
use crate::GroupState::Stable;
use crate::Observation;
use crate::oracle::{EffectOrder, ExactlyOnce, NoneLost, TopicOrder};
use std::time::Duration;

const SETTLING: Duration = Duration::from_secs(2);

fn once(sentinel: bool) -> ExactlyOnce {
    let sentinel = sentinel.then(|| target("s"));
    ExactlyOnce::new(target("e"), 3, sentinel, handler(), "handled", SETTLING, at(0.0), LIMIT)
}

fn copies() -> Vec<Observation> {
    vec![acknowledged("e", 1, 0.1), acknowledged("e", 2, 0.2), acknowledged("e", 3, 0.3), seen("e", 3, 0.4)]
}

fn with(more: &[Observation]) -> Vec<Observation> {
    copies().into_iter().chain(more.iter().cloned()).collect()
}

#[test]
fn an_event_that_is_handled_exactly_once() {
    let sentinel = |more: &[Observation], now| told(once(true), &with(more), now);
    let offset = |more: &[Observation], now| told(once(false), &with(more), now);
    let on_another_partition = |id: &str, offset| {
        let mut record = record(id, offset, 0.5);
        record.partition = 1;
        Observation::Seen(record)
    };
    insta::assert_snapshot!(table(vec![
        ("one effect, no sentinel yet", sentinel(&[effect("e", 0.5)], 1.0)),
        ("one effect, and the sentinel's", sentinel(&[effect("e", 0.5), seen("s", 4, 0.6), effect("s", 0.7)], 1.0)),
        ("a sentinel before the last copy", sentinel(&[effect("e", 0.5), seen("s", 2, 0.6), effect("s", 0.7)], 20.0)),
        (
            "a sentinel on another partition",
            sentinel(&[effect("e", 0.5), on_another_partition("s", 9), effect("s", 0.7)], 20.0),
        ),
        (
            "a copy that the sentinel does not follow",
            sentinel(&[on_another_partition("e", 1), effect("e", 0.5), seen("s", 4, 0.6), effect("s", 0.7)], 20.0),
        ),
        (
            "a sentinel in an unseen span of the view",
            sentinel(&[effect("e", 0.5), blind(Some("handled"), 0.6, None), seen("s", 4, 0.6), effect("s", 0.7)], 20.0,),
        ),
        (
            "a sentinel after the view has caught up",
            sentinel(
                &[
                    effect("e", 0.5),
                    blind(Some("handled"), 0.6, None),
                    seen("s", 4, 0.6),
                    caught_up("handled", 0.9),
                    effect("s", 0.9),
                ],
                1.0,
            ),
        ),
        ("two effects", sentinel(&[effect("e", 0.5), effect("e", 0.6)], 1.0)),
        (
            "a second effect after the sentinel's",
            sentinel(&[effect("e", 0.5), seen("s", 4, 0.6), effect("s", 0.7), effect("e", 0.8)], 1.0),
        ),
        ("committed past, settling", offset(&[effect("e", 0.5), committed(4, 1.0)], 2.9)),
        ("committed past, settled", offset(&[effect("e", 0.5), committed(4, 1.0)], 3.0)),
        (
            "committed before the last copy was there",
            told(
                once(false),
                &[
                    acknowledged("e", 1, 0.1),
                    acknowledged("e", 2, 0.2),
                    effect("e", 0.3),
                    committed(3, 0.4),
                    acknowledged("e", 3, 9.0),
                ],
                9.5,
            ),
        ),
        (
            "a further copy begins it anew",
            offset(&[effect("e", 0.5), committed(4, 1.0), seen("e", 9, 2.5), committed(10, 2.6)], 4.0),
        ),
        ("group set back", offset(&[effect("e", 0.5), committed(4, 1.0), committed(1, 1.5)], 4.0)),
        ("never committed past", offset(&[effect("e", 0.5), committed(2, 1.0)], 12.1)),
        ("a copy is missing", told(once(false), &[acknowledged("e", 1, 0.1), effect("e", 0.5)], 12.1)),
        ("no effect at all", offset(&[committed(4, 1.0)], 10.1)),
        ("no effect, and not on the topic", told(once(false), &[], 10.1)),
        ("no effect, and the topic was unseen", told(once(false), &[blind(Some("posts"), 1.0, None)], 10.1)),
        ("no effect, of unknown fate", told(once(false), &[unknown("e", 1.0)], 10.1)),
        ("refused", told(once(false), &[refused("e", 1.0)], 1.1)),
        ("service died after the first", sentinel(&[effect("e", 0.5), died(false, 0.6)], 1.0)),
        ("service ended by us after the first", sentinel(&[effect("e", 0.5), died(true, 0.6)], 1.0)),
        ("service ended by us and left so", sentinel(&[effect("e", 0.5), died(true, 0.6)], 100.0)),
    ]));
}

fn none_lost() -> NoneLost {
    let targets = ["a", "b", "c"].map(target).to_vec();
    NoneLost::new(targets, handler(), "handled", at(0.0), LIMIT)
}

#[test]
fn events_of_which_none_is_lost() {
    let all = || vec![seen("a", 1, 1.0), seen("b", 2, 1.1), seen("c", 3, 1.2)];
    let judged = |more: &[Observation], now| {
        let history: Vec<_> = all().into_iter().chain(more.iter().cloned()).collect();
        told(none_lost(), &history, now)
    };
    let two = [effect("a", 1.5), effect("c", 1.6)];
    let two_and = |more: &[Observation]| -> Vec<Observation> { two.iter().chain(more).cloned().collect() };
    let recovered = [died(true, 2.0), started(3.0), group(Stable, "m2", 9.0)];
    insta::assert_snapshot!(table(vec![
        ("all had their effect", judged(&[effect("a", 1.5), effect("b", 1.6), effect("c", 1.7)], 2.0)),
        (
            "redelivered: the effect came twice",
            judged(&[effect("a", 1.5), effect("b", 1.6), effect("b", 1.6), effect("c", 1.7)], 2.0)
        ),
        ("one has none, and there is time", judged(&two, 11.0)),
        ("one has none", judged(&two_and(&[committed(4, 1.7)]), 11.3)),
        ("one has none, and the group is behind", judged(&two_and(&[committed(2, 1.7)]), 11.3)),
        ("one has none, and the service died", judged(&two_and(&[died(false, 2.0)]), 11.3)),
        ("one has none: ended by us and left so", judged(&two_and(&[died(true, 2.0)]), 100.0)),
        ("killed and back: there is time from the stable assignment on", judged(&two_and(&recovered), 18.9)),
        ("killed and back: lost", judged(&two_and(&recovered), 19.1)),
        ("one has none, and the view was unseen", judged(&two_and(&[blind(Some("handled"), 2.0, None)]), 11.3)),
        (
            "one is not on the topic",
            told(none_lost(), &[seen("a", 1, 1.0), seen("c", 3, 1.0), effect("a", 1.5), effect("c", 1.6)], 11.3)
        ),
        (
            "one is not on the topic, and the topic was unseen",
            told(none_lost(), &[seen("a", 1, 1.0), seen("c", 3, 1.0), blind(Some("posts"), 1.0, None)], 11.3),
        ),
        (
            "one was refused",
            told(
                none_lost(),
                &[seen("a", 1, 1.0), seen("c", 3, 1.0), refused("b", 1.0), effect("a", 1.5), effect("c", 1.6)],
                2.0
            ),
        ),
        (
            "one of unknown fate is judged once it was seen",
            told(
                none_lost(),
                &[
                    seen("a", 1, 1.0),
                    seen("c", 3, 1.0),
                    unknown("b", 1.0),
                    seen("b", 2, 1.0),
                    effect("a", 1.5),
                    effect("c", 1.6)
                ],
                11.3
            ),
        ),
        ("all were refused", told(none_lost(), &[refused("a", 1.0), refused("b", 1.0), refused("c", 1.0)], 2.0)),
    ]));
}

#[test]
fn events_of_one_key_in_order_on_their_topic() {
    let order = || TopicOrder::new("k", ["a", "b", "c"].map(target).to_vec(), at(0.0), LIMIT);
    let split = || {
        let mut record = record("c", 1, 1.2);
        record.partition = 2;
        Observation::Seen(record)
    };
    let redelivered = [seen("a", 1, 1.0), seen("b", 2, 1.1), seen("c", 3, 1.2), seen("b", 4, 1.3), seen("c", 5, 1.4)];
    insta::assert_snapshot!(table(vec![
        ("in order", told(order(), &[seen("a", 1, 1.0), seen("b", 2, 1.1), seen("c", 3, 1.2)], 2.0)),
        ("1, 2, 3, 2, 3 is legal", told(order(), &redelivered, 2.0)),
        (
            "seen in another order than their offsets",
            told(order(), &[seen("b", 2, 1.0), seen("a", 1, 1.1), seen("c", 3, 1.2)], 2.0)
        ),
        ("inverted", told(order(), &[seen("b", 1, 1.0), seen("a", 2, 1.1), seen("c", 3, 1.2)], 2.0)),
        ("on two partitions", told(order(), &[seen("a", 1, 1.0), seen("b", 2, 1.1), split()], 2.0)),
        ("one is not there yet", told(order(), &[seen("a", 1, 1.0), seen("b", 2, 1.1)], 9.0)),
        ("one never comes", told(order(), &[seen("a", 1, 1.0), seen("b", 2, 1.1)], 10.1)),
        (
            "one never comes, and the topic was unseen",
            told(order(), &[seen("a", 1, 1.0), blind(None, 2.0, Some(3.0))], 10.1)
        ),
        ("one was refused", told(order(), &[seen("a", 1, 1.0), refused("b", 1.0)], 2.0)),
        ("one is of unknown fate", told(order(), &[seen("a", 1, 1.0), seen("c", 2, 1.0), unknown("b", 1.0)], 10.1)),
    ]));
}

#[test]
fn effects_of_one_key_in_order() {
    let order = || {
        let targets = ["post-a", "post-b", "post-c"].map(target_by_field).to_vec();
        EffectOrder::new("k", targets, handler(), "handled", at(0.0), LIMIT)
    };
    let judged = |more: &[Observation], now| {
        let all = [seen("a", 1, 1.0), seen("b", 2, 1.1), seen("c", 3, 1.2)];
        let history: Vec<_> = all.iter().chain(more).cloned().collect();
        told(order(), &history, now)
    };
    let faster_than_the_recorder = [
        effect("a", 0.9),
        seen("a", 1, 1.0),
        effect("b", 1.0),
        effect("c", 1.05),
        seen("b", 2, 1.1),
        seen("c", 3, 1.2),
    ];
    insta::assert_snapshot!(table(vec![
        ("in order", judged(&[effect("a", 1.5), effect("x", 1.5), effect("b", 1.6), effect("c", 1.7)], 2.0)),
        ("effects that come before their records", told(order(), &faster_than_the_recorder, 2.0)),
        ("inverted", judged(&[effect("a", 1.5), effect("c", 1.6), effect("b", 1.7)], 2.0)),
        (
            "redelivered in order",
            judged(&[effect("a", 1.5), effect("b", 1.6), effect("a", 1.6), effect("b", 1.7), effect("c", 1.7)], 2.0),
        ),
        ("one has none", judged(&[effect("a", 1.5), effect("c", 1.6), committed(4, 1.7)], 11.3)),
        ("one has none, and the service was ended by us", judged(&[effect("a", 1.5), died(true, 1.6)], 100.0)),
        ("one has none, and the view was unseen", judged(&[effect("a", 1.5), blind(Some("handled"), 2.0, None)], 11.3)),
        ("one is not on the topic", told(order(), &[seen("a", 1, 1.0), effect("a", 1.5)], 10.1)),
    ]));
}
