//! Results to render in tests: one of each outcome.

use std::time::Duration;

use eventproof_evidence::{Cause, Missing, Place, Reason};

use crate::model::{
    BrokerInfo, Conformance, Finding, Outcome, Provenance, RunResult, ScenarioResult, ServiceInfo, StepResult, SubStep,
    TimelineEntry,
};

/// A run with a scenario that held, one that broke and one without verdict.
pub fn mixed() -> RunResult {
    RunResult {
        pack: "nova-bus".into(),
        provenance: provenance(),
        scenarios: vec![
            scenario("post.created reaches feed within 5s", 6, Outcome::Held, None),
            scenario("重复的 event_id 被忽略", 14, Outcome::Broken, Some(late())),
            scenario("a <b>post</b> & \u{202e}more", 22, Outcome::NoVerdict, Some(no_control())),
        ],
        conformance: Conformance {
            records: 12,
            nonconforming: 0,
            findings: Vec::new(),
            seen: vec![("content.post.created".into(), 12), ("content.post.deleted".into(), 0)],
        },
        services: vec![ServiceInfo {
            name: "feed-service".into(),
            state: "running".into(),
            starts: 2,
            faults: vec!["late".into()],
            last_lines: vec!["INFO handled".into()],
        }],
        findings: Vec::new(),
    }
}

fn provenance() -> Provenance {
    Provenance {
        version: "0.1.0".into(),
        command: "eventproof run features/nova-bus --seed 7".into(),
        started_at: "2025-01-15T10:30:00Z".into(),
        duration_ms: 3210.0,
        seed: 7,
        run_id: "run-1".into(),
        broker: BrokerInfo { kind: "embedded".into(), label: "embedded broker".into() },
        machine: "linux x86_64, 2 processors".into(),
        exit_code: 1,
        interrupted: false,
    }
}

fn late() -> Finding {
    let record = Place { topic: "nova.content.events".into(), partition: 3, offset: 41 };
    let missing = Missing::GroupBehind { group: "feed-service-group".into(), behind: 2, committed: 40, record };
    let what = "view \"feed\" shows \"p1\"".into();
    Finding::broken(&Cause::NoEffect { what, waited: Duration::from_secs(10), missing })
}

fn no_control() -> Finding {
    Finding::no_verdict(&Reason::NoPositiveControl { detail: "the first effect was never seen".into() })
}

fn scenario(name: &str, line: usize, outcome: Outcome, finding: Option<Finding>) -> ScenarioResult {
    let held = step("Given", "the system is running", line + 1, Outcome::Held, None);
    let mut last =
        step("Then", "the feed of \"bob\" shows post \"post\" within 5s", line + 2, outcome, finding.clone());
    last.under = vec![SubStep { text: "view \"feed\" shows \"p1\" within 5s".into(), outcome, finding }];
    ScenarioResult {
        feature: "Feed".into(),
        file: "features/nova-bus/feed.feature".into(),
        line,
        name: name.into(),
        language: "en".into(),
        tags: Vec::new(),
        outcome,
        duration_ms: 1234.0,
        waited_ms: 0.0,
        steps: vec![held, last],
        timeline: vec![TimelineEntry { at_ms: 12.5, kind: "seen".into(), text: "nova.content.events[3]@41".into() }],
    }
}

fn step(keyword: &str, text: &str, line: usize, outcome: Outcome, finding: Option<Finding>) -> StepResult {
    StepResult {
        keyword: keyword.into(),
        text: text.into(),
        line,
        table: Vec::new(),
        outcome,
        duration_ms: 10.0,
        finding,
        under: Vec::new(),
    }
}
