//! Sentences about order.

use std::time::Duration;

use eventproof_evidence::oracle::{EffectOrder, Target, TopicOrder};
use eventproof_evidence::{Reason, Verdict};

use super::world::Running;
use crate::catalogue::Arguments;

/// How long all events of a key may take where the contract says nothing.
const LIMIT: Duration = Duration::from_secs(15);

impl Running {
    /// `the events of key "…" keep their order on the topic`.
    pub async fn order_on_topic(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let key = arguments.text("key").unwrap_or_default();
        let events = self.events_of(key)?;
        Ok(self.await_verdict(TopicOrder::new(key, events, self.began, self.limit())).await)
    }

    /// `service "…" handles the events of key "…" in order`.
    pub async fn order_of_effects(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let (service, key) = (arguments.text("service").unwrap_or_default(), arguments.text("key").unwrap_or_default());
        let events = self.events_of(key)?;
        let handler = self.handler_in(service)?;
        let view = self.counting_view(service)?;
        Ok(self.await_verdict(EffectOrder::new(key, events, handler, &view, self.began, self.limit())).await)
    }

    fn limit(&self) -> Duration {
        let slowest = self.events.iter().map(|event| event.appears).max().unwrap_or_default();
        LIMIT + slowest + self.now().since(self.began)
    }

    fn events_of(&self, key: &str) -> Result<Vec<Target>, Verdict> {
        let events: Vec<Target> = self
            .events
            .iter()
            .filter(|event| event.key.as_deref() == Some(key))
            .map(|event| event.target.clone())
            .collect();
        if events.len() < 2 {
            let detail = format!("this scenario has {} event(s) of key \"{key}\": order takes two", events.len());
            return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
        }
        Ok(events)
    }
}
