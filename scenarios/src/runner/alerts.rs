//! Alerts as rules: what they come to while a scenario watches them.

use std::collections::HashMap;
use std::time::Duration;

use eventproof_evidence::{At, Cause, JournalReader, Name, Observation, Proof, Reason, Verdict};
use eventproof_system::{AlertSpec, AlertValue, Scrape};

use super::shown::ASK;
use super::world::{Running, broken, environment};
use crate::catalogue::{Arguments, Kind};

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
                return Ok(watched.silence(waited));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    fn watched(&self, arguments: &Arguments) -> Result<Watched<'_>, Verdict> {
        let alert = self.context.rig.system.alert(arguments.text("alert").unwrap_or_default()).map_err(environment)?;
        let before = self.showed.get(&alert.service).cloned().unwrap_or_default();
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

/// How far a group is behind: what was seen on the topics against what it has committed.
struct GroupLag {
    group: String,
    reader: JournalReader,
    ends: HashMap<(Name, i32), i64>,
    committed: HashMap<(Name, i32), i64>,
}

impl GroupLag {
    fn new(group: &str, reader: JournalReader) -> GroupLag {
        GroupLag { group: group.to_owned(), reader, ends: HashMap::new(), committed: HashMap::new() }
    }

    /// Records behind now, on all partitions where the group has a position; nothing if it has none.
    fn now(&mut self) -> Option<f64> {
        for observation in self.reader.take() {
            match &*observation {
                Observation::Seen(seen) => {
                    let end = self.ends.entry((seen.topic.clone(), seen.partition)).or_default();
                    *end = (seen.offset + 1).max(*end);
                }
                Observation::Committed { group, topic, partition, offset, .. } if **group == *self.group => {
                    self.committed.insert((topic.clone(), *partition), *offset);
                }
                _ => {}
            }
        }
        let behind = |(place, committed): (&(Name, i32), &i64)| {
            let end = self.ends.get(place).copied().unwrap_or(*committed);
            (end - committed).max(0) as f64
        };
        (!self.committed.is_empty()).then(|| self.committed.iter().map(behind).sum())
    }
}

#[cfg(test)]
mod tests {
    use eventproof_evidence::{Journal, Seen};

    use super::*;

    fn seen(partition: i32, offset: i64) -> Observation {
        Observation::Seen(Seen {
            topic: "posts".into(),
            partition,
            offset,
            at: At::START,
            timestamp_ms: None,
            key: None,
            id: None,
            event_type: None,
            correlation: None,
            fields: Vec::new(),
            violations: Vec::new(),
        })
    }

    fn committed(group: &str, partition: i32, offset: i64) -> Observation {
        Observation::Committed { group: group.into(), topic: "posts".into(), partition, offset, at: At::START }
    }

    #[test]
    fn a_rule_that_came_to_no_value_was_not_silent() {
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
        assert!(silence(Some(0.0)).is_held());
        assert!(matches!(silence(None), Verdict::CannotTell(Reason::NoPositiveControl { .. })));
    }

    #[test]
    fn a_group_is_behind_by_what_was_seen_and_not_committed() {
        let journal = Journal::default();
        let mut lag = GroupLag::new("g", journal.reader(0));
        assert_eq!(lag.now(), None, "a group without a position is not behind by nothing");
        [committed("g", 0, 5), committed("g", 1, 2), committed("other", 0, 0), seen(0, 9), seen(1, 1), seen(2, 7)]
            .into_iter()
            .for_each(|one| journal.push(one));
        assert_eq!(lag.now(), Some(5.0), "five on partition 0, none on 1, and 2 is nobody's");
        journal.push(committed("g", 0, 10));
        assert_eq!(lag.now(), Some(0.0));
    }
}
