//! What a view shows never goes back to an older version, though something is handled that could make it.

use std::time::Duration;

use super::tracked::Tracked;
use super::waiting::RetryPath;
use super::{Handler, Oracle, Target};
use crate::surroundings::{LOOK_PATIENCE, grace};
use crate::{At, Cause, Name, Observation, Proof, Reason, Sample, Surroundings, Verdict};

/// Looks at an item whose versions may only grow. That no older one is shown proves something once the event is known to have been
/// handled: read by the group, and waiting for no other try.
pub struct NeverOlder {
    what: String,
    view: Name,
    subject: Name,
    event: Tracked,
    /// Others that may make it: they must have been handled as well.
    others: Vec<Tracked>,
    handler: Handler,
    since: At,
    lasting: Duration,
    /// How long the event may take to be handled.
    patience: Duration,
    /// Ever newer versions, and when each was shown: answered for the first time, and for the last.
    shown: Vec<(i64, At)>,
    looks: u32,
    last: Option<At>,
    contrary: Option<Cause>,
    silence: Option<String>,
    handled: Option<At>,
    surroundings: Surroundings,
}

impl NeverOlder {
    /// From `since` on, and for `lasting` after `handler` has handled `event`, no look at the subject shows an older version than a
    /// look before. Looks from before `since` count as such.
    pub fn new(
        what: &str,
        (view, subject): (&str, &str),
        (event, handler): (Target, Handler),
        since: At,
        lasting: Duration,
        patience: Duration,
    ) -> NeverOlder {
        NeverOlder {
            what: what.to_owned(),
            view: view.into(),
            subject: subject.into(),
            event: Tracked::new(event),
            others: Vec::new(),
            handler,
            since,
            lasting,
            patience,
            shown: Vec::new(),
            looks: 0,
            last: None,
            contrary: None,
            silence: None,
            handled: None,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where the event may wait in retry topics.
    pub fn retried_over(self, path: RetryPath) -> NeverOlder {
        NeverOlder { event: self.event.retried_over(path), ..self }
    }

    /// The same, where these events of the group may show something older, too: one that is published once more among them.
    pub fn beside(self, others: Vec<(Target, RetryPath)>) -> NeverOlder {
        let others = others.into_iter().map(|(event, path)| Tracked::new(event).retried_over(path)).collect();
        NeverOlder { others, ..self }
    }

    fn all(&self) -> impl Iterator<Item = &Tracked> {
        std::iter::once(&self.event).chain(&self.others)
    }

    fn is_read(&self, event: &Tracked) -> bool {
        event.is_past(&self.surroundings, &self.handler.group)
    }

    fn look(&mut self, sample: &Sample) {
        let Some(version) = sample.version else {
            self.silence = Some(match sample.shown {
                Some(true) => "it is shown without a version".to_owned(),
                Some(false) => "it is not shown".to_owned(),
                None => sample.detail.clone(),
            });
            return;
        };
        self.looks += 1;
        self.last = Some(sample.asked);
        // Looks may overlap: one answers for any moment since it was asked, so only what was answered before that came before it.
        match self.shown.iter().rfind(|(_, answered)| *answered <= sample.asked) {
            Some((newest, at)) if version < *newest => {
                let (what, view, after) = (self.what.clone(), self.view.to_string(), sample.answered.since(*at));
                self.contrary.get_or_insert(Cause::WentBack { what, view, version, newest: *newest, after });
            }
            _ => self.note_shown(version, sample.answered),
        }
    }

    fn note_shown(&mut self, version: i64, answered: At) {
        let newest = self.shown.last().map_or(version, |(newest, _)| *newest);
        if version < newest {
            return;
        }
        if self.shown.iter().rev().take(2).filter(|(shown, _)| *shown == version).count() == 2 {
            self.shown.pop();
        }
        self.shown.push((version, answered));
    }

    fn note_handled(&mut self, at: At) {
        let is_handled = self.all().all(|event| self.is_read(event)) && self.pending(at).is_none();
        self.handled = is_handled.then(|| self.handled.unwrap_or(at));
    }

    fn pending(&self, now: At) -> Option<Reason> {
        let blindness = |event: &Tracked| event.blind_to_retries(&self.surroundings, self.since, now);
        self.all().find_map(|event| event.pending(&self.surroundings).or_else(|| blindness(event)))
    }

    /// The event is not known to have been handled.
    fn judge_unhandled(&self, now: At) -> Verdict {
        let allowance = self.all().map(|event| event.waiting.allowance()).max().unwrap_or_default();
        let limit = self.patience + self.lasting + allowance;
        if now <= self.since + limit + grace(self.patience) {
            return Verdict::NotYet;
        }
        let own_doing = self.surroundings.own_doing(&self.handler.service, &self.handler.group);
        let reason = own_doing.or_else(|| self.pending(now)).unwrap_or_else(|| {
            let event = self.all().find(|event| !self.is_read(event)).unwrap_or(&self.event);
            let why = event.last_copy().map_or("it was not seen on its topic".to_owned(), |place| {
                event.explain(&self.surroundings, &self.handler, place).to_string()
            });
            let detail = format!("{} is not known to have been handled: {why}", event.label());
            Reason::NoPositiveControl { detail }
        });
        Verdict::CannotTell(reason)
    }

    fn judge_watched(&self, handled: At, now: At) -> Verdict {
        let end = handled.max(self.since) + self.lasting;
        match self.shown.last() {
            Some((newest, _)) if self.last.is_some_and(|last| last >= end) => Verdict::Held(Proof::of(format!(
                "version {newest} of {} at the last of {} looks, and never an older one after a newer",
                self.what, self.looks
            ))),
            _ if now <= end + grace(self.lasting) + LOOK_PATIENCE => Verdict::NotYet,
            _ => {
                let detail = self.silence.clone().unwrap_or_else(|| "it was not asked to the end".to_owned());
                Verdict::CannotTell(Reason::ViewSilent { view: self.view.to_string(), detail })
            }
        }
    }
}

impl Oracle for NeverOlder {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        std::iter::once(&mut self.event).chain(&mut self.others).for_each(|event| event.observe(observation, ""));
        self.note_handled(observation.at());
        if let Observation::Sampled(sample) = observation
            && sample.view == self.view
            && sample.subject == self.subject
        {
            self.look(sample);
        }
    }

    fn verdict(&self, now: At) -> Verdict {
        match (&self.contrary, self.handled) {
            (Some(cause), _) => Verdict::Broken(cause.clone()),
            (None, Some(handled)) => self.judge_watched(handled, now),
            (None, None) => self.judge_unhandled(now),
        }
    }
}
