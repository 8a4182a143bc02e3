//! What falls due while an observer cannot see, and what it says of later times once it can see again.

use std::time::Duration;

use super::kit::*;
use crate::oracle::{ExactlyOnce, NoneBefore, OnTopic, OnTopicOnce, ShareInTime, StaysAbsent};

const WATCH: Duration = Duration::from_secs(2);

fn on_topic(since: f64) -> OnTopic {
    OnTopic::new(target("e"), at(since), LIMIT, None)
}

#[test]
fn a_link_that_is_gone_when_the_time_is_over() {
    let once = || OnTopicOnce::new(on_topic(0.0), WATCH);
    let absent = || StaysAbsent::new(target("e"), Some(target("later")), at(0.0), WATCH, LIMIT);
    let none_before = || NoneBefore::new(target("x"), target("e"), at(0.0), 100);
    let posts = Some("posts");
    let gone = |from: f64| blind(posts, from, None);
    let and_again = |from: f64, to: f64| [blind(posts, from, None), blind(posts, from, Some(to))];
    let read = |from: f64, to: f64| [&and_again(from, to)[..], &[caught_up("posts", to + 0.1)]].concat();
    insta::assert_snapshot!(table(vec![
        ("published while nobody saw", told(on_topic(0.0), &[gone(0.1)], 10.02)),
        (
            "published while nobody saw, and read afterwards",
            told(on_topic(0.0), &[&read(0.1, 20.0)[..], &[seen("e", 7, 20.05)]].concat(), 20.2)
        ),
        ("nobody saw, and nothing was read since", told(on_topic(0.0), &and_again(0.1, 8.0), 10.02)),
        ("nobody saw, and all was read since", told(on_topic(0.0), &read(0.1, 8.0), 10.02)),
        ("nobody saw, before it all began", told(on_topic(3.0), &and_again(1.0, 2.0), 13.1)),
        ("what must not follow", told(absent(), &[seen("later", 8, 1.0), gone(1.1)], 2.0)),
        (
            "what must not follow, and did",
            told(absent(), &[&[seen("later", 8, 1.0)], &read(1.1, 3.0)[..], &[seen("e", 9, 3.05)]].concat(), 3.2)
        ),
        (
            "what must not follow, and did not",
            told(absent(), &[&[seen("later", 8, 0.5)], &read(0.6, 1.0)[..]].concat(), 2.0)
        ),
        ("a copy", told(once(), &[seen("e", 7, 1.0), gone(1.1)], 3.1)),
        ("a copy, and all was read since", told(once(), &[&[seen("e", 7, 1.0)], &read(1.1, 2.0)[..]].concat(), 3.1)),
        ("what must not have come before", told(none_before(), &[seen("e", 7, 1.0), gone(1.1)], 1.5)),
        (
            "what must not have come before, and all was read since",
            told(none_before(), &[&[seen("e", 7, 1.0)], &read(1.1, 1.3)[..]].concat(), 1.5)
        ),
    ]));
}

#[test]
fn a_span_that_was_made_good_says_nothing_of_later_times() {
    let unended = [blind(Some("posts"), 1.0, None), caught_up("posts", 2.0)];
    let after = |history: &[_], since: f64, seconds: f64| {
        told(on_topic(since), &[history, &[seen("e", 7, seconds)]].concat(), seconds)
    };
    let slow = [blind(Some("posts"), 0.0, Some(6.0)), caught_up("posts", 6.1)];
    insta::assert_snapshot!(table(vec![
        ("late, and the span was over", after(&unended, 3.0, 9.0)),
        ("late, with the span in its time", after(&unended, 0.5, 9.0)),
        ("read after a slow answer", after(&slow, 0.5, 6.05)),
        ("late, and the slow answer was over", after(&slow, 6.5, 12.0)),
    ]));
}

/// The record at 10.0 has its effect at 10.05; the look asked at 10.02 is answered at 13.0.
#[test]
fn a_look_that_is_answered_late_accuses_nobody() {
    let share = || {
        let second = Duration::from_secs(1);
        ShareInTime::new(vec![target("e")], handler(), "handled", 1.0, at(9.9), second)
            .seen_within(Duration::from_millis(1160))
    };
    let asked = [seen("e", 7, 10.0), blind(Some("handled"), 10.02, None)];
    let answered = [&asked[..], &[effect("e", 13.0)]].concat();
    let read = [&answered[..], &[caught_up("handled", 13.1)]].concat();
    let later = |since: f64| {
        let second = Duration::from_secs(1);
        ShareInTime::new(vec![target("f")], handler(), "handled", 1.0, at(since), second)
            .seen_within(Duration::from_millis(1160))
    };
    let late = [&read[..], &[seen("f", 8, 20.0), effect("f", 23.0)]].concat();
    insta::assert_snapshot!(table(vec![
        ("not answered yet", told(share(), &asked, 12.9)),
        ("never answered", told(share(), &asked, 15.0)),
        ("answered", told(share(), &answered, 13.0)),
        ("answered, and all is read", told(share(), &read, 13.2)),
        ("a later event is late", told(later(19.9), &late, 23.1)),
    ]));
}

/// The group commits at 3.0, and the second effect comes at 4.0; the look asked at 3.05 is answered at 7.0.
#[test]
fn a_look_that_is_answered_late_hides_a_second_effect_for_a_while_only() {
    let once = || ExactlyOnce::new(target("e"), 1, None, handler(), "handled", WATCH, at(0.0), LIMIT);
    let asked = [seen("e", 7, 1.0), effect("e", 1.5), committed(8, 3.0), blind(Some("handled"), 3.05, None)];
    let and = |more: &[_]| [&asked[..], more].concat();
    insta::assert_snapshot!(table(vec![
        ("not answered yet", told(once(), &asked, 5.0)),
        ("answered, with the second", told(once(), &and(&[effect("e", 7.0)]), 7.0)),
        ("answered, with nothing, and asked once more", told(once(), &and(&[caught_up("handled", 7.1)]), 7.1)),
        ("never answered", told(once(), &asked, 20.0)),
    ]));
}
