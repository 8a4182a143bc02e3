//! Sentences about order.

use std::collections::BTreeMap;
use std::time::Duration;

use eventproof_evidence::oracle::{EffectOrder, Target, TopicOrder};
use eventproof_evidence::{Cause, Name, Oracle, Proof, Reason, Verdict};

use super::world::{Event, Running};
use crate::catalogue::Arguments;
use crate::needs::receives;

/// How long all events of a key may take where the contract says nothing.
const LIMIT: Duration = Duration::from_secs(15);

impl Running {
    /// `the events of key "…" keep their order on the topic`.
    pub async fn order_on_topic(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let key = arguments.text("key").unwrap_or_default();
        let oracles = self
            .events_of(key, |_| true)?
            .into_iter()
            .map(|(_, events)| TopicOrder::new(key, events, self.began, self.limit()));
        self.await_all(oracles).await.map_err(|verdict| self.unless_at_once(verdict))
    }

    /// `service "…" handles the events of key "…" in order`.
    pub async fn order_of_effects(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let (service, key) = (arguments.text("service").unwrap_or_default(), arguments.text("key").unwrap_or_default());
        let view = self.counting_view(service)?;
        let mut oracles = Vec::new();
        let pack = &self.context.pack;
        for (message, events) in self.events_of(key, |event| receives(pack, service, &event.message) != Some(false))? {
            let handler = self.handler_of(service, &message)?;
            let path = self.retry_path(&message, &handler.group);
            let oracle = EffectOrder::new(key, events, handler, &view, self.began, self.limit());
            oracles.push(oracle.retried_over(&path));
        }
        self.await_all(oracles.into_iter()).await.map_err(|verdict| self.unless_at_once(verdict))
    }

    /// Nobody promised an order of what was asked for before the answer to the other was there.
    fn unless_at_once(&self, verdict: Verdict) -> Verdict {
        let Verdict::Broken(Cause::Reordered { first, second, .. }) = &verdict else { return verdict };
        let caused = |label: &str| {
            self.events.iter().find(|event| event.draft.is_none() && label.starts_with(&event.target.what))
        };
        match (caused(first), caused(second)) {
            (Some(one), Some(other)) if other.target.from < one.since => {
                let detail = format!("{second} was asked for before the answer to what caused it was there");
                Verdict::CannotTell(Reason::OrderUnknown { what: first.clone(), detail })
            }
            _ => verdict,
        }
    }

    /// Every topic must hold; the proof says what each of them showed.
    async fn await_all(&self, oracles: impl Iterator<Item = impl Oracle>) -> Result<Verdict, Verdict> {
        let mut proofs = Vec::new();
        for oracle in oracles {
            match self.await_verdict(oracle).await {
                Verdict::Held(proof) => proofs.push(proof.text),
                other => return Err(other),
            }
        }
        Ok(Verdict::Held(Proof::of(proofs.join("; "))))
    }

    fn limit(&self) -> Duration {
        let slowest = self.events.iter().map(|event| event.appears).max().unwrap_or_default();
        LIMIT + slowest + self.now().since(self.began)
    }

    /// The events of a key, topic by topic, with the message of the first: between topics there is no order.
    fn events_of(&self, key: &str, counts: impl Fn(&Event) -> bool) -> Result<Vec<(String, Vec<Target>)>, Verdict> {
        let mut by_topic: BTreeMap<Name, (String, Vec<Target>)> = BTreeMap::new();
        // One that stands on every partition has no place among others: whichever copy is read first is none of the system's doing.
        let of_key = |event: &&Event| event.key.as_deref() == Some(key) && !event.everywhere && counts(event);
        for event in self.events.iter().filter(of_key) {
            let of_topic = by_topic.entry(event.target.topic.clone());
            of_topic.or_insert_with(|| (event.message.clone(), Vec::new())).1.push(event.target.clone());
        }
        let most = by_topic.values().map(|(_, events)| events.len()).max().unwrap_or_default();
        if most < 2 {
            let detail = format!(
                "this scenario has {most} event(s) of key \"{key}\" on a topic that count here: order takes two"
            );
            return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
        }
        Ok(by_topic.into_values().filter(|(_, events)| events.len() > 1).collect())
    }
}
