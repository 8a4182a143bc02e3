//! The one place where everything comes together: a fold over what was sent, acknowledged, seen and effected.
//! Memory depends on keys and on events in flight, not on events sent.

use std::collections::HashMap;
use std::time::Duration;

use eventproof_evidence::ledger::{Leg, TOPIC};
use eventproof_evidence::{At, Blind, Latencies, Ledger, Name, Observation};
use eventproof_reports::model::{Interval, LagPoint, LegPoint, StageSlice};

/// Intervals of a run: a longer run has longer ones, whole seconds each.
const INTERVALS: u64 = 600;

/// What the collector is told. Instants are stamped where the thing happened.
#[derive(Debug)]
pub(crate) enum Message {
    Sent {
        number: u64,
        planned: At,
        sent: At,
        hash: u64,
    },
    Acknowledged {
        number: u64,
        at: At,
    },
    Refused {
        number: u64,
    },
    Unknown {
        number: u64,
    },
    Seen {
        number: Option<u64>,
        hash: u64,
        fault: Option<String>,
        partition: i32,
        offset: i64,
        at: At,
    },
    /// An effect, on the leg of its view.
    Effect {
        leg: Leg,
        number: Option<u64>,
        at: At,
    },
    Group(Observation),
    Blind(Blind),
    /// What could not be seen of a topic or view has been read since.
    CaughtUp(Name),
}

/// What the fold needs to know of the plan.
pub(crate) struct Frame {
    pub start: At,
    /// The number of the first event, and of the first after the warm-up.
    pub first: u64,
    pub first_measured: u64,
    pub keys: u64,
    pub groups: Vec<String>,
    /// How long an interval is.
    pub interval: Duration,
    /// How long events are sent before the figures begin.
    pub warm_up: Duration,
}

impl Frame {
    /// The length of the intervals of a run that is planned to last so long.
    pub fn interval_of(planned: Duration) -> Duration {
        Duration::from_secs((planned.as_secs() / INTERVALS).max(1))
    }
}

/// An event on its way.
struct Flight {
    planned: At,
    hash: u64,
    /// Ends that it still has to reach, the acknowledgement among them.
    owes: usize,
}

/// The state of the fold.
pub(crate) struct Collector {
    frame: Frame,
    pub ledger: Ledger,
    flights: HashMap<u64, Flight>,
    pub slip: Latencies,
    /// Acknowledgement, end to end, then one for each group.
    pub stages: Vec<Latencies>,
    slices: Vec<Latencies>,
    pub intervals: Vec<Interval>,
    current: Interval,
    ends: HashMap<i32, i64>,
    committed: HashMap<(String, i32), i64>,
    pub greatest_lag: HashMap<String, i64>,
    /// Groups that do not answer, and why.
    blind_groups: HashMap<String, String>,
    /// Intervals without a lag, because the group did not answer: how many, and why.
    pub unseen_lag: HashMap<String, (u32, String)>,
    pub faults: Vec<String>,
    pub faulty: u64,
    pub blind: Vec<Blind>,
    pub first_acknowledged: Option<At>,
    pub last_acknowledged: Option<At>,
    pub acknowledged_measured: u64,
}

impl Collector {
    pub fn new(frame: Frame) -> Collector {
        let stages = 2 + frame.groups.len();
        Collector {
            ledger: Ledger::new(frame.groups.clone()),
            flights: HashMap::new(),
            slip: Latencies::new(),
            stages: vec![Latencies::new(); stages],
            slices: vec![Latencies::new(); stages],
            intervals: Vec::new(),
            current: Interval::default(),
            ends: HashMap::new(),
            committed: HashMap::new(),
            greatest_lag: HashMap::new(),
            blind_groups: HashMap::new(),
            unseen_lag: HashMap::new(),
            faults: Vec::new(),
            faulty: 0,
            blind: Vec::new(),
            first_acknowledged: None,
            last_acknowledged: None,
            acknowledged_measured: 0,
            frame,
        }
    }

    /// Names of the stages, as objectives write them.
    pub fn stage_names(&self) -> Vec<String> {
        let groups = self.frame.groups.iter().map(|group| format!("processed({group})"));
        ["acknowledgement".to_owned(), "end_to_end".to_owned()].into_iter().chain(groups).collect()
    }

    /// The key of an event: a function of its number, so that no table grows with events sent.
    pub fn key_of(number: u64, keys: u64) -> u64 {
        // SplitMix64's finaliser: neighbouring numbers go to unrelated keys.
        let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % keys.max(1)
    }

    /// Takes in one message.
    pub fn take(&mut self, message: Message) {
        match message {
            Message::Sent { number, planned, sent, hash } => self.sent(number, planned, sent, hash),
            Message::Acknowledged { number, at } => self.acknowledged(number, at),
            Message::Refused { number } => {
                self.ledger.refused(self.key(number), number);
                self.flights.remove(&number);
            }
            Message::Unknown { number } => self.ledger.unknown(self.key(number), number),
            Message::Seen { number, hash, fault, partition, offset, at } => {
                let end = self.ends.entry(partition).or_default();
                *end = (*end).max(offset + 1);
                self.seen(number, hash, fault, at);
            }
            Message::Effect { leg, number, at } => self.arrived(leg, number, at),
            Message::Group(observation) => self.group(&observation),
            Message::Blind(blind) => self.blind.push(blind),
            Message::CaughtUp(what) => self.blind.retain(|blind| blind.what.as_ref() != Some(&what)),
        }
    }

    fn key(&self, number: u64) -> u64 {
        Collector::key_of(number, self.frame.keys)
    }

    fn is_measured(&self, number: u64) -> bool {
        number >= self.frame.first_measured
    }

    fn sent(&mut self, number: u64, planned: At, sent: At, hash: u64) {
        self.close_until(sent);
        self.current.planned += 1;
        self.ledger.planned(self.key(number), number);
        self.flights.insert(number, Flight { planned, hash, owes: 2 + self.frame.groups.len() });
        if self.is_measured(number) {
            self.slip.record(sent.since(planned));
        }
    }

    fn acknowledged(&mut self, number: u64, at: At) {
        self.current.acknowledged += 1;
        self.ledger.acknowledged(self.key(number), number);
        let planned = self.reached_an_end(number);
        if let (true, Some(planned)) = (self.is_measured(number), planned) {
            self.first_acknowledged.get_or_insert(planned);
            self.last_acknowledged = Some(at);
            self.acknowledged_measured += 1;
            self.latency(0, at.since(planned));
        }
    }

    fn seen(&mut self, number: Option<u64>, hash: u64, fault: Option<String>, at: At) {
        self.current.seen += 1;
        if let Some(fault) = fault {
            self.faulty += 1;
            if self.faults.len() < 10 {
                self.faults.push(fault);
            }
        }
        let sent = number.and_then(|number| self.flights.get(&number)).map(|flight| flight.hash);
        if sent.is_some_and(|sent| sent != hash) {
            self.ledger.corrupted(TOPIC);
        }
        self.arrived(TOPIC, number, at);
    }

    /// An event arrived at the end of a leg. What was sent before this load began concerns nobody.
    fn arrived(&mut self, leg: Leg, number: Option<u64>, at: At) {
        let Some(number) = number else { return self.ledger.phantom(leg) };
        if number < self.frame.first {
            return;
        }
        if !self.ledger.seen(leg, self.key(number), number) {
            return;
        }
        let planned = self.reached_an_end(number);
        if let (true, Some(planned)) = (self.is_measured(number), planned) {
            self.latency(leg + 1, at.since(planned));
        }
    }

    /// An event has reached one more of its ends; when it has reached all, it is forgotten.
    fn reached_an_end(&mut self, number: u64) -> Option<At> {
        let flight = self.flights.get_mut(&number)?;
        flight.owes -= 1;
        let (planned, owes) = (flight.planned, flight.owes);
        if owes == 0 {
            self.flights.remove(&number);
        }
        Some(planned)
    }

    fn latency(&mut self, stage: usize, latency: Duration) {
        self.stages[stage].record(latency);
        self.slices[stage].record(latency);
    }

    fn group(&mut self, observation: &Observation) {
        match observation {
            Observation::Committed { group, partition, offset, .. } => {
                self.committed.insert((group.to_string(), *partition), *offset);
            }
            Observation::Blind(Blind { what: Some(group), why, .. }) => {
                self.blind_groups.insert(group.to_string(), why.clone());
            }
            Observation::CaughtUp { what, .. } => {
                self.blind_groups.remove(&**what);
            }
            _ => {}
        }
    }

    /// Whether everything that was sent has come to the end of every leg.
    pub fn is_complete(&self) -> bool {
        let counts = self.ledger.counts();
        let fated = counts.acknowledged + counts.refused + counts.unknown == counts.planned;
        fated && (0..=self.frame.groups.len()).all(|leg| self.ledger.outstanding(leg) == 0)
    }

    /// How long an interval is.
    pub fn interval(&self) -> Duration {
        self.frame.interval
    }

    /// Closes every interval that ends before `now`; returns how many are closed.
    pub fn close_until(&mut self, now: At) -> usize {
        while now.since(self.frame.start) >= self.frame.interval * (self.intervals.len() as u32 + 1) {
            self.close();
        }
        self.intervals.len()
    }

    /// Closes the interval that is open.
    pub fn close(&mut self) {
        let (index, length) = (self.intervals.len() as f64, self.frame.interval.as_secs_f64() * 1e3);
        let names = self.stage_names();
        let lag = self.lags();
        let mut interval = std::mem::take(&mut self.current);
        interval.from_ms = index * length;
        interval.to_ms = (index + 1.0) * length;
        interval.warm_up = interval.from_ms < self.frame.warm_up.as_secs_f64() * 1e3;
        interval.stages = names.into_iter().zip(&self.slices).map(|(name, slice)| slice_of(name, slice)).collect();
        if !interval.warm_up {
            for point in &lag {
                let greatest = self.greatest_lag.entry(point.group.clone()).or_default();
                *greatest = (*greatest).max(point.records);
            }
            for (group, why) in &self.blind_groups {
                self.unseen_lag.entry(group.clone()).or_insert_with(|| (0, why.clone())).0 += 1;
            }
        }
        interval.lag = lag;
        interval.counts = self.ledger.counts();
        interval.legs = self.ledger.legs().into_iter().map(|(name, leg)| LegPoint::of(name, &leg)).collect();
        self.slices.iter_mut().for_each(Latencies::clear);
        self.intervals.push(interval);
    }

    /// The lag of every group that answers: positions of one that does not are old, and would make a lag of nothing.
    fn lags(&self) -> Vec<LagPoint> {
        let lag = |group: &String| {
            let behind = self.ends.iter().map(|(partition, end)| {
                let committed = self.committed.get(&(group.clone(), *partition)).copied().unwrap_or(0);
                (end - committed).max(0)
            });
            LagPoint { group: group.clone(), records: behind.sum() }
        };
        self.frame.groups.iter().filter(|group| !self.blind_groups.contains_key(*group)).map(lag).collect()
    }
}

fn slice_of(name: String, slice: &Latencies) -> StageSlice {
    let ms = |percentile: f64| slice.percentile(eventproof_evidence::Percentile(percentile)).value.as_secs_f64() * 1e3;
    StageSlice {
        name,
        count: slice.count(),
        p50_ms: ms(50.0),
        p95_ms: ms(95.0),
        p99_ms: ms(99.0),
        max_ms: slice.max().as_secs_f64() * 1e3,
        out_of_range: slice.out_of_range(),
        histogram: slice.encode(),
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::Percentile;

    use super::*;

    fn collector() -> Collector {
        let groups = vec!["g".to_owned()];
        Collector::new(Frame {
            start: At::START,
            first: 0,
            first_measured: 0,
            keys: 10,
            groups,
            interval: Duration::from_secs(1),
            warm_up: Duration::ZERO,
        })
    }

    fn at(millis: u64) -> At {
        At::START + Duration::from_millis(millis)
    }

    fn sent(number: u64) -> Message {
        Message::Sent { number, planned: at(number), sent: at(number), hash: 1 }
    }

    fn seen(number: u64, hash: u64, at: At) -> Message {
        Message::Seen { number: Some(number), hash, fault: None, partition: 0, offset: number as i64, at }
    }

    #[test]
    fn an_injected_delay_of_200_ms_is_found_as_200_ms() {
        let mut collector = collector();
        for number in 0..1000 {
            collector.take(sent(number));
            collector.take(Message::Acknowledged { number, at: at(number + 5) });
            collector.take(seen(number, 1, at(number + 200)));
            collector.take(Message::Effect { leg: 1, number: Some(number), at: at(number + 300) });
        }
        let p95 = |stage: usize| collector.stages[stage].percentile(Percentile(95.0)).value.as_micros();
        assert!(p95(1).abs_diff(200_000) <= 200 && p95(2).abs_diff(300_000) <= 300, "{} {}", p95(1), p95(2));
        assert!(p95(0).abs_diff(5_000) <= 10);
        assert!(collector.is_complete());
    }

    #[test]
    fn a_pause_of_the_generator_is_in_the_latencies_that_it_caused() {
        let mut collector = collector();
        collector.take(Message::Sent { number: 0, planned: at(0), sent: at(1000), hash: 1 });
        collector.take(seen(0, 1, at(1001)));
        assert!(collector.stages[1].max() >= Duration::from_millis(1000));
        assert!(collector.slip.max() >= Duration::from_millis(999));
    }

    #[test]
    fn injected_anomalies_are_found_at_their_exact_count() {
        let mut collector = collector();
        (0..100).for_each(|number| collector.take(sent(number)));
        (0..100).for_each(|number| collector.take(Message::Acknowledged { number, at: at(100) }));
        for number in (0..100).filter(|number| number % 50 != 7) {
            collector.take(seen(number, if number == 3 { 2 } else { 1 }, at(200)));
        }
        collector.take(seen(4, 1, at(201)));
        collector.take(seen(500, 1, at(202)));
        let topic = collector.ledger.legs()[0].1;
        assert_eq!((topic.lost, topic.duplicated, topic.corrupted, topic.phantom), (2, 1, 1, 1));
        assert!(!collector.is_complete());
    }

    #[test]
    fn an_event_that_has_reached_all_its_ends_is_forgotten() {
        let mut collector = collector();
        collector.take(sent(0));
        collector.take(Message::Acknowledged { number: 0, at: at(1) });
        collector.take(seen(0, 1, at(1)));
        assert_eq!(collector.flights.len(), 1);
        collector.take(Message::Effect { leg: 1, number: Some(0), at: at(2) });
        assert_eq!(collector.flights.len(), 0);
    }

    #[test]
    fn a_group_that_does_not_answer_has_no_lag() {
        let (group, why) = (Name::from("g"), "the broker did not answer".to_owned());
        let mut collector = collector();
        collector.take(seen(0, 1, at(10)));
        collector.close_until(at(1000));
        assert_eq!(collector.greatest_lag["g"], 1);
        let blind = Blind { what: Some(group.clone()), from: at(1100), to: None, why };
        collector.take(Message::Group(Observation::Blind(blind)));
        (1..500).for_each(|number| collector.take(seen(number, 1, at(1200))));
        collector.close_until(at(2000));
        assert!(collector.intervals[1].lag.is_empty());
        collector.take(Message::Group(Observation::CaughtUp { what: group.clone(), at: at(2100) }));
        let offset = 498;
        let committed = Observation::Committed { group, topic: "t".into(), partition: 0, offset, at: at(2100) };
        collector.take(Message::Group(committed));
        collector.close_until(at(3000));
        assert_eq!(collector.intervals[2].lag[0].records, 2);
        assert_eq!(collector.greatest_lag["g"], 2);
        assert_eq!(collector.unseen_lag["g"].0, 1);
    }

    #[test]
    fn what_was_sent_before_the_load_concerns_nobody() {
        let frame = Frame {
            start: At::START,
            first: 10,
            first_measured: 12,
            keys: 1,
            groups: Vec::new(),
            interval: Duration::from_secs(1),
            warm_up: Duration::ZERO,
        };
        let mut collector = Collector::new(frame);
        collector.take(seen(3, 1, at(0)));
        collector.take(sent(10));
        collector.take(seen(10, 1, at(20)));
        assert_eq!(collector.ledger.legs()[0].1.phantom, 0);
        assert_eq!(collector.stages[1].count(), 0, "the warm-up is in no figure");
    }
}
