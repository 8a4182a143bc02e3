//! Sentences about what services show of themselves: metrics, alerts over them, lines that they print.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_evidence::{At, Cause, Proof, Reason, Verdict};
use eventproof_system::{AlertSpec, Scrape};

use super::world::{Running, broken, environment};
use crate::catalogue::{Arguments, Kind};

/// How often metrics and logs are looked at.
const ASK: Duration = Duration::from_millis(50);

impl Running {
    /// Keeps what services show now, for the alerts that the scenario speaks of.
    pub async fn note_metrics(&mut self) {
        let arguments = self.scenario.steps.iter().flat_map(|step| &step.subs).flat_map(|sub| sub.arguments());
        let alerts: Vec<String> =
            arguments.filter(|(_, kind, _)| *kind == Kind::Alert).map(|(_, _, name)| name).collect();
        for name in alerts {
            let Ok(alert) = self.context.rig.system.alert(&name) else { continue };
            // A service that does not answer now showed nothing: its counters are taken from zero.
            let showed = self.context.rig.system.scrape(&alert.service).await.unwrap_or_default();
            self.showed.insert(alert.service.clone(), showed);
        }
    }

    /// `metric "…" of service "…" is shown within …`.
    pub async fn metric_is_shown(
        &self,
        arguments: &Arguments,
        labels: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let (metric, service) =
            (arguments.text("metric").unwrap_or_default(), arguments.text("service").unwrap_or_default());
        let limit = arguments.duration("limit").unwrap_or_default();
        let labels: BTreeMap<String, String> = labels.iter().cloned().collect();
        let began = self.now();
        loop {
            let shown = self.context.rig.system.scrape(service).await.map_err(environment)?;
            if let Some(series) = shown.of(metric, &labels).next() {
                let text = format!(
                    "{} of its series are shown, the first is {}",
                    shown.of(metric, &labels).count(),
                    series.value
                );
                return Ok(Verdict::Held(Proof::timed(text, self.now().since(began))));
            }
            let waited = self.now().since(began);
            if waited > limit {
                let (metric, service) = (metric.to_owned(), service.to_owned());
                return Err(broken(Cause::MetricMissing { metric, service, waited }));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// `alert "…" fires within …`.
    pub async fn alert_fires(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
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
                watched.is_shown(waited)?;
                return Ok(Verdict::Held(Proof::timed("its rule never came so far".to_owned(), waited)));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    fn watched(&self, arguments: &Arguments) -> Result<Watched<'_>, Verdict> {
        let alert = self.context.rig.system.alert(arguments.text("alert").unwrap_or_default()).map_err(environment)?;
        let before = self.showed.get(&alert.service).cloned().unwrap_or_default();
        let now = Scrape::default();
        Ok(Watched { alert, before, now, above_since: None, value: None, began: self.now() })
    }

    /// `service "…" logs "…" within …`.
    pub async fn service_logs(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let (service, text) =
            (arguments.text("service").unwrap_or_default(), arguments.text("text").unwrap_or_default());
        let limit = arguments.duration("limit").unwrap_or_default();
        let from = self.printed.get(service).copied().unwrap_or_default();
        let began = self.now();
        loop {
            if let Some(line) = self.context.rig.system.logged(service, from, text) {
                return Ok(Verdict::Held(Proof::timed(format!("it logged: {line}"), self.now().since(began))));
            }
            let waited = self.now().since(began);
            if waited > limit {
                let (text, service) = (text.to_owned(), service.to_owned());
                return Err(broken(Cause::LogMissing { text, service, waited }));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// `"…" is in no log and on no topic`.
    pub async fn text_is_nowhere(&self, arguments: &Arguments, table: &[(String, String)]) -> Result<Verdict, Verdict> {
        let text = arguments.text("text").unwrap_or_default();
        if text.is_empty() {
            return Err(environment("an empty text is everywhere"));
        }
        let last = self.event(None)?;
        let verdict = self.await_verdict(self.appears_within(last, last.appears)).await;
        if !verdict.is_held() {
            return Err(verdict);
        }
        let may: Vec<&str> = table.iter().filter(|(row, _)| row == "except").map(|(_, topic)| topic.as_str()).collect();
        let topics: Vec<String> = self.context.pack.contract.topics().map(|channel| channel.topic.clone()).collect();
        let found = eventproof_broker::search(&self.context.rig.broker, &topics, text).await.map_err(environment)?;
        let (allowed, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| may.contains(&one.topic.as_str()));
        let lines = self
            .printed
            .iter()
            .filter(|(service, from)| self.context.rig.system.logged(service, **from, text).is_some());
        let logs = lines.map(|(service, _)| format!("the log of service \"{service}\""));
        let places: Vec<String> = logs.chain(other.into_iter().map(|one| one.place)).collect();
        if !places.is_empty() {
            return Err(broken(Cause::Leaked { text: text.to_owned(), places }));
        }
        if !may.is_empty() && allowed.is_empty() {
            let detail = format!("it is not on {} either, so it may not be what was meant", may.join(", "));
            return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
        }
        Ok(Verdict::Held(Proof::of(format!(
            "looked through {} topics and the logs of {} services",
            topics.len(),
            self.printed.len()
        ))))
    }
}

/// A rule while it is watched.
struct Watched<'a> {
    alert: &'a AlertSpec,
    before: Scrape,
    now: Scrape,
    above_since: Option<At>,
    value: Option<f64>,
    began: At,
}

impl Watched<'_> {
    async fn look(&mut self, running: &Running) -> Result<Option<f64>, Verdict> {
        self.now = running.context.rig.system.scrape(&self.alert.service).await.map_err(environment)?;
        self.value = self.alert.value_of(&self.before, &self.now);
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

    fn is_shown(&self, waited: Duration) -> Result<(), Verdict> {
        match self.alert.missing(&self.now) {
            Some(metric) => {
                let (metric, service) = (metric.to_owned(), self.alert.service.clone());
                Err(broken(Cause::MetricMissing { metric, service, waited }))
            }
            None => Ok(()),
        }
    }
}
