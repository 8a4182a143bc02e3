//! Operations: which service sends or receives what, in which group, and what it promises.

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, nearest};

use super::extension::{Defaults, OperationExtension};
use super::reference::Document;
use crate::{Action, Contract, DeadLetter, Operation, Retry, RetryTopics};

pub(super) fn read_operation<'a>(
    document: &Document<'a>,
    defaults: &Defaults,
    contract: &Contract,
    name: &str,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<Operation> {
    let (node, _) = document.follow(node, faults)?;
    let mut fields = Fields::of(node, document.source, &format!("operation `{name}`"), faults)?;
    let action = fields.choice("action", &["send", "receive"], faults);
    let channel = fields.required("channel", faults);
    let messages = fields.node("messages");
    let binding = document.kafka_binding(fields.node("bindings"), faults);
    let (group, client) = binding.and_then(|binding| read_binding(document, binding, faults)).unwrap_or_default();
    for known in ["title", "summary", "description", "security", "tags", "externalDocs", "reply"] {
        fields.node(known);
    }
    if action.is_none() && node.get("action").is_none() {
        let message = format!("operation `{name}` has no `action`");
        faults.push(Diagnostic::error("yaml/missing-key", message).at(document.source, node.span));
    }
    fields.finish(faults);
    let channel = channel_name(document, contract, channel?, faults)?;
    let names = message_names(document, contract, &channel, messages, faults);
    let extension = OperationExtension::read(document, defaults, node, faults);
    let dead_letter = extension.dead_letter.and_then(|(channel, letter)| {
        Some(DeadLetter { channel: channel_name(document, contract, channel, faults)?, ..letter })
    });
    let retry = extension.retry.and_then(|(named, retry)| {
        let found: Vec<Option<String>> =
            named.into_iter().map(|node| channel_name(document, contract, node, faults)).collect();
        let channels = found.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Retry { topics: retry.topics.map(|topics| RetryTopics { channels, ..topics }), ..retry })
    });
    Some(Operation {
        name: name.to_owned(),
        action: if action? == "send" { Action::Send } else { Action::Receive },
        channel,
        messages: names,
        service: extension.service,
        group,
        client,
        present: extension.present,
        deadline: extension.deadline,
        deduplication: extension.deduplication,
        handling: extension.handling,
        sentinel: extension.sentinel,
        sentinel_with: extension.sentinel_with,
        lag_limit: extension.lag_limit,
        retry,
        dead_letter,
        partitioner: extension.partitioner,
    })
}

/// `groupId` and `clientId`.
fn read_binding<'a>(
    document: &Document<'a>,
    node: &'a Node,
    faults: &mut Diagnostics,
) -> Option<(Option<String>, Option<String>)> {
    let node = document.follow_any(node, faults)?;
    let mut fields = Fields::of(node, document.source, "the Kafka binding of an operation", faults)?;
    let (group, client) = (fields.node("groupId"), fields.node("clientId"));
    fields.node("bindingVersion");
    fields.finish(faults);
    Some((group.and_then(only_text), client.and_then(only_text)))
}

/// AsyncAPI makes both a schema: what counts is its constant or its first allowed value.
fn only_text(schema: &Node) -> Option<String> {
    let constant = schema.get("const").and_then(Node::scalar_text);
    constant.or_else(|| schema.get("enum")?.items()?.first()?.scalar_text()).or_else(|| schema.scalar_text())
}

/// The channel that `$ref: '#/channels/NAME'`, or the name alone, means.
fn channel_name(document: &Document<'_>, contract: &Contract, node: &Node, faults: &mut Diagnostics) -> Option<String> {
    let by_name = node.scalar_text();
    let text = by_name.as_deref().or_else(|| node.get("$ref").and_then(Node::as_str)).unwrap_or_default();
    let name = text.rsplit('/').next().unwrap_or_default().to_owned();
    if contract.channel(&name).is_some() {
        return Some(name);
    }
    // A channel that has faults of its own was reported there.
    if document.root.get("channels").is_some_and(|channels| channels.get(&name).is_some()) {
        return None;
    }
    let known = contract.channels.iter().map(|channel| channel.name.as_str());
    let help = match nearest(&name, known.clone()) {
        Some(meant) => format!("did you mean `#/channels/{meant}`?"),
        None => format!("refer to one of: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let at = node.get("$ref").unwrap_or(node);
    faults.push(
        Diagnostic::error("contract/unknown-channel", format!("`{text}` is no channel of this document"))
            .at(document.source, at.span)
            .help(help),
    );
    None
}

/// The names of the messages; all of the channel where the operation names none.
fn message_names<'a>(
    document: &Document<'a>,
    contract: &Contract,
    channel: &str,
    messages: Option<&'a Node>,
    faults: &mut Diagnostics,
) -> Vec<String> {
    let on_channel = || contract.messages.iter().filter(|message| message.channel == channel);
    let Some(items) = messages.and_then(Node::items) else {
        return on_channel().map(|message| message.name.clone()).collect();
    };
    let mut names = Vec::new();
    for item in items {
        let Some((found, by)) = document.follow(item, faults) else { continue };
        let key = by.and_then(|by| by.rsplit('/').next()).unwrap_or_default().to_owned();
        let name = found.get("name").and_then(Node::scalar_text).unwrap_or(key);
        // A message that two channels have is called by its key on the second.
        let first = item.get("$ref").and_then(Node::as_str).and_then(|by| by.rsplit('/').next());
        let known = on_channel().find(|message| message.name == name || Some(message.name.as_str()) == first);
        match known {
            Some(message) => names.push(message.name.clone()),
            None => {
                let message = format!("message `{name}` is not on channel `{channel}`");
                faults.push(Diagnostic::error("contract/unknown-message", message).at(document.source, item.span));
            }
        }
    }
    names
}
