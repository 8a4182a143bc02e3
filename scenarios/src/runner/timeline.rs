//! A scenario's time line: what was observed of its own events, of groups and of services while it ran.

use std::collections::{BTreeSet, HashSet};

use eventproof_evidence::{At, Blind, Name, Observation};
use eventproof_reports::model::{ServiceLog, TimelineEntry};

use super::hidden::HIDDEN;
use super::world::Running;

/// Lines that a time line may have.
const LONGEST: usize = 200;

/// Lines of each service that are kept with a scenario that did not hold.
const LINES: usize = 60;

impl Running {
    /// What the services printed since the scenario began; those that printed nothing are left out.
    pub fn logs(&self) -> Vec<ServiceLog> {
        let log = |(service, from): (&String, &u64)| {
            let lines = self.context.rig.system.lines_since(service, *from, LINES);
            (!lines.is_empty()).then(|| ServiceLog { service: service.clone(), lines })
        };
        self.printed.iter().filter_map(log).collect()
    }

    /// What happened since the scenario began, as far as it concerns it.
    pub fn timeline(&self) -> Vec<TimelineEntry> {
        let background = self.background.iter().flat_map(|background| &background.events);
        let events: Vec<_> = self.events.iter().chain(background).collect();
        let mut ids: HashSet<String> =
            events.iter().filter_map(|event| event.target.id().map(|id| id.to_string())).collect();
        let secret = self.secret_marks(&self.context.hidden);
        let mut lines = Vec::new();
        for observation in self.context.rig.journal.since(self.standpoint.from()) {
            if let Observation::Seen(seen) = &*observation
                && events.iter().any(|event| event.target.matches(seen))
            {
                ids.extend(seen.id.iter().map(|id| id.to_string()));
            }
            if let Some((kind, text)) = line(&observation, &ids, &secret) {
                let entry = TimelineEntry { at_ms: millis(observation.at(), self.began), kind: kind.to_owned(), text };
                // A broker that does not answer is told of each topic.
                if lines.last() != Some(&entry) {
                    lines.push(entry);
                }
            }
            if lines.len() == LONGEST {
                break;
            }
        }
        lines
    }
}

pub(super) fn millis(at: At, began: At) -> f64 {
    at.since(began).as_secs_f64() * 1e3
}

/// A span that cannot be seen is told when it begins, if it is known by then, and when it has ended.
fn unseen(from: At, to: Option<At>, why: &str) -> String {
    match to {
        None => why.to_owned(),
        Some(to) => format!("{why} (over after {} ms)", to.since(from).as_millis()),
    }
}

fn line(observation: &Observation, ids: &HashSet<String>, secret: &BTreeSet<String>) -> Option<(&'static str, String)> {
    let ours = |id: &str| ids.contains(id);
    let shown = |key: &Option<Name>| match key.as_deref() {
        Some(key) if secret.contains(key) => HIDDEN.to_owned(),
        key => key.unwrap_or("none").to_owned(),
    };
    Some(match observation {
        Observation::Sent { event, topic, key, .. } if ours(event) => {
            ("published", format!("{event} to {topic}, key {}", shown(key)))
        }
        Observation::Acknowledged { event, topic, partition, offset, .. } if ours(event) => {
            ("acknowledged", format!("{event} at {topic}[{partition}]@{offset}"))
        }
        Observation::Refused { event, error, .. } | Observation::Unknown { event, error, .. } if ours(event) => {
            ("not published", format!("{event}: {error}"))
        }
        Observation::Seen(seen) if seen.id.as_deref().is_some_and(ours) => (
            "seen",
            format!(
                "{} {} at {}, key {}",
                seen.event_type.as_deref().unwrap_or("a record"),
                seen.id.as_deref().unwrap_or_default(),
                seen.place(),
                shown(&seen.key)
            ),
        ),
        Observation::Effect { view, event, .. } if ours(event) => ("effect", format!("{event} in view {view}")),
        Observation::Called { stub, event: Some(event), status, .. } if ours(event) => {
            ("called", format!("stub {stub} for {event}, answered {status}"))
        }
        Observation::Attempted { service, event, .. } if ours(event) => {
            ("attempted", format!("{event}, by the log of {service}"))
        }
        Observation::Committed { group, topic, partition, offset, .. } => {
            ("committed", format!("{group} at {topic}[{partition}]@{offset}"))
        }
        Observation::Group { group, state, members, owned, .. } => {
            ("group", format!("{group} is {}: {} member(s), {owned} partition(s)", state.in_words(), members.len()))
        }
        Observation::Started { service, .. } => ("service", format!("{service} started")),
        Observation::Ready { service, .. } => ("service", format!("{service} ready")),
        Observation::Died { service, status, by_us, .. } => {
            ("service", format!("{service} ended ({status}){}", if *by_us { ", by eventproof" } else { "" }))
        }
        Observation::Paused { service, .. } => ("service", format!("{service} paused, by eventproof")),
        Observation::WentOn { service, .. } => ("service", format!("{service} goes on")),
        Observation::Login { service, refused, .. } => {
            let told = refused
                .as_ref()
                .map_or("is let in by the broker again".to_owned(), |why| format!("is not let in: {why}"));
            ("service", format!("{service} {told}"))
        }
        Observation::Blind(Blind { from, to, why, .. }) => ("blind", unseen(*from, *to, why)),
        Observation::Note { text, .. } => ("note", text.clone()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_told_when_it_begins_and_when_it_is_over() {
        let at = |ms| At::from_start(std::time::Duration::from_millis(ms));
        assert_eq!(unseen(at(100), None, "all brokers down"), "all brokers down");
        assert_eq!(unseen(at(100), Some(at(3300)), "all brokers down"), "all brokers down (over after 3200 ms)");
    }

    #[test]
    fn what_is_done_to_a_service_stands_on_the_time_line() {
        let (service, at): (fn() -> Name, _) = (|| "feed".into(), At::START);
        let died = |by_us| {
            let (status, last_lines) = ("signal: 9 (SIGKILL)".to_owned(), Vec::new());
            Observation::Died { service: service(), status, by_us, last_lines, at }
        };
        let all = [
            Observation::Started { service: service(), like: None, at },
            Observation::Paused { service: service(), at },
            Observation::WentOn { service: service(), at },
            died(true),
            died(false),
        ];
        let told: Vec<_> = all.iter().filter_map(|one| line(one, &HashSet::new(), &BTreeSet::new())).collect();
        assert!(told.iter().all(|(kind, _)| *kind == "service"), "{told:?}");
        let texts: Vec<_> = told.into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            texts,
            [
                "feed started",
                "feed paused, by eventproof",
                "feed goes on",
                "feed ended (signal: 9 (SIGKILL)), by eventproof",
                "feed ended (signal: 9 (SIGKILL))",
            ]
        );
    }
}
