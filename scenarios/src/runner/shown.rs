//! Sentences about what services show of themselves: metrics, lines that they print, and what must be in none of them.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_evidence::{Cause, Observation, Proof, Reason, Verdict, Waited};

use super::world::{Running, broken, environment};
use crate::catalogue::Arguments;

/// How long a counter that has grown enough must stand still.
const NO_FURTHER: Duration = Duration::from_millis(500);
/// How often metrics and logs are looked at.
pub(super) const ASK: Duration = Duration::from_millis(50);

impl Running {
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
                return Err(broken(Cause::MetricMissing {
                    metric,
                    service,
                    waited: Waited { limit, watched: waited },
                }));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// `metric "…" of service "…" grows by … within …`.
    pub async fn metric_grows(&self, arguments: &Arguments, labels: &[(String, String)]) -> Result<Verdict, Verdict> {
        let (metric, service) =
            (arguments.text("metric").unwrap_or_default(), arguments.text("service").unwrap_or_default());
        let (limit, expected) =
            (arguments.duration("limit").unwrap_or_default(), arguments.count("times").unwrap_or_default() as u64);
        let labels: BTreeMap<String, String> = labels.iter().cloned().collect();
        let before = self.showed_before(service)?.sum(metric, &labels).unwrap_or_default();
        let (began, mut reached) = (self.now(), None);
        loop {
            let shown = self.context.rig.system.scrape(service).await.map_err(environment)?;
            let (now, waited) = (self.now(), self.now().since(began));
            let sum = shown.sum(metric, &labels);
            let actual = sum.unwrap_or_default() - before;
            // What is not shown cannot be seen to stand still.
            let is_told = expected > 0 || shown.shows(metric, &labels);
            reached = if is_told && actual == expected as f64 { reached.or(Some(now)) } else { None };
            if reached.is_some_and(|since| now.since(since) >= NO_FURTHER) {
                return Ok(Verdict::Held(Proof::timed(format!("it grew by {expected}, and no further"), waited)));
            }
            let over = waited > limit && reached.is_none();
            if over || actual > expected as f64 {
                if let Some(reason) = self.began_anew(service) {
                    return Err(Verdict::CannotTell(reason));
                }
                if !is_told {
                    let detail = format!(
                        "\"{service}\" shows no metric \"{metric}\" with labels of these names, so nothing tells that it did not grow"
                    );
                    return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
                }
                let (metric, service) = (metric.to_owned(), service.to_owned());
                let waited = Waited { limit, watched: waited };
                return Err(broken(match sum {
                    None => Cause::MetricMissing { metric, service, waited },
                    Some(_) => Cause::MetricGrew { metric, service, expected, actual, waited },
                }));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// Counters of a process that was started meanwhile say nothing of those that were there before.
    fn began_anew(&self, service: &str) -> Option<Reason> {
        let instances: Vec<&str> = self.context.pack.system.with_instances(service).collect();
        let observed = self.context.rig.journal.since(self.standpoint.from());
        let started = observed.iter().find_map(|observation| match &**observation {
            Observation::Started { service, at, .. } if *at > self.began && instances.contains(&&**service) => {
                Some(service)
            }
            _ => None,
        })?;
        Some(Reason::OwnDoing {
            detail: format!("it started service \"{started}\" in this scenario, and its counters began anew"),
        })
    }

    /// `service "…" logs "…" within …`.
    pub async fn service_logs(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let (service, text) =
            (arguments.text("service").unwrap_or_default(), arguments.text("text").unwrap_or_default());
        let limit = arguments.duration("limit").unwrap_or_default();
        let system = &self.context.rig.system;
        let from = |instance: &str| self.printed.get(instance).copied().unwrap_or_default();
        let instances: Vec<&str> = self.context.pack.system.with_instances(service).collect();
        let began = self.now();
        loop {
            if let Some(line) = instances.iter().find_map(|one| system.logged(one, from(one), text)) {
                return Ok(Verdict::Held(Proof::timed(format!("it logged: {line}"), self.now().since(began))));
            }
            let waited = self.now().since(began);
            if waited > limit {
                if let Some(one) = instances.iter().find(|one| system.forgot_lines(one, from(one))) {
                    return Err(more_than_is_kept(one));
                }
                let (text, service) = (text.to_owned(), service.to_owned());
                return Err(broken(Cause::LogMissing { text, service, waited: Waited { limit, watched: waited } }));
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
        let forgetful = |(service, from): &(&String, &u64)| self.context.rig.system.forgot_lines(service, **from);
        if let Some((service, _)) = self.printed.iter().find(forgetful) {
            return Err(more_than_is_kept(service));
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

fn more_than_is_kept(service: &str) -> Verdict {
    environment(format!("service \"{service}\" printed more than is kept: not all of it was looked through"))
}
