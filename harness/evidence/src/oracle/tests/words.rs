//! Every cause and every reason: its words, and that its code is its own.

use std::collections::BTreeSet;
use std::time::Duration;

use super::kit::table;
use crate::cause::{Death, Place};
use crate::{Cause, Counted, Missing, Reason};

fn place() -> Place {
    Place { topic: "posts".into(), partition: 2, offset: 41 }
}

fn death() -> Death {
    Death {
        service: "feed".into(),
        status: "exit status: 101".into(),
        by_us: false,
        last_lines: vec!["handling p".into(), "fatal".into()],
    }
}

fn causes() -> Vec<Cause> {
    let what = || "event e".to_owned();
    let refusal = || crate::cause::Refusal { service: "feed".into(), why: "Authentication failed".into() };
    let waited = crate::Waited { limit: Duration::from_secs(10), watched: Duration::from_millis(10_100) };
    let no_effect = |missing| Cause::NoEffect { what: what(), waited, missing };
    let group = || "g".to_owned();
    let differs = vec![
        ("/title".to_owned(), "milk".to_owned(), Some("bread".to_owned())),
        ("/n".to_owned(), "1".to_owned(), None),
    ];
    let near = crate::cause::Near {
        place: place(),
        after: Duration::from_millis(12),
        key: None,
        expected_key: Some("k".into()),
        agrees: vec![("$message.header#/kind".into(), "x".into())],
        differs,
    };
    vec![
        Cause::NotOnTopic {
            what: what(),
            topic: "posts".into(),
            waited,
            instead: Some(place()),
            near: Some(Box::new(near)),
            death: Some(death()),
            refusal: None,
        },
        Cause::NotOnTopic {
            what: what(),
            topic: "posts".into(),
            waited,
            instead: None,
            near: None,
            death: None,
            refusal: Some(Box::new(refusal())),
        },
        Cause::Uncommitted { what: what(), waited, place: place(), aborted: true },
        Cause::Uncommitted { what: what(), waited, place: place(), aborted: false },
        Cause::WrongKey { what: what(), place: place(), expected: "k".into(), actual: None },
        Cause::WrongPartition { what: what(), place: place(), key: "k".into(), expected: 1 },
        Cause::Doubled { what: what(), places: vec!["posts[2]@41".into(), "posts[2]@42".into()] },
        Cause::SchemaDiffers { code: "schema-missing", text: "subject \"posts-value\" is not registered".into() },
        Cause::MetricMissing { metric: "events_total".into(), service: "feed".into(), waited },
        Cause::Late { what: what(), limit: Duration::from_secs(5), by: Duration::from_millis(1250) },
        no_effect(Missing::ServiceDead(death())),
        no_effect(Missing::GroupBehind { group: group(), behind: 1, committed: 41, record: place() }),
        no_effect(Missing::GroupNotStable { group: group(), state: "empty".into() }),
        no_effect(Missing::HandledWithoutEffect { group: group(), committed: 42, record: place() }),
        no_effect(Missing::InRetryTopic { attempt: 2, group: group(), record: place() }),
        no_effect(Missing::DeadLettered {
            record: place(),
            letter: Place { topic: "posts.dead".into(), partition: 0, offset: 3 },
        }),
        no_effect(Missing::Unexplained { group: group(), record: place() }),
        Cause::Repeated { what: what(), view: "handled".into(), expected: 1, actual: 3 },
        Cause::Unwanted { what: what(), view: "feed".into(), after: Duration::from_millis(40) },
        Cause::WentBack {
            what: "\"p\"".into(),
            view: "feed".into(),
            version: 3,
            newest: 5,
            after: Duration::from_millis(120),
        },
        Cause::Reordered { key: "k".into(), leg: "on the topic".into(), first: "a".into(), second: "b".into() },
        Cause::KeySplit { key: "k".into(), topic: "posts".into(), partitions: vec![0, 2] },
        Cause::Lost { leg: group(), lost: 2, of: 300, examples: vec!["a".into(), "b".into()], missing: None },
        Cause::Nonconforming { place: place(), what: what(), violations: vec!["x".into(), "y".into()] },
        Cause::TopicDiffers {
            topic: "posts".into(),
            property: "partitions".into(),
            expected: "6".into(),
            actual: "3".into(),
        },
        Cause::Attempts { what: what(), counted: Counted::AtStub("mail".into()), expected: 3, actual: 4 },
        Cause::Attempts { what: what(), counted: Counted::InLog("feed".into()), expected: 3, actual: 4 },
        Cause::Attempts {
            what: what(),
            counted: Counted::OnDeadLetter { says: "$message.header#/attempt".into(), place: place() },
            expected: 3,
            actual: 4,
        },
        Cause::Retried { what: what(), expected: 3, actual: 2, places: vec!["posts.5s[0]@0".into()] },
        Cause::Spacing {
            what: what(),
            attempt: 2,
            expected: Duration::from_millis(200),
            actual: Duration::from_millis(3),
        },
        Cause::LogMissing { text: "handled e".into(), service: "feed".into(), waited },
        Cause::Leaked { text: "secret-token".into(), places: vec!["the log of service \"feed\"".into()] },
        Cause::AlertSilent { alert: "lag".into(), waited, value: Some(12.5), above: 1000.0 },
        Cause::AlertFired { alert: "lag".into(), value: 1200.0, above: 1000.0 },
        Cause::AlertLasts { alert: "lag".into(), waited: Duration::from_secs(1), value: 1200.0, above: 1000.0 },
        Cause::NotRefused { what: what(), size: 2_097_152, place: place() },
        Cause::LagTooHigh { group: group(), lag: Some(12), most: 10, waited },
        Cause::MetricGrew { metric: "attempts_total".into(), service: "feed".into(), expected: 3, actual: 4.0, waited },
        Cause::ObjectiveMissed { objective: "p95(end_to_end) < 1s".into(), actual: "1.2 s".into() },
        Cause::ActionFailed { action: "follow".into(), expected: "201".into(), actual: "500".into() },
    ]
}

/// Those whose code is that of why something is missing.
fn by_what_is_missing() -> Vec<Cause> {
    let waited = crate::Waited { limit: Duration::from_secs(10), watched: Duration::from_millis(10_100) };
    let (what, group) = (|| "event e".to_owned(), || "g".to_owned());
    vec![
        Cause::StillShown { what: what(), waited, missing: Missing::Unexplained { group: group(), record: place() } },
        Cause::NotProcessed {
            group: group(),
            waited,
            missing: Missing::GroupBehind { group: group(), behind: 3, committed: 39, record: place() },
        },
        Cause::ServiceDied(death()),
    ]
}

fn reasons() -> Vec<Reason> {
    let detail = || "so it is".to_owned();
    let event = || "event e".to_owned();
    let second = Duration::from_secs(1);
    vec![
        Reason::Blind { what: "posts".into(), why: "the broker was gone".into(), lasted: second },
        Reason::OutcomeUnknown { event: event(), error: "timed out".into() },
        Reason::NotPublished { event: event(), error: "too large".into() },
        Reason::BetweenSamples { earliest: second, latest: second * 3, limit: second * 2 },
        Reason::DuplicateNotHandled {
            event: event(),
            waited: crate::Waited { limit: second, watched: second },
            detail: detail(),
        },
        Reason::RetryPending { event: event(), attempt: 2, group: "g".into(), place: "posts.5s[0]@7".into() },
        Reason::OffsetsElsewhere { group: "g".into(), detail: detail() },
        Reason::NoPositiveControl { detail: detail() },
        Reason::TimesUnknown { what: event(), detail: detail() },
        Reason::OrderUnknown { what: event(), detail: detail() },
        Reason::CannotCount { view: "feed".into() },
        Reason::ViewSilent { view: "feed".into(), detail: detail() },
        Reason::OwnDoing { detail: detail() },
        Reason::TooFewSamples { percentile: "p99.9".into(), samples: 10, needed: 10_000 },
        Reason::OffsetTooCoarse { group: "g".into(), step: second, limit: second },
        Reason::LooksTooSeldom { group: "g".into(), every: second, limit: second },
        Reason::GeneratorSaturated { detail: detail() },
        Reason::Environment { detail: detail() },
    ]
}

#[test]
fn every_way_of_being_broken_in_its_words() {
    let causes: Vec<Cause> = causes().into_iter().chain(by_what_is_missing()).collect();
    insta::assert_snapshot!(table(causes.iter().map(|cause| (cause.code(), cause.to_string())).collect()));
}

#[test]
fn every_reason_for_having_no_verdict_in_its_words() {
    let reasons = reasons();
    insta::assert_snapshot!(table(reasons.iter().map(|reason| (reason.code(), reason.to_string())).collect()));
}

#[test]
fn a_code_stands_for_one_thing() {
    let mut causes: Vec<&str> = causes().iter().map(Cause::code).collect();
    // Attempts can be counted in several places.
    causes.dedup_by(|one, other| one == other && *one == "attempts");
    let codes: Vec<&str> = causes.into_iter().chain(reasons().iter().map(Reason::code)).collect();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
}
