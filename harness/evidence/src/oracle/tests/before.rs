//! What must not stand before another event.

use proptest::prelude::*;
use std::time::Duration;

use super::kit::*;
use crate::oracle::{NoneBefore, Recognise, Target, judge};
use crate::{Observation, Seen, Verdict};

/// The event "x" of the field must not stand before the event "e", of which it may be on another partition.
fn none_before() -> NoneBefore {
    NoneBefore::new(target_by_field("x"), target("e"), at(0.0), 3)
}

fn unwanted(partition: i32, offset: i64, timestamp_ms: Option<i64>, seconds: f64) -> Seen {
    let fields = vec![("/post_id".into(), "x".into())];
    Seen { partition, timestamp_ms, fields, ..record("u", offset, seconds) }
}

fn last(timestamp_ms: Option<i64>) -> Seen {
    Seen { timestamp_ms, ..record("e", 7, 1.0) }
}

fn of(records: &[Seen]) -> Vec<Observation> {
    records.iter().cloned().map(Observation::Seen).collect()
}

#[test]
fn what_must_not_have_come_before() {
    let large = |named: &str| {
        let other = vec![("/a".into(), "1".into()), ("/b".into(), "2".into()), (named.into(), "3".into())];
        Seen { fields: other, ..unwanted(0, 6, None, 0.9) }
    };
    let open = || none_before().known_by_undeclared(vec!["/post_id".into()]);
    let bare = Seen { fields: Vec::new(), ..last(None) };
    insta::assert_snapshot!(table(vec![
        ("the last was not seen", told(none_before(), &of(&[unwanted(0, 6, None, 0.9)]), 2.0)),
        ("nothing but the last, still settling", told(none_before(), &of(&[last(None)]), 1.4)),
        ("nothing but the last", told(none_before(), &of(&[last(None)]), 1.5)),
        ("before it", told(none_before(), &of(&[unwanted(0, 6, None, 0.9), last(None)]), 1.0)),
        ("behind it", told(none_before(), &of(&[last(None), unwanted(0, 8, None, 1.1)]), 1.5)),
        (
            "before it on another partition, and read later",
            told(none_before(), &of(&[last(Some(20)), unwanted(1, 3, Some(10), 1.2)]), 1.3)
        ),
        (
            "behind it on another partition, and read earlier",
            told(none_before(), &of(&[unwanted(1, 3, Some(30), 0.9), last(Some(20))]), 1.5)
        ),
        (
            "at the same millisecond on another partition",
            told(none_before(), &of(&[unwanted(1, 3, Some(20), 0.9), last(Some(20))]), 1.5)
        ),
        (
            "on another partition without a time",
            told(none_before(), &of(&[unwanted(1, 3, None, 0.9), last(Some(20))]), 1.5)
        ),
        (
            "blind meanwhile",
            told(none_before(), &[vec![blind(Some("posts"), 0.2, Some(0.4))], of(&[last(None)])].concat(), 1.5)
        ),
        ("before it, one with more fields than are kept", told(none_before(), &of(&[large("/c"), last(None)]), 1.5)),
        (
            "before it, a large one whose field says otherwise",
            told(none_before(), &of(&[large("/post_id"), last(None)]), 1.5)
        ),
        ("by a field that no schema declares and no record has", told(open(), &of(&[bare]), 1.5)),
        ("by a field that no schema declares, and records have", told(open(), &of(&[last(None)]), 1.5)),
    ]));
}

#[test]
fn an_event_is_known_by_its_correlation_id_wherever_that_stands() {
    let recognise = Recognise::Correlated { event_type: "created".into(), correlation: "c".into() };
    let follower = Target { recognise, ..target("e") };
    let carries = |id: &str| Seen { correlation: Some(id.into()), ..record("f", 9, 1.0) };
    assert!(follower.matches(&carries("c")));
    assert!(!follower.matches(&carries("d")) && !follower.matches(&record("f", 9, 1.0)));
    assert!(!follower.matches(&Seen { event_type: Some("deleted".into()), ..carries("c") }));
}

proptest! {
    /// Two partitions, read in any order: that nothing stood before is said only where nothing did, and the other way round.
    #[test]
    fn what_stands_before_is_never_passed_over(
        elsewhere in any::<bool>(), published_ms in 0i64..2_000, arrives in 0.0f64..0.45, last_ms in 0i64..2_000,
    ) {
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        let offset = if published_ms < last_ms { 6 } else { 8 };
        let one = unwanted(i32::from(elsewhere), offset, Some(published_ms), seconds(published_ms) + arrives);
        let last = Seen { at: at(seconds(last_ms)), ..last(Some(last_ms)) };
        let mut records = [one, last];
        records.sort_by_key(|record| record.at);
        let verdict = judge(none_before(), &of(&records), at(10.0));
        match verdict {
            Verdict::Held(_) => prop_assert!(published_ms >= last_ms),
            Verdict::Broken(_) => prop_assert!(published_ms < last_ms),
            Verdict::CannotTell(_) => prop_assert!(elsewhere && published_ms == last_ms),
            Verdict::NotYet => prop_assert!(false, "it is over"),
        }
    }
}

#[test]
fn a_record_of_another_partition_has_its_time_to_be_read() {
    let late = of(&[last(Some(20)), unwanted(1, 3, Some(10), 1.0 + 0.45)]);
    let before = judge(none_before(), &late[..1], at(1.0) + Duration::from_millis(449));
    assert!(!before.is_final(), "{before:?}");
    assert!(!judge(none_before(), &late, at(1.46)).is_held());
}
