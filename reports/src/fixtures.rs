//! Results to render in tests: one of each outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_evidence::{Cause, Latencies, Missing, Place, Reason, Waited};

use eventproof_evidence::ledger::{Counts, LegCounts};

use crate::model::{
    Attachments, BrokerInfo, Catch, Change, ClientSpan, Comparison, Conformance, ConsumerLeg, CountChange, Coverage,
    CoverageRow, Distribution, Disturbed, Exchange, FaultRow, Figure, Finding, Generator, Healthy, Interval, KeptLook,
    KeptRecord, LagPoint, LegPoint, LoadResult, Objective, Outcome, PercentileFigure, ProveResult, Provenance,
    RunResult, ScenarioResult, ServiceInfo, ServiceLog, Side, Span, Stage, StagePair, StageSlice, StepResult, SubStep,
    TimelineEntry, Tolerance,
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
        ..RunResult::default()
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
        first_time: String::new(),
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
                first_time: "the run was ended after 600 s".into(),
                controls: 0,
                controls_held: 0,
                ..row("feed-service:stalled", "handles nothing", Outcome::NoVerdict)
            },
        ],
        untried: 0,
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
        merged: 0,
    }
}

fn late() -> Finding {
    let record = Place { topic: "nova.content.events".into(), partition: 3, offset: 41 };
    let missing = Missing::GroupBehind { group: "feed-service-group".into(), behind: 2, committed: 40, record };
    let what = "view \"feed\" shows \"p1\"".into();
    let waited = Waited { limit: Duration::from_secs(5), watched: Duration::from_secs(10) };
    Finding::broken(&Cause::NoEffect { what, waited, missing })
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
        unmet: Vec::new(),
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
        time_ms: Some(1_750_000_000_123),
        nearest_to: None,
    };
    let near = KeptRecord {
        violations: Vec::new(),
        nearest_to: Some("\"content.post.created\" with post_id=p2".into()),
        ..record.clone()
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
    let look = KeptLook {
        at_ms: 20.0,
        view: "feed".into(),
        question: "GET feed:8080/feed/bob".into(),
        shown: Some(false),
        answer: "{\"items\":[]}".into(),
        times: 12,
        took_ms: 2.0,
    };
    Attachments { records: vec![record, near], exchanges: vec![exchange, unanswered], looks: vec![look] }
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

fn client_span(name: &str, meaning: &str, count: u64, mean_ms: f64) -> ClientSpan {
    let (name, meaning) = (name.to_owned(), meaning.to_owned());
    ClientSpan { name, meaning, count, mean_ms, worst_p99_ms: 2.0 * mean_ms, max_ms: 2.5 * mean_ms }
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
        percentile: text.contains("p95").then_some(95.0),
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
        spans: vec![
            stage("acknowledged_to_visible", 0.6, 0.0),
            stage("visible_to_processed(feed-service-group)", 68.0, 5.0),
        ],
        client: vec![
            client_span("queue", "a record, from being handed over until its batch is made", 10_000, 5.1),
            client_span("throttle", "by how much the broker says that it held the client back", 0, 0.0),
        ],
        counts: Counts { planned: 5000, acknowledged: 5000, refused: 0, unknown: 0 },
        workload: BTreeMap::from([("rate".into(), "1000/s".into()), ("keys".into(), "500".into())]),
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
            resident_peak_mb: 91.0,
            backpressure: 0,
            saturated: None,
        },
        payloads: None,
        search: None,
        shards: None,
        aborted: None,
        disturbed: vec![Disturbed {
            level_after_ms: None,
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
    Stage { name: name.into(), meaning, error_ms, distribution: distribution(base), never_came: 0 }
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

/// So many latencies, from once to twice the base.
fn histogram(count: u32, base_ms: f64) -> String {
    let mut latencies = Latencies::new();
    for number in 0..count {
        latencies.record(Duration::from_secs_f64(base_ms / 1e3 * (1.0 + f64::from(number) / 1000.0)));
    }
    latencies.encode()
}

fn interval(number: u32) -> Interval {
    let slice = |name: &str, base: f64| StageSlice {
        name: name.into(),
        count: if number == 0 { 0 } else { 1000 },
        out_of_range: 0,
        histogram: histogram(if number == 0 { 0 } else { 1000 }, base),
        p50_ms: base,
        p95_ms: base * (2.0 + f64::from(number)),
        p99_ms: base * (3.0 + f64::from(number)),
        max_ms: base * 10.0,
    };
    let so_far = u64::from(number) + 1;
    Interval {
        from_ms: f64::from(number) * 1e3,
        to_ms: f64::from(number + 1) * 1e3,
        warm_up: number == 0,
        planned: 1000,
        acknowledged: 998,
        seen: 997,
        stages: vec![slice("end_to_end", 1.0), slice("processed(feed-service-group)", 70.0)],
        spans: vec![slice("acknowledged_to_visible", 0.6), slice("visible_to_processed(feed-service-group)", 68.0)],
        lag: vec![LagPoint {
            group: "feed-service-group".into(),
            records: i64::from(number) * 40,
            offsets: Some(i64::from(number) * 60),
            at_ms: None,
        }],
        counts: Counts { planned: so_far * 1000, acknowledged: so_far * 998, refused: 0, unknown: 0 },
        legs: vec![LegPoint {
            name: "topic".into(),
            owed: so_far,
            seen: so_far * 997,
            duplicated: 4,
            ..LegPoint::default()
        }],
        slip: slice("slip", 0.1),
        resident_mb: 80.0 + f64::from(number),
    }
}

/// A comparison with a figure of each outcome.
pub fn comparison() -> Comparison {
    let figure = |name: &str, after: f64, by: Option<(f64, f64, f64)>, change: Change| Figure {
        name: name.into(),
        unit: if name == "throughput" { "/s" } else { "ms" }.into(),
        decides: name != "p50(end_to_end)",
        before: if name == "throughput" { 999.0 } else { 12.0 },
        after,
        by: by.map(|(value, low, high)| Span { value, low, high }),
        change,
        why: match change {
            Change::CannotTell => {
                "the interval lies across the tolerance; runs about 4 times as long would tell".into()
            }
            _ => String::new(),
        },
    };
    let count = |name: &str, after: u64, change: Change| CountChange {
        name: name.into(),
        before: "0".into(),
        after: after.to_string(),
        change,
    };
    let side = |file: &str| Side::of(file, &provenance(), 60);
    Comparison {
        title: "steady 1000/s".into(),
        before: side("before.json"),
        after: side("after.json"),
        tolerance: Tolerance { percent: 5.0, floor_ms: 1.0 },
        refused: Vec::new(),
        notes: vec!["after, service \"feed-service\" had faults: late".into()],
        figures: vec![
            figure("p95(end_to_end)", 13.5, Some((12.5, 8.1, 16.9)), Change::Worse),
            figure("p99(end_to_end)", 12.6, Some((5.0, -9.0, 19.0)), Change::CannotTell),
            figure("p95(processed(feed-service-group))", 9.0, Some((-25.0, -31.0, -19.0)), Change::Better),
            figure("throughput", 998.5, Some((-0.1, -0.2, 0.1)), Change::Same),
            figure("p50(end_to_end)", 11.9, Some((-0.8, -8.0, 6.4)), Change::NotWorse),
        ],
        counts: vec![count("lost(topic)", 0, Change::Same), count("lost(feed-service-group)", 3, Change::Worse)],
        stages: vec![StagePair { name: "end_to_end".into(), before: distribution(10.0), after: distribution(12.0) }],
    }
}
