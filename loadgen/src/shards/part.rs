//! What a shard found, in a form that travels and adds up: everything that objectives are judged by.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_evidence::ledger::{Counts, LegCounts};
use eventproof_evidence::{At, Blind, Latencies, NoHistogram};
use eventproof_reports::model::{Aborted, ClientSpan, Generator, Interval, LoadResult, Provenance, Shard};
use serde::{Deserialize, Serialize};

use super::meeting::Meeting;
use crate::collector::{Collector, Failures, Named};
use crate::profile::Profile;
use crate::result::Taken;
use crate::run::{Performed, taken};
use crate::wording::ended_early;

/// The kind that its file names.
const KIND: &str = "load-part";
const SCHEMA: u32 = 1;

/// The part of a load that one shard sent and judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    kind: String,
    schema: u32,
    /// The name of the run that it is a part of.
    pub run: String,
    pub shard: Shard,
    /// The machine that it ran on.
    pub host: String,
    /// What all shards have in common, by name.
    pub(super) facts: BTreeMap<String, String>,
    pub(super) provenance: Provenance,
    /// How exactly the common start was known. Milliseconds.
    pub(super) start_error_ms: f64,
    /// Whether it was ended from outside before its time.
    pub(super) interrupted: bool,
    /// The objective that ended it before its time, on whichever shard it was missed.
    #[serde(default)]
    pub(super) aborted: Option<Aborted>,
    pub(super) about: About,
    pub(super) found: Found,
    pub(super) generator: Generator,
    /// Where its Kafka client says that the time went.
    #[serde(default)]
    pub(super) client: Vec<ClientSpan>,
    /// How many intervals it has: on the results topic they are records of their own.
    pub(super) interval_count: usize,
    pub(super) intervals: Vec<Interval>,
}

/// What is the same in every part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    pub profile: String,
    pub title: String,
    pub pack: String,
    pub plan: String,
    pub workload: BTreeMap<String, String>,
    /// As written.
    pub objectives: Vec<String>,
    pub taken: Option<Taken>,
    pub views: Vec<String>,
    pub topics: Vec<String>,
    pub groups: Vec<String>,
    /// Those of them that are messages.
    #[serde(default)]
    pub follows: Vec<String>,
    /// Groups of which only their positions are seen.
    #[serde(default)]
    pub committing: Vec<String>,
    /// By lane: which of these consume its events.
    #[serde(default)]
    pub consuming: Vec<Vec<bool>>,
    /// Groups whose lag is watched.
    pub lagging: Vec<String>,
    /// By lane: which legs its events are owed on.
    pub legs: Vec<Vec<bool>>,
    /// Legs on which events may be put off, for another try.
    #[serde(default)]
    pub put_off: Vec<usize>,
    /// From the start on. Nanoseconds.
    pub measured_from_ns: u64,
    pub interval_ns: u64,
}

/// What the fold found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub counts: Counts,
    pub legs: Vec<LegCounts>,
    pub stages: Vec<Counted>,
    pub spans: Vec<Counted>,
    pub slip: Counted,
    /// By stage: how many measured events had to come there.
    #[serde(default)]
    pub due: Vec<u64>,
    /// How many of them were refused, and how many given up.
    #[serde(default)]
    pub refused: Vec<u64>,
    #[serde(default)]
    pub given_up: Vec<u64>,
    /// By group of which only positions are seen: by how much the times of its events may be wrong.
    #[serde(default)]
    pub doubts: Vec<Counted>,
    /// Bytes of a payload -> how many were so long.
    pub sizes: Vec<(u64, u64)>,
    pub failures: Failures,
    pub faults: Vec<String>,
    pub faulty: u64,
    pub blind: Vec<Blind>,
    #[serde(default)]
    pub made_good: Vec<Blind>,
    pub acknowledged_measured: u64,
    pub strays: u64,
    /// Records in retry or dead-letter topics that a name links to an event.
    #[serde(default)]
    pub named: Named,
    /// Since the start.
    pub first_planned: Option<At>,
    pub last_planned: Option<At>,
    pub last_acknowledged: Option<At>,
    pub last_sent: Option<At>,
    pub last_arrived: Vec<Option<At>>,
    /// Groups whose lag was not seen, and why.
    pub unseen: BTreeMap<String, String>,
}

/// Latencies as text, with what the text does not hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    histogram: String,
    total_ns: u64,
    out_of_range: u64,
}

impl Counted {
    fn of(latencies: &Latencies) -> Counted {
        let total_ns = u64::try_from(latencies.total().as_nanos()).unwrap_or(u64::MAX);
        Counted { histogram: latencies.encode(), total_ns, out_of_range: latencies.out_of_range() }
    }

    pub fn read(&self) -> Result<Latencies, NoHistogram> {
        Latencies::decode_exactly(&self.histogram, Duration::from_nanos(self.total_ns), self.out_of_range)
    }
}

impl Part {
    /// What a shard found.
    pub(super) fn of(meeting: &Meeting, profile: &Profile, performed: &Performed, interrupted: bool) -> Part {
        let Performed { result, plan, collector, .. } = performed;
        let sharding = meeting.sharding();
        let about = About {
            taken: Some(taken(plan)),
            objectives: profile.objectives.iter().map(|objective| objective.text.clone()).collect(),
            ..About::of(result, collector)
        };
        Part {
            kind: KIND.to_owned(),
            schema: SCHEMA,
            run: sharding.run.clone(),
            shard: sharding.shard,
            host: sharding.host.clone(),
            facts: sharding.facts.clone(),
            provenance: sharding.provenance.clone(),
            start_error_ms: meeting.start_error().unwrap_or_default().as_secs_f64() * 1e3,
            interrupted,
            aborted: result.aborted.clone(),
            about,
            found: Found::of(collector),
            generator: result.generator.clone(),
            client: result.client.clone(),
            interval_count: result.intervals.len(),
            intervals: result.intervals.clone(),
        }
    }

    /// A part of a fold alone, for tests.
    #[cfg(test)]
    pub(super) fn of_fold(shard: Shard, objectives: &[&str], collector: &Collector) -> Part {
        let taken = Taken { effect_error: Duration::ZERO, linger: Some(Duration::ZERO), planned: true };
        let objectives = objectives.iter().map(|text| (*text).to_owned()).collect();
        Part {
            kind: KIND.to_owned(),
            schema: SCHEMA,
            run: "run".to_owned(),
            shard,
            host: format!("machine-{}", shard.number),
            facts: BTreeMap::new(),
            provenance: Provenance::default(),
            start_error_ms: shard.number as f64,
            interrupted: false,
            aborted: None,
            about: About { taken: Some(taken), objectives, ..About::of(&LoadResult::default(), collector) },
            found: Found::of(collector),
            generator: Generator::default(),
            client: Vec::new(),
            interval_count: collector.intervals.len(),
            intervals: collector.intervals.clone(),
        }
    }

    /// As a file has it.
    pub fn to_json(&self) -> String {
        // It has text keys only, so it cannot fail to be JSON.
        format!("{}\n", serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads what [`to_json`](Part::to_json) wrote; none if it is something else altogether.
    ///
    /// # Errors
    /// In words, if it is a part that cannot be read.
    pub fn parse(text: &str) -> Option<Result<Part, String>> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            schema: u32,
        }
        let head: Head = serde_json::from_str(text).ok().filter(|head: &Head| head.kind == KIND)?;
        if head.schema != SCHEMA {
            return Some(Err(format!("expected a `{KIND}` of schema {SCHEMA}, this is of schema {}", head.schema)));
        }
        Some(serde_json::from_str(text).map_err(|error| error.to_string()))
    }

    /// Its intervals.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Why it ended before its plan was done, if an objective ended it.
    pub fn ended_early(&self) -> Option<String> {
        self.aborted.as_ref().map(|aborted| ended_early(aborted).text)
    }

    /// How its generator kept its plan.
    pub fn generator(&self) -> &Generator {
        &self.generator
    }

    /// The same with these intervals.
    pub(super) fn with_intervals(&self, intervals: Vec<Interval>) -> Part {
        Part { intervals, ..self.clone() }
    }

    /// The same without its intervals, for the results topic.
    pub(super) fn without_intervals(&self) -> Part {
        Part { intervals: Vec::new(), ..self.clone() }
    }
}

impl About {
    fn of(result: &LoadResult, collector: &Collector) -> About {
        let frame = &collector.frame;
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        About {
            profile: result.profile.clone(),
            title: result.title.clone(),
            pack: result.pack.clone(),
            plan: result.plan.clone(),
            workload: result.workload.clone(),
            topics: frame.topics.clone(),
            groups: frame.groups.iter().map(|group| group.name.clone()).collect(),
            views: frame.views.clone(),
            follows: frame.follows.clone(),
            committing: frame.committing.iter().map(|group| group.name.clone()).collect(),
            consuming: frame.lanes.iter().map(|lane| lane.committing.clone()).collect(),
            legs: frame.lanes.iter().map(|lane| lane.legs.clone()).collect(),
            lagging: frame.lagging.iter().map(|group| group.name.clone()).collect(),
            put_off: (0..=frame.groups.len()).filter(|leg| collector.asides.may_wait(*leg)).collect(),
            measured_from_ns: nanos(frame.measured_from.since(frame.start)),
            interval_ns: nanos(frame.interval),
            ..About::default()
        }
    }
}

impl Found {
    fn of(collector: &Collector) -> Found {
        let start = collector.frame.start;
        let since = |at: Option<At>| at.map(|at| At::from_start(at.since(start)));
        let blind = |blind: &Blind| Blind {
            from: At::from_start(blind.from.since(start)),
            to: since(blind.to),
            ..blind.clone()
        };
        Found {
            counts: collector.ledger.counts(),
            legs: collector.legs().into_iter().map(|(_, counts)| counts).collect(),
            stages: collector.stages.iter().map(Counted::of).collect(),
            spans: collector.spans.iter().map(Counted::of).collect(),
            slip: Counted::of(&collector.slip),
            due: collector.due.clone(),
            refused: collector.refused.clone(),
            given_up: collector.given_up(),
            doubts: collector.commits.doubts().map(Counted::of).collect(),
            sizes: collector
                .sizes
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
            failures: collector.failures.first().cloned().unwrap_or_default(),
            faults: collector.faults.clone(),
            faulty: collector.faulty,
            blind: collector.blind.iter().map(blind).collect(),
            made_good: collector.made_good.iter().map(blind).collect(),
            acknowledged_measured: collector.acknowledged_measured,
            strays: collector.strays,
            named: collector.asides.by_name(),
            first_planned: since(collector.first_planned),
            last_planned: since(collector.last_planned),
            last_acknowledged: since(collector.last_acknowledged),
            last_sent: since(collector.last_sent),
            last_arrived: collector.last_arrived.iter().map(|at| since(*at)).collect(),
            unseen: collector.lags.unseen.iter().map(|(group, (_, why))| (group.clone(), why.clone())).collect(),
        }
    }
}
