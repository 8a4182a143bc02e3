//! Sentences that look elsewhere: at what must not have come, at dead letters, at metrics.

use std::time::Duration;

use eventproof_evidence::oracle::{OnTopic, Recognise, Target};
use eventproof_evidence::{Cause, Name, Observation, Proof, Reason, Seen, Verdict};

use super::world::{Event, Running, broken, environment};
use crate::catalogue::Arguments;

/// How often metrics are asked for.
const ASK: Duration = Duration::from_millis(50);

impl Running {
    /// `no "…" came before it`.
    pub fn none_came_before(&self, arguments: &Arguments, table: &[(String, String)]) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default();
        let declared =
            self.context.pack.contract.message(name).ok_or_else(|| environment(format!("no message \"{name}\"")))?;
        let last = self.event(None)?;
        let fields: Vec<(Name, Name)> =
            table.iter().map(|(pointer, text)| (pointer.as_str().into(), text.as_str().into())).collect();
        let unwanted = Target {
            what: format!("\"{name}\""),
            topic: declared.topic.as_str().into(),
            recognise: Recognise::Fields { event_type: super::publish::recorded_type(declared).into(), fields },
            key: None,
            partition: None,
        };
        let seen: Vec<Seen> = self
            .context
            .rig
            .journal
            .since(self.journal_from)
            .iter()
            .filter_map(|observation| match &**observation {
                Observation::Seen(seen) => Some(seen.clone()),
                _ => None,
            })
            .collect();
        let Some(control) = seen.iter().find(|seen| last.target.matches(seen)) else {
            let detail = format!(
                "{} was not seen before this step, so nothing tells that a record would have been",
                last.target.what
            );
            return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
        };
        let is_other = |one: &&Seen| one.id != control.id && one.topic == unwanted.topic;
        match seen.iter().filter(is_other).find(|one| unwanted.matches(one) && one.at <= control.at) {
            Some(found) => Err(broken(Cause::Unwanted {
                what: format!("{} at {}", unwanted.what, found.place()),
                view: format!("topic {}", unwanted.topic),
                after: found.at.since(self.began),
            })),
            None => Ok(Verdict::Held(Proof::of(format!(
                "{} was seen at {}, and nothing of the kind before it",
                last.target.what,
                control.place()
            )))),
        }
    }

    /// `it is dead-lettered within …`.
    pub async fn is_dead_lettered(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        let contract = &self.context.pack.contract;
        let receiver = contract.receivers(&event.message).find(|one| one.present && one.dead_letter.is_some());
        let letter = receiver.and_then(|one| one.dead_letter.as_ref()).and_then(|one| contract.channel(&one.channel));
        let channel = letter.ok_or_else(|| {
            environment(format!("no receiver of \"{}\" states a `dead_letter` in the contract", event.message))
        })?;
        let mut target = event.target.clone();
        target.what = format!("the dead letter of {}", target.what);
        target.topic = channel.topic.as_str().into();
        if receiver.and_then(|one| one.dead_letter.as_ref()).is_some_and(|one| one.original.is_none()) {
            target.recognise = Recognise::Marks(self.origin_marks(event)?);
        }
        // It keeps its key; where that belongs is the dead letter's producer's to say.
        target.partition = None;
        let limit = arguments.duration("limit").unwrap_or_default();
        let service = receiver.and_then(|one| one.service.clone());
        Ok(self.await_verdict(OnTopic::on_topic_only(target, self.now(), limit, service)).await)
    }

    /// What a dead letter's headers say of the record that we published.
    fn origin_marks(&self, event: &Event) -> Result<Vec<(Name, Name)>, Verdict> {
        let id = event.target.id().cloned().unwrap_or_else(|| "".into());
        let journal = self.context.rig.journal.since(self.journal_from);
        let found = journal.iter().rev().find_map(|observation| match &**observation {
            Observation::Acknowledged { event, topic, partition, offset, .. } if *event == id => Some([
                ("topic", topic.to_string()),
                ("partition", partition.to_string()),
                ("offset", offset.to_string()),
            ]),
            _ => None,
        });
        let place = found.ok_or_else(|| environment(format!("nobody knows where {} was put", event.target.what)))?;
        Ok(place.map(|(name, text)| (format!("$message.header#/original_{name}").into(), text.into())).to_vec())
    }

    /// `"…" follows from it within …`.
    pub async fn derived_follows(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default();
        let limit = arguments.duration("limit").unwrap_or_default();
        let cause = self.event(arguments.text("name"))?;
        let contract = &self.context.pack.contract;
        let declared = contract.message(name).ok_or_else(|| environment(format!("no message \"{name}\"")))?;
        let place = declared.envelope.correlation.as_ref().ok_or_else(|| {
            environment(format!("the contract does not say where \"{name}\" carries its correlation id"))
        })?;
        let appears = OnTopic::new(cause.target.clone(), cause.since, cause.appears, None);
        let verdict = self.await_verdict(appears).await;
        if !verdict.is_held() {
            return Err(verdict);
        }
        let seen =
            self.context.rig.journal.since(self.journal_from).iter().find_map(|observation| match &**observation {
                Observation::Seen(seen) if cause.target.matches(seen) => Some(seen.clone()),
                _ => None,
            });
        let correlation = seen
            .as_ref()
            .and_then(|seen| seen.correlation.clone())
            .ok_or_else(|| environment(format!("{} carries no correlation id", cause.target.what)))?;
        let since = seen.map_or(cause.since, |seen| seen.at);
        let target = Target {
            what: format!("\"{name}\" with correlation id {correlation}"),
            topic: declared.topic.as_str().into(),
            recognise: Recognise::Fields {
                event_type: super::publish::recorded_type(declared).into(),
                fields: vec![(place.pointer.as_str().into(), correlation)],
            },
            key: None,
            partition: None,
        };
        let service = contract.senders(name).next().and_then(|operation| operation.service.clone());
        Ok(self.await_verdict(OnTopic::new(target, since, limit, service)).await)
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
        let began = self.now();
        loop {
            let text = self.context.rig.system.metrics(service).await.map_err(environment)?;
            if let Some(line) = text.lines().find(|line| shows(line, metric, labels)) {
                return Ok(Verdict::Held(Proof::timed(format!("it shows {line}"), self.now().since(began))));
            }
            if self.now().since(began) > limit {
                return Err(broken(Cause::MetricMissing {
                    metric: metric.to_owned(),
                    service: service.to_owned(),
                    waited: self.now().since(began),
                }));
            }
            tokio::time::sleep(ASK).await;
        }
    }
}

/// Whether a line of Prometheus' text format is of a series: of that name, with at least these labels.
fn shows(line: &str, metric: &str, labels: &[(String, String)]) -> bool {
    let series = line.rsplit_once(' ').map_or(line, |(series, _)| series);
    let (name, shown) = series.split_once('{').unwrap_or((series, ""));
    let shown: Vec<&str> = shown.trim_end_matches('}').split(',').map(str::trim).collect();
    let has = |(label, value): &(String, String)| shown.contains(&format!("{label}=\"{value}\"").as_str());
    !line.starts_with('#') && name.trim() == metric && labels.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_known_by_its_name_and_its_labels() {
        let line = "events_total{event_type=\"task.created\",topic=\"t\"} 3";
        let label = |value: &str| vec![("event_type".to_owned(), value.to_owned())];
        assert!(shows(line, "events_total", &[]) && shows(line, "events_total", &label("task.created")));
        assert!(!shows(line, "events", &[]) && !shows(line, "events_total", &label("task.deleted")));
        assert!(!shows("# TYPE events_total counter", "events_total", &[]));
    }
}
