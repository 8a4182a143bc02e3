//! Made-up histories, readable: seconds on one clock, one topic "posts", one group "g" of service "feed", one view.

use std::time::Duration;

use crate::oracle::{Handler, Oracle, Recognise, Target};
use crate::{At, Blind, GroupState, Observation, Sample, Seen, Subject, Verdict};

pub const LIMIT: Duration = Duration::from_secs(5);

/// An instant, in seconds.
pub fn at(seconds: f64) -> At {
    At::START + Duration::from_secs_f64(seconds)
}

pub fn target(id: &str) -> Target {
    Target {
        what: format!("event {id}"),
        topic: "posts".into(),
        recognise: Recognise::Id(id.into()),
        key: Some("k".into()),
        partition: Some(0),
        from: At::START,
    }
}

/// A target that a service publishes: known by its fields.
pub fn target_by_field(post: &str) -> Target {
    let fields = vec![("/post_id".into(), post.into())];
    Target { recognise: Recognise::Fields { event_type: "created".into(), fields }, ..target(post) }
}

pub fn handler() -> Handler {
    Handler { service: "feed".into(), group: "g".into() }
}

pub fn seen(id: &str, offset: i64, seconds: f64) -> Observation {
    Observation::Seen(record(id, offset, seconds))
}

pub fn record(id: &str, offset: i64, seconds: f64) -> Seen {
    Seen {
        topic: "posts".into(),
        partition: 0,
        offset,
        at: at(seconds),
        timestamp_ms: None,
        key: Some("k".into()),
        id: Some(id.into()),
        event_type: Some("created".into()),
        correlation: None,
        fields: vec![("/post_id".into(), format!("post-{id}").into())],
        violations: Vec::new(),
    }
}

pub fn acknowledged(id: &str, offset: i64, seconds: f64) -> Observation {
    Observation::Acknowledged { event: id.into(), topic: "posts".into(), partition: 0, offset, at: at(seconds) }
}

pub fn refused(id: &str, seconds: f64) -> Observation {
    Observation::Refused { event: id.into(), error: "message too large".into(), at: at(seconds) }
}

pub fn unknown(id: &str, seconds: f64) -> Observation {
    Observation::Unknown { event: id.into(), error: "timed out".into(), at: at(seconds) }
}

pub fn committed(offset: i64, seconds: f64) -> Observation {
    Observation::Committed { group: "g".into(), topic: "posts".into(), partition: 0, offset, at: at(seconds) }
}

pub fn effect(id: &str, seconds: f64) -> Observation {
    Observation::Effect { view: "handled".into(), event: id.into(), subject: None, at: at(seconds) }
}

pub fn called(id: &str, seconds: f64) -> Observation {
    Observation::Called { stub: "mail".into(), event: Some(id.into()), status: 503, at: at(seconds) }
}

/// A look at view "feed" for "p": shown or not, or no answer.
pub fn look(shown: Option<bool>, asked: f64) -> Observation {
    Observation::Sampled(Sample {
        view: "feed".into(),
        subject: "p".into(),
        shown,
        version: None,
        detail: "connection refused".into(),
        asked: at(asked),
        answered: at(asked + 0.01),
    })
}

pub fn group(state: GroupState, member: &str, seconds: f64) -> Observation {
    let members = if member.is_empty() { Vec::new() } else { vec![member.into()] };
    let owned = members.len();
    Observation::Group { group: "g".into(), state, members, owned, at: at(seconds) }
}

pub fn died(by_us: bool, seconds: f64) -> Observation {
    let last_lines = vec!["handling p".to_owned(), "fatal: cannot handle it".to_owned()];
    let status = if by_us { "signal 9" } else { "exit status: 101" }.to_owned();
    Observation::Died { service: "feed".into(), status, by_us, last_lines, at: at(seconds) }
}

pub fn started(seconds: f64) -> Observation {
    Observation::Started { service: "feed".into(), like: None, at: at(seconds) }
}

/// What bears this name in these tests.
pub fn subject(name: &str) -> Subject {
    match name {
        "handled" => Subject::View(name.into()),
        "g" => Subject::Group(name.into()),
        _ => Subject::Topic(name.into()),
    }
}

/// Blind from one second to another, or still.
pub fn blind(what: Option<&str>, from: f64, to: Option<f64>) -> Observation {
    Observation::Blind(Blind {
        what: what.map_or(Subject::Everything, subject),
        from: at(from),
        to: to.map(at),
        why: "the broker was gone".into(),
    })
}

pub fn caught_up(what: &str, seconds: f64) -> Observation {
    Observation::CaughtUp { what: subject(what), at: at(seconds) }
}

/// The verdict on a history as it stands `now`, in a line: outcome, code, text.
pub fn told(oracle: impl Oracle, history: &[Observation], now: f64) -> String {
    match crate::oracle::judge(oracle, history, at(now)) {
        Verdict::Held(proof) => {
            let took = proof.took.map(|took| format!(" (took {})", crate::cause::duration(took))).unwrap_or_default();
            format!("held: {}{took}", proof.text)
        }
        Verdict::Broken(cause) => format!("BROKEN [{}]: {cause}", cause.code()),
        Verdict::CannotTell(reason) => format!("cannot tell [{}]: {reason}", reason.code()),
        Verdict::NotYet => "not yet".to_owned(),
    }
}

/// Rows of (what the history is, what was told), as one text to be compared with.
pub fn table(rows: Vec<(&str, String)>) -> String {
    rows.into_iter().map(|(name, told)| format!("{name}\n    {}\n", told.replace('\n', "\n    "))).collect()
}
