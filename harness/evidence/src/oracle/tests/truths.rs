//! Made-up systems: what they do is the truth, what eventproof sees of it is less. An oracle says the truth, or that it cannot tell;
//! a promise that was broken is never said to hold, and one that was kept is never said to be broken.

use std::time::Duration;

use proptest::prelude::*;

use super::kit::*;
use super::retries::{path, read_from};
use crate::oracle::{
    Attempts, AttemptsSeen, DeadLetteredAfter, Expected, OnTopic, OnTopicOnce, ShareInTime, StaysAbsent, judge,
};
use crate::{Blind, Cause, Observation, Seen, Verdict};

/// When everything is over, whatever the history.
const OVER: f64 = 300.0;
/// How long is watched for what must not come.
const WATCH: f64 = 2.0;

/// When the recorder is cut off, and whether it reads afterwards what it missed.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: f64,
    to: f64,
    made_good: bool,
}

impl Cut {
    /// What the recorder makes of these records of `topic`.
    fn seen(self, records: Vec<Seen>, topic: &str) -> Vec<Observation> {
        let is_missed = |record: &Seen| record.at >= at(self.from) && record.at < at(self.to);
        let (missed, mut seen): (Vec<Seen>, Vec<Seen>) = records.into_iter().partition(is_missed);
        if self.made_good {
            // Read in the order of the log, as soon as it can be.
            seen.extend(missed.into_iter().map(|record| Seen { at: at(self.to), ..record }));
        }
        let cut =
            Blind { what: subject(topic), from: at(self.from), to: Some(at(self.to)), why: "it was cut off".into() };
        let good = self.made_good.then(|| caught_up(topic, self.to));
        let mut all: Vec<Observation> = seen.into_iter().map(Observation::Seen).collect();
        // Told when it begins, and again when it has ended.
        all.push(Observation::Blind(Blind { to: None, ..cut.clone() }));
        all.push(Observation::Blind(cut));
        all.extend(good);
        in_order(all)
    }
}

fn in_order(mut history: Vec<Observation>) -> Vec<Observation> {
    history.sort_by_key(Observation::at);
    history
}

/// A recorder that is cut off at some time, or never.
fn cut() -> impl Strategy<Value = Option<Cut>> {
    let span = (0.0f64..15.0, 0.1f64..5.0, any::<bool>());
    proptest::option::of(span.prop_map(|(from, lasts, made_good)| Cut { from, to: from + lasts, made_good }))
}

fn recorded(cut: Option<Cut>, records: Vec<Seen>, topic: &str) -> Vec<Observation> {
    match cut {
        Some(cut) => cut.seen(records, topic),
        None => in_order(records.into_iter().map(Observation::Seen).collect()),
    }
}

/// That a kept promise is not said to be broken, nor a broken one to be kept; once all is over, nobody waits on.
fn right(verdict: &Verdict, is_kept: bool) -> Result<(), TestCaseError> {
    match verdict {
        Verdict::Held(_) => prop_assert!(is_kept, "said to hold: {verdict:?}"),
        Verdict::Broken(_) => prop_assert!(!is_kept, "said to be broken: {verdict:?}"),
        Verdict::CannotTell(_) => {}
        Verdict::NotYet => return Err(TestCaseError::fail("it is waited for without end")),
    }
    Ok(())
}

fn is_blind(cut: Option<Cut>) -> bool {
    cut.is_some_and(|cut| !cut.made_good)
}

fn on_topic() -> OnTopic {
    OnTopic::new(target("e"), at(0.0), LIMIT, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The event would follow at one time, the control's at another; each does or does not.
    #[test]
    fn what_must_not_follow(
        comes in proptest::option::of(0.1f64..8.0),
        control in proptest::option::of(0.1f64..12.0),
        with_control in any::<bool>(),
        cut in cut(),
    ) {
        let of = |id: &str, offset, comes: Option<f64>| comes.map(|seconds| record(id, offset, seconds));
        let records: Vec<Seen> = of("e", 1, comes).into_iter().chain(of("later", 2, control)).collect();
        let oracle = || StaysAbsent::new(target("e"), with_control.then(|| target("later")), at(0.0), Duration::from_secs_f64(WATCH), LIMIT);
        let verdict = judge(oracle(), &recorded(cut, records.clone(), "posts"), at(OVER));
        // What comes later than is watched is neither promised nor denied.
        let is_kept = match comes {
            Some(seconds) if seconds > WATCH => matches!(verdict, Verdict::Held(_)),
            comes => comes.is_none(),
        };
        right(&verdict, is_kept)?;
        if verdict.is_held() {
            prop_assert!(with_control && control.is_some(), "without a control: {verdict:?}");
        }
        // Nor is it said at any time before, while the cut lasts.
        for quarters in 0..60 {
            let now = at(f64::from(quarters) / 4.0);
            let told = recorded(cut, records.clone(), "posts").into_iter().filter(|one| one.at() <= now).collect::<Vec<_>>();
            let verdict = judge(oracle(), &told, now);
            let follows = comes.is_some_and(|seconds| seconds <= WATCH);
            prop_assert!(!verdict.is_held() || !follows, "at {now:?}: {verdict:?}");
        }
        if comes.is_none() && with_control && control.is_some_and(|at| at < 5.0) && !is_blind(cut) {
            prop_assert!(verdict.is_held(), "nothing keeps it from being told: {verdict:?}");
        }
    }

    /// What it follows from waits in a retry topic for a while, where the control passes it.
    #[test]
    fn what_must_not_follow_of_what_waits_for_another_try(
        waits_at in 0.1f64..1.0,
        read_after in proptest::option::of(0.1f64..20.0),
        follows_after in proptest::option::of(0.01f64..1.9),
        control in 0.2f64..4.0,
    ) {
        let waits = Seen { topic: "posts.5s".into(), ..record("cause", 0, waits_at) };
        let mut history = vec![seen("cause", 0, 0.05), Observation::Seen(waits), seen("later", 2, control)];
        let read = read_after.map(|after| waits_at + after);
        history.extend(read.map(|seconds| read_from("posts.5s", 1, seconds)));
        let follows = read.zip(follows_after).map(|(read, after)| read + after);
        history.extend(follows.map(|seconds| seen("e", 3, seconds)));
        let watch = Duration::from_secs_f64(WATCH);
        let oracle = || {
            StaysAbsent::new(target("e"), Some(target("later")), at(0.0), watch, LIMIT)
                .retried_over(target("cause"), path(), watch)
        };
        let history = in_order(history);
        right(&judge(oracle(), &history, at(OVER)), follows.is_none())?;
        // At no time before is it said to hold, and comes after all.
        for tenths in 0..300 {
            let now = at(f64::from(tenths) / 10.0);
            let verdict = judge(oracle(), history.iter().filter(|one| one.at() <= now), now);
            prop_assert!(!verdict.is_held() || follows.is_none(), "at {now:?}: {verdict:?}");
        }
        if read.is_none() {
            prop_assert!(!judge(oracle(), &history, at(OVER)).is_held(), "it waits for ever");
        }
    }

    /// Copies at some times, of an event with or without an id; some records are read twice.
    #[test]
    fn what_is_on_its_topic_once(
        copies in proptest::collection::vec(0.1f64..9.0, 0..4),
        has_id in any::<bool>(),
        read_again in any::<bool>(),
        cut in cut(),
    ) {
        let mut copies = copies;
        copies.sort_by(f64::total_cmp);
        let of = |(number, seconds): (usize, &f64)| {
            let id = has_id.then(|| "e".into());
            Seen { id, ..record("e", i64::try_from(number).unwrap(), *seconds) }
        };
        let mut records: Vec<Seen> = copies.iter().enumerate().map(of).collect();
        records.push(record("other", 90, 0.5));
        let mut history = recorded(cut, records, "posts");
        if read_again && let Some(Observation::Seen(again)) = history.iter().rfind(|one| matches!(one, Observation::Seen(_))) {
            history.push(Observation::Seen(Seen { at: again.at + Duration::from_millis(1), ..again.clone() }));
        }
        let by = if has_id { target("e") } else { target_by_field("post-e") };
        let oracle = OnTopicOnce::new(OnTopic::new(by, at(0.0), LIMIT, None), Duration::from_secs_f64(WATCH));
        let verdict = judge(oracle, &history, at(OVER));
        let in_time = copies.first().is_some_and(|first| *first <= LIMIT.as_secs_f64());
        let doubled = copies.len() > 1 && copies[1] <= copies[0] + WATCH;
        match &verdict {
            // A copy that comes later than is watched is neither promised nor denied.
            Verdict::Broken(Cause::Doubled { places, .. }) => {
                prop_assert!(copies.len() > 1 && places.len() <= copies.len(), "{verdict:?}");
            }
            Verdict::Broken(_) => prop_assert!(!in_time, "{verdict:?}"),
            // How long it is waited for is no promise of when it comes.
            _ => right(&verdict, !copies.is_empty() && !doubled)?,
        }
        if copies.len() == 1 && in_time && cut.is_none() {
            prop_assert!(verdict.is_held(), "nothing keeps it from being told: {verdict:?}");
        }
    }

    /// A dead letter with a count, in time or late or never.
    #[test]
    fn what_is_dead_lettered_after_so_many_attempts(
        letter in proptest::option::of((0.1f64..9.0, 1usize..5)),
        wanted in 1usize..5,
        cut in cut(),
    ) {
        let says = "$message.header#/attempt";
        let of = |(seconds, count): (f64, usize)| Seen { fields: vec![(says.into(), count.to_string().into())], ..record("e", 0, seconds) };
        let oracle = DeadLetteredAfter::new("event e".into(), on_topic(), says.into(), wanted);
        let verdict = judge(oracle, &recorded(cut, letter.map(of).into_iter().collect(), "posts"), at(OVER));
        let is_kept = letter.is_some_and(|(seconds, count)| seconds <= LIMIT.as_secs_f64() && count == wanted);
        right(&verdict, is_kept)?;
        if let Verdict::Broken(Cause::Attempts { expected, actual, .. }) = &verdict {
            prop_assert_eq!((*expected, Some(*actual)), (wanted, letter.map(|(_, count)| count)));
        }
        if cut.is_none() {
            prop_assert!(verdict.is_held() || matches!(verdict, Verdict::Broken(_)), "nothing keeps it from being told: {verdict:?}");
        }
    }

    /// Many events, each with its effect after so long, or none; the view shows them a little later, or much later after a cut.
    #[test]
    fn what_a_share_of_many_has_in_time(
        effects in proptest::collection::vec((proptest::option::of(0.0f64..4.0), 0.0f64..0.2), 1..12),
        percent in 1u32..=100,
        cut in cut(),
        dies in any::<bool>(),
    ) {
        let limit = 2.0;
        let mut history = Vec::new();
        for (number, (effect_after, shown_after)) in effects.iter().enumerate() {
            let (id, published) = (format!("e{number}"), number as f64 * 0.1);
            history.push(seen(&id, i64::try_from(number).unwrap(), published));
            let Some(after) = effect_after else { continue };
            let shown = published + after + shown_after;
            match cut.filter(|cut| shown >= cut.from && shown < cut.to) {
                None => history.push(effect(&id, shown)),
                Some(cut) if cut.made_good => history.push(effect(&id, cut.to)),
                Some(_) => {}
            }
        }
        history.extend(cut.map(|cut| blind(Some("handled"), cut.from, Some(cut.to))));
        history.extend(cut.filter(|cut| cut.made_good).map(|cut| caught_up("handled", cut.to)));
        history.extend(dies.then(|| died(true, 20.0)));
        let targets = (0..effects.len()).map(|number| target(&format!("e{number}"))).collect();
        let share = f64::from(percent) / 100.0;
        let oracle = ShareInTime::new(targets, handler(), "handled", share, at(0.0), Duration::from_secs_f64(limit));
        let verdict = judge(oracle.seen_within(Duration::from_millis(200)), &in_order(history), at(OVER));
        let in_time = effects.iter().filter(|(after, _)| after.is_some_and(|after| after <= limit)).count();
        // So many of a hundred, exactly.
        let is_kept = in_time * 100 >= percent as usize * effects.len();
        right(&verdict, is_kept)?;
        let is_near = |(after, shown): &(Option<f64>, f64)| after.is_some_and(|after| after <= limit && after + shown > limit);
        if cut.is_none() && is_kept && !effects.iter().any(is_near) {
            prop_assert!(verdict.is_held(), "nothing keeps it from being told: {verdict:?}");
        }
    }

    /// A service that tries so often, each try so long after the one before, and our stub that may keep it waiting meanwhile.
    #[test]
    fn what_is_tried_so_often(
        in_log in any::<bool>(),
        times in 1usize..4,
        tried in 0usize..5,
        slower in proptest::collection::vec(0.2f64..6.0, 4),
        says_times in any::<bool>(),
        held_back in any::<bool>(),
        others in any::<bool>(),
        stall in proptest::option::of((0.0f64..8.0, 0.1f64..3.0)),
    ) {
        let pause = 1.0;
        let moments: Vec<f64> = slower.iter().take(tried).scan(1.0, |now, slower| {
            let moment = *now;
            *now += pause * slower;
            Some(moment)
        }).collect();
        let in_time: Vec<bool> = slower.iter().take(tried.saturating_sub(1)).map(|slower| (0.9..=4.0).contains(&(pause * slower))).collect();
        // Within a few milliseconds of a limit, rounding decides.
        prop_assume!(slower.iter().all(|slower| (slower - 0.9).abs() > 0.01 && (slower - 4.0).abs() > 0.01));
        let last = moments.last().copied().unwrap_or_default();
        // A program may print all at the end.
        let shown = |moment: f64| if in_log && held_back { last } else { moment };
        let tell = |(number, moment): (usize, &f64)| match in_log {
            false => called("e", *moment),
            true => Observation::Attempted {
                service: "feed".into(),
                event: "e".into(),
                said_ms: says_times.then(|| (moment * 1e3) as i64),
                at: at(shown(*moment) + number as f64 * 1e-6),
            },
        };
        let mut history = vec![seen("e", 7, 0.9), committed(8, 0.95)];
        history.extend(moments.iter().enumerate().map(tell));
        if others {
            history.extend([called("x", 0.5), Observation::Attempted { service: "feed".into(), event: "x".into(), said_ms: None, at: at(0.5) }]);
        }
        let stall = stall.filter(|_| !in_log);
        history.extend(stall.map(|(from, lasts)| blind(Some("mail"), from, Some(from + lasts))));
        let expected = Expected {
            seen_in: if in_log { AttemptsSeen::InLog("feed".into()) } else { AttemptsSeen::AtStub("mail".into()) },
            times,
            pauses: vec![Duration::from_secs_f64(pause); times - 1],
            appears: LIMIT,
            limit: LIMIT,
            watch: Duration::from_secs(7),
        };
        let oracle = Attempts::new(target("e"), Some(handler()), expected, Vec::new(), at(0.0));
        let verdict = judge(oracle, &in_order(history), at(OVER));
        let is_kept = tried == times && in_time.iter().all(|one| *one);
        right(&verdict, is_kept)?;
        if let Verdict::Broken(Cause::Attempts { expected, actual, .. }) = &verdict {
            prop_assert_eq!((*expected, *actual), (times, tried));
        }
        if stall.is_some_and(|(from, lasts)| from < 1.0 && from + lasts > last) && tried > 0 {
            let is_pause_or_number = matches!(verdict, Verdict::Broken(Cause::Spacing { .. }));
            prop_assert!(!is_pause_or_number, "our stub kept it waiting: {verdict:?}");
        }
        if !in_log && stall.is_none() {
            prop_assert!(verdict.is_held() || matches!(verdict, Verdict::Broken(_)), "nothing keeps it from being told: {verdict:?}");
        }
    }
}

#[test]
fn a_control_that_may_overtake_proves_only_what_is_watched_for_long_enough() {
    let seconds = Duration::from_secs;
    let absent = |watch| {
        StaysAbsent::new(target("e"), Some(target("later")), at(0.0), seconds(watch), LIMIT)
            .overtaken_within(seconds(5))
    };
    insta::assert_snapshot!(table(vec![
        ("watched for less than its deadline", told(absent(2), &[seen("later", 8, 1.0)], 2.0)),
        ("watched for its deadline", told(absent(5), &[seen("later", 8, 1.0)], 5.0)),
        ("it came", told(absent(2), &[seen("later", 8, 1.0), seen("e", 9, 3.0)], 3.0)),
    ]));
}

#[test]
fn a_share_of_many_events() {
    let share = |share: f64| {
        let targets = ["a", "b", "c", "d"].map(target).to_vec();
        ShareInTime::new(targets, handler(), "handled", share, at(0.0), Duration::from_secs(2))
            .seen_within(Duration::from_millis(500))
    };
    let here = [seen("a", 1, 1.0), seen("b", 2, 1.0), seen("c", 3, 1.0), seen("d", 4, 1.0)];
    let with = |more: &[Observation]| [&here[..], more].concat();
    let three = [effect("a", 1.5), effect("b", 2.0), effect("c", 3.0)];
    let and = |more: &[Observation]| with(&[&three[..], more].concat());
    let refusals = ["a", "b", "c", "d"].map(|id| refused(id, 1.0));
    insta::assert_snapshot!(table(vec![
        ("three of four, as soon as they are there", told(share(0.75), &with(&three), 3.0)),
        ("there is time for the fourth", told(share(0.9), &with(&three), 5.4)),
        ("the fourth never comes", told(share(0.9), &and(&[committed(5, 1.2)]), 6.0)),
        ("the fourth is too late", told(share(0.9), &and(&[effect("d", 4.2)]), 6.0)),
        ("the fourth may have been in time", told(share(0.9), &and(&[effect("d", 3.4)]), 6.0)),
        ("the view was unseen", told(share(0.9), &and(&[blind(Some("handled"), 2.0, Some(4.0))]), 6.0)),
        ("we ended the service", told(share(0.9), &and(&[died(true, 2.0)]), 100.0)),
        ("all of them, and one was refused", told(share(1.0), &[&here[..3], &three[..], &refusals[3..]].concat(), 6.0)),
        ("none was published", told(share(0.5), &refusals, 6.0)),
    ]));
}

#[test]
fn copies_without_an_id_are_copies_and_one_record_read_twice_is_none() {
    let once = |by| OnTopicOnce::new(OnTopic::new(by, at(0.0), LIMIT, None), Duration::from_secs(2));
    let bare = |offset, seconds| Observation::Seen(Seen { id: None, ..record("e", offset, seconds) });
    let by_field = || once(target_by_field("post-e"));
    insta::assert_snapshot!(table(vec![
        ("two without an id", told(by_field(), &[bare(7, 1.0), bare(8, 1.5)], 1.6)),
        ("one without an id", told(by_field(), &[bare(7, 1.0)], 3.1)),
        ("one, read again", told(once(target("e")), &[seen("e", 7, 1.0), seen("e", 7, 1.5)], 3.1)),
    ]));
}
