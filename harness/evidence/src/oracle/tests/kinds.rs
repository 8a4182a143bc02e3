//! Kinds of consumers that break what one takes for granted: each is judged by what can be seen of it, or not at all.

use std::time::Duration;

use super::kit::*;
use crate::GroupState::{Dead, Stable};
use crate::Observation;
use crate::oracle::{EffectOrder, ExactlyOnce, NoneLost, Processed};

fn once(sentinel: bool) -> ExactlyOnce {
    let sentinel = sentinel.then(|| target("s"));
    ExactlyOnce::new(target("e"), 2, sentinel, handler(), "handled", Duration::from_secs(2), at(0.0), LIMIT)
}

fn processed() -> Processed {
    Processed::new(target("e"), at(0.0), LIMIT, handler(), LIMIT)
}

fn none_lost() -> NoneLost {
    NoneLost::new(vec![target("e")], handler(), "handled", at(0.0), LIMIT)
}

fn in_order() -> EffectOrder {
    EffectOrder::new("k", vec![target("e"), target("b")], handler(), "handled", at(0.0), LIMIT)
}

/// Two copies of an event on the topic, and what else happens.
fn twice(more: &[Observation]) -> Vec<Observation> {
    let mut history = vec![seen("e", 1, 0.1), seen("e", 2, 0.2)];
    history.extend_from_slice(more);
    history.sort_by_key(Observation::at);
    history
}

const LATE: f64 = 30.0;

#[test]
fn consumers_that_commit_before_they_handle() {
    let read = [committed(3, 0.3)];
    let dies = [committed(3, 0.3), died(false, 0.4)];
    insta::assert_snapshot!(table(vec![
        ("it has read both, handled none yet", told(once(false), &twice(&read), 1.0)),
        (
            "the second effect comes while it settles",
            told(once(false), &twice(&[committed(3, 0.3), effect("e", 0.5), effect("e", 1.9)]), 2.0)
        ),
        ("one effect, and it has settled", told(once(false), &twice(&[committed(3, 0.3), effect("e", 0.5)]), 2.5)),
        ("read is what the group has processed", told(processed(), &twice(&read), 1.0)),
        ("it commits, then dies: the event is lost", told(none_lost(), &twice(&dies), LATE)),
        ("it commits and never handles it", told(none_lost(), &twice(&read), LATE)),
    ]));
}

#[test]
fn consumers_that_assign_partitions_by_hand() {
    let gone = group(Dead, "", 0.0);
    let with = |more: &[Observation]| twice(&[std::slice::from_ref(&gone), more].concat());
    insta::assert_snapshot!(table(vec![
        ("nobody is in the group, and it commits", told(processed(), &with(&[committed(3, 0.5)]), 1.0)),
        ("nobody is in the group, and nothing was ever committed", told(processed(), &with(&[]), LATE)),
        ("nobody is in the group, but the effect is there", told(none_lost(), &with(&[effect("e", 0.5)]), 1.0)),
        (
            "a sentinel behind the copies had its effect",
            told(once(true), &with(&[effect("e", 0.5), seen("s", 3, 0.6), effect("s", 0.7)]), 1.0)
        ),
        ("no sentinel, and no commit", told(once(false), &with(&[effect("e", 0.5)]), LATE)),
    ]));
}

#[test]
fn consumers_that_keep_their_offsets_elsewhere() {
    let joined = group(Stable, "m", 0.0);
    let with = |more: &[Observation]| twice(&[std::slice::from_ref(&joined), more].concat());
    let dead = [died(false, 0.3)];
    insta::assert_snapshot!(table(vec![
        ("nothing was ever committed", told(processed(), &with(&[]), LATE)),
        ("nothing was ever committed, and the service is dead", told(processed(), &with(&dead), LATE)),
        ("it has committed before, and stands still", told(processed(), &with(&[committed(1, 0.05)]), LATE)),
        ("a duplicate without a sentinel", told(once(false), &with(&[effect("e", 0.5)]), LATE)),
        (
            "a duplicate with one",
            told(once(true), &with(&[effect("e", 0.5), seen("s", 3, 0.6), effect("s", 0.7)]), 1.0)
        ),
        ("a second effect needs no offsets", told(once(false), &with(&[effect("e", 0.5), effect("e", 0.9)]), 1.0)),
    ]));
}

#[test]
fn consumers_that_handle_in_parallel() {
    // Where the contract says so, no sentinel is published: the runner takes the offset and the settling time.
    let overtaken = [seen("e", 1, 0.1), seen("b", 2, 0.2), effect("b", 0.5), effect("e", 0.9)];
    insta::assert_snapshot!(table(vec![
        ("the later event of the key has its effect first", told(in_order(), &overtaken, 1.0)),
        (
            "committed past the copies while one of them is still at work",
            told(once(false), &twice(&[effect("e", 0.4), committed(3, 0.5)]), 1.0)
        ),
        (
            "and it has its effect while that settles",
            told(once(false), &twice(&[effect("e", 0.4), committed(3, 0.5), effect("e", 2.2)]), 2.3)
        ),
    ]));
}

#[test]
fn consumers_that_begin_at_the_end() {
    // The group joins after the record, commits where it began, and never sees what came before.
    let skipped = [seen("e", 1, 0.1), group(Stable, "m", 0.5), committed(2, 0.6)];
    let killed = [
        seen("x", 0, 0.0),
        died(true, 0.05),
        seen("e", 1, 0.1),
        started(0.2),
        group(Stable, "n", 0.5),
        committed(2, 0.6),
    ];
    insta::assert_snapshot!(table(vec![
        ("the record was there before it joined", told(none_lost(), &skipped, LATE)),
        ("after we killed it, the record of the meantime is skipped", told(none_lost(), &killed, LATE)),
        ("the same by its offset only", told(processed(), &killed, 2.0)),
    ]));
}
