//! The fold itself.

mod closing;
mod committing;
mod elsewhere;
mod spans;

pub(crate) use closing::slice_of;

use std::collections::hash_map::Entry;
use std::time::Duration;

use eventproof_evidence::ledger::{Leg, TOPIC};
use eventproof_evidence::{At, Blind, Latencies, Ledger};
use eventproof_reports::model::Interval;
use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;

use super::Failures;
use super::asides::{AsideSight, Asides};
use super::commits::Commits;
use super::lag::Lags;
use super::matcher::Matcher;
use super::message::{Event, Frame, Message, Sight};
use super::recent::Recent;
use crate::shards::Split;
use crate::stages;
use spans::Passed;

/// How many departures from the contract are told in words.
const FAULTS: usize = 10;

/// An event on its way.
struct Flight {
    planned: At,
    hash: Option<u64>,
    /// Ends that it still has to reach, the acknowledgement among them.
    owes: usize,
    passed: Passed,
}

/// What was seen of an event that followed, before it was itself.
enum Later {
    Effect(Leg, At),
    Aside(AsideSight),
}

/// The state of the fold.
pub(crate) struct Collector {
    pub frame: Frame,
    pub ledger: Ledger,
    flights: FxHashMap<u64, Flight>,
    recent: Recent,
    /// Requests by what their events are known by, and events that came before the answer.
    requests: Matcher<Sight>,
    /// Events that followed, by their ids, and effects that came before them.
    events: Matcher<Later>,
    pub asides: Asides,
    pub commits: Commits,
    /// When the latest interval ended, or the fold was last asked how it stands.
    pub now: At,
    pub slip: Latencies,
    slip_slice: Latencies,
    /// By arm: the first answer, end to end, then one for each group.
    pub stages: Vec<Latencies>,
    slices: Vec<Latencies>,
    /// By stage: the last part of the way there, of the intervals that have ended; then of the one that is open.
    pub spans: Vec<Latencies>,
    span_slices: Vec<Latencies>,
    /// By stage: how many measured events have to come there, how many of them were refused, and how many were given up by accounts
    /// that were closed elsewhere.
    pub due: Vec<u64>,
    pub refused: Vec<u64>,
    pub closed_dead: Vec<u64>,
    /// Whether nothing is waited for any more: what has not come by now did not come.
    pub ended: bool,
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
    /// What was blind, and has since seen what it missed: later than it was.
    pub made_good: Vec<Blind>,
    /// The first and the last planned instant after the warm-up.
    pub first_planned: Option<At>,
    pub last_planned: Option<At>,
    pub last_acknowledged: Option<At>,
    pub acknowledged_measured: u64,
    pub last_sent: Option<At>,
    /// By leg: when the last first sight came.
    pub last_arrived: Vec<Option<At>>,
    /// Records on partitions of ours whose event is another process's: somebody wrote them where they do not belong.
    pub strays: u64,
}

impl Collector {
    #[allow(clippy::expect_used)] // constant bounds: it either always or never fails
    pub fn new(frame: Frame) -> Collector {
        let names: Vec<String> = frame.groups.iter().map(|group| group.name.clone()).collect();
        let stages = frame.arms.len() * frame.stages();
        let mut ledger = if frame.linked { Ledger::without_order(names) } else { Ledger::new(names) };
        let asides = Asides::new(frame.asides.clone());
        (1..=frame.groups.len()).filter(|leg| asides.may_wait(*leg)).for_each(|leg| ledger.may_put_off(leg));
        Collector {
            ledger,
            flights: FxHashMap::default(),
            recent: Recent::default(),
            requests: Matcher::default(),
            events: Matcher::default(),
            asides,
            commits: Commits::new(frame.committing.len(), frame.asked_every),
            now: frame.start,
            slip: Latencies::new(),
            slip_slice: Latencies::new(),
            stages: vec![Latencies::new(); stages],
            slices: vec![Latencies::new(); stages],
            spans: vec![Latencies::new(); stages],
            span_slices: vec![Latencies::new(); stages],
            due: vec![0; stages],
            refused: vec![0; stages],
            closed_dead: vec![0; stages],
            ended: false,
            sizes: Histogram::new_with_bounds(1, 1 << 40, 3).expect("constant bounds"),
            failures: vec![Failures::default(); frame.arms.len()],
            intervals: Vec::new(),
            current: Interval::default(),
            lags: Lags::default(),
            faults: Vec::new(),
            faulty: 0,
            blind: Vec::new(),
            made_good: Vec::new(),
            first_planned: None,
            last_planned: None,
            last_acknowledged: None,
            acknowledged_measured: 0,
            last_sent: None,
            last_arrived: vec![None; 1 + frame.groups.len()],
            strays: 0,
            frame,
        }
    }

    /// Names of the stages, as objectives write them.
    pub fn stage_names(&self) -> Vec<String> {
        stages::names(self.frame.first_stage, &self.frame.arms, &self.frame.group_names())
    }

    /// Names of their spans, in the same order.
    pub fn span_names(&self) -> Vec<String> {
        stages::spans(self.frame.first_stage, &self.frame.arms, &self.frame.group_names())
    }

    /// Takes in one message.
    pub fn take(&mut self, message: Message) {
        match message {
            Message::Sent { number, planned, sent, hash } => self.sent(number, planned, sent, hash),
            Message::SentAgain { number, sent } => {
                if let Some(flight) = self.flights.get_mut(&number) {
                    (flight.planned, flight.passed.sent) = (sent, sent);
                }
            }
            Message::Began { number, at } => self.began(number, at),
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
                self.failures_of(number).refused(measured, why);
                self.frame.places(number).filter(|_| measured).for_each(|place| self.refused[place] += 1);
            }
            Message::Unknown { number, why } => {
                self.ledger.unknown(self.frame.key(number), number);
                // Whatever else it reaches, it has no acknowledgement to wait for any more.
                let measured = self.reached_an_end(number, None).is_some();
                self.failures_of(number).unknown(measured, why);
            }
            Message::Ours(ours) => self.seen(ours.into()),
            Message::Seen(sight) => self.seen(*sight),
            Message::Effect { leg, event: Event::Ours(number), at } => _ = self.arrived(leg, number, at, None),
            Message::Effect { leg, event: Event::Theirs(id), at } => self.effect(leg, id.as_deref(), at),
            Message::Aside(sight) => self.set_aside(*sight),
            // What follows is read by all processes of a load, and told once.
            Message::Faulty { number, fault } if self.frame.owns(number) => self.departed(&fault),
            Message::Faulty { .. } => {}
            Message::Group(observation) => {
                self.lags.told(&observation, &self.frame.topics);
                self.asides.told(&observation);
                self.committed(&observation);
            }
            Message::Asking { group, at } => self.lags.asking(&group, at, &self.frame.lagging),
            Message::Positioned(group) => self.lags.positioned(&group, &self.frame),
            Message::Blind(blind) => blind.join(&mut self.blind),
            Message::CaughtUp(what, at) => self.made_good.extend(Blind::made_good(&mut self.blind, &what, at)),
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
        self.flights.insert(number, Flight { planned, hash, owes, passed: Passed::sent(sent) });
        if let Some(hash) = hash {
            self.asides.learn_bytes(hash, number).into_iter().for_each(|sight| self.apply_aside(number, &sight));
        }
        if self.is_measured(planned) {
            self.frame.places(number).for_each(|place| self.due[place] += 1);
            // A request only begins once its task has its turn.
            if hash.is_some() {
                self.slipped(sent.since(planned));
            }
            self.first_planned.get_or_insert(planned);
            self.last_planned = self.last_planned.max(Some(planned));
        }
    }

    /// A request is really made now.
    fn began(&mut self, number: u64, at: At) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        flight.passed.sent = at;
        let planned = flight.planned;
        if self.is_measured(planned) {
            self.slipped(at.since(planned));
        }
    }

    fn slipped(&mut self, by: Duration) {
        if self.frame.planned {
            self.slip.record(by);
            self.slip_slice.record(by);
        }
    }

    fn acknowledged(&mut self, number: u64, at: At) {
        self.current.acknowledged += 1;
        self.ledger.acknowledged(self.frame.key(number), number);
        if let Some(planned) = self.reached_an_end(number, Some((0, at))) {
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
        sight.fault.iter().for_each(|fault| self.departed(fault));
        match sight.event {
            Event::Ours(number) => {
                let flight = number.and_then(|number| self.flights.get(&number));
                let planned = flight.map(|flight| flight.planned);
                let sent = flight.map_or_else(|| self.recent.hash(number?), |flight| flight.hash);
                if sent.is_some_and(|sent| sent != sight.hash) {
                    self.ledger.corrupted(TOPIC);
                }
                number.into_iter().for_each(|number| self.placed(number, &sight));
                if self.arrived(TOPIC, number, sight.at, Some(sight.partition)) {
                    self.await_commits(number, planned, &sight);
                }
            }
            Event::Theirs(_) => {
                let Some(link) = sight.link.clone() else { return };
                match self.requests.number(&link) {
                    Some(number) => self.followed(number, sight),
                    // Its request may not be answered yet.
                    None => self.requests.wait(&link, sight),
                }
            }
        }
    }

    fn departed(&mut self, fault: &str) {
        self.faulty += 1;
        if self.faults.len() < FAULTS {
            self.faults.push(fault.to_owned());
        }
    }

    /// A record is the event that follows from a request.
    fn followed(&mut self, number: u64, sight: Sight) {
        self.placed(number, &sight);
        let planned = self.flights.get(&number).map(|flight| flight.planned);
        if self.arrived(TOPIC, Some(number), sight.at, Some(sight.partition)) {
            self.await_commits(Some(number), planned, &sight);
        }
        self.asides.learn_bytes(sight.hash, number).into_iter().for_each(|aside| self.apply_aside(number, &aside));
        if let Event::Theirs(Some(id)) = &sight.event {
            for later in self.events.learn(id, number) {
                match later {
                    Later::Effect(leg, at) => _ = self.arrived(leg, Some(number), at, None),
                    Later::Aside(aside) => self.apply_aside(number, &aside),
                }
            }
        }
    }

    fn effect(&mut self, leg: Leg, id: Option<&str>, at: At) {
        let Some(id) = id else { return };
        match self.events.number(id) {
            Some(number) => _ = self.arrived(leg, Some(number), at, None),
            None => self.events.wait(id, Later::Effect(leg, at)),
        }
    }

    /// An event arrived at the end of a leg; says whether for the first time. What was sent before this load began concerns nobody.
    fn arrived(&mut self, leg: Leg, number: Option<u64>, at: At, partition: Option<i32>) -> bool {
        let Some(number) = number else {
            // What is nobody's stands on one partition, but in the view that all processes of a load watch.
            if leg == TOPIC || self.frame.split.as_ref().is_none_or(Split::is_first) {
                self.ledger.phantom(leg);
            }
            return false;
        };
        if number < self.frame.first {
            return false;
        }
        if !self.frame.owns(number) {
            self.strays += u64::from(leg == TOPIC);
            return false;
        }
        // A group that handles what it is not said to consume is not judged for it.
        let (lane, key) = (self.frame.lane(number), self.frame.key(number));
        if !lane.legs.get(leg).copied().unwrap_or(false) {
            return false;
        }
        let first = match lane.keyed {
            true => self.ledger.seen_on(leg, key, number, partition),
            false => self.ledger.seen_anywhere(leg, key, number),
        };
        if !first {
            return false;
        }
        self.asides.ended(leg, number);
        self.last_arrived[leg] = self.last_arrived[leg].max(Some(at));
        self.due(leg, number, at);
        if let Some(planned) = self.reached_an_end(number, Some((leg + 1, at))) {
            self.latency(number, leg + 1, at.since(planned));
        }
        true
    }

    /// Counts an event that came to the end of a leg later than it should have.
    fn due(&mut self, leg: Leg, number: u64, at: At) {
        let Some(deadline) = self.frame.lane(number).deadlines.get(leg).copied().flatten() else { return };
        if self.flights.get(&number).is_some_and(|flight| at.since(flight.planned) > deadline) {
            self.ledger.late(leg);
        }
    }

    /// An event has reached one more of its ends, at a stage and an instant if it did not only get lost; when it has reached all, it is
    /// forgotten. Returns when it was planned, if it is measured.
    fn reached_an_end(&mut self, number: u64, stage: Option<(usize, At)>) -> Option<At> {
        // Found once, whether it stays or goes: this is done for every event at every end.
        let Entry::Occupied(mut found) = self.flights.entry(number) else { return None };
        let flight = found.get_mut();
        flight.owes -= 1;
        let (planned, owes, hash) = (flight.planned, flight.owes, flight.hash);
        if let Some((stage, at)) = stage.filter(|_| planned >= self.frame.measured_from) {
            let (arm, stages) = (self.frame.lane(number).arm, self.frame.stages());
            flight.passed.reach(stage, at, |stage, took| {
                self.span_slices[stages::place(arm, stage, stages)].record(took);
            });
        }
        if owes == 0 {
            found.remove();
            hash.into_iter().for_each(|hash| self.recent.keep(number, hash));
        }
        self.is_measured(planned).then_some(planned)
    }

    fn latency(&mut self, number: u64, stage: usize, latency: Duration) {
        let place = stages::place(self.frame.lane(number).arm, stage, self.frame.stages());
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

    /// Records and effects that may be of requests behind the window within which they are known: not judged.
    pub fn beyond_window(&self) -> u64 {
        self.requests.beyond_window() + self.events.beyond_window()
    }

    /// Whether everything that was sent has come to the end of every leg.
    pub fn is_complete(&self) -> bool {
        let counts = self.ledger.counts();
        let fated = counts.acknowledged + counts.refused + counts.unknown == counts.planned;
        fated && self.commits.is_empty() && (0..=self.frame.groups.len()).all(|leg| self.ledger.outstanding(leg) == 0)
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

    /// How many entries are kept in memory of events, all tables together.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.flights.len() + self.ledger.kept() + self.requests.kept() + self.events.kept() + self.asides.kept()
    }
}
