//! Topics, what is on them, and how it is told apart.

use super::{Breaks, Change};
use crate::{Channel, Contract, Envelope, Expression, Message};

/// Topic settings that are numbers, and what a smaller one takes away.
const SHORTER: [(&str, &str); 2] =
    [("retention.ms", "records are kept for a shorter time"), ("retention.bytes", "fewer records are kept")];

pub(super) fn changes(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut changes = Vec::new();
    for channel in &old.channels {
        let place = format!("topic {}", channel.topic);
        match new.channel_of_topic(&channel.topic) {
            Some(now) => {
                settings(channel, now, &place, &mut changes);
                messages(old, new, channel, &mut changes);
            }
            None => changes.push(gone(channel, new, &place)),
        }
    }
    let added = new.channels.iter().filter(|channel| old.channel_of_topic(&channel.topic).is_none());
    let is_renamed = |channel: &&Channel| old.channel(&channel.name).is_some();
    for channel in added.filter(|channel| !is_renamed(channel)) {
        let place = format!("topic {}", channel.topic);
        changes.push(Change::addition("topic-added", &place, "it is new", Breaks::NOBODY));
    }
    changes
}

fn gone(channel: &Channel, new: &Contract, place: &str) -> Change {
    match new.channel(&channel.name) {
        Some(now) => Change::new("topic-renamed", place, format!("it is called {} now", now.topic), Breaks::BOTH),
        None => Change::new("topic-removed", place, "it is gone", Breaks::BOTH),
    }
}

fn settings(old: &Channel, new: &Channel, place: &str, changes: &mut Vec<Change>) {
    if let (Some(before), Some(now)) = (old.partitions, new.partitions) {
        if now < before {
            let message = format!("{now} partitions, {before} before: Kafka cannot take partitions away");
            changes.push(Change::new("partitions-lowered", place, message, Breaks::BOTH));
        } else if now > before {
            let message = format!("{now} partitions, {before} before: keys move, and lose their order while they do");
            changes.push(Change::new("partitions-raised", place, message, Breaks::CONSUMERS));
        }
    }
    for (name, what) in SHORTER {
        let limit = |channel: &Channel| {
            let number = channel.config.get(name).and_then(|text| text.parse::<i64>().ok());
            // Minus one is without limit.
            number.map(|number| if number < 0 { i64::MAX } else { number })
        };
        if let (Some(before), Some(now)) = (limit(old), limit(new))
            && before != now
        {
            let shorter = now < before;
            let message = format!(
                "{name} is {}, {} before{}",
                new.config[name],
                old.config[name],
                if shorter { format!(": {what}") } else { String::new() }
            );
            changes.push(match shorter {
                true => Change::new("retention-shortened", place, message, Breaks::CONSUMERS),
                false => Change::addition("retention-lengthened", place, message, Breaks::NOBODY),
            });
        }
    }
    let policy =
        |channel: &Channel| channel.config.get("cleanup.policy").cloned().unwrap_or_else(|| "delete".to_owned());
    if policy(old) != policy(new) {
        let message = format!("cleanup.policy is {}, {} before", policy(new), policy(old));
        changes.push(Change::new("cleanup-changed", place, message, Breaks::CONSUMERS));
    }
}

fn messages(old: &Contract, new: &Contract, channel: &Channel, changes: &mut Vec<Change>) {
    let now = |before: &Message| new.messages_on(&channel.topic).find(|message| message.type_name == before.type_name);
    for before in old.messages_on(&channel.topic) {
        match now(before) {
            Some(now) => message(old, new, before, now, changes),
            None => {
                let text = format!("it is on topic {} no more", channel.topic);
                changes.push(Change::new("event-removed", &before.type_name, text, Breaks::BOTH));
            }
        }
    }
    let added = new
        .messages_on(&channel.topic)
        .filter(|message| !old.messages_on(&channel.topic).any(|before| before.type_name == message.type_name));
    for message in added {
        let text = format!("it is new on topic {}", channel.topic);
        changes.push(Change::addition("event-added", &message.type_name, text, Breaks::NOBODY));
    }
}

fn message(old: &Contract, new: &Contract, before: &Message, now: &Message, changes: &mut Vec<Change>) {
    let name = &before.type_name;
    envelope(name, &before.envelope, &now.envelope, changes);
    let placed = (old.partitioner_of(before), new.partitioner_of(now));
    if placed.0 != placed.1 {
        let text = format!("keys are placed by {}, by {} before: they move", placed.1.name(), placed.0.name());
        changes.push(Change::new("partitioner-changed", name, text, Breaks::CONSUMERS));
    }
    changes.extend(now.payload.changes_since(&before.payload, name));
    further(before, now, changes);
    keys(before, now, changes);
    match (&before.headers, &now.headers) {
        (Some(before), Some(now)) => changes.extend(now.changes_since(before, &format!("{name} headers"))),
        (Some(_), None) => {
            changes.push(Change::new("headers-removed", name, "nothing is said of its headers now", Breaks::CONSUMERS));
        }
        (None, Some(_)) => {
            changes.push(Change::addition("headers-added", name, "its headers have a schema now", Breaks::PRODUCERS));
        }
        (None, None) => {}
    }
}

/// What the Kafka binding says of the key.
fn keys(before: &Message, now: &Message, changes: &mut Vec<Change>) {
    let name = &before.type_name;
    match (&before.key, &now.key) {
        (Some(before), Some(now)) => changes.extend(now.changes_since(before, &format!("{name} key"))),
        (Some(_), None) => {
            let text = "nothing is said of its key now";
            changes.push(Change::new("key-schema-removed", name, text, Breaks::CONSUMERS));
        }
        (None, Some(_)) => {
            let text = "its key has a schema now";
            changes.push(Change::addition("key-schema-added", name, text, Breaks::PRODUCERS));
        }
        (None, None) => {}
    }
}

/// Further schemas of parts of the payload, part by part.
fn further(before: &Message, now: &Message, changes: &mut Vec<Change>) {
    let place = |at: &str| format!("{} {at}", before.type_name).trim_end().to_owned();
    for old in &before.also {
        let place = place(&old.at);
        match now.also.iter().find(|new| new.at == old.at) {
            Some(new) => changes.extend(new.schema.changes_since(&old.schema, &place)),
            None => {
                let text = "its further schema says nothing of it now";
                changes.push(Change::new("further-schema-removed", &place, text, Breaks::CONSUMERS));
            }
        }
    }
    for new in now.also.iter().filter(|new| !before.also.iter().any(|old| old.at == new.at)) {
        let text = "it has a further schema now";
        changes.push(Change::addition("further-schema-added", &place(&new.at), text, Breaks::PRODUCERS));
    }
}

fn envelope(name: &str, before: &Envelope, now: &Envelope, changes: &mut Vec<Change>) {
    let parts: [(&str, &Option<Expression>, &Option<Expression>); 8] = [
        ("id", &before.id, &now.id),
        ("type", &before.event_type, &now.event_type),
        ("key", &before.key, &now.key),
        ("time", &before.time, &now.time),
        ("correlation", &before.correlation, &now.correlation),
        ("causation", &before.causation, &now.causation),
        ("version", &before.version, &now.version),
        ("tenant", &before.tenant, &now.tenant),
    ];
    for (part, before, now) in parts {
        let (code, text, breaks) = match (before, now) {
            (Some(before), Some(now)) if before != now => {
                let code = if part == "key" { "key-changed" } else { "envelope-changed" };
                (code, format!("its {part} is {now}, {before} before"), Breaks::BOTH)
            }
            (Some(before), None) => {
                ("envelope-changed", format!("it has no {part} now, {before} before"), Breaks::CONSUMERS)
            }
            (None, Some(now)) => ("envelope-changed", format!("its {part} must be {now} now"), Breaks::PRODUCERS),
            _ => continue,
        };
        changes.push(Change::new(code, name, text, breaks));
    }
}
