//! Sentences that look elsewhere on the topics: at what must not have come, at dead letters, at what follows from what.

use eventproof_broker::{FIELDS_MOST, read_at};
use eventproof_contract::{DeadLetter, Kept, Message, Operation, PlaceInPayload, Record};
use eventproof_evidence::oracle::{DeadLetteredAfter, NoneBefore, OnTopic, Recognise, Target};
use eventproof_evidence::{At, Cause, Name, Observation, Place, Reason, Seen, Verdict};

use super::world::{Event, Running, broken, environment};
use crate::catalogue::Arguments;

impl Running {
    /// `no "…" came before it`.
    pub async fn none_came_before(
        &self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default();
        let declared = self.context.message(name)?;
        let last = self.event(arguments.text("name"))?;
        let fields: Vec<(Name, Name)> =
            table.iter().map(|(pointer, text)| (pointer.as_str().into(), text.as_str().into())).collect();
        let undeclared = undeclared(declared, &fields)?;
        let unwanted = Target {
            what: format!("\"{name}\""),
            topic: declared.topic.as_str().into(),
            recognise: Recognise::Fields { event_type: super::publish::recorded_type(declared).into(), fields },
            key: None,
            partition: None,
            from: At::START,
        };
        let oracle = NoneBefore::new(unwanted, last.target.clone(), self.began, FIELDS_MOST);
        Ok(self.await_verdict(oracle.known_by_undeclared(undeclared)).await)
    }

    /// `it is dead-lettered within …`.
    pub async fn is_dead_lettered(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        let (letter, target, awaited) = self.letter_of(event, arguments, arguments.text("service").is_some())?;
        let verdict = self.await_verdict(awaited).await;
        match verdict.is_held() && letter.keeps != Kept::default() {
            true => self.keeps_what_it_was(event, &target, letter.keeps, verdict),
            false => Ok(verdict),
        }
    }

    /// `it is dead-lettered after … attempts within …`.
    pub async fn dead_lettered_after(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let event = self.event(arguments.text("name"))?;
        let (letter, _, awaited) = self.letter_of(event, arguments, true)?;
        let says = letter.attempts.as_ref().ok_or_else(|| {
            environment(format!(
                "the contract does not say where a dead letter of \"{}\" counts its attempts (`dead_letter: {{attempts: …}}`)",
                event.message
            ))
        })?;
        let times = arguments.count("times").unwrap_or_default();
        let oracle = DeadLetteredAfter::new(event.target.what.clone(), awaited, says.to_string().into(), times);
        Ok(self.await_verdict(oracle).await)
    }

    /// The dead letter that the contract states for an event, and what waits for it. `whose`: whether it matters whose it is.
    fn letter_of<'a>(
        &'a self,
        event: &'a Event,
        arguments: &Arguments,
        whose: bool,
    ) -> Result<(&'a DeadLetter, Target, OnTopic), Verdict> {
        let contract = &self.context.pack.contract;
        let by = arguments.text("service");
        let is_its = |service: Option<&str>| by.is_none() || service == by;
        let mut receivers = contract.receivers(&event.message).filter(|one| one.present && one.dead_letter.is_some());
        let receiver = receivers.find(|one| is_its(one.service.as_deref()));
        let letter = receiver.and_then(|one| one.dead_letter.as_ref());
        if let Some(receiver) = receiver.filter(|_| whose) {
            self.buries_alone(receiver, &event.message)?;
        }
        let placed = letter.and_then(|letter| Some((letter, contract.channel(&letter.channel)?)));
        let (letter, channel) = placed.ok_or_else(|| {
            let whose =
                by.map_or_else(|| "no receiver".to_owned(), |service| format!("service \"{service}\" as receiver"));
            environment(format!("{whose} of \"{}\" states no `dead_letter` in the contract", event.message))
        })?;
        let target = Target {
            what: format!("the dead letter of {}", event.target.what),
            topic: channel.topic.as_str().into(),
            recognise: self.linked(event, letter)?,
            key: event.target.key.clone(),
            // It keeps its key; where that belongs is the dead letter's producer's to say.
            partition: None,
            from: At::START,
        };
        let limit = arguments.duration("limit").unwrap_or_default();
        let service = receiver.and_then(|one| one.service.clone());
        let awaited = OnTopic::new(target.clone(), self.now(), limit, service);
        Ok((letter, target, awaited))
    }

    /// Where several groups bury a message in one place, nothing tells whose dead letter one is.
    pub(super) fn buries_alone(&self, receiver: &Operation, message: &str) -> Result<(), Verdict> {
        let Some(other) = self.buries_there_too(receiver, message) else { return Ok(()) };
        let group = |one: &Operation| one.group.clone().unwrap_or_default();
        Err(Verdict::CannotTell(Reason::NoPositiveControl {
            detail: format!(
                "groups \"{}\" and \"{}\" both put dead letters of \"{message}\" into one channel, and nothing tells whose one is",
                group(receiver),
                group(other)
            ),
        }))
    }

    /// Sets a dead letter beside the record that it was.
    fn keeps_what_it_was(
        &self,
        event: &Event,
        letter: &Target,
        keeps: Kept,
        held: Verdict,
    ) -> Result<Verdict, Verdict> {
        let stands = self.where_it_stands(event).zip(self.first_seen(letter).map(|seen| seen.place()));
        let (original, place) = stands.ok_or_else(|| unlinked(event, "where it stands"))?;
        let read = |place: &Place| {
            let gone = || environment(format!("the record at {place} could not be read again"));
            let broker = &self.context.rig.broker;
            let found = tokio::task::block_in_place(|| read_at(broker, &place.topic, place.partition, place.offset));
            found.map_err(environment)?.ok_or_else(gone)
        };
        let violations = departs(&read(&original)?.record, &read(&place)?.record, keeps);
        match violations.is_empty() {
            true => Ok(held),
            false => Err(broken(Cause::Nonconforming { place, what: letter.what.clone(), violations })),
        }
    }

    /// By what the contract says that a dead record is linked to the event that it was.
    fn linked(&self, event: &Event, letter: &DeadLetter) -> Result<Recognise, Verdict> {
        if let Some(position) = &letter.position {
            let place = self.where_it_stands(event).ok_or_else(|| unlinked(event, "where it stands"))?;
            return Ok(Recognise::Marks(vec![
                (position.topic.to_string().into(), place.topic.into()),
                (position.partition.to_string().into(), place.partition.to_string().into()),
                (position.offset.to_string().into(), place.offset.to_string().into()),
            ]));
        }
        let seen = self.first_seen(&event.target);
        let id = event.target.id().cloned().or_else(|| seen?.id).ok_or_else(|| unlinked(event, "its id"))?;
        Ok(match &letter.original {
            Some(original) => Recognise::Marks(vec![(original.to_string().into(), id)]),
            None => Recognise::Id(id),
        })
    }

    /// Where an event's record is, as it was acknowledged or seen.
    fn where_it_stands(&self, event: &Event) -> Option<Place> {
        self.acknowledged_at(&event.target).or_else(|| Some(self.first_seen(&event.target)?.place()))
    }

    /// Where the broker put our own record of the event.
    fn acknowledged_at(&self, target: &Target) -> Option<Place> {
        self.context.rig.journal.since(self.standpoint.from()).iter().find_map(|observation| match &**observation {
            Observation::Acknowledged { event, topic, partition, offset, .. } if Some(event) == target.id() => {
                Some(Place { topic: topic.to_string(), partition: *partition, offset: *offset })
            }
            _ => None,
        })
    }

    /// The first record of the event that was seen since the scenario began. One that cannot be read is known by its place.
    pub(super) fn first_seen(&self, target: &Target) -> Option<Seen> {
        let ours = self.acknowledged_at(target);
        self.context.rig.journal.since(self.standpoint.from()).iter().find_map(|observation| match &**observation {
            Observation::Seen(seen) if target.matches(seen) || Some(seen.place()) == ours => Some(seen.clone()),
            _ => None,
        })
    }

    /// `"…" follows from it within …`.
    pub async fn derived_follows(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default();
        let limit = arguments.duration("limit").unwrap_or_default();
        let cause = self.event(arguments.text("name"))?;
        let seen = self.seen_in_time(cause).await?;
        let (since, target) = (seen.at, self.follower(name, cause, &seen)?);
        let contract = &self.context.pack.contract;
        let service = contract.senders(name).next().and_then(|operation| operation.service.clone());
        Ok(self.await_verdict(OnTopic::new(target, since, limit, service)).await)
    }
}

fn unlinked(event: &Event, missing: &str) -> Verdict {
    environment(format!("nothing links a dead letter to {}: {missing} is not known", event.target.what))
}

/// Which of these fields only records tell of. By a field that no record can have nothing would ever be found.
fn undeclared(message: &Message, fields: &[(Name, Name)]) -> Result<Vec<Name>, Verdict> {
    let mut open = Vec::new();
    for (pointer, _) in fields {
        match message.place_in_payload(pointer) {
            PlaceInPayload::Declared => {}
            PlaceInPayload::Open => open.push(pointer.clone()),
            _ => return Err(environment(format!("`{pointer}` is no field of \"{}\"", message.name))),
        }
    }
    Ok(open)
}

/// In what a dead letter departs from the record that it was. What stands in them is not told: lengths and names only.
fn departs(original: &Record, letter: &Record, keeps: Kept) -> Vec<String> {
    let mut violations = Vec::new();
    if keeps.payload && original.payload != letter.payload {
        let length = |record: &Record| {
            record.payload.as_ref().map_or_else(|| "null".to_owned(), |bytes| format!("{} bytes", bytes.len()))
        };
        let (was, is) = (length(original), length(letter));
        violations.push(format!("its payload ({is}) is not that of the record that it was ({was})"));
    }
    if keeps.headers {
        let mut rest = letter.headers.iter();
        let lost = original.headers.iter().filter(|header| !rest.by_ref().any(|one| one == *header));
        violations
            .extend(lost.map(|(name, _)| format!("header `{name}` of the record that it was is missing, or another")));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &'static [u8], headers: &[(&str, Option<&'static str>)]) -> Record {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(Into::into))).collect();
        Record { topic: "t".into(), key: None, headers, payload: Some(payload.into()) }
    }

    #[test]
    fn a_dead_letter_keeps_bytes_and_headers_among_its_own() {
        let (all, none) = (Kept { payload: true, headers: true }, Kept::default());
        let was = record(b"\x00\xff", &[("trace", Some("1")), ("trace", None), ("kind", Some("x"))]);
        let kept = [&was.headers[..], &record(b"", &[("error", Some("why"))]).headers].concat();
        assert!(departs(&was, &Record { headers: kept, ..was.clone() }, all).is_empty());
        let other = record(b"\x00", &[("kind", Some("x")), ("trace", Some("1"))]);
        let told = departs(&was, &other, all);
        assert_eq!(
            told,
            [
                "its payload (1 bytes) is not that of the record that it was (2 bytes)",
                "header `trace` of the record that it was is missing, or another",
                "header `kind` of the record that it was is missing, or another",
            ]
        );
        assert!(departs(&was, &other, none).is_empty());
    }
}
