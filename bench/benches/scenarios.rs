//! What a scenario costs beside its own waiting: planning it, and running it on the embedded broker.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eventproof_bench::write_pack;
use eventproof_broker::BrokerChoice;
use eventproof_evidence::oracle::{OnTopic, Oracle, Recognise, Target};
use eventproof_evidence::{At, Clock, Journal, Observation, RunClock, Seen};
use eventproof_reports::model::{Outcome, ScenarioResult};
use eventproof_scenarios::{Choice, Pack, Rules, RunContext, ScenarioListener};
use eventproof_system::{Rig, RigPlan};

/// Scenarios of a pack.
const MANY: usize = 200;

struct Quiet;

impl ScenarioListener for Quiet {
    fn began(&self, _: &str) {}
    fn ended(&self, result: &ScenarioResult) {
        assert_eq!(result.outcome, Outcome::Held, "{}", result.name);
    }
}

fn planned(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    write_pack(folder.path(), MANY).unwrap();
    let mut group = criterion.benchmark_group("scenario of three steps");
    group.throughput(Throughput::Elements(MANY as u64));
    group.bench_function("read and planned", |bench| {
        bench.iter(|| Pack::read(folder.path()).ok().unwrap().plan().ok().unwrap().scenarios.len());
    });
    group.sample_size(10);
    group.bench_function("run on the embedded broker", |bench| bench.iter_custom(|times| run(folder.path(), times)));
    group.finish();
}

/// The time of the scenarios alone: broker and recorder stand before.
fn run(folder: &Path, times: u64) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut took = Duration::ZERO;
        for _ in 0..times {
            let pack = Pack::read(folder).ok().unwrap();
            let plan = pack.plan().ok().unwrap();
            let planned = RigPlan {
                contract: pack.contract.clone(),
                system: pack.system.clone(),
                broker: BrokerChoice::Embedded { nodes: 1 },
                registry: None,
                program: std::env::current_exe().unwrap(),
                data: folder.to_owned(),
                faults: Vec::new(),
                seed: 1,
                run_id: "bench".to_owned(),
            };
            let clock: Arc<dyn Clock> = Arc::new(RunClock::start());
            let rig = Rig::start(&planned, clock, &|_: &str| {}).await.unwrap();
            let rules = Rules::of(chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap());
            let context = RunContext::new(pack, plan, rig, Choice::default(), rules, Box::new(Quiet));
            let began = Instant::now();
            eventproof_scenarios::run(context.clone(), Vec::new()).await;
            took += began.elapsed();
            Arc::into_inner(context).unwrap().rig.stop().await;
        }
        took
    })
}

fn seen(number: usize) -> Observation {
    Observation::Seen(Seen {
        topic: "shop.orders".into(),
        partition: 0,
        offset: number as i64,
        at: At::START,
        timestamp_ms: None,
        key: None,
        id: Some(format!("event {number}").as_str().into()),
        event_type: Some("order.placed".into()),
        correlation: None,
        fields: Vec::new(),
        violations: Vec::new(),
    })
}

/// A verdict at the end of a long run must cost what one at its beginning does.
fn verdict(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verdict after so many observations");
    for before in [100, 100_000] {
        let journal = Journal::default();
        (0..before).for_each(|number| journal.push(seen(number)));
        let standpoint = journal.standpoint();
        journal.push(seen(before));
        let target = Target {
            what: "it".to_owned(),
            topic: "shop.orders".into(),
            recognise: Recognise::Id(format!("event {before}").as_str().into()),
            key: None,
            partition: None,
            from: At::START,
        };
        group.bench_function(before.to_string(), |bench| {
            bench.iter(|| {
                let mut oracle = OnTopic::new(target.clone(), At::START, Duration::from_secs(5), None);
                journal.reader_at(&standpoint).take().iter().for_each(|one| oracle.observe(one));
                assert!(oracle.verdict(At::START).is_held());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, planned, verdict);
criterion_main!(benches);
