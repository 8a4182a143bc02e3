//! A view comes to show something, stops showing it, or keeps as it is.

use std::time::Duration;

use super::retried::Retried;
use super::tracked::Tracked;
use super::waiting::RetryPath;
use super::{Handler, OnTopic, Oracle, Target};
use crate::cause::Missing;
use crate::surroundings::{LOOK_PATIENCE, grace};
use crate::{At, Cause, Name, Observation, Proof, Reason, Sample, Seen, Surroundings, Verdict, Waited};

/// An event makes a view show something, or no longer show it, within a limit that counts from the record on its
/// topic. Samples bound the moment of the change from both sides, and the verdict says so where they leave it open.
pub struct ViewBecomes {
    on_topic: OnTopic,
    handler: Handler,
    look: Look,
    limit: Duration,
    /// The cause once more, where its handler puts what failed into retry topics: for the diagnosis.
    retried: Option<Tracked>,
}

/// What is looked for, and what the samples have said so far.
struct Look {
    what: String,
    view: Name,
    subject: Name,
    want: bool,
    /// A match counts only from a look that began at this time or later: what was so before this step says nothing of
    /// what is so now.
    from: Option<At>,
    shown_before: bool,
    last_contrary: Option<Sample>,
    first_match: Option<Sample>,
    silence: Option<String>,
}

impl ViewBecomes {
    /// `what` is how messages call what is looked for. `want`: whether the view should show the subject, or no longer.
    #[allow(clippy::too_many_arguments)] // each is a part of the sentence that it judges
    pub fn new(
        what: &str,
        cause: OnTopic,
        handler: Handler,
        view: &str,
        subject: &str,
        want: bool,
        limit: Duration,
    ) -> ViewBecomes {
        let look = Look {
            what: what.to_owned(),
            view: view.into(),
            subject: subject.into(),
            want,
            from: None,
            shown_before: false,
            last_contrary: None,
            first_match: None,
            silence: None,
        };
        ViewBecomes { on_topic: cause, handler, look, limit, retried: None }
    }

    /// The same, where only looks that began at `from` or later can find it.
    pub fn looking_from(mut self, from: At) -> ViewBecomes {
        self.look.from = Some(from);
        self
    }

    /// The same, where the service puts what failed into retry topics.
    pub fn retried_over(self, path: RetryPath) -> ViewBecomes {
        let retried = Some(Tracked::new(self.on_topic.target().clone()).retried_over(path));
        ViewBecomes { retried, ..self }
    }

    /// The event that should cause the change.
    pub fn target(&self) -> &Target {
        self.on_topic.target()
    }

    fn judge(&self, seen: &Seen, now: At) -> Verdict {
        let (service, group) = (&self.handler.service, &self.handler.group);
        let came = self.on_topic.came_at().unwrap_or(seen.at);
        let until = self.look.first_match.as_ref().map_or(now, |found| found.answered);
        let base = self.on_topic.surroundings().deadline_base(service, group, came, until);
        if let Some(found) = &self.look.first_match {
            return self.judge_match(base, found);
        }
        if now <= base + self.limit + grace(self.limit) {
            return Verdict::NotYet;
        }
        let surroundings = self.on_topic.surroundings();
        if let Some(reason) = surroundings.own_doing(service, group) {
            return Verdict::CannotTell(reason);
        }
        // A view that is silent because its service died by itself shows nothing, and that is the service's doing.
        let missing = match (self.look.silence_since(base + self.limit), surroundings.end_of(service)) {
            (Some(reason), None) => {
                return match now > base + self.limit + grace(self.limit) + LOOK_PATIENCE {
                    true => Verdict::CannotTell(reason),
                    false => Verdict::NotYet,
                };
            }
            (Some(_), Some(death)) => Missing::ServiceDead(death.clone()),
            (None, _) => self.explain(seen),
        };
        let what = self.look.what.clone();
        let waited = Waited { limit: self.limit, watched: now.since(base) };
        Verdict::Broken(match self.look.want {
            true => Cause::NoEffect { what, waited, missing },
            false => Cause::StillShown { what, waited, missing },
        })
    }

    fn explain(&self, seen: &Seen) -> Missing {
        let surroundings = self.on_topic.surroundings();
        match &self.retried {
            Some(event) => event.explain(surroundings, &self.handler, &seen.place()),
            None => surroundings.explain(&self.handler.service, &self.handler.group, &seen.place()),
        }
    }

    fn judge_match(&self, base: At, found: &Sample) -> Verdict {
        if !self.look.want && !self.look.shown_before {
            let detail = format!("view \"{}\" never showed it, so it cannot be seen to go", self.look.view);
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        }
        let latest = found.answered.since(base);
        if latest <= self.limit {
            if let Err(reason) = self.on_topic.in_time(&self.handler, found.answered, self.limit) {
                return Verdict::CannotTell(reason);
            }
            let became = if self.look.want { "was shown" } else { "was gone" };
            return Verdict::Held(Proof::timed(format!("{} {became}", self.look.what), latest));
        }
        let earliest = self.look.last_contrary.as_ref().map_or(Duration::ZERO, |last| last.asked.since(base));
        if earliest < self.limit {
            return Verdict::CannotTell(Reason::BetweenSamples { earliest, latest, limit: self.limit });
        }
        let by = earliest - self.limit;
        Verdict::Broken(Cause::Late { what: self.look.what.clone(), limit: self.limit, by })
    }
}

impl Look {
    fn take(&mut self, sample: &Sample, cause: Option<&Seen>) {
        if sample.view != self.view || sample.subject != self.subject {
            return;
        }
        // "No longer there" counts only from a look that began after the cause was on its topic.
        let fresh = self.from.is_none_or(|from| sample.asked >= from);
        let counts = fresh && (self.want || cause.is_some_and(|cause| sample.asked >= cause.at));
        match sample.shown {
            None => self.silence = Some(sample.detail.clone()),
            Some(shown) if shown != self.want => {
                self.shown_before |= shown;
                self.last_contrary = Some(sample.clone());
            }
            Some(_) if counts && self.first_match.is_none() => self.first_match = Some(sample.clone()),
            Some(_) => {}
        }
    }

    /// The reason for having no verdict if nobody looked after the deadline.
    fn silence_since(&self, deadline: At) -> Option<Reason> {
        let looked = self.last_contrary.as_ref().is_some_and(|last| last.asked >= deadline);
        let detail = || self.silence.clone().unwrap_or_else(|| "it was not asked after the deadline".to_owned());
        (!looked).then(|| Reason::ViewSilent { view: self.view.to_string(), detail: detail() })
    }
}

impl Oracle for ViewBecomes {
    fn observe(&mut self, observation: &Observation) {
        self.on_topic.observe(observation);
        self.retried.iter_mut().for_each(|event| event.observe(observation, ""));
        if let Observation::Sampled(sample) = observation {
            self.look.take(sample, self.on_topic.found());
        }
    }

    fn awaits(&self) -> Option<&Target> {
        Some(self.on_topic.target())
    }

    fn verdict(&self, now: At) -> Verdict {
        match self.on_topic.found() {
            Some(seen) => self.judge(seen, now),
            None => self.on_topic.verdict(now),
        }
    }
}

/// A view keeps showing, or keeps not showing, something for a while.
pub struct ViewKeeps {
    what: String,
    view: Name,
    subject: Name,
    want: bool,
    since: At,
    lasting: Duration,
    looks: u32,
    last: Option<At>,
    contrary: Option<Sample>,
    silence: Option<String>,
    /// What could still change it, where it may wait in retry topics.
    retried: Option<Retried>,
    surroundings: Surroundings,
}

impl ViewKeeps {
    /// The view must show (`want`) or not show the subject at every look from `since` for the time `lasting`.
    pub fn new(what: &str, view: &str, subject: &str, want: bool, since: At, lasting: Duration) -> ViewKeeps {
        ViewKeeps {
            what: what.to_owned(),
            view: view.into(),
            subject: subject.into(),
            want,
            since,
            lasting,
            looks: 0,
            last: None,
            contrary: None,
            silence: None,
            retried: None,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where this event may wait in retry topics: while it does, that nothing is shown proves nothing, and the time
    /// counts from its last try.
    pub fn retried_over(self, event: Target, path: RetryPath) -> ViewKeeps {
        ViewKeeps { retried: Some(Retried::new(event, path)), ..self }
    }

    /// The reason for having no verdict, or for waiting on: the event may still be tried again.
    fn pending(&self, now: At) -> Option<Verdict> {
        let event = self.retried.as_ref()?;
        let over = now > self.since + self.lasting + event.allowance() + grace(self.lasting) + LOOK_PATIENCE;
        let reason = event.pending(&self.surroundings, self.since, now)?;
        Some(if over { Verdict::CannotTell(reason) } else { Verdict::NotYet })
    }
}

impl Oracle for ViewKeeps {
    fn observe(&mut self, observation: &Observation) {
        if let Some(event) = &mut self.retried {
            self.surroundings.observe(observation);
            event.observe(observation, &self.surroundings);
        }
        let Observation::Sampled(sample) = observation else { return };
        if sample.view != self.view || sample.subject != self.subject || sample.asked < self.since {
            return;
        }
        match sample.shown {
            None => self.silence = Some(sample.detail.clone()),
            Some(shown) if shown == self.want => {
                self.looks += 1;
                self.last = Some(sample.asked);
            }
            Some(_) => {
                self.contrary.get_or_insert_with(|| sample.clone());
            }
        }
    }

    fn verdict(&self, now: At) -> Verdict {
        let settled = self.retried.as_ref().and_then(Retried::settled);
        let end = settled.unwrap_or(self.since).max(self.since) + self.lasting;
        if let Some(contrary) = &self.contrary {
            return Verdict::Broken(Cause::Unwanted {
                what: self.what.clone(),
                view: self.view.to_string(),
                after: contrary.answered.since(self.since),
            });
        }
        if let Some(pending) = self.pending(now) {
            return pending;
        }
        if self.last.is_some_and(|last| last >= end) {
            return Verdict::Held(Proof::of(format!("{} as wanted at {} looks", self.what, self.looks)));
        }
        if now <= end + grace(self.lasting) + LOOK_PATIENCE {
            return Verdict::NotYet;
        }
        let detail = self.silence.clone().unwrap_or_else(|| "it was not asked to the end".to_owned());
        Verdict::CannotTell(Reason::ViewSilent { view: self.view.to_string(), detail })
    }
}
