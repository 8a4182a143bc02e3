//! Whether what the pointers and expressions of a document name can be there, by the schemas of its messages. One that leads nowhere
//! is followed all the same: what it should hide is shown, and what it should link is never found.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics, Node, Span, nearest};

use super::extension::KEY;
use super::reference::Document;
use crate::{Contract, Expression, Message, Operation, Part, PlaceInPayload};

/// A code for all that leads nowhere.
const CODE: &str = "contract/unknown-field";

/// Messages that a fault names; the others are counted.
const NAMED: usize = 3;

pub(super) fn check_places(document: &Document<'_>, contract: &Contract, faults: &mut Diagnostics) {
    let found = message_nodes(document, contract);
    let messages: Vec<(&Node, &Message)> = found.iter().filter_map(|(node, one)| Some((*node, (*one)?))).collect();
    of_messages(document, &messages, faults);
    // One that could not be read may have what no other has.
    if messages.len() < found.len() {
        return;
    }
    of_document(document, &messages, faults);
    for operation in &contract.operations {
        of_operation(document, contract, operation, faults);
    }
}

/// Something that a document says stands somewhere.
enum Place {
    Expression(Expression),
    Pointer(String),
    /// In which the numbers of items may be left out.
    Sensitive(String),
}

impl Place {
    fn expression(node: &Node) -> Option<Place> {
        Some(Place::Expression(Expression::parse(&node.scalar_text()?).ok()?))
    }

    fn pointer(node: &Node) -> Option<Place> {
        node.scalar_text().filter(|text| text.is_empty() || text.starts_with('/')).map(Place::Pointer)
    }

    fn sensitive(node: &Node) -> Option<Place> {
        node.scalar_text().filter(|text| text.is_empty() || text.starts_with('/')).map(Place::Sensitive)
    }

    fn within(&self, message: &Message) -> PlaceInPayload {
        match self {
            Place::Expression(Expression { part: Part::Payload, pointer }) | Place::Pointer(pointer) => {
                message.place_in_payload(pointer)
            }
            Place::Expression(expression) => {
                expression.header().map_or(PlaceInPayload::Open, |name| message.place_in_headers(name))
            }
            Place::Sensitive(pointer) => message.sensitive_place(pointer),
        }
    }

    fn is_header(&self) -> bool {
        matches!(self, Place::Expression(Expression { part: Part::Header, .. }))
    }

    /// What is wrong with it in a message.
    fn refusal(&self, message: &Message) -> Option<Refusal> {
        match self.within(message) {
            PlaceInPayload::Declared | PlaceInPayload::Open | PlaceInPayload::WithinList(_) => None,
            PlaceInPayload::WithinValue(parent) => {
                Some(Refusal { parent, missing: None, known: BTreeSet::new(), is_header: self.is_header() })
            }
            PlaceInPayload::Unknown { parent, name, known } => {
                let known = known.into_iter().collect();
                Some(Refusal { parent, missing: Some(name), known, is_header: self.is_header() })
            }
        }
    }
}

/// Why something cannot be there.
#[derive(Clone, PartialEq)]
struct Refusal {
    parent: String,
    /// The name that is not known there; `None`: what stands there has no fields.
    missing: Option<String>,
    known: BTreeSet<String>,
    is_header: bool,
}

impl Refusal {
    /// In words, of messages that are called so.
    fn text(&self, whose: &str) -> String {
        let parent = match self.parent.trim_start_matches('/') {
            "" => whose.to_owned(),
            parent => format!("`{parent}` of {whose}"),
        };
        match &self.missing {
            Some(name) if self.is_header => format!("{parent} has no header `{name}`"),
            Some(name) => format!("{parent} has no field `{name}`"),
            None => format!("{parent} is a value that has no fields"),
        }
    }

    fn help(&self) -> String {
        let Some(missing) = &self.missing else { return "write the pointer of the field itself".to_owned() };
        match nearest(missing, self.known.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                let known = self.known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                format!("there are: {known}; what else may be there must be declared by the schema")
            }
        }
    }
}

/// A place that messages name which cannot have it.
struct Misplaced {
    span: Span,
    refusal: Refusal,
    messages: Vec<String>,
}

/// The node that describes each message, with the message if it could be read; one that two channels have is there twice.
fn message_nodes<'a, 'c>(document: &Document<'a>, contract: &'c Contract) -> Vec<(&'a Node, Option<&'c Message>)> {
    let mut found = Vec::new();
    for channel in document.root.get("channels").and_then(Node::entries).unwrap_or_default() {
        let messages = followed(document, &channel.value).and_then(|node| node.get("messages"));
        for entry in messages.and_then(Node::entries).unwrap_or_default() {
            let Some(node) = followed(document, &entry.value) else { continue };
            let type_name = node.get("name").and_then(Node::scalar_text).unwrap_or_else(|| entry.key.clone());
            let is_it = |one: &&Message| {
                one.channel == channel.key
                    && one.type_name == type_name
                    && (one.name == type_name || one.name == entry.key)
            };
            found.push((node, contract.messages.iter().find(is_it)));
        }
    }
    found
}

/// What a node leads to. Where it leads nowhere, that was told when it was read.
fn followed<'a>(document: &Document<'a>, node: &'a Node) -> Option<&'a Node> {
    document.follow_any(node, &mut Diagnostics::default())
}

/// What messages say themselves. What several say in one place, such as a trait, is told once, of all of them.
fn of_messages(document: &Document<'_>, messages: &[(&Node, &Message)], faults: &mut Diagnostics) {
    let mut misplaced: Vec<Misplaced> = Vec::new();
    for (node, message) in messages {
        for (at, place) in said_by_message(document, node) {
            let Some(refusal) = place.refusal(message) else { continue };
            match misplaced.iter_mut().find(|one| one.span == at.span && one.refusal == refusal) {
                Some(one) => one.messages.push(message.name.clone()),
                None => misplaced.push(Misplaced { span: at.span, refusal, messages: vec![message.name.clone()] }),
            }
        }
    }
    for Misplaced { span, refusal, messages } in misplaced {
        let fault = Diagnostic::error(CODE, refusal.text(&whose(&messages))).help(refusal.help());
        faults.push_once(fault.at(document.source, span));
    }
}

fn whose(messages: &[String]) -> String {
    let named: Vec<String> = messages.iter().take(NAMED).map(|name| format!("\"{name}\"")).collect();
    match messages.len() {
        1 => named.concat(),
        count if count > NAMED => format!("each of {} and {} more", named.join(", "), count - NAMED),
        _ => format!("each of {}", named.join(", ")),
    }
}

/// Everything that a message's own words say stands somewhere.
fn said_by_message<'a>(document: &Document<'a>, node: &'a Node) -> Vec<(&'a Node, Place)> {
    let mut said: Vec<(&Node, Option<Place>)> = Vec::new();
    let correlation = node.get("correlationId").and_then(|node| followed(document, node)?.get("location"));
    said.extend(correlation.map(|node| (node, Place::expression(node))));
    if let Some(own) = node.get(KEY) {
        let key = own.get("key");
        let parts = own.get("envelope").and_then(Node::entries).unwrap_or_default().iter();
        // A key of its own stands above its envelope's.
        let parts = parts.filter(|part| key.is_none() || part.key != "key").map(|part| &part.value);
        said.extend(parts.chain(key).map(|node| (node, Place::expression(node))));
        let pointers = ["unique", "fresh"].into_iter().flat_map(|name| each(own.get(name)));
        let further = each(own.get("also")).iter().filter_map(|one| one.get("at"));
        said.extend(pointers.chain(further).map(|node| (node, Place::pointer(node))));
        said.extend(each(own.get("sensitive")).iter().map(|node| (node, Place::sensitive(node))));
    }
    said.into_iter().filter_map(|(node, place)| Some((node, place?))).collect()
}

/// The items of a list; a single value counts as one.
fn each(node: Option<&Node>) -> &[Node] {
    node.map_or(&[], |node| node.items().unwrap_or(std::slice::from_ref(node)))
}

/// The envelope that the document says for all: a part that no message which goes by it can have is a slip.
fn of_document(document: &Document<'_>, messages: &[(&Node, &Message)], faults: &mut Diagnostics) {
    let envelope = document.root.get(KEY).and_then(|own| own.get("envelope")?.entries());
    for part in envelope.unwrap_or_default() {
        let Some(place) = Place::expression(&part.value) else { continue };
        let goes_by = |node: &Node| {
            let own = node.get(KEY);
            let says = own.and_then(|own| own.get("envelope")).and_then(|envelope| envelope.get(&part.key));
            says.or(own.and_then(|own| own.get("key")).filter(|_| part.key == "key")).is_none()
        };
        let here: Vec<&Message> = messages.iter().filter(|(node, _)| goes_by(node)).map(|(_, one)| *one).collect();
        in_one_of(document, &part.value, &place, &here, "no message of the document", faults);
    }
}

/// What an operation says of the messages that it receives, and of what it writes elsewhere.
fn of_operation(document: &Document<'_>, contract: &Contract, operation: &Operation, faults: &mut Diagnostics) {
    let node = document.root.get("operations").and_then(|node| node.get(&operation.name));
    let Some(own) = node.and_then(|node| followed(document, node)?.get(KEY)) else { return };
    let received: Vec<&Message> = operation.messages.iter().filter_map(|name| contract.message(name)).collect();
    let whose = format!("no message of operation `{}`", operation.name);
    let copied = own.get("sentinel_with").and_then(Node::entries).unwrap_or_default().iter().map(|entry| &entry.value);
    for node in own.get("deduplication").and_then(|node| node.get("by")).into_iter().chain(copied) {
        let Some(place) = Place::expression(node) else { continue };
        in_one_of(document, node, &place, &received, &whose, faults);
    }
    if let (Some(letter), Some(said)) = (&operation.dead_letter, own.get("dead_letter")) {
        elsewhere(document, contract, &[&letter.channel], &received, said, faults);
    }
    if let (Some(retry), Some(said)) = (&operation.retry, own.get("retry").and_then(|node| node.get("link"))) {
        let channels: Vec<&String> = retry.topics.iter().flat_map(|topics| &topics.channels).collect();
        elsewhere(document, contract, &channels, &received, said, faults);
    }
}

/// What records on these channels say of the ones that they were. They may carry what those declare.
fn elsewhere(
    document: &Document<'_>,
    contract: &Contract,
    channels: &[&String],
    received: &[&Message],
    said: &Node,
    faults: &mut Diagnostics,
) {
    let there: Vec<&Message> = contract.messages.iter().filter(|one| channels.contains(&&one.channel)).collect();
    let named: Vec<String> = channels.iter().map(|name| format!("`{name}`")).collect();
    let whose = format!("no message on {}", named.join(", "));
    let position = said.get("position").and_then(Node::entries).unwrap_or_default();
    let parts = ["original", "attempts"].into_iter().filter_map(|name| said.get(name));
    for node in parts.chain(position.iter().map(|entry| &entry.value)) {
        let Some(place) = Place::expression(node) else { continue };
        if !received.iter().any(|message| place.within(message) == PlaceInPayload::Declared) {
            in_one_of(document, node, &place, &there, &whose, faults);
        }
    }
}

/// Tells a place that none of these messages can have. Of no messages nothing is known.
fn in_one_of(
    document: &Document<'_>,
    node: &Node,
    place: &Place,
    messages: &[&Message],
    whose: &str,
    faults: &mut Diagnostics,
) {
    let refusals: Option<Vec<Refusal>> = messages.iter().map(|message| place.refusal(message)).collect();
    let Some((first, others)) = refusals.as_deref().and_then(<[Refusal]>::split_first) else { return };
    let mut refusal = first.clone();
    refusal.known.extend(others.iter().flat_map(|other| other.known.clone()));
    let message = format!("`{}` stands in {whose}", node.scalar_text().unwrap_or_default());
    faults.push_once(Diagnostic::error(CODE, message).at(document.source, node.span).help(refusal.help()));
}
