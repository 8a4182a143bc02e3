//! `retry` and `dead_letter` of an operation. What they name as channels is found once all channels are read.

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node};

use super::extension::expression;
use super::reference::Document;
use crate::{Action, Backoff, Contract, DeadLetter, Kept, Link, Operation, Position, Retry, RetryTopics};

/// Where channels are named.
pub(super) type ChannelNodes<'a> = Vec<&'a Node>;

pub(super) fn retry<'a>(
    document: &Document<'a>,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<(ChannelNodes<'a>, Retry)> {
    let mut fields = Fields::of(node, document.source, "`retry`", faults)?;
    let mode = fields.choice("mode", &["blocking", "topics"], faults);
    fields.required("attempts", faults);
    let attempts = fields.parsed("attempts", faults, |text| {
        let count = text.parse::<u32>().ok().filter(|count| *count > 0);
        count.ok_or_else(|| format!("`{text}` is no count of attempts: a whole number from 1, the first among them"))
    });
    let backoff = fields.node("backoff").and_then(|node| backoff(document, node, faults));
    let over = fields.node("channels");
    let link = fields.node("link").map(|node| (node, link(document, node, faults)));
    fields.finish(faults);
    let is_over_topics = mode.as_deref() == Some("topics");
    if !is_over_topics {
        let stray = over.or(link.as_ref().map(|(node, _)| *node));
        if let Some(node) = stray {
            faults.push(only_over_topics(document, node));
        }
    }
    let named: Vec<&Node> = over.and_then(Node::items).unwrap_or_default().iter().collect();
    if is_over_topics && named.is_empty() {
        let at = over.unwrap_or(node);
        let message = "`mode: topics` needs `channels`: a list of the channels in which a record waits";
        faults.push(Diagnostic::error("contract/retry-channels", message).at(document.source, at.span));
        return None;
    }
    let link = link.and_then(|(_, link)| link).unwrap_or_default();
    let topics = is_over_topics.then_some(RetryTopics { channels: Vec::new(), link });
    Some((if topics.is_some() { named } else { Vec::new() }, Retry { attempts: attempts?, backoff, topics }))
}

fn only_over_topics(document: &Document<'_>, node: &Node) -> Diagnostic {
    Diagnostic::error("contract/retry-mode", "`channels` and `link` say something of `mode: topics` only")
        .at(document.source, node.span)
        .help("add `mode: topics`, or leave them out: without topics, the record's partition waits with it")
}

/// `bytes`, `{original: expression}`, or `{position: {topic, partition, offset}}`.
fn link(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> Option<Link> {
    if let Some(text) = node.scalar_text() {
        if text == "bytes" {
            return Some(Link::Bytes);
        }
        let message = format!(
            "`{text}` is no link: `bytes`, {{original: expression}} or {{position: {{topic, partition, offset}}}}"
        );
        faults.push(Diagnostic::error("contract/retry-link", message).at(document.source, node.span));
        return None;
    }
    let mut fields = Fields::of(node, document.source, "`link`", faults)?;
    let original = fields.node("original").and_then(|node| expression(document, node, faults)).map(Link::Original);
    let position = fields.node("position").and_then(|node| position(document, node, faults)).map(Link::Position);
    fields.finish(faults);
    position.or(original)
}

fn backoff(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> Option<Backoff> {
    let mut fields = Fields::of(node, document.source, "`backoff`", faults)?;
    fields.required("initial", faults);
    let initial = fields.duration("initial", faults);
    let factor = fields.parsed("factor", faults, |text| {
        let factor = text.parse::<f64>().ok().filter(|factor| *factor >= 1.0 && factor.is_finite());
        factor.ok_or_else(|| format!("`{text}` is no factor: a number from 1"))
    });
    let longest = fields.duration("longest", faults);
    fields.finish(faults);
    Some(Backoff { initial: initial?, factor: factor.unwrap_or(1.0), longest })
}

pub(super) fn dead_letter<'a>(
    document: &Document<'a>,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<(&'a Node, DeadLetter)> {
    let mut fields = Fields::of(node, document.source, "`dead_letter`", faults)?;
    let channel = fields.required("channel", faults);
    let original = fields.node("original").and_then(|node| expression(document, node, faults));
    let position = fields.node("position").and_then(|node| position(document, node, faults));
    let keeps = kept(document, fields.list("keeps"), faults);
    let attempts = fields.node("attempts").and_then(|node| expression(document, node, faults));
    fields.finish(faults);
    Some((channel?, DeadLetter { channel: String::new(), original, position, attempts, keeps }))
}

fn kept(document: &Document<'_>, listed: &[Node], faults: &mut Diagnostics) -> Kept {
    let mut keeps = Kept::default();
    for node in listed {
        match node.scalar_text().as_deref() {
            Some("payload") => keeps.payload = true,
            Some("headers") => keeps.headers = true,
            _ => {
                let message = "a dead letter keeps `payload`, `headers` or both; its key it keeps anyway";
                faults.push(Diagnostic::error("contract/keeps", message).at(document.source, node.span));
            }
        }
    }
    keeps
}

fn position(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> Option<Position> {
    let mut fields = Fields::of(node, document.source, "`position`", faults)?;
    let mut part = |key: &'static str, faults: &mut Diagnostics| {
        fields.required(key, faults).and_then(|node| expression(document, node, faults))
    };
    let (topic, partition, offset) = (part("topic", faults), part("partition", faults), part("offset", faults));
    fields.finish(faults);
    Some(Position { topic: topic?, partition: partition?, offset: offset? })
}

/// What waits in a retry channel must be read from there: by the same group, or another one of the same service.
pub(super) fn check_retries(document: &Document<'_>, contract: &Contract, faults: &mut Diagnostics) {
    for (operation, topics) in contract.retries() {
        let unread = topics.channels.iter().filter(|name| contract.retry_group(operation, name).is_none());
        for channel in unread {
            let message = format!(
                "operation `{}` retries over channel `{channel}`, which {} does not receive",
                operation.name,
                operation.service.as_ref().map_or("its group".to_owned(), |service| format!("service `{service}`"))
            );
            let help = "add an operation that receives it, with a groupId: of the same group, or of the same `service`";
            let span = span_of(document, operation);
            faults.push(Diagnostic::error("contract/retry-unread", message).at(document.source, span).help(help));
        }
        let says_no_id =
            |name: &&String| contract.messages.iter().all(|one| one.channel != **name || one.envelope.id.is_none());
        if let Some(channel) = topics.channels.iter().find(says_no_id).filter(|_| topics.link == Link::SameId) {
            let message = format!(
                "nothing links what waits on channel `{channel}` to the event that it is: its messages have no `envelope: {{id: …}}`"
            );
            let help = "say `link: {original: …}`, `link: {position: …}` or `link: bytes`, or where the waiting record has its id";
            let span = span_of(document, operation);
            faults.push(Diagnostic::error("contract/retry-unlinked", message).at(document.source, span).help(help));
        }
        if operation.action == Action::Send {
            let message = format!("operation `{}` sends: only who receives can try again", operation.name);
            let span = span_of(document, operation);
            faults.push(Diagnostic::error("contract/retry-sends", message).at(document.source, span));
        }
    }
}

fn span_of(document: &Document<'_>, operation: &Operation) -> eventproof_source::Span {
    let at = document.root.get("operations").and_then(|node| node.get(&operation.name));
    at.and_then(|node| node.get("x-eventproof")?.get("retry")).or(at).map_or(document.root.span, |node| node.span)
}
