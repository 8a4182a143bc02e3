//! Of many events, a share at least has its effect in time.

use std::time::Duration;

use super::tracked::Tracked;
use super::{Handler, Oracle, Target};
use crate::cause::{Missing, duration, trimmed};
use crate::surroundings::grace;
use crate::{At, Cause, Name, Observation, Proof, Reason, Surroundings, Verdict};

/// Many events, of which a share must have its effect within a limit that counts from each one's record on the topic.
pub struct ShareInTime {
    events: Vec<Tracked>,
    handler: Handler,
    view: Name,
    /// 0 to 1.
    share: f64,
    since: At,
    limit: Duration,
    /// How long an effect may be there before it is seen.
    sight: Duration,
    surroundings: Surroundings,
}

/// What became of one event.
enum Fate {
    InTime,
    /// After so long.
    Late(Duration),
    Missing(Option<Missing>),
    /// There is time yet.
    Open,
    Unsure(Reason),
}

impl ShareInTime {
    /// `share` (0 to 1) of the events must have an effect in `view` within `limit` after its record, or after the service's group was
    /// stable again if we had disturbed the service. The view shows an effect `sight` late at most.
    pub fn new(
        events: Vec<Target>,
        handler: Handler,
        view: &str,
        share: f64,
        since: At,
        limit: Duration,
    ) -> ShareInTime {
        ShareInTime {
            events: events.into_iter().map(Tracked::new).collect(),
            handler,
            view: view.into(),
            share,
            since,
            limit,
            sight: Duration::ZERO,
            surroundings: Surroundings::default(),
        }
    }

    /// The same, where an effect may be there for so long before it is seen.
    pub fn seen_within(self, sight: Duration) -> ShareInTime {
        ShareInTime { sight, ..self }
    }

    fn fate(&self, event: &Tracked, now: At) -> Fate {
        let Some(seen) = event.first_seen else { return self.unseen(event, now) };
        let base = self.surroundings.deadline_base(
            &self.handler.service,
            &self.handler.group,
            seen,
            event.first_effect.unwrap_or(now),
        );
        match event.first_effect {
            Some(effect) => self.timed(event, seen, base, effect),
            None => self.without(event, seen, base, now),
        }
    }

    /// Its record was not seen: there may be none, or it was not looked for.
    fn unseen(&self, event: &Tracked, now: At) -> Fate {
        if now <= self.since + self.limit + grace(self.limit) {
            return Fate::Open;
        }
        let blindness = self.surroundings.blindness(&event.target.topic, self.since, now);
        blindness.map_or(Fate::Missing(None), Fate::Unsure)
    }

    fn timed(&self, event: &Tracked, seen: At, base: At, effect: At) -> Fate {
        let late = |what: &str, from: At, to: At| self.surroundings.late_sight(what, from, to);
        if effect.since(self.since) <= self.limit {
            return Fate::InTime;
        }
        // A record that was read late has had more time than it seems.
        if let Some(reason) = late(&event.target.topic, self.since, seen) {
            return Fate::Unsure(reason);
        }
        let took = match self.took(seen, base, effect) {
            Ok(took) if took <= self.limit => return Fate::InTime,
            Ok(took) => took,
            Err(reason) => return Fate::Unsure(reason),
        };
        if let Some(reason) = late(&self.view, seen, effect) {
            return Fate::Unsure(reason);
        }
        let earliest = took.saturating_sub(self.sight);
        match earliest <= self.limit {
            true => Fate::Unsure(Reason::BetweenSamples { earliest, latest: took, limit: self.limit }),
            false => Fate::Late(took),
        }
    }

    /// How long it took: from its record on, or from when the group was stable again if we had disturbed the service before.
    fn took(&self, seen: At, base: At, effect: At) -> Result<Duration, Reason> {
        let (service, group) = (&self.handler.service, &self.handler.group);
        let whole = effect.since(seen);
        let is_disturbed = || self.surroundings.is_disturbed(service, group, seen, effect);
        if whole <= self.limit || !is_disturbed() {
            return Ok(whole);
        }
        if effect >= base {
            return Ok(effect.since(base));
        }
        let detail = format!("it disturbed service \"{service}\", before or while events were handled");
        Err(Reason::OwnDoing { detail })
    }

    fn without(&self, event: &Tracked, seen: At, base: At, now: At) -> Fate {
        if now <= base + self.limit + self.sight + grace(self.limit) {
            return Fate::Open;
        }
        let own_doing = self.surroundings.own_doing(&self.handler.service, &self.handler.group);
        if let Some(reason) = own_doing.or_else(|| self.surroundings.blindness(&self.view, seen, now)) {
            return Fate::Unsure(reason);
        }
        let explained = event.places.first().map(|place| event.explain(&self.surroundings, &self.handler, place));
        Fate::Missing(explained)
    }

    fn percent(&self, part: usize, of: usize) -> String {
        trimmed(part as f64 * 100.0 / of as f64, 2)
    }

    fn held(&self, in_time: usize, of: usize) -> Verdict {
        let rest = match self.events.len() - of {
            0 => String::new(),
            n => format!("; {n} whose publishing failed or is uncertain are not judged"),
        };
        Verdict::Held(Proof::of(format!(
            "{in_time} of {of} events ({} %) had their effect in view \"{}\" within {}{rest}",
            self.percent(in_time, of),
            self.view,
            duration(self.limit)
        )))
    }

    fn broken(&self, fates: &[Fate], in_time: usize) -> Verdict {
        let of = fates.len();
        let late: Vec<Duration> =
            fates.iter().filter_map(|one| if let Fate::Late(took) = one { Some(*took) } else { None }).collect();
        let missing: Vec<&Option<Missing>> =
            fates.iter().filter_map(|one| if let Fate::Missing(why) = one { Some(why) } else { None }).collect();
        let mut actual = format!("{in_time} ({} %) had it", self.percent(in_time, of));
        if let Some(slowest) = late.iter().max() {
            actual += &format!("; {} too late, the slowest after {}", late.len(), duration(*slowest));
        }
        if !missing.is_empty() {
            actual += &format!("; {} had none", missing.len());
        }
        if let Some(why) = missing.into_iter().flatten().next() {
            actual += &format!(": {why}");
        }
        let objective = format!(
            "effects in view \"{}\" of at least {} % of {of} events within {}",
            self.view,
            trimmed(self.share * 100.0, 3),
            duration(self.limit)
        );
        Verdict::Broken(Cause::ObjectiveMissed { objective, actual })
    }
}

impl Oracle for ShareInTime {
    fn observe(&mut self, observation: &Observation) {
        self.surroundings.observe(observation);
        self.events.iter_mut().for_each(|event| event.observe(observation, &self.view));
    }

    fn verdict(&self, now: At) -> Verdict {
        // An event whose publishing failed or is uncertain is judged only once it was seen after all.
        let is_judged =
            |event: &&Tracked| event.last_seen.is_some() || (event.refused.is_none() && event.uncertain.is_none());
        let fates: Vec<Fate> = self.events.iter().filter(is_judged).map(|event| self.fate(event, now)).collect();
        if fates.is_empty() {
            let detail = "none of the events was published".to_owned();
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        }
        let in_time = fates.iter().filter(|fate| matches!(fate, Fate::InTime)).count();
        let failed = fates.iter().filter(|fate| matches!(fate, Fate::Late(_) | Fate::Missing(_))).count();
        // A share that rounding made a trifle larger asks for no further event.
        let needed = (self.share * fates.len() as f64 - 1e-9).ceil() as usize;
        if in_time >= needed {
            return self.held(in_time, fates.len());
        }
        let is_open = fates.iter().any(|fate| matches!(fate, Fate::Open));
        if fates.len() - failed < needed && !is_open {
            return self.broken(&fates, in_time);
        }
        let unsure =
            fates.into_iter().find_map(|fate| if let Fate::Unsure(reason) = fate { Some(reason) } else { None });
        match unsure.filter(|_| !is_open) {
            Some(reason) => Verdict::CannotTell(reason),
            None => Verdict::NotYet,
        }
    }
}
