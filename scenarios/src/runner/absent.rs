//! Sentences about what must not follow, and about one record's own conformance.

use eventproof_contract::{Handling, Operation};
use eventproof_evidence::oracle::{Recognise, StaysAbsent, Target};
use eventproof_evidence::{Cause, Proof, Seen, Verdict};

use super::hidden::HIDDEN;
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
        let watched = self.now().since(since) + watch;
        let mut oracle = StaysAbsent::new(unwanted, control, since, watched, watched + cause.appears);
        for handler in self.who_tells(name, &cause.message) {
            let Some(group) = handler.group.as_deref() else { continue };
            oracle = oracle.retried_over(cause.target.clone(), self.retry_path(&cause.message, group), watch);
            if handler.handling == Handling::Parallel {
                oracle = oracle.overtaken_within(self.deadline(&cause.message, group));
            }
        }
        Ok(self.await_verdict(oracle).await)
    }

    /// Who makes the one event of the other, by the contract; where it says of none that it sends the one, all that receive the other.
    fn who_tells<'a>(&'a self, name: &'a str, cause: &'a str) -> Vec<&'a Operation> {
        let contract = &self.context.pack.contract;
        let senders: Vec<&str> = contract.senders(name).filter_map(|one| one.service.as_deref()).collect();
        let (likely, other): (Vec<_>, Vec<_>) = contract
            .receivers(cause)
            .partition(|one| one.service.as_deref().is_some_and(|service| senders.contains(&service)));
        if likely.is_empty() { other } else { likely }
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
        let shown = if declared.hides_what(place) { HIDDEN } else { &*correlation };
        Ok(Target {
            what: format!("\"{name}\" with correlation id {shown}"),
            topic: declared.topic.as_str().into(),
            recognise: Recognise::Correlated {
                event_type: super::publish::recorded_type(declared).into(),
                correlation: correlation.clone(),
            },
            key: None,
            partition: None,
            // Another event with the same correlation id may have been followed before.
            from: cause.target.from,
        })
    }
}
