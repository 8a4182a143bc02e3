//! How often, and how far apart, handling one event was tried: counted in calls to the outside, which a stub records.

use std::time::Duration;

use super::order::absent_from_topic;
use super::tracked::Tracked;
use super::{Handler, Oracle, Target};
use crate::cause::duration;
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict};

/// How much sooner than planned an attempt may come: clocks and jitter.
const SOONEST: f64 = 0.9;
/// How much later than twice the planned time: the failed call's own time, and a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// What is expected of the calls.
#[derive(Clone, Debug)]
pub struct Expected {
    pub stub: Name,
    pub times: usize,
    /// The pauses between attempts, the first between the first and the second; empty where they do not matter.
    pub pauses: Vec<Duration>,
    /// From the cause of the event to its record on the topic.
    pub appears: Duration,
    /// From the record on its topic to the first call.
    pub limit: Duration,
    /// How long after the last call no further one may come.
    pub watch: Duration,
}

/// Counts and times the calls that one event causes.
pub struct Attempts {
    event: Tracked,
    handler: Option<Handler>,
    expected: Expected,
    /// Later events that must be called for: without them, "never" proves nothing.
    controls: Vec<Tracked>,
    since: At,
    calls: Vec<(Name, At)>,
    surroundings: Surroundings,
}

impl Attempts {
    /// The event must have been called for `expected.times` times. `handler` is who calls, for the diagnosis.
    pub fn new(
        event: Target,
        handler: Option<Handler>,
        expected: Expected,
        controls: Vec<Target>,
        since: At,
    ) -> Attempts {
        Attempts {
            event: Tracked::new(event),
            handler,
            expected,
            controls: controls.into_iter().map(Tracked::new).collect(),
            since,
            calls: Vec::new(),
            surroundings: Surroundings::default(),
        }
    }

    fn calls_for<'a>(&'a self, event: &'a Tracked) -> impl Iterator<Item = At> + 'a {
        let its = move |id: &Name| event.id.as_ref() == Some(id);
        self.calls.iter().filter(move |(id, _)| its(id)).map(|(_, at)| *at)
    }

    fn judge_too_few(&self, calls: &[At], now: At) -> Verdict {
        let Some(place) = self.event.places.first() else {
            return absent_from_topic(&self.event, &self.surroundings, self.since, self.expected.appears, now);
        };
        let seen = self.event.first_seen.unwrap_or(self.since);
        let handler = self.handler.as_ref();
        let base = handler.map_or(seen, |who| self.surroundings.deadline_base(&who.service, &who.group, seen));
        let limit = self.expected.limit + self.expected.pauses.iter().sum::<Duration>();
        if now <= base + limit + grace(limit) {
            return Verdict::NotYet;
        }
        if let Some(reason) = handler.and_then(|who| self.surroundings.own_doing(&who.service)) {
            return Verdict::CannotTell(reason);
        }
        match handler.filter(|_| calls.is_empty()) {
            Some(who) => Verdict::Broken(Cause::NoEffect {
                what: format!("a call of stub \"{}\" for {}", self.expected.stub, self.event.label()),
                waited: now.since(base),
                missing: self.surroundings.explain(&who.service, &who.group, place),
            }),
            None => self.wrong_number(calls),
        }
    }

    fn wrong_number(&self, calls: &[At]) -> Verdict {
        Verdict::Broken(Cause::Attempts {
            what: self.event.label(),
            stub: self.expected.stub.to_string(),
            expected: self.expected.times,
            actual: calls.len(),
        })
    }

    /// As many as expected: nothing more may come for a while, and the pauses must be as planned.
    fn judge_enough(&self, calls: &[At], now: At) -> Verdict {
        let Some(last) = calls.last().copied().or_else(|| self.control()) else { return self.without_control(now) };
        if now <= last + self.expected.watch {
            return Verdict::NotYet;
        }
        let gaps: Vec<Duration> = calls.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let wrong = self
            .expected
            .pauses
            .iter()
            .zip(&gaps)
            .position(|(planned, gap)| *gap < planned.mul_f64(SOONEST) || *gap > *planned * 2 + SLACK);
        if let Some(at) = wrong {
            return Verdict::Broken(Cause::Spacing {
                what: self.event.label(),
                attempt: at + 2,
                expected: self.expected.pauses[at],
                actual: gaps[at],
            });
        }
        let apart: Vec<String> = gaps.iter().map(|gap| duration(*gap)).collect();
        let apart = if apart.is_empty() { String::new() } else { format!(", {} apart", apart.join(" and ")) };
        let stub = &self.expected.stub;
        Verdict::Held(Proof::of(format!("called {} times at stub \"{stub}\"{apart}", calls.len())))
    }

    /// When a later event was called for: the path works, so the earlier one would have been.
    fn control(&self) -> Option<At> {
        let after = self.event.first_seen?;
        let later = self.controls.iter().filter(|control| control.first_seen.is_some_and(|seen| seen > after));
        later.flat_map(|control| self.calls_for(control)).max()
    }

    fn without_control(&self, now: At) -> Verdict {
        let limit = self.expected.appears + self.expected.limit;
        if now <= self.since + limit + grace(limit) {
            return Verdict::NotYet;
        }
        let detail = format!(
            "no call of stub \"{}\" for a later event of this scenario was seen, so nothing tells that there would have been one: publish an event behind it that must be called for",
            self.expected.stub
        );
        Verdict::CannotTell(Reason::NoPositiveControl { detail })
    }
}

impl Oracle for Attempts {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.event.observe(observation, "");
        self.controls.iter_mut().for_each(|control| control.observe(observation, ""));
        if let Observation::Called { stub, event: Some(event), at, .. } = observation
            && *stub == self.expected.stub
        {
            self.calls.push((event.clone(), *at));
        }
    }

    fn verdict(&self, now: At) -> Verdict {
        let calls: Vec<At> = self.calls_for(&self.event).collect();
        match calls.len().cmp(&self.expected.times) {
            std::cmp::Ordering::Less => self.judge_too_few(&calls, now),
            std::cmp::Ordering::Equal => self.judge_enough(&calls, now),
            std::cmp::Ordering::Greater => self.wrong_number(&calls),
        }
    }
}
