//! Sentences about what must not follow, and about one record's own conformance.

use eventproof_evidence::oracle::{Recognise, StaysAbsent, Target};
use eventproof_evidence::{Cause, Proof, Seen, Verdict};

use super::world::{Event, Running, broken, environment};
use crate::catalogue::Arguments;

impl Running {
    /// `no "…" follows from it, watched for …`. What follows from a later event of the same key shows that it would have come.
    pub async fn never_follows(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default();
        let watch = arguments.duration("watch").unwrap_or_default();
        let cause = self.event(arguments.text("name"))?;
        let seen = self.seen_in_time(cause).await?;
        let unwanted = self.follower(name, cause, &seen)?;
        let mut later = self.events.iter().filter(|other| {
            other.since > cause.since && other.key.is_some() && other.key == cause.key && other.message == cause.message
        });
        let control = match later.next_back() {
            Some(sibling) => Some(self.follower(name, sibling, &self.seen_in_time(sibling).await?)?),
            None => None,
        };
        // Watched from now on; what came before is known.
        let since = seen.at;
        let watch = self.now().since(since) + watch;
        let oracle = StaysAbsent::new(unwanted, control, since, watch, watch + cause.appears);
        Ok(self.await_verdict(oracle).await)
    }

    /// `it conforms to the contract`.
    pub async fn event_conforms(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        let seen = self.seen_in_time(event).await?;
        let place = seen.place();
        if seen.violations.is_empty() {
            return Ok(Verdict::Held(Proof::of(format!("the record at {place} keeps to it"))));
        }
        Err(broken(Cause::Nonconforming { place, what: event.target.what.clone(), violations: seen.violations }))
    }

    /// The event's record, once it is on its topic.
    pub(super) async fn seen_in_time(&self, event: &Event) -> Result<Seen, Verdict> {
        let verdict = self.await_verdict(self.appears_within(event, event.appears)).await;
        if !verdict.is_held() {
            return Err(verdict);
        }
        self.first_seen(&event.target).ok_or_else(|| environment(format!("{} was not seen", event.target.what)))
    }

    /// The event of a message that belongs to another by its correlation id.
    pub(super) fn follower(&self, name: &str, cause: &Event, seen: &Seen) -> Result<Target, Verdict> {
        let declared = self.context.message(name)?;
        let place = declared.envelope.correlation.as_ref().ok_or_else(|| {
            environment(format!("the contract does not say where \"{name}\" carries its correlation id"))
        })?;
        let correlation = seen
            .correlation
            .clone()
            .ok_or_else(|| environment(format!("{} carries no correlation id", cause.target.what)))?;
        Ok(Target {
            what: format!("\"{name}\" with correlation id {correlation}"),
            topic: declared.topic.as_str().into(),
            recognise: Recognise::Fields {
                event_type: super::publish::recorded_type(declared).into(),
                fields: vec![(place.pointer.as_str().into(), correlation)],
            },
            key: None,
            partition: None,
        })
    }
}
