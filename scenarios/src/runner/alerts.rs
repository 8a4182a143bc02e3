//! Alerts as rules: what they come to while a scenario watches them.

use std::collections::BTreeSet;
use std::time::Duration;

use eventproof_evidence::{At, Cause, Proof, Reason, Verdict, Waited};
use eventproof_system::{AlertSpec, AlertValue, Scrape};

use super::lag::GroupLag;
use super::shown::ASK;
use super::world::{Running, broken, environment};
use crate::catalogue::{Arguments, Kind, SentenceId};

/// How long services may take for what scenarios before left them.
const LEISURE: Duration = Duration::from_secs(10);

impl Running {
    /// Keeps what services show now, for the alerts that the scenario speaks of.
    pub async fn note_metrics(&mut self) {
        let subs = || self.scenario.steps.iter().flat_map(|step| &step.subs);
        let arguments = subs().flat_map(|sub| sub.arguments());
        let alerts = arguments.filter(|(_, kind, _)| *kind == Kind::Alert).map(|(_, _, name)| name);
        let mut services: BTreeSet<String> =
            alerts.filter_map(|name| Some(self.context.rig.system.alert(&name).ok()?.service.clone())).collect();
        let counters = subs().filter(|sub| sub.sentence.id == SentenceId::MetricGrows).flat_map(|sub| sub.arguments());
        services.extend(counters.filter(|(_, kind, _)| *kind == Kind::Service).map(|(_, _, name)| name));
        self.await_leisure(&services).await;
        for service in services {
            // What a service that does not answer now has counted so far nobody knows.
            let showed = self.context.rig.system.scrape(&service).await;
            self.showed.insert(service, showed.map_err(|error| error.to_string()));
        }
    }

    /// Waits until these services have handled what others left them, as far as their groups say: it would count in what they show.
    async fn await_leisure(&self, services: &BTreeSet<String>) {
        let groups = self.context.pack.system.groups.iter().filter(|group| services.contains(&group.service));
        let journal = &self.context.rig.journal;
        let mut lags: Vec<GroupLag> = groups.map(|group| GroupLag::new(&group.name, journal.reader(0))).collect();
        let began = self.now();
        while lags.iter_mut().any(|lag| lag.now().is_some_and(|behind| behind > 0.0)) {
            if self.now().since(began) > LEISURE {
                return;
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// What a service showed when the scenario began.
    pub(super) fn showed_before(&self, service: &str) -> Result<Scrape, Verdict> {
        let unknown = |why: &String| environment(format!("its counters as the scenario began are not known: {why}"));
        self.showed.get(service).map_or(Ok(Scrape::default()), |showed| showed.clone().map_err(|why| unknown(&why)))
    }

    /// `alert "…" fires within …`.
    pub async fn alert_fires(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let verdict = self.until_it_fires(arguments).await?;
        self.fired.extend(arguments.text("alert").map(str::to_owned));
        Ok(verdict)
    }

    async fn until_it_fires(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let limit = arguments.duration("limit").unwrap_or_default();
        let mut watched = self.watched(arguments)?;
        loop {
            let value = watched.look(self).await?;
            let waited = self.now().since(watched.began);
            if let Some(value) = watched.fires(self.now()) {
                let text = format!("{value} is above {}{}", watched.alert.above, watched.lasting());
                return Ok(Verdict::Held(Proof::timed(text, waited)));
            }
            if waited > limit {
                let waited = Waited { limit, watched: waited };
                watched.is_shown(waited)?;
                let (alert, above) = (watched.alert.name.clone(), watched.alert.above);
                return Err(broken(Cause::AlertSilent { alert, waited, value, above }));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// `alert "…" does not fire, watched for …`.
    pub async fn alert_stays_silent(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let watch = arguments.duration("watch").unwrap_or_default();
        let mut watched = self.watched(arguments)?;
        if watch < watched.needs() {
            let needs = watched.needs();
            return Err(environment(format!("the rule needs {} s to fire: watch it for longer", needs.as_secs_f64())));
        }
        loop {
            watched.look(self).await?;
            if let Some(value) = watched.fires(self.now()) {
                let (alert, above) = (watched.alert.name.clone(), watched.alert.above);
                return Err(broken(Cause::AlertFired { alert, value, above }));
            }
            let waited = self.now().since(watched.began);
            if waited > watch {
                watched.is_shown(Waited { limit: watch, watched: waited })?;
                return Ok(watched.silence(waited));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// `alert "…" is silent again within …`.
    pub async fn alert_is_over(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let name = arguments.text("alert").unwrap_or_default();
        let limit = arguments.duration("limit").unwrap_or_default();
        if !self.fired.contains(name) {
            let detail = format!("alert \"{name}\" did not fire before, so that it is silent shows nothing");
            return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
        }
        let mut watched = self.watched(arguments)?;
        loop {
            watched.look(self).await?;
            let waited = self.now().since(watched.began);
            if let Some(verdict) = watched.over(waited, limit) {
                watched.is_shown(Waited { limit, watched: waited })?;
                return verdict;
            }
            tokio::time::sleep(ASK).await;
        }
    }

    fn watched(&self, arguments: &Arguments) -> Result<Watched<'_>, Verdict> {
        let alert = self.context.rig.system.alert(arguments.text("alert").unwrap_or_default()).map_err(environment)?;
        let before = self.showed_before(&alert.service)?;
        let now = Scrape::default();
        let lag = match &alert.value {
            AlertValue::Lag(group) => Some(GroupLag::new(group, self.context.rig.journal.reader(0))),
            _ => None,
        };
        Ok(Watched { alert, before, now, lag, above_since: None, value: None, highest: None, began: self.now() })
    }
}

/// A rule while it is watched.
struct Watched<'a> {
    alert: &'a AlertSpec,
    before: Scrape,
    now: Scrape,
    lag: Option<GroupLag>,
    above_since: Option<At>,
    value: Option<f64>,
    /// The highest value so far; nothing if the rule never came to one.
    highest: Option<f64>,
    began: At,
}

impl Watched<'_> {
    async fn look(&mut self, running: &Running) -> Result<Option<f64>, Verdict> {
        self.value = match &mut self.lag {
            Some(lag) => lag.now(),
            None => {
                self.now = running.context.rig.system.scrape(&self.alert.service).await.map_err(environment)?;
                self.alert.value_of(&self.before, &self.now)
            }
        };
        self.highest = self.highest.into_iter().chain(self.value).reduce(f64::max);
        match self.value.is_some_and(|value| value > self.alert.above) {
            true => drop(self.above_since.get_or_insert(running.now())),
            false => self.above_since = None,
        }
        Ok(self.value)
    }

    /// How long it must be above on the scenario's clock.
    fn needs(&self) -> Duration {
        self.alert.lasting.div_f64(self.alert.scaled)
    }

    fn fires(&self, now: At) -> Option<f64> {
        let long = self.above_since.is_some_and(|since| now.since(since) >= self.needs());
        self.value.filter(|_| long)
    }

    fn lasting(&self) -> String {
        let (rule, here) = (self.alert.lasting.as_secs_f64(), self.needs().as_secs_f64());
        if rule == 0.0 { String::new() } else { format!(", for {here} s here, {rule} s by the rule") }
    }

    /// Whether it is over, once that is known or there is no more time.
    fn over(&self, waited: Duration, limit: Duration) -> Option<Result<Verdict, Verdict>> {
        let above = self.alert.above;
        match self.value {
            Some(value) if value <= above => {
                Some(Ok(Verdict::Held(Proof::timed(format!("{value} is not above {above}"), waited))))
            }
            _ if waited <= limit => None,
            Some(value) => {
                let alert = self.alert.name.clone();
                Some(Err(broken(Cause::AlertLasts { alert, waited, value, above })))
            }
            None => {
                let detail = format!("the rule of alert \"{}\" came to no value any more", self.alert.name);
                Some(Err(Verdict::CannotTell(Reason::NoPositiveControl { detail })))
            }
        }
    }

    /// A rule that came to no value at all was silent about nothing: that proves nothing.
    fn silence(&self, waited: Duration) -> Verdict {
        let Some(highest) = self.highest else {
            let detail =
                format!("the rule of alert \"{}\" came to no value: nothing was there to measure", self.alert.name);
            return Verdict::CannotTell(Reason::NoPositiveControl { detail });
        };
        Verdict::Held(Proof::timed(
            format!("its rule came to {highest} at most, and fires above {}", self.alert.above),
            waited,
        ))
    }

    fn is_shown(&self, waited: Waited) -> Result<(), Verdict> {
        match self.alert.missing(&self.now) {
            Some(metric) => {
                let (metric, service) = (metric.to_owned(), self.alert.service.clone());
                Err(broken(Cause::MetricMissing { metric, service, waited }))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_came_to_no_value_was_not_silent_and_is_not_over() {
        let value = AlertValue::Share { part: "failed".into(), of: vec!["all".into()] };
        let alert = AlertSpec {
            name: "failures".into(),
            service: "s".into(),
            value,
            labels: std::collections::BTreeMap::new(),
            above: 0.05,
            lasting: Duration::ZERO,
            scaled: 1.0,
        };
        let watched = |highest| Watched {
            alert: &alert,
            before: Scrape::default(),
            now: Scrape::default(),
            lag: None,
            above_since: None,
            value: highest,
            highest,
            began: At::START,
        };
        let silence = |highest| watched(highest).silence(Duration::from_secs(1));
        let over = |value, waited| watched(value).over(Duration::from_secs(waited), Duration::from_secs(5));
        assert!(matches!(over(Some(0.05), 1), Some(Ok(Verdict::Held(_)))), "it fires above, and not at");
        assert!(over(Some(0.06), 5).is_none() && over(None, 5).is_none());
        assert!(matches!(over(Some(0.06), 6), Some(Err(Verdict::Broken(Cause::AlertLasts { .. })))));
        assert!(matches!(over(None, 6), Some(Err(Verdict::CannotTell(Reason::NoPositiveControl { .. })))));
        assert!(silence(Some(0.0)).is_held());
        assert!(matches!(silence(None), Verdict::CannotTell(Reason::NoPositiveControl { .. })));
    }
}
