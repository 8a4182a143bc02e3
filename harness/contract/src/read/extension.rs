//! `x-eventproof`: what AsyncAPI itself cannot say.

use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, parse_pointer};

use super::reference::Document;
use super::retry::{ChannelNodes, dead_letter, retry};
use crate::{
    DeadLetter, Deduplication, Envelope, Expression, Framing, Handling, Mode, Partitioner, Registration, Retry, Rule,
    SentinelField, SubjectNaming,
};

pub(super) const KEY: &str = "x-eventproof";

/// What the document says for all of its messages and operations.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    /// `defaultContentType` of the document.
    pub content_type: Option<String>,
    pub locale: String,
    pub envelope: Envelope,
    pub partitioner: Option<Partitioner>,
    pub framing: Framing,
    pub registration: Registration,
    pub rules: Vec<Rule>,
}

impl Defaults {
    pub fn read(document: &Document<'_>, faults: &mut Diagnostics) -> Defaults {
        let mut defaults = Defaults { locale: "en".to_owned(), ..Defaults::default() };
        let Some(node) = document.root.get(KEY) else { return defaults };
        let Some(mut fields) = Fields::of(node, document.source, "x-eventproof of the document", faults) else {
            return defaults;
        };
        if let Some(locale) = fields.choice("locale", &["en", "zh-CN"], faults) {
            defaults.locale = locale;
        }
        if let Some(envelope) = fields.node("envelope") {
            defaults.envelope = read_envelope(document, envelope, Envelope::default(), faults);
        }
        defaults.partitioner = partitioner(&mut fields, faults);
        defaults.framing = framing(&mut fields, Framing::None, faults);
        defaults.registration = registration(&mut fields, Registration::default(), faults);
        defaults.rules = rules(document, &mut fields, faults);
        fields.finish(faults);
        defaults
    }
}

/// What a message says beyond AsyncAPI.
#[derive(Default)]
pub(super) struct MessageExtension<'a> {
    pub envelope: Envelope,
    pub unique: Vec<String>,
    pub sensitive: Vec<String>,
    pub fresh: Vec<String>,
    pub framing: Framing,
    pub registration: Registration,
    /// Schemas that the payload's schema names.
    pub references: Vec<&'a Node>,
    /// What the payload's schema was before, oldest first.
    pub earlier: Vec<&'a Node>,
    /// Which message of a Protobuf schema it is.
    pub protobuf_message: Option<String>,
    /// Further schemas: where in the payload, and the schema.
    pub also: Vec<(String, &'a Node)>,
}

impl<'a> MessageExtension<'a> {
    pub fn read(document: &Document<'a>, defaults: &Defaults, node: &'a Node, faults: &mut Diagnostics) -> Self {
        let mut extension = MessageExtension {
            envelope: defaults.envelope.clone(),
            framing: defaults.framing,
            registration: defaults.registration.clone(),
            ..MessageExtension::default()
        };
        let Some(own) = node.get(KEY) else { return extension };
        let Some(mut fields) = Fields::of(own, document.source, "x-eventproof of a message", faults) else {
            return extension;
        };
        if let Some(envelope) = fields.node("envelope") {
            extension.envelope = read_envelope(document, envelope, extension.envelope, faults);
        }
        if let Some(key) = fields.node("key") {
            extension.envelope.key = expression(document, key, faults);
        }
        extension.unique = fields.each_parsed("unique", faults, parse_pointer);
        extension.sensitive = fields.each_parsed("sensitive", faults, parse_pointer);
        extension.fresh = fields.each_parsed("fresh", faults, parse_pointer);
        extension.framing = framing(&mut fields, extension.framing, faults);
        extension.registration = registration(&mut fields, extension.registration, faults);
        extension.references =
            fields.list("references").iter().filter_map(|node| document.follow_any(node, faults)).collect();
        extension.earlier = fields.list("earlier").iter().collect();
        extension.protobuf_message = fields.string("protobuf_message", faults);
        extension.also = fields.list("also").iter().filter_map(|node| also(document, node, faults)).collect();
        fields.finish(faults);
        extension
    }
}

/// `{at: /data, schema: …}`; the whole payload where nothing is said.
fn also<'a>(document: &Document<'a>, node: &'a Node, faults: &mut Diagnostics) -> Option<(String, &'a Node)> {
    let mut fields = Fields::of(node, document.source, "a schema of `also`", faults)?;
    let at = fields.parsed("at", faults, parse_pointer);
    let schema = fields.required("schema", faults);
    fields.finish(faults);
    Some((at.unwrap_or_default(), schema?))
}

/// `framing: confluent`, with the `schema_id` that records are published with.
fn framing(fields: &mut Fields<'_>, inherited: Framing, faults: &mut Diagnostics) -> Framing {
    let id = fields.parsed("schema_id", faults, |text| {
        text.parse::<u32>().map_err(|_| format!("`{text}` is no schema id: a whole number from 0"))
    });
    match fields.choice("framing", &["none", "confluent"], faults).as_deref() {
        Some("confluent") => Framing::Confluent { id },
        Some(_) => Framing::None,
        None if id.is_some() && inherited != Framing::None => Framing::Confluent { id },
        None => inherited,
    }
}

/// `subject_naming`, `compatibility` with `transitive`, `auto_register`.
fn registration(fields: &mut Fields<'_>, inherited: Registration, faults: &mut Diagnostics) -> Registration {
    let namings = SubjectNaming::NAMES.map(|(name, _)| name);
    let naming = fields.choice("subject_naming", &namings, faults);
    let modes = Mode::NAMES.map(|(name, _)| name);
    let mode = fields.choice("compatibility", &modes, faults);
    let named = |name: String| SubjectNaming::NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found);
    Registration {
        naming: naming.and_then(named).unwrap_or(inherited.naming),
        compatibility: mode.and_then(|name| Mode::named(&name)).or(inherited.compatibility),
        transitive: fields.bool("transitive", faults).unwrap_or(inherited.transitive),
        auto_register: fields.bool("auto_register", faults).unwrap_or(inherited.auto_register),
    }
}

/// What an operation says beyond AsyncAPI.
#[derive(Default)]
pub(super) struct OperationExtension<'a> {
    pub service: Option<String>,
    pub present: bool,
    pub deadline: Option<Duration>,
    pub deduplication: Option<Deduplication>,
    pub handling: Handling,
    pub sentinel: Option<String>,
    pub sentinel_with: Vec<(String, SentinelField)>,
    pub lag_limit: Option<u64>,
    /// How often handling is tried; the names of retry channels are still to be found.
    pub retry: Option<(ChannelNodes<'a>, Retry)>,
    /// The channel's node, and the rest; the name of the channel is still to be found.
    pub dead_letter: Option<(&'a Node, DeadLetter)>,
    pub partitioner: Option<Partitioner>,
}

impl<'a> OperationExtension<'a> {
    pub fn read(document: &Document<'a>, defaults: &Defaults, node: &'a Node, faults: &mut Diagnostics) -> Self {
        let mut extension = OperationExtension { present: true, partitioner: defaults.partitioner, ..Self::default() };
        let Some(own) = node.get(KEY) else { return extension };
        let Some(mut fields) = Fields::of(own, document.source, "x-eventproof of an operation", faults) else {
            return extension;
        };
        extension.service = fields.string("service", faults);
        extension.present = fields.bool("present", faults).unwrap_or(true);
        extension.deadline = fields.duration("deadline", faults);
        extension.deduplication = fields.node("deduplication").and_then(|node| deduplication(document, node, faults));
        extension.handling = match fields.choice("handling", &["serial-per-key", "parallel"], faults).as_deref() {
            Some("parallel") => Handling::Parallel,
            _ => Handling::SerialPerKey,
        };
        extension.sentinel = fields.string("sentinel", faults);
        extension.sentinel_with = sentinel_fields(document, &mut fields, faults);
        extension.lag_limit = fields.u64("lag_limit", faults);
        extension.retry = fields.node("retry").and_then(|node| retry(document, node, faults));
        extension.dead_letter = fields.node("dead_letter").and_then(|node| dead_letter(document, node, faults));
        extension.partitioner = partitioner(&mut fields, faults).or(defaults.partitioner);
        fields.finish(faults);
        extension
    }
}

/// A value that begins like a runtime expression is copied from the event; every other one is a text.
fn sentinel_fields(
    document: &Document<'_>,
    fields: &mut Fields<'_>,
    faults: &mut Diagnostics,
) -> Vec<(String, SentinelField)> {
    let Some(node) = fields.node("sentinel_with") else { return Vec::new() };
    let Some(entries) = node.entries() else {
        fields.wrong(node, format!("`sentinel_with` must be a mapping, this is {}", node.kind()), faults);
        return Vec::new();
    };
    let mut read = Vec::new();
    for entry in entries {
        let field = match entry.value.scalar_text() {
            Some(text) if text.starts_with("$message.") => {
                expression(document, &entry.value, faults).map(SentinelField::Copied)
            }
            Some(text) => Some(SentinelField::Text(text)),
            None => {
                let message = format!("`{}` must be a text, this is {}", entry.key, entry.value.kind());
                fields.wrong(&entry.value, message, faults);
                None
            }
        };
        read.extend(field.map(|field| (entry.key.clone(), field)));
    }
    read
}

fn deduplication(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> Option<Deduplication> {
    let mut fields = Fields::of(node, document.source, "`deduplication`", faults)?;
    let by = fields.required("by", faults).and_then(|by| expression(document, by, faults));
    let window = fields.duration("window", faults);
    fields.finish(faults);
    Some(Deduplication { by: by?, window })
}

/// `rules: [types-never-change, only-defaults-go, additive-only]`.
fn rules(document: &Document<'_>, fields: &mut Fields<'_>, faults: &mut Diagnostics) -> Vec<Rule> {
    let read = |node: &Node| {
        let text = node.scalar_text().unwrap_or_default();
        let rule = Rule::named(&text);
        if rule.is_none() {
            let known = Rule::NAMES.map(|(name, _)| name).join(", ");
            let message = format!("`{text}` is none of {known}");
            faults.push(Diagnostic::error("contract/rule", message).at(document.source, node.span));
        }
        rule
    };
    fields.list("rules").iter().filter_map(read).collect()
}

fn partitioner(fields: &mut Fields<'_>, faults: &mut Diagnostics) -> Option<Partitioner> {
    let names = Partitioner::NAMES.map(|(name, _)| name);
    fields.choice("partitioner", &names, faults).and_then(|name| Partitioner::named(&name))
}

fn read_envelope(document: &Document<'_>, node: &Node, base: Envelope, faults: &mut Diagnostics) -> Envelope {
    let Some(mut fields) = Fields::of(node, document.source, "an envelope", faults) else { return base };
    let mut part = |key: &'static str, inherited: Option<Expression>, faults: &mut Diagnostics| {
        fields.node(key).and_then(|node| expression(document, node, faults)).or(inherited)
    };
    let envelope = Envelope {
        id: part("id", base.id, faults),
        event_type: part("type", base.event_type, faults),
        key: part("key", base.key, faults),
        time: part("time", base.time, faults),
        correlation: part("correlation", base.correlation, faults),
        causation: part("causation", base.causation, faults),
        version: part("version", base.version, faults),
        tenant: part("tenant", base.tenant, faults),
    };
    fields.finish(faults);
    envelope
}

pub(super) fn expression(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> Option<Expression> {
    let text = node.scalar_text().unwrap_or_default();
    Expression::parse(&text)
        .map_err(|message| {
            faults.push(Diagnostic::error("contract/expression", message).at(document.source, node.span));
        })
        .ok()
}
