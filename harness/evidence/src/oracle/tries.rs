//! How often, and how far apart, handling one event was tried, where the tries go over retry topics: the first on the event's own
//! topic, every further one by a record there, the last one ended by a dead letter or by the effect.

use std::time::Duration;

use super::order::absent_from_topic;
use super::tracked::Tracked;
use super::waiting::{RecordLink, RetryPath, Wait};
use super::{Handler, Oracle, Target};
use crate::cause::duration;
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict, Waited};

/// How much sooner than planned an attempt may come: clocks and jitter.
const SOONEST: f64 = 0.9;
/// How much later than twice the planned time, beside the attempt's own: a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// How late the recorder may be with a record, where only its clock tells of a pause.
const RECORDED: Duration = Duration::from_millis(250);

/// What is expected of the tries.
#[derive(Clone, Debug)]
pub struct ExpectedTries {
    /// In all, the first among them.
    pub times: usize,
    /// The pauses between them, the first between the first and the second.
    pub pauses: Vec<Duration>,
    /// From the cause of the event to its record on the topic.
    pub appears: Duration,
    /// What one attempt may take.
    pub limit: Duration,
    /// How long after the last try no further one may come.
    pub watch: Duration,
    /// Where it shows that one succeeded.
    pub view: Option<Name>,
    /// Where it goes once none has: the topic, and what links it.
    pub dead: Option<(Name, RecordLink)>,
}

/// Counts and times the tries of one event over retry topics.
pub struct Tries {
    event: Tracked,
    handler: Handler,
    expected: ExpectedTries,
    since: At,
    /// Watched is from then on: what a step before caused anew has its time.
    asked: At,
    surroundings: Surroundings,
}

/// When something was seen of an attempt, by our clock and by the record's own.
#[derive(Clone)]
struct Mark {
    what: String,
    topic: Option<String>,
    at: At,
    timestamp_ms: Option<i64>,
}

impl Mark {
    fn of(wait: &Wait, what: &str) -> Mark {
        let topic = Some(wait.place.topic.clone());
        Mark { what: format!("{what}{}", wait.place), topic, at: wait.at, timestamp_ms: wait.timestamp_ms }
    }
}

impl Tries {
    /// The event must have been tried `expected.times` times on its way over `path`.
    pub fn new(event: Target, path: RetryPath, handler: Handler, expected: ExpectedTries, since: At) -> Tries {
        let path = RetryPath { dead: expected.dead.clone(), ..path };
        Tries {
            event: Tracked::new(event).retried_over(path),
            handler,
            expected,
            since,
            asked: since,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, asked at `asked` and not when the event came: only from then on is watched.
    pub fn asked_at(self, asked: At) -> Tries {
        Tries { asked, ..self }
    }

    /// What ended the last attempt: the dead letter, or the effect.
    fn end(&self) -> Option<Mark> {
        let dead = self.event.letters.waits().first().map(|letter| Mark::of(letter, "dead-lettered at "));
        let effect = || {
            let what = format!("its effect in view \"{}\"", self.expected.view.as_deref().unwrap_or_default());
            self.event.last_effect.map(|at| Mark { what, topic: None, at, timestamp_ms: None })
        };
        dead.or_else(effect)
    }

    fn places(&self) -> Vec<String> {
        self.event.waiting.waits().iter().map(|wait| wait.place.to_string()).collect()
    }

    fn wrong_number(&self) -> Verdict {
        let (expected, places) = (self.expected.times, self.places());
        Verdict::Broken(Cause::Retried { what: self.event.label(), expected, actual: places.len() + 1, places })
    }

    /// It came to an end after too few: unless the recorder learns of the others later, or could not see them.
    fn judge_too_few(&self, end: &Mark, now: At) -> Verdict {
        if now <= end.at + grace(Duration::ZERO) {
            return Verdict::NotYet;
        }
        let blindness = self.event.blind_to_retries(&self.surroundings, self.since, now);
        blindness.map_or_else(|| self.wrong_number(), Verdict::CannotTell)
    }

    /// Nothing shows that the attempt that is due has ended.
    fn judge_unfinished(&self, now: At) -> Verdict {
        let Some(place) = self.event.places.first() else {
            return absent_from_topic(&self.event, &self.surroundings, self.since, self.expected.appears, now);
        };
        let waits = self.event.waiting.waits();
        let began = waits.last().map_or(self.event.first_seen, |last| Some(last.at)).unwrap_or(self.since);
        let base = self.surroundings.deadline_base(&self.handler.service, &self.handler.group, began, now);
        let pause = waits.len().checked_sub(1).and_then(|before| self.expected.pauses.get(before));
        let limit = pause.copied().unwrap_or_default() * 2 + self.expected.limit;
        if now <= base + limit + grace(limit) {
            return Verdict::NotYet;
        }
        let own_doing = self.surroundings.own_doing(&self.handler.service, &self.handler.group);
        if let Some(reason) = own_doing.or_else(|| self.cannot_see_the_end(now)) {
            return Verdict::CannotTell(reason);
        }
        Verdict::Broken(Cause::NoEffect {
            what: format!("an end of attempt {} of {}", waits.len() + 1, self.event.label()),
            waited: Waited { limit, watched: now.since(base) },
            missing: self.event.explain(&self.surroundings, &self.handler, place),
        })
    }

    fn cannot_see_the_end(&self, now: At) -> Option<Reason> {
        let view = self.expected.view.iter();
        let mut unseen = view.chain(self.event.letters.topics()).chain(self.event.waiting.topics());
        unseen.find_map(|what| self.surroundings.blindness(what, self.since, now))
    }

    /// As many as expected: nothing more may come for a while, and the pauses must be as planned.
    fn judge_enough(&self, end: Mark, now: At) -> Verdict {
        let waits = self.event.waiting.waits();
        let last = waits.iter().map(|wait| wait.at).max().unwrap_or(end.at).max(end.at).max(self.asked);
        if now <= last + self.expected.watch {
            return Verdict::NotYet;
        }
        let mut marks: Vec<Mark> = waits.iter().map(|wait| Mark::of(wait, "")).collect();
        marks.push(end);
        let pairs = marks.windows(2).zip(&self.expected.pauses).enumerate();
        let wrong =
            pairs.filter_map(|(number, (pair, planned))| self.spacing(number, &pair[0], &pair[1], *planned)).next();
        wrong.or_else(|| self.may_have_missed_one(now)).unwrap_or_else(|| Verdict::Held(Proof::of(told(&marks))))
    }

    /// A further try, or another letter, may stand where we could not look.
    fn may_have_missed_one(&self, now: At) -> Option<Verdict> {
        let letters = || self.event.letters.topics().find_map(|one| self.surroundings.blindness(one, self.since, now));
        self.event.blind_to_retries(&self.surroundings, self.since, now).or_else(letters).map(Verdict::CannotTell)
    }

    /// What is wrong with a pause. It is as planned if either clock says so: the recorder may have been late, and some
    /// producers keep the time of the record that it was.
    fn spacing(&self, number: usize, from: &Mark, to: &Mark, planned: Duration) -> Option<Verdict> {
        let (soonest, latest) = (planned.mul_f64(SOONEST), planned * 2 + self.expected.limit + SLACK);
        let fits = |gap: Duration| gap >= soonest && gap <= latest;
        let seen = to.at.since(from.at);
        let own = from.timestamp_ms.zip(to.timestamp_ms).map(|(from, to)| between(from, to));
        if fits(seen) || (own.is_none() && fits(seen + RECORDED)) || own.is_some_and(fits) {
            return None;
        }
        let late = to.topic.as_ref().and_then(|topic| self.surroundings.late_sight(topic, from.at, to.at));
        Some(late.map_or_else(
            || {
                let (what, attempt) = (self.event.label(), number + 2);
                Verdict::Broken(Cause::Spacing { what, attempt, expected: planned, actual: seen })
            },
            Verdict::CannotTell,
        ))
    }
}

fn between(from_ms: i64, to_ms: i64) -> Duration {
    Duration::from_millis(to_ms.saturating_sub(from_ms).try_into().unwrap_or_default())
}

fn told(marks: &[Mark]) -> String {
    let (tries, places) = (marks.len(), marks.iter().map(|mark| mark.what.as_str()).collect::<Vec<_>>().join(", "));
    let apart: Vec<String> = marks.windows(2).map(|pair| duration(pair[1].at.since(pair[0].at))).collect();
    let apart = if apart.is_empty() { String::new() } else { format!(", {} apart", apart.join(" and ")) };
    let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
    format!("tried {times}{apart}: {places}")
}

impl Oracle for Tries {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.event.observe(observation, self.expected.view.as_deref().unwrap_or_default());
    }

    fn awaits(&self) -> Option<&Target> {
        Some(&self.event.target)
    }

    fn verdict(&self, now: At) -> Verdict {
        let tries = self.event.waiting.waits().len() + 1;
        match (tries.cmp(&self.expected.times), self.end()) {
            (std::cmp::Ordering::Greater, _) => self.wrong_number(),
            (_, None) => self.judge_unfinished(now),
            (std::cmp::Ordering::Less, Some(end)) => self.judge_too_few(&end, now),
            (std::cmp::Ordering::Equal, Some(end)) => self.judge_enough(end, now),
        }
    }
}
