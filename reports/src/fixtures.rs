//! Results to render in tests: one of each outcome.

use std::time::Duration;

use eventproof_evidence::{Cause, Missing, Place, Reason};

use eventproof_evidence::ledger::{Counts, LegCounts};

use crate::model::{
    Attachments, BrokerInfo, Catch, Conformance, ConsumerLeg, Coverage, CoverageRow, Distribution, Disturbed, Exchange,
    FaultRow, Finding, Generator, Healthy, Interval, KeptRecord, LagPoint, LoadResult, Objective, Outcome,
    PercentileFigure, ProveResult, Provenance, RunResult, ScenarioResult, ServiceInfo, ServiceLog, Stage, StageSlice,
    StepResult, SubStep, TimelineEntry,
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
        coverage: Coverage {
            rows: vec![covered("schema", &["post.created reaches feed within 5s"]), covered("order", &[])],
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

/// A proof with a fault that was caught, one that was missed and one that nobody can tell of.
pub fn proof() -> ProveResult {
    let caught = Catch {
        scenario: "重复的 event_id 被忽略".into(),
        code: "repeated".into(),
        text: "it had its effect 4 times, expected 1".into(),
    };
    let row = |fault: &str, meaning: &str, outcome| FaultRow {
        pack: "nova-bus".into(),
        fault: fault.into(),
        meaning: meaning.into(),
        outcome,
        caught_by: Vec::new(),
        missed_by: Vec::new(),
        also: Vec::new(),
        controls_held: 3,
        controls: 3,
        why: String::new(),
    };
    ProveResult {
        packs: vec!["nova-bus".into()],
        provenance: provenance(),
        faults: vec![
            FaultRow {
                caught_by: vec![caught.clone()],
                ..row("feed-service:skip-dedup", "handles an event again", Outcome::Held)
            },
            FaultRow {
                missed_by: vec!["post.created reaches feed within 5s [late]".into()],
                also: vec![caught],
                ..row("feed-service:late", "waits before each batch", Outcome::Broken)
            },
            FaultRow {
                why: "the run was ended after 600 s".into(),
                controls: 0,
                controls_held: 0,
                ..row("feed-service:stalled", "handles nothing", Outcome::NoVerdict)
            },
        ],
        healthy: Healthy { executions: 3300, executions_busy: 1650, ..Healthy::default() },
    }
}

fn covered(property: &str, by: &[&str]) -> CoverageRow {
    CoverageRow {
        channel: "content".into(),
        message: "content.post.created".into(),
        property: property.into(),
        by: by.iter().map(|name| (*name).to_owned()).collect(),
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
        attempts: 1,
        note: None,
        duration_ms: 1234.0,
        waited_ms: 0.0,
        steps: vec![held, last],
        timeline: vec![TimelineEntry { at_ms: 12.5, kind: "seen".into(), text: "nova.content.events[3]@41".into() }],
        logs: vec![ServiceLog {
            service: "feed-service".into(),
            lines: vec!["handling <p1>".into(), "fatal: cannot handle it".into()],
        }],
        attachments: attachments(),
    }
}

fn attachments() -> Attachments {
    let record = KeptRecord {
        at_ms: 12.5,
        place: "nova.content.events[3]@41".into(),
        message: Some("content.post.created".into()),
        id: Some("e-1".into()),
        correlation: None,
        key: Some("p1".into()),
        fields: vec![("/title".into(), "a <b>post</b>".into())],
        violations: vec!["/user_id: it is missing".into()],
    };
    let exchange = Exchange {
        at_ms: 3.0,
        action: "create post".into(),
        request: "POST content:8080/posts".into(),
        sent: "{\"title\":\"x\"}".into(),
        status: Some(201),
        answer: "{\"post_id\":\"p1\"}".into(),
        took_ms: 4.0,
    };
    let unanswered =
        Exchange { status: None, sent: String::new(), answer: "connection refused".into(), ..exchange.clone() };
    Attachments { records: vec![record], exchanges: vec![exchange, unanswered] }
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

/// A load run of five seconds with an objective of each outcome.
pub fn load() -> LoadResult {
    let missed = Finding::broken(&Cause::ObjectiveMissed {
        objective: "p95(processed(feed-service-group)) < 100ms".into(),
        actual: "212 ms".into(),
    });
    let objective = |text: &str, actual: &str, finding: Finding| Objective {
        text: text.into(),
        actual: actual.into(),
        stage: text.contains("p95").then(|| "processed(feed-service-group)".into()),
        limit_ms: text.contains("p95").then_some(100.0),
        finding,
    };
    let held = Finding { outcome: Outcome::Held, code: String::new(), text: "999.1/s".into(), took_ms: None };
    let few = Finding::no_verdict(&Reason::TooFewSamples { percentile: "p99.9".into(), needed: 10_000, samples: 4000 });
    let counts = LegCounts { seen: 5000, ..LegCounts::default() };
    LoadResult {
        profile: "features/nova-bus/load/steady-1000.yaml".into(),
        title: "steady 1000/s".into(),
        pack: "features/nova-bus".into(),
        provenance: provenance(),
        plan: "4000 events of 1000 B of \"content.post.created\" at 1000/s over 500 keys, after 1s of warm-up".into(),
        objectives: vec![
            objective("throughput >= 950/s", "999.1/s", held),
            objective("p95(processed(feed-service-group)) < 100ms", "212 ms", missed),
            objective("p99.9(end_to_end) < 1s", "9.1 ms", few),
        ],
        stages: vec![stage("end_to_end", 1.0, 0.0), stage("processed(feed-service-group)", 70.0, 5.0)],
        counts: Counts { planned: 5000, acknowledged: 5000, refused: 0, unknown: 0 },
        legs: vec![
            ConsumerLeg { name: "topic".into(), meaning: "acknowledged, and seen on the topic".into(), counts },
            ConsumerLeg {
                name: "feed-service-group".into(),
                meaning: "on the topic, and its effect seen in view \"handled\"".into(),
                counts: LegCounts { seen: 4998, lost: 2, ..counts },
            },
        ],
        intervals: (0..5).map(interval).collect(),
        generator: Generator {
            slip: distribution(0.1),
            cpu_share: 0.31,
            resident_mb: 84.0,
            backpressure: 0,
            saturated: None,
        },
        disturbed: vec![Disturbed {
            text: "broker: delay api=Fetch by=200ms".into(),
            at_ms: 2000.0,
            until_ms: Some(3000.0),
            done: true,
            outcome: "it met 12 requests".into(),
        }],
        services: Vec::new(),
        findings: Vec::new(),
    }
}

fn stage(name: &str, base: f64, error_ms: f64) -> Stage {
    let meaning = "planned to visible".into();
    Stage { name: name.into(), meaning, error_ms, distribution: distribution(base) }
}

fn distribution(base: f64) -> Distribution {
    let figure = |(percentile, factor): (f64, f64)| PercentileFigure {
        percentile,
        value_ms: base * factor,
        doubt: (percentile > 99.0).then(|| "too few".to_owned()),
    };
    Distribution {
        count: 4000,
        out_of_range: 0,
        min_ms: base * 0.5,
        mean_ms: base * 1.2,
        max_ms: base * 11.0,
        percentiles: [(50.0, 1.0), (95.0, 3.0), (99.0, 6.0), (99.9, 9.0)].map(figure).to_vec(),
        bins: vec![(base * 0.5, base, 1900), (base, base * 2.0, 1500), (base * 2.0, base * 11.0, 600)],
    }
}

fn interval(number: u32) -> Interval {
    let slice = |name: &str, base: f64| StageSlice {
        name: name.into(),
        count: if number == 0 { 0 } else { 1000 },
        p50_ms: base,
        p95_ms: base * (2.0 + f64::from(number)),
        p99_ms: base * (3.0 + f64::from(number)),
        max_ms: base * 10.0,
    };
    Interval {
        from_ms: f64::from(number) * 1e3,
        to_ms: f64::from(number + 1) * 1e3,
        warm_up: number == 0,
        planned: 1000,
        acknowledged: 998,
        seen: 997,
        stages: vec![slice("end_to_end", 1.0), slice("processed(feed-service-group)", 70.0)],
        lag: vec![LagPoint { group: "feed-service-group".into(), records: i64::from(number) * 40 }],
    }
}
