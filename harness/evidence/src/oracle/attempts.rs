//! How often, and how far apart, handling one event was tried: counted in calls to the outside, which a stub records, or in the
//! lines that a service prints.

use std::time::Duration;

use super::order::absent_from_topic;
use super::tracked::Tracked;
use super::waiting::RetryPath;
use super::{Handler, Oracle, Target};
use crate::cause::duration;
use crate::surroundings::grace;
use crate::{At, Cause, Counted, Name, Observation, Proof, Reason, Surroundings, Verdict, Waited};

/// How much sooner than planned an attempt may come: clocks and jitter.
const SOONEST: f64 = 0.9;
/// How much later than twice the planned time: the failed call's own time, and a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// Where attempts show, one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptsSeen {
    /// Calls of this stub.
    AtStub(Name),
    /// Lines of this service.
    InLog(Name),
}

/// One of them.
struct Call {
    event: Name,
    at: At,
    said_ms: Option<i64>,
}

/// What is expected of the calls.
#[derive(Clone, Debug)]
pub struct Expected {
    pub seen_in: AttemptsSeen,
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
    /// Later events that must be called for: without them, "never" proves nothing. These are handled behind it.
    controls: Vec<Tracked>,
    /// Later events that may be handled before it: they show that calls are seen once the group has read it.
    others: Vec<Tracked>,
    /// Since when the group is past every place of the event.
    past: Option<At>,
    since: At,
    /// When it was asked: what a step before it caused anew, as by a replay, has its time from then on.
    asked: At,
    calls: Vec<Call>,
    surroundings: Surroundings,
}

impl Attempts {
    /// The event must have been called for `expected.times` times. `handler` is who calls. `controls` are events that are handled behind
    /// it: of its message and its key, where handling is serial.
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
            others: Vec::new(),
            past: None,
            since,
            asked: since,
            calls: Vec::new(),
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where the service puts what failed into retry topics.
    pub fn retried_over(self, path: RetryPath) -> Attempts {
        Attempts { event: self.event.retried_over(path), ..self }
    }

    /// The same, where these later events show that there are calls once the group is known to have read the event.
    pub fn shown_by(self, others: Vec<Target>) -> Attempts {
        Attempts { others: others.into_iter().map(Tracked::new).collect(), ..self }
    }

    /// The same, asked at `asked` and not when the event came: only from then on is waited, and watched.
    pub fn asked_at(self, asked: At) -> Attempts {
        Attempts { asked, ..self }
    }

    fn calls_for<'a>(&'a self, event: &'a Tracked) -> impl Iterator<Item = &'a Call> + 'a {
        self.calls.iter().filter(move |call| event.id.as_ref() == Some(&call.event))
    }

    /// The call that is missing behind so many.
    fn missing(&self, before: usize) -> String {
        let which =
            |first: &str, one: &str| if before == 0 { first.to_owned() } else { format!("{one} {}", before + 1) };
        let event = self.event.label();
        match &self.expected.seen_in {
            AttemptsSeen::AtStub(stub) => format!("{} of stub \"{stub}\" for {event}", which("a call", "call")),
            AttemptsSeen::InLog(service) => {
                format!("{} in the log of service \"{service}\" for {event}", which("an attempt", "attempt"))
            }
        }
    }

    /// Where nothing was ever printed that tells of an attempt, the silence may be the pattern's.
    fn tells_nothing(&self) -> Option<Reason> {
        let AttemptsSeen::InLog(service) = &self.expected.seen_in else { return None };
        self.calls.is_empty().then(|| Reason::NoPositiveControl {
            detail: format!(
                "service \"{service}\" printed no attempt at any event since the scenario began, so nothing tells that it would print one: look whether `attempts: {{log: …}}` of system.yaml fits its lines"
            ),
        })
    }

    fn judge_too_few(&self, calls: &[&Call], now: At) -> Verdict {
        let Some(place) = self.event.places.first() else {
            return absent_from_topic(&self.event, &self.surroundings, self.since, self.expected.appears, now);
        };
        let seen = self.event.first_seen.unwrap_or(self.since);
        let handler = self.handler.as_ref();
        let base = handler.map_or(seen, |who| self.surroundings.deadline_base(&who.service, &who.group, seen, now));
        let base = base.max(self.asked);
        let limit = self.expected.limit + self.expected.pauses.iter().sum::<Duration>();
        if now <= base + limit + grace(limit) {
            return Verdict::NotYet;
        }
        if let Some(reason) = handler.and_then(|who| self.surroundings.own_doing(&who.service, &who.group)) {
            return Verdict::CannotTell(reason);
        }
        let waits = self.event.waiting.open(&self.surroundings).is_some();
        let death = handler.and_then(|who| self.surroundings.death(&who.service));
        if let Some(reason) = self.tells_nothing().filter(|_| !waits && death.is_none()) {
            return Verdict::CannotTell(reason);
        }
        match handler.filter(|_| calls.is_empty() || waits) {
            Some(who) => Verdict::Broken(Cause::NoEffect {
                what: self.missing(calls.len()),
                waited: Waited { limit, watched: now.since(base) },
                missing: self.event.explain(&self.surroundings, who, place),
            }),
            None => self.wrong_number(calls),
        }
    }

    fn wrong_number(&self, calls: &[&Call]) -> Verdict {
        Verdict::Broken(Cause::Attempts {
            what: self.event.label(),
            counted: match &self.expected.seen_in {
                AttemptsSeen::AtStub(stub) => Counted::AtStub(stub.to_string()),
                AttemptsSeen::InLog(service) => Counted::InLog(service.to_string()),
            },
            expected: self.expected.times,
            actual: calls.len(),
        })
    }

    /// A stub of ours that did not answer in time made its caller try again, or call late: no doing of the caller's. Who was not to
    /// be called at all has no such excuse.
    fn stalled(&self, calls: &[&Call]) -> Option<Verdict> {
        let AttemptsSeen::AtStub(stub) = &self.expected.seen_in else { return None };
        let (first, last) = calls.first().zip(calls.last()).filter(|_| self.expected.times > 0)?;
        self.surroundings.blindness(stub, first.at, last.at).map(Verdict::CannotTell)
    }

    /// As many as expected: nothing more may come for a while, and the pauses must be as planned.
    fn judge_enough(&self, calls: &[&Call], now: At) -> Verdict {
        let Some(last) = calls.last().map(|call| call.at).or_else(|| self.control()) else {
            return self.without_control(now);
        };
        let last = last.max(self.asked);
        if now <= last + self.expected.watch {
            return Verdict::NotYet;
        }
        // What waits for another try may still call.
        if let Some(reason) = self.event.pending(&self.surroundings) {
            let over = now > last + self.expected.watch + self.event.waiting.allowance() + grace(self.expected.limit);
            return if over { Verdict::CannotTell(reason) } else { Verdict::NotYet };
        }
        let gaps: Vec<Duration> = calls.windows(2).map(|pair| pause(pair[0], pair[1])).collect();
        if let Some(at) = self.wrong_pause(&gaps) {
            return self.judge_spacing(calls, at, gaps[at]);
        }
        let apart: Vec<String> = gaps.iter().map(|gap| duration(*gap)).collect();
        let apart = if apart.is_empty() { String::new() } else { format!(", {} apart", apart.join(" and ")) };
        Verdict::Held(Proof::of(match &self.expected.seen_in {
            AttemptsSeen::AtStub(stub) => format!("called {} times at stub \"{stub}\"{apart}", calls.len()),
            AttemptsSeen::InLog(service) => {
                format!("tried {} times by the log of service \"{service}\"{apart}", calls.len())
            }
        }))
    }

    fn wrong_pause(&self, gaps: &[Duration]) -> Option<usize> {
        let fits = |planned: Duration, gap: Duration| gap >= planned.mul_f64(SOONEST) && gap <= planned * 2 + SLACK;
        self.expected.pauses.iter().zip(gaps).position(|(planned, gap)| !fits(*planned, *gap))
    }

    /// A program may keep its lines back and print several at once: when they came accuses nobody, what they say does.
    fn judge_spacing(&self, calls: &[&Call], at: usize, actual: Duration) -> Verdict {
        let times_said = calls[at].said_ms.is_some() && calls[at + 1].said_ms.is_some();
        if matches!(self.expected.seen_in, AttemptsSeen::InLog(_)) && !times_said {
            return Verdict::CannotTell(Reason::TimesUnknown {
                what: self.event.label(),
                detail: format!(
                    "lines {} and {} came {} apart, but a program may keep lines back, and they say no time of their own: add a group `(?<time>…)` to `attempts: {{log: …}}` of system.yaml",
                    at + 1,
                    at + 2,
                    duration(actual)
                ),
            });
        }
        if let Some(verdict) = self.stalled(calls) {
            return verdict;
        }
        let (what, expected) = (self.event.label(), self.expected.pauses[at]);
        Verdict::Broken(Cause::Spacing { what, attempt: at + 2, expected, actual })
    }

    /// When a later event was called for: the path works, so the earlier one would have been.
    fn control(&self) -> Option<At> {
        let behind = self.called_after(&self.controls);
        let others = || self.past.and_then(|past| Some(past.max(self.called_after(&self.others)?)));
        behind.or_else(others)
    }

    fn called_after(&self, controls: &[Tracked]) -> Option<At> {
        let after = self.event.first_seen?;
        let later = controls.iter().filter(|control| control.first_seen.is_some_and(|seen| seen > after));
        later.flat_map(|control| self.calls_for(control)).map(|call| call.at).max()
    }

    fn note_past(&mut self, at: At) {
        let Some(handler) = &self.handler else { return };
        self.past = self.event.is_past(&self.surroundings, &handler.group).then(|| self.past.unwrap_or(at));
    }

    fn without_control(&self, now: At) -> Verdict {
        let limit = self.expected.appears + self.expected.limit;
        if now <= self.since.max(self.asked) + limit + grace(limit) {
            return Verdict::NotYet;
        }
        let what = match &self.expected.seen_in {
            AttemptsSeen::AtStub(stub) => format!("call of stub \"{stub}\""),
            AttemptsSeen::InLog(service) => format!("attempt in the log of service \"{service}\""),
        };
        let detail = format!(
            "no {what} for a later event of this scenario was seen that is handled behind it, so nothing tells that there would have been one: publish an event behind it that must be called for, of the same message and key, or with `group \"…\" has processed it` between them"
        );
        Verdict::CannotTell(Reason::NoPositiveControl { detail })
    }
}

/// From one attempt to the next, by what they say of their time where both do.
fn pause(from: &Call, to: &Call) -> Duration {
    let said = from.said_ms.zip(to.said_ms).map(|(from, to)| u64::try_from(to.saturating_sub(from)).unwrap_or(0));
    said.map_or_else(|| to.at.since(from.at), Duration::from_millis)
}

impl Oracle for Attempts {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.event.observe(observation, "");
        self.controls.iter_mut().chain(&mut self.others).for_each(|control| control.observe(observation, ""));
        self.note_past(observation.at());
        let seen_in = &self.expected.seen_in;
        match observation {
            Observation::Called { stub, event: Some(event), at, .. } if matches!(seen_in, AttemptsSeen::AtStub(name) if name == stub) =>
            {
                self.calls.push(Call { event: event.clone(), at: *at, said_ms: None });
            }
            Observation::Attempted { service, event, said_ms, at } if matches!(seen_in, AttemptsSeen::InLog(name) if name == service) =>
            {
                self.calls.push(Call { event: event.clone(), at: *at, said_ms: *said_ms });
            }
            _ => {}
        }
    }

    fn awaits(&self) -> Option<&Target> {
        Some(&self.event.target)
    }

    fn verdict(&self, now: At) -> Verdict {
        let calls: Vec<&Call> = self.calls_for(&self.event).collect();
        match calls.len().cmp(&self.expected.times) {
            std::cmp::Ordering::Less => self.judge_too_few(&calls, now),
            std::cmp::Ordering::Equal => self.judge_enough(&calls, now),
            std::cmp::Ordering::Greater => self.stalled(&calls).unwrap_or_else(|| self.wrong_number(&calls)),
        }
    }
}
