//! Sentences that publish.

use std::time::Duration;

use eventproof_broker::Published;
use eventproof_contract::{Draft, Message};
use eventproof_evidence::oracle::{NoneLost, Recognise, Target};
use eventproof_evidence::{At, Name, Proof, Reason, Verdict};
use serde_json::Value;

use super::hidden::HIDDEN;
use super::world::{Background, Event, Running, by_id, environment};
use crate::catalogue::Arguments;

impl Running {
    fn draft(&mut self, message: &str, table: &[(String, String)]) -> Result<Draft, Verdict> {
        self.draft_of_size(message, table, None)
    }

    pub(super) fn draft_of_size(
        &mut self,
        message: &str,
        table: &[(String, String)],
        size: Option<usize>,
    ) -> Result<Draft, Verdict> {
        let context = self.context.clone();
        let declared = context.message(message)?;
        let given: Vec<(String, Value)> =
            table.iter().map(|(name, text)| (name.clone(), typed(declared, name, text))).collect();
        self.generator.record(&context.pack.contract, declared, &given, size).map_err(environment)
    }

    pub(super) fn published_event(&self, message: &str, draft: Draft, name: Option<String>) -> Event {
        let key = draft.event.key.clone();
        let partition = self.partition_of(message, key.as_deref());
        let id = draft.event.id.clone().filter(|id| !id.is_empty());
        let target = match (id, self.context.pack.contract.message(message)) {
            // One like it may have been published before.
            (None, Some(declared)) => Target { from: self.now(), ..by_business(declared, &draft, partition) },
            (id, _) => by_id(message, &draft.record.topic, &id.unwrap_or_default(), key.clone(), partition),
        };
        Event {
            name,
            message: message.to_owned(),
            target,
            key,
            draft: Some((draft, partition)),
            copies: 1,
            everywhere: false,
            since: self.now(),
            appears: Duration::from_secs(10),
        }
    }

    /// `"…" is published as "…"`.
    pub async fn publish(&mut self, arguments: &Arguments, table: &[(String, String)]) -> Result<Verdict, Verdict> {
        let message = arguments.text("event").unwrap_or_default();
        self.publish_event(message, table, arguments.text("as").map(str::to_owned)).await
    }

    /// Publishes an event, and remembers it under a name.
    pub(super) async fn publish_event(
        &mut self,
        message: &str,
        table: &[(String, String)],
        name: Option<String>,
    ) -> Result<Verdict, Verdict> {
        let draft = self.draft(message, table)?;
        self.publish_draft(message, draft, name).await
    }

    pub(super) async fn publish_draft(
        &mut self,
        message: &str,
        draft: Draft,
        name: Option<String>,
    ) -> Result<Verdict, Verdict> {
        let fields = payload_fields(&draft);
        let event = self.published_event(message, draft, name);
        let verdict = self.send(&event, 1).await?;
        self.remember(event, &fields);
        Ok(verdict)
    }

    /// `"…" is published on every partition at once`.
    pub async fn publish_everywhere(
        &mut self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let message = arguments.text("event").unwrap_or_default();
        let draft = self.draft(message, table)?;
        let (fields, topic) = (payload_fields(&draft), draft.record.topic.clone());
        let mut event = self.published_event(message, draft, arguments.text("as").map(str::to_owned));
        self.must_have_id(&event)?;
        let partitions = self.context.rig.partitions_of(&topic).unwrap_or(1);
        // Where its key does not belong, a copy departs from the contract on purpose.
        self.context.on_purpose(event.target.id().map(|id| id.to_string()).unwrap_or_default());
        (event.target.partition, event.copies, event.everywhere) = (None, partitions as usize, true);
        let verdict = self.send_to(&event, (0..partitions.cast_signed()).map(Some)).await?;
        self.remember(event, &fields);
        Ok(verdict)
    }

    /// `the same event is published again … times`.
    pub async fn publish_again(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let times = arguments.count("times").unwrap_or(1);
        let event = self.event(arguments.text("name"))?.clone();
        let verdict = self.send(&event, times).await?;
        self.count_copies(&event, times);
        Ok(verdict)
    }

    /// `the same event is published again once it was handled`.
    pub async fn publish_again_once_handled(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?.clone();
        let (handler, view) = self.counting(&event)?;
        let limit = self.deadline(&event.message, &handler.group);
        let handled = NoneLost::new(vec![event.target.clone()], handler, &view, event.since, limit);
        let verdict = self.await_verdict(handled).await;
        if !verdict.is_held() {
            return Err(verdict);
        }
        let verdict = self.send(&event, 1).await?;
        self.count_copies(&event, 1);
        Ok(verdict)
    }

    /// `the same event is published again in a new envelope`.
    pub async fn publish_in_new_envelope(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let mut event = self.event(arguments.text("name"))?.clone();
        let Some((draft, _)) = &mut event.draft else {
            return Err(environment(format!(
                "{} was published by a service: its record cannot be published again",
                event.target.what
            )));
        };
        let message = self.context.message(&event.message)?;
        self.generator.renew_envelope(message, draft).map_err(environment)?;
        let verdict = self.send(&event, 1).await?;
        self.count_copies(&event, 1);
        Ok(verdict)
    }

    fn count_copies(&mut self, event: &Event, more: usize) {
        let same = |other: &&mut Event| other.target.id() == event.target.id();
        if let Some(event) = self.events.iter_mut().find(same) {
            event.copies += more;
        }
    }

    /// Effects are counted by the id of their event; one without is never accused of having none.
    pub(super) fn must_have_id(&self, event: &Event) -> Result<(), Verdict> {
        let has = self.context.message(&event.message)?.envelope.id.is_some();
        let detail =
            format!("\"{}\" carries no event id by the contract, so nobody can count its effects", event.message);
        if has { Ok(()) } else { Err(Verdict::CannotTell(Reason::NoPositiveControl { detail })) }
    }

    /// The handler of an event and the view that counts its effects.
    pub fn counting(&self, event: &Event) -> Result<(eventproof_evidence::oracle::Handler, String), Verdict> {
        self.must_have_id(event)?;
        let receivers = self.context.pack.contract.receivers(&event.message);
        let mut services =
            receivers.filter(|operation| operation.present).filter_map(|operation| operation.service.as_deref());
        let found =
            services.find_map(|service| Some((self.handler_in(service).ok()?, self.counting_view(service).ok()?)));
        found.ok_or_else(|| {
            Verdict::CannotTell(Reason::CannotCount { view: format!("any view of \"{}\"", event.message) })
        })
    }

    pub(super) async fn send(&self, event: &Event, times: usize) -> Result<Verdict, Verdict> {
        let partition = event.draft.as_ref().and_then(|(_, partition)| *partition);
        self.send_to(event, std::iter::repeat_n(partition, times)).await
    }

    /// A copy for each of these partitions (none: where the producer puts it), all at once.
    async fn send_to(&self, event: &Event, partitions: impl Iterator<Item = Option<i32>>) -> Result<Verdict, Verdict> {
        let Some((draft, _)) = &event.draft else {
            let detail =
                format!("{} was published by a service: its record cannot be published again", event.target.what);
            return Err(environment(detail));
        };
        // What has no id is called by what it is known by.
        let id = event.target.id().map_or_else(|| event.target.what.clone(), |id| id.to_string());
        let publisher = &self.context.rig.publisher;
        let sends = partitions.map(|partition| publisher.publish(&draft.record, partition, &id));
        let mut places = Vec::new();
        for published in futures::future::join_all(sends).await {
            match published {
                Published::At { partition, offset } => places.push(format!("[{partition}]@{offset}")),
                Published::Refused(error) | Published::TooLarge(error) => {
                    return Err(Verdict::CannotTell(Reason::NotPublished { event: id, error }));
                }
                Published::Unknown(error) => {
                    return Err(Verdict::CannotTell(Reason::OutcomeUnknown { event: id, error }));
                }
            }
        }
        Ok(Verdict::Held(Proof::of(format!("acknowledged at {}{}", draft.record.topic, places.join(", ")))))
    }

    /// `… events are published at … in the background`.
    pub fn publish_in_background(
        &mut self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let message = arguments.text("event").unwrap_or_default().to_owned();
        let (count, rate) = (arguments.count("times").unwrap_or(1), arguments.rate("rate").unwrap_or(1.0));
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            let draft = self.draft(&message, table)?;
            events.push(self.published_event(&message, draft, None));
        }
        if events.iter().any(|event| event.target.id().is_none()) {
            let detail =
                format!("\"{message}\" carries no event id by the contract, so many of them cannot be told apart");
            return Err(Verdict::CannotTell(Reason::NoPositiveControl { detail }));
        }
        let publisher = self.context.rig.publisher.clone();
        let to_send: Vec<_> =
            events.iter().filter_map(|event| Some((event.target.id()?.to_string(), event.draft.clone()?))).collect();
        let start = tokio::time::Instant::now();
        let task = tokio::spawn(async move {
            let sends = to_send.into_iter().enumerate().map(|(index, (id, (draft, partition)))| {
                let publisher = publisher.clone();
                async move {
                    tokio::time::sleep_until(start + Duration::from_secs_f64(index as f64 / rate)).await;
                    publisher.publish(&draft.record, partition, &id).await
                }
            });
            futures::future::join_all(sends).await;
        });
        self.background.push(Background { events, since: self.now(), task: Some(task) });
        Ok(Verdict::Held(Proof::of(format!("{count} events begin to be published at {rate}/s"))))
    }
}

/// What the recorder takes for the type of a message's records: where they do not say it, the message's name.
pub(super) fn recorded_type(message: &Message) -> &str {
    if message.envelope.event_type.is_some() { &message.type_name } else { &message.name }
}

/// An event without an id of its own, known by what identifies it in the business: its unique fields and its key.
fn by_business(message: &Message, draft: &Draft, partition: Option<i32>) -> Target {
    let key = message.envelope.key.iter().map(|rule| rule.pointer.clone());
    let mut fields: Vec<(Name, Name)> = Vec::new();
    for pointer in message.unique.iter().cloned().chain(key) {
        let text = draft
            .event
            .payload
            .pointer(&pointer)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        fields.extend(text.map(|text| (Name::from(pointer.as_str()), Name::from(text))));
    }
    fields.dedup();
    let shown = |(pointer, text): &(Name, Name)| {
        let text = if message.hides(pointer) { HIDDEN } else { text };
        format!("{}={text}", pointer.trim_start_matches('/'))
    };
    let shown: Vec<String> = fields.iter().map(shown).collect();
    Target {
        what: format!("\"{}\" with {}", message.name, shown.join(", ")),
        topic: draft.record.topic.as_str().into(),
        recognise: Recognise::Fields { event_type: recorded_type(message).into(), fields },
        key: draft.event.key.clone(),
        partition,
        from: At::START,
    }
}

/// The payload's fields as texts, for `{name.field}` and `{name.object.field}`.
pub(super) fn payload_fields(draft: &Draft) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    named(&draft.event.payload, "", &mut fields);
    fields.extend(draft.event.id.clone().map(|id| ("id".to_owned(), id)));
    fields
}

fn named(value: &Value, prefix: &str, fields: &mut Vec<(String, String)>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let name = format!("{prefix}{name}");
        if inner.is_object() {
            named(inner, &format!("{name}."), fields);
        }
        fields.push((name, inner.as_str().map_or_else(|| inner.to_string(), str::to_owned)));
    }
}

/// A cell of a table as the schema wants it: numbers and truth values where they are expected, else text.
pub(crate) fn typed(message: &Message, field: &str, text: &str) -> Value {
    let pointer = format!("/properties/{}/type", field.trim_start_matches('/').replace('/', "/properties/"));
    match message.payload.document.pointer(&pointer).and_then(Value::as_str) {
        Some("integer" | "number" | "boolean" | "object" | "array" | "null") => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
        }
        _ => Value::from(text),
    }
}
