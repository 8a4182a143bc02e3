//! What must hold of every oracle, whatever the history.

use proptest::prelude::*;

use super::disturbed::{ended, instance, paused, went_on};
use super::kit::*;
use super::retries::{path, read_from};
use crate::oracle::{EffectOrder, ExactlyOnce, NoneLost, OnTopic, Oracle, Processed, TopicOrder, ViewBecomes, judge};
use crate::{At, GroupState, Journal, JournalReader, Observation, Seen, Surroundings, Verdict};

/// One of each, over event "e" (and "s", "b" where there are several).
fn oracles() -> Vec<Box<dyn Oracle>> {
    let cause = OnTopic::new(target("e"), at(0.0), LIMIT, None);
    let pair = || vec![target("e"), target("b")];
    let settling = std::time::Duration::from_secs(2);
    vec![
        Box::new(OnTopic::new(target("e"), at(0.0), LIMIT, Some("feed".into()))),
        Box::new(Processed::new(target("e"), at(0.0), LIMIT, handler(), LIMIT)),
        Box::new(ViewBecomes::new("it is shown", cause, handler(), "feed", "p", true, LIMIT)),
        Box::new(ExactlyOnce::new(target("e"), 2, Some(target("s")), handler(), "handled", settling, at(0.0), LIMIT)),
        Box::new(NoneLost::new(pair(), handler(), "handled", at(0.0), LIMIT)),
        Box::new(TopicOrder::new("k", pair(), at(0.0), LIMIT)),
        Box::new(EffectOrder::new("k", pair(), handler(), "handled", at(0.0), LIMIT)),
        Box::new(NoneLost::new(pair(), handler(), "handled", at(0.0), LIMIT).retried_over(&path())),
        Box::new(EffectOrder::new("k", pair(), handler(), "handled", at(0.0), LIMIT).retried_over(&path())),
    ]
}

fn observation() -> impl Strategy<Value = Observation> {
    let id = prop_oneof![Just("e"), Just("s"), Just("b")];
    (id, 0i64..6, 0.0f64..30.0, 0..18u8).prop_map(|(id, offset, seconds, kind)| match kind {
        0 | 1 => seen(id, offset, seconds),
        2 => acknowledged(id, offset, seconds),
        3 => unknown(id, seconds),
        4 | 5 => committed(offset, seconds),
        6 | 7 => effect(id, seconds),
        8 => look(Some(offset % 2 == 0), seconds),
        9 => died(offset % 2 == 0, seconds),
        10 => started(seconds),
        11 => Observation::Seen(Seen { topic: "posts.5s".into(), ..record(id, offset, seconds) }),
        12 => read_from("posts.5s", offset, seconds),
        13 => paused("feed", seconds),
        14 => went_on("feed", seconds),
        15 => instance("feed-two", seconds),
        16 => ended("feed-two", offset % 2 == 0, seconds),
        _ => group(GroupState::Stable, if offset % 2 == 0 { "m1" } else { "m2" }, seconds),
    })
}

/// In the order in which they happened, as eventproof learns of them.
fn history() -> impl Strategy<Value = Vec<Observation>> {
    proptest::collection::vec(observation(), 0..25).prop_map(|mut history| {
        history.sort_by_key(Observation::at);
        history
    })
}

fn verdicts(history: &[Observation], now: At) -> Vec<Verdict> {
    oracles()
        .into_iter()
        .map(|mut oracle| {
            history.iter().for_each(|observation| oracle.observe(observation));
            oracle.verdict(now)
        })
        .collect()
}

/// Whether a verdict rests on something that was not seen.
fn is_absence(verdict: &Verdict) -> bool {
    use crate::Cause::{Lost, NoEffect, NotOnTopic, NotProcessed, StillShown};
    matches!(
        verdict,
        Verdict::Broken(NotOnTopic { .. } | NoEffect { .. } | NotProcessed { .. } | Lost { .. } | StillShown { .. })
    )
}

proptest! {
    #[test]
    fn an_absence_across_blindness_to_everything_is_no_verdict(history in history(), now in 0.0f64..120.0) {
        let blinded: Vec<_> = std::iter::once(blind(None, 0.0, None)).chain(history.iter().cloned()).collect();
        // A view is asked by the scenario itself, whatever the recorder can see: its samples are no absence.
        for (index, verdict) in verdicts(&blinded, at(now)).iter().enumerate().filter(|(index, _)| *index != 2) {
            prop_assert!(!is_absence(verdict), "oracle {index}: {verdict:?}");
        }
    }

    #[test]
    fn what_happens_to_other_events_changes_nothing(history in history(), now in 0.0f64..120.0, offset in 50i64..60) {
        let mut busy = history.clone();
        let others = [seen("x", offset, 3.0), effect("x", 3.1), acknowledged("y", offset + 1, 3.2), refused("y", 4.0)];
        busy.extend(others);
        busy.sort_by_key(Observation::at);
        prop_assert_eq!(verdicts(&history, at(now)), verdicts(&busy, at(now)));
    }

    #[test]
    fn who_begins_in_the_middle_reaches_the_verdict_of_who_read_everything(
        before in history(), after in history(), now in 0.0f64..120.0,
    ) {
        let journal = Journal::default();
        // What came before is of others: of our own events nothing was there before we began.
        before.into_iter().filter(Surroundings::concerns).for_each(|observation| journal.push(observation));
        let standpoint = journal.standpoint();
        after.into_iter().for_each(|observation| journal.push(observation));
        let of = |mut reader: JournalReader| -> Vec<Observation> {
            reader.take().iter().map(|observation| (**observation).clone()).collect()
        };
        let (all, begun) = (of(journal.reader(0)), of(journal.reader_at(&standpoint)));
        prop_assert_eq!(verdicts(&all, at(now)), verdicts(&begun, at(now)));
    }

    #[test]
    fn nothing_is_missing_before_its_time_is_over(history in history(), now in 0.0f64..5.0) {
        let until_now: Vec<_> = history.into_iter().filter(|observation| observation.at() <= at(now)).collect();
        for (index, verdict) in verdicts(&until_now, at(now)).iter().enumerate() {
            prop_assert!(!is_absence(verdict), "oracle {index}: {verdict:?}");
        }
    }

    #[test]
    fn a_service_that_we_ended_is_never_to_blame(history in history(), now in 0.0f64..300.0) {
        let mut ended: Vec<_> = history
            .into_iter()
            .filter(|observation| !matches!(observation, Observation::Started { .. } | Observation::Died { .. }))
            .collect();
        ended.insert(0, died(true, 0.0));
        for verdict in verdicts(&ended, at(now)) {
            let text = match &verdict {
                Verdict::Broken(cause) => cause.to_string(),
                _ => String::new(),
            };
            prop_assert!(!text.contains("is dead"), "{verdict:?}");
            prop_assert!(!matches!(verdict, Verdict::Broken(crate::Cause::NoEffect { .. } | crate::Cause::NotProcessed { .. })), "{verdict:?}");
        }
    }

    #[test]
    fn commits_and_effects_count_whether_the_record_was_seen_before_or_after(
        record_at in 0.5f64..1.5, commit_at in 0.5f64..1.5, effect_at in 0.5f64..1.5,
    ) {
        let mut history = [seen("e", 1, record_at), committed(2, commit_at), effect("e", effect_at), seen("b", 2, 1.6), effect("b", 1.7)];
        history.sort_by_key(Observation::at);
        let held = |oracle: Box<dyn Oracle>| {
            let mut oracle = oracle;
            history.iter().for_each(|observation| oracle.observe(observation));
            matches!(oracle.verdict(at(2.0)), Verdict::Held(_))
        };
        for (index, oracle) in oracles().into_iter().enumerate().filter(|(index, _)| ![2, 3].contains(index)) {
            prop_assert!(held(oracle), "oracle {index}");
        }
    }

    #[test]
    fn an_observation_is_read_back_as_it_was_written(observation in observation()) {
        let text = serde_json::to_string(&observation).unwrap();
        prop_assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
    }
}

#[test]
fn a_whole_history_can_be_judged_at_once() {
    let verdict = judge(OnTopic::new(target("e"), at(0.0), LIMIT, None), &[seen("e", 1, 1.0)], at(2.0));
    assert!(matches!(verdict, Verdict::Held(_)));
}
