//! What was read, or asked for, later than it was there: neither free time for what follows nor a reason to accuse.

use std::time::Duration;

use super::disturbed::{paused, went_on};
use super::kit::*;
use crate::oracle::{ExactlyOnce, NoneLost, OnTopic, Processed, ViewBecomes};
use crate::{At, Observation};

const SECOND: Duration = Duration::from_secs(1);

fn shown(history: &[Observation], now: f64) -> String {
    let cause = OnTopic::new(target("e"), At::START, LIMIT, None);
    told(ViewBecomes::new("p", cause, handler(), "feed", "p", true, SECOND), history, now)
}

/// Nobody took records from 0.1 to 2.5; then the record is read.
fn read_late(before: &[Observation], after: &[Observation]) -> Vec<Observation> {
    let late = [blind(Some("posts"), 0.1, Some(2.5)), seen("e", 7, 2.5), caught_up("posts", 2.6)];
    [before, &late[..], after].concat()
}

#[test]
fn a_record_that_is_read_late_gives_what_follows_no_time() {
    let ours = [acknowledged("e", 7, 0.05), look(Some(false), 2.1)];
    assert_eq!(
        shown(&read_late(&ours, &[look(Some(true), 2.7)]), 2.8),
        "BROKEN [late]: p came late by 1.05 s: the limit is 1 s"
    );
    let quick = [acknowledged("e", 7, 0.05), look(Some(true), 0.6)];
    assert!(shown(&read_late(&quick, &[]), 2.8).starts_with("held"));
    // What a service published may have been there as long as nobody saw.
    let theirs = shown(&read_late(&[look(Some(false), 2.1)], &[look(Some(true), 2.7)]), 2.8);
    assert!(theirs.starts_with("cannot tell [blind]"), "{theirs}");
    assert!(shown(&read_late(&[look(Some(true), 0.6)], &[]), 2.8).starts_with("held"), "a second after it all began");
}

#[test]
fn a_commit_that_is_seen_late_accuses_nobody() {
    let judged = |history: &[Observation], now| {
        told(Processed::new(target("e"), At::START, LIMIT, handler(), SECOND), history, now)
    };
    let gone =
        |until: f64| [seen("e", 7, 1.0), blind(Some("g"), 1.1, None), committed(8, until), caught_up("g", until)];
    assert!(judged(&gone(6.0), 6.1).starts_with("cannot tell [blind]"), "{}", judged(&gone(6.0), 6.1));
    // The look that showed it began a little after the one before it was over.
    let span = [blind(Some("g"), 1.1, Some(6.0)), caught_up("g", 6.0)];
    let after = |at| judged(&[&[seen("e", 7, 1.0)], &span[..], &[committed(8, at)]].concat(), at);
    assert!(after(6.1).starts_with("cannot tell [blind]"), "{}", after(6.1));
    assert!(after(7.0).starts_with("BROKEN [late]"), "it was looked at since: {}", after(7.0));
    // Nobody saw it from 3.0 on: until then it had not committed, and that was too late already.
    let late = [seen("e", 7, 1.0), blind(Some("g"), 3.0, Some(6.0)), caught_up("g", 6.0), committed(8, 6.0)];
    assert!(judged(&late, 6.1).starts_with("BROKEN [late]"), "{}", judged(&late, 6.1));
}

#[test]
fn who_holds_an_event_in_hand_may_have_its_effect_after_a_pause() {
    let judged = |more: &[Observation], now| {
        let sentinel = Some(target("s"));
        let once = ExactlyOnce::new(target("e"), 1, sentinel, handler(), "handled", SECOND * 2, At::START, LIMIT);
        let begun = [started(0.0), seen("e", 7, 1.0), paused("feed", 1.1)];
        let taken_over = [effect("e", 8.0), seen("s", 8, 8.1), effect("s", 8.2)];
        told(once, &[&begun[..], &taken_over, more].concat(), now)
    };
    assert_eq!(judged(&[], 8.3), "not yet");
    assert!(judged(&[], 200.0).starts_with("cannot tell [own-doing]"), "{}", judged(&[], 200.0));
    let on = || went_on("feed", 9.0);
    assert_eq!(judged(&[on()], 10.9), "not yet", "it has its time");
    assert!(judged(&[on()], 11.1).starts_with("held"), "{}", judged(&[on()], 11.1));
    assert!(judged(&[on(), effect("e", 10.0)], 10.1).starts_with("BROKEN [repeated]"));
}

#[test]
fn a_group_of_which_nobody_sees_the_members_has_no_time_for_ever() {
    let judged = |more: &[Observation], now| {
        let processed = Processed::new(target("e"), at(5.0), LIMIT, handler(), LIMIT);
        let killed = [started(0.0), died(true, 1.0), started(2.0)];
        told(processed, &[&killed[..], more].concat(), now)
    };
    let recovered = Observation::Recovered { group: "g".into(), at: at(4.0) };
    let late = [seen("e", 7, 5.1), committed(8, 40.0)];
    assert!(judged(&late, 40.1).starts_with("held"), "nothing tells that it is over");
    let again = [&[recovered][..], &late].concat();
    assert!(judged(&again, 40.1).starts_with("BROKEN [late]"), "{}", judged(&again, 40.1));
}

#[test]
fn several_batches_are_judged_together() {
    let of = |ids: &[&str], since: f64| {
        let targets = ids.iter().map(|id| target(id)).collect();
        NoneLost::new(targets, handler(), "handled", at(since), SECOND)
    };
    let here = [seen("a", 1, 1.0), seen("b", 2, 1.0), seen("c", 3, 1.0), effect("c", 1.1)];
    let both = || of(&["a", "b"], 0.0).and(of(&["c"], 0.5));
    let lost = told(both(), &[&here[..], &[effect("a", 1.2), committed(4, 1.3)]].concat(), 9.0);
    assert!(lost.starts_with("BROKEN [lost]") && lost.contains("1 of 3"), "{lost}");
    let all = told(both(), &[&here[..], &[effect("a", 1.2), effect("b", 1.3)]].concat(), 9.0);
    assert!(all.starts_with("held: all 3 events"), "{all}");
}
