//! The fold itself.

use std::collections::HashMap;
use std::time::Duration;

use eventproof_evidence::ledger::{Leg, TOPIC};
use eventproof_evidence::{At, Blind, Latencies, Ledger, Percentile};
use eventproof_reports::model::{Interval, LegPoint, StageSlice};
use hdrhistogram::Histogram;

use super::Failures;
use super::lag::Lags;
use super::matcher::Matcher;
use super::message::{Event, Frame, Message, Sight};
use crate::stages;

/// How many departures from the contract are told in words.
const FAULTS: usize = 10;

/// An event on its way.
struct Flight {
    planned: At,
    hash: Option<u64>,
    /// Ends that it still has to reach, the acknowledgement among them.
    owes: usize,
}

/// The state of the fold.
pub(crate) struct Collector {
    pub frame: Frame,
    pub ledger: Ledger,
    flights: HashMap<u64, Flight>,
    /// Requests by what their events are known by, and events that came before the answer.
    requests: Matcher<Sight>,
    /// Events that followed, by their ids, and effects that came before them.
    events: Matcher<(Leg, At)>,
    pub slip: Latencies,
    /// By arm: the first answer, end to end, then one for each group.
    pub stages: Vec<Latencies>,
    slices: Vec<Latencies>,
    /// Bytes of the payloads seen.
    pub sizes: Histogram<u64>,
    /// By arm.
    pub failures: Vec<Failures>,
    pub intervals: Vec<Interval>,
    current: Interval,
    pub lags: Lags,
    pub faults: Vec<String>,
    pub faulty: u64,
    pub blind: Vec<Blind>,
    /// The first and the last planned instant after the warm-up.
    pub first_planned: Option<At>,
    pub last_planned: Option<At>,
    pub last_acknowledged: Option<At>,
    pub acknowledged_measured: u64,
    pub last_sent: Option<At>,
    /// By leg: when the last first sight came.
    pub last_arrived: Vec<Option<At>>,
}

impl Collector {
    #[allow(clippy::expect_used)] // constant bounds: it either always or never fails
    pub fn new(frame: Frame) -> Collector {
        let names: Vec<String> = frame.groups.iter().map(|group| group.name.clone()).collect();
        let stages = frame.arms.len() * (2 + names.len());
        Collector {
            ledger: if frame.linked { Ledger::without_order(names) } else { Ledger::new(names) },
            flights: HashMap::new(),
            requests: Matcher::default(),
            events: Matcher::default(),
            slip: Latencies::new(),
            stages: vec![Latencies::new(); stages],
            slices: vec![Latencies::new(); stages],
            sizes: Histogram::new_with_bounds(1, 1 << 40, 3).expect("constant bounds"),
            failures: vec![Failures::default(); frame.arms.len()],
            intervals: Vec::new(),
            current: Interval::default(),
            lags: Lags::default(),
            faults: Vec::new(),
            faulty: 0,
            blind: Vec::new(),
            first_planned: None,
            last_planned: None,
            last_acknowledged: None,
            acknowledged_measured: 0,
            last_sent: None,
            last_arrived: vec![None; 1 + frame.groups.len()],
            frame,
        }
    }

    /// Names of the stages, as objectives write them.
    pub fn stage_names(&self) -> Vec<String> {
        let groups: Vec<&str> = self.frame.groups.iter().map(|group| group.name.as_str()).collect();
        stages::names(self.frame.first_stage, &self.frame.arms, &groups)
    }

    /// Takes in one message.
    pub fn take(&mut self, message: Message) {
        match message {
            Message::Sent { number, planned, sent, hash } => self.sent(number, planned, sent, hash),
            Message::SentAgain { number, sent } => {
                if let Some(flight) = self.flights.get_mut(&number) {
                    flight.planned = sent;
                }
            }
            Message::Acknowledged { number, at } => self.acknowledged(number, at),
            Message::Answered { number, link, at } => {
                self.acknowledged(number, at);
                if let Some(link) = link {
                    self.requests.learn(&link, number).into_iter().for_each(|early| self.followed(number, early));
                }
            }
            Message::Refused { number, why } => {
                self.ledger.refused(self.frame.key(number), number);
                let measured = self.flights.remove(&number).is_some_and(|flight| self.is_measured(flight.planned));
                self.failures_of(number).measured_refused += u64::from(measured);
                self.failures_of(number).refused += 1;
                self.failures_of(number).because(why);
            }
            Message::Unknown { number, why } => {
                self.ledger.unknown(self.frame.key(number), number);
                let measured = self.flights.get(&number).is_some_and(|flight| self.is_measured(flight.planned));
                self.failures_of(number).measured_unknown += u64::from(measured);
                self.failures_of(number).unknown += 1;
                self.failures_of(number).because(why);
            }
            Message::Seen(sight) => self.seen(sight),
            Message::Effect { leg, event: Event::Ours(number), at } => self.arrived(leg, number, at),
            Message::Effect { leg, event: Event::Theirs(id), at } => self.effect(leg, id.as_deref(), at),
            Message::Group(observation) => self.lags.told(&observation, &self.frame.topics),
            Message::Blind(blind) => self.blind.push(blind),
            Message::CaughtUp(what) => self.blind.retain(|blind| blind.what.as_ref() != Some(&what)),
        }
    }

    /// Whether what was planned for then is in the figures of time and rate.
    fn is_measured(&self, planned: At) -> bool {
        planned >= self.frame.measured_from
    }

    fn failures_of(&mut self, number: u64) -> &mut Failures {
        let arm = self.frame.lane(number).arm;
        &mut self.failures[arm]
    }

    fn sent(&mut self, number: u64, planned: At, sent: At, hash: Option<u64>) {
        self.close_until(sent);
        self.current.planned += 1;
        self.last_sent = self.last_sent.max(Some(sent));
        self.failures_of(number).planned += 1;
        let legs = &self.frame.lane(number).legs;
        let owes = 1 + legs.iter().filter(|owed| **owed).count();
        self.ledger.planned_on(self.frame.key(number), number, legs);
        self.flights.insert(number, Flight { planned, hash, owes });
        if self.is_measured(planned) {
            self.slip.record(sent.since(planned));
            self.first_planned.get_or_insert(planned);
            self.last_planned = self.last_planned.max(Some(planned));
        }
    }

    fn acknowledged(&mut self, number: u64, at: At) {
        self.current.acknowledged += 1;
        self.ledger.acknowledged(self.frame.key(number), number);
        if let Some(planned) = self.reached_an_end(number).filter(|planned| *planned >= self.frame.measured_from) {
            self.last_acknowledged = Some(at);
            self.acknowledged_measured += 1;
            self.latency(number, 0, at.since(planned));
        }
    }

    fn seen(&mut self, sight: Sight) {
        self.lags.seen(sight.topic, sight.partition, sight.offset);
        if sight.event == Event::Theirs(None) {
            // Another message of the topic.
            return;
        }
        self.current.seen += 1;
        self.sizes.saturating_record(sight.size as u64);
        if let Some(fault) = &sight.fault {
            self.faulty += 1;
            if self.faults.len() < FAULTS {
                self.faults.push(fault.clone());
            }
        }
        match sight.event {
            Event::Ours(number) => {
                let sent = number.and_then(|number| self.flights.get(&number)).and_then(|flight| flight.hash);
                if sent.is_some_and(|sent| sent != sight.hash) {
                    self.ledger.corrupted(TOPIC);
                }
                self.arrived(TOPIC, number, sight.at);
            }
            Event::Theirs(_) => match sight.links.iter().find_map(|link| self.requests.number(link)) {
                Some(number) => self.followed(number, sight),
                None => {
                    // Whichever of its links is learnt, it is the same record: one is enough to wait under.
                    if let Some(link) = sight.links.first().cloned() {
                        self.requests.wait(&link, sight);
                    }
                }
            },
        }
    }

    /// A record is the event that follows from a request.
    fn followed(&mut self, number: u64, sight: Sight) {
        self.arrived(TOPIC, Some(number), sight.at);
        if let Event::Theirs(Some(id)) = &sight.event {
            for (leg, at) in self.events.learn(id, number) {
                self.arrived(leg, Some(number), at);
            }
        }
    }

    fn effect(&mut self, leg: Leg, id: Option<&str>, at: At) {
        let Some(id) = id else { return };
        match self.events.number(id) {
            Some(number) => self.arrived(leg, Some(number), at),
            None => self.events.wait(id, (leg, at)),
        }
    }

    /// An event arrived at the end of a leg. What was sent before this load began concerns nobody.
    fn arrived(&mut self, leg: Leg, number: Option<u64>, at: At) {
        let Some(number) = number else { return self.ledger.phantom(leg) };
        if number < self.frame.first {
            return;
        }
        // A group that handles what it is not said to consume is not judged for it.
        if !self.frame.lane(number).legs.get(leg).copied().unwrap_or(false) {
            return;
        }
        if !self.ledger.seen(leg, self.frame.key(number), number) {
            return;
        }
        self.last_arrived[leg] = self.last_arrived[leg].max(Some(at));
        if let Some(planned) = self.reached_an_end(number).filter(|planned| *planned >= self.frame.measured_from) {
            self.latency(number, leg + 1, at.since(planned));
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

    fn latency(&mut self, number: u64, stage: usize, latency: Duration) {
        let place = stages::place(self.frame.lane(number).arm, stage, self.frame.groups.len());
        self.stages[place].record(latency);
        self.slices[place].record(latency);
    }

    /// How many requests had what another one is known by: nothing tells their events apart.
    pub fn alike(&self) -> u64 {
        self.requests.renamed()
    }

    /// Records that follow from none of our requests. One without an answer may have been done all the same: as many as
    /// those may be theirs.
    pub fn strangers(&self) -> u64 {
        self.requests.strangers().saturating_sub(self.ledger.counts().unknown)
    }

    /// Whether everything that was sent has come to the end of every leg.
    pub fn is_complete(&self) -> bool {
        let counts = self.ledger.counts();
        let fated = counts.acknowledged + counts.refused + counts.unknown == counts.planned;
        fated && (0..=self.frame.groups.len()).all(|leg| self.ledger.outstanding(leg) == 0)
    }

    /// How long after the last send the last event came to the end of a leg; none if something is still owed there, or nothing came.
    pub fn drained(&self, leg: Leg) -> Option<Duration> {
        let last = (*self.last_arrived.get(leg)?)?;
        (self.ledger.outstanding(leg) == 0).then(|| self.last_sent.map_or(Duration::ZERO, |sent| last.since(sent)))
    }

    /// How many events are on their way.
    #[cfg(test)]
    pub fn in_flight(&self) -> usize {
        self.flights.len()
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
        let mut interval = std::mem::take(&mut self.current);
        interval.from_ms = index * length;
        interval.to_ms = (index + 1.0) * length;
        let warm_up = self.frame.measured_from.since(self.frame.start);
        interval.warm_up = interval.from_ms < warm_up.as_secs_f64() * 1e3;
        let owed = self.owed_stages();
        let slices = self.stage_names().into_iter().zip(&self.slices).zip(owed).filter(|(_, owed)| *owed);
        interval.stages = slices.map(|((name, slice), _)| slice_of(name, slice)).collect();
        interval.lag = self.lags.now(&self.frame.groups);
        interval.counts = self.ledger.counts();
        interval.legs = self.ledger.legs().into_iter().map(|(name, leg)| LegPoint::of(name, &leg)).collect();
        if !interval.warm_up {
            self.lags.measured(&interval.lag);
        }
        self.slices.iter_mut().for_each(Latencies::clear);
        self.intervals.push(interval);
    }

    /// For each stage whether any event can pass it.
    pub fn owed_stages(&self) -> Vec<bool> {
        let stages = 2 + self.frame.groups.len();
        let owed = |(arm, stage): (usize, usize)| {
            let lanes = self.frame.lanes.iter().filter(|lane| lane.arm == arm);
            stage == 0 || lanes.into_iter().any(|lane| lane.legs.get(stage - 1).copied().unwrap_or(false))
        };
        (0..self.frame.arms.len()).flat_map(|arm| (0..stages).map(move |stage| (arm, stage))).map(owed).collect()
    }
}

fn slice_of(name: String, slice: &Latencies) -> StageSlice {
    let ms = |percentile: f64| slice.percentile(Percentile(percentile)).value.as_secs_f64() * 1e3;
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
