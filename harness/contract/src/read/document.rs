//! The document as a whole.

use std::path::{Path, PathBuf};

use eventproof_source::{Diagnostic, Diagnostics, Fields, Node, Source};

use super::channel::read_channel;
use super::extension::Defaults;
use super::files::Files;
use super::message::read_message;
use super::operation::read_operation;
use super::places::check_places;
use super::reference::Document;
use super::retry::check_retries;
use super::server::read_servers;
use super::traits::merge_traits;
use crate::{Channel, Contract, Message};

impl Contract {
    /// The document of a folder: `asyncapi.yaml`, or else `asyncapi.yml` or `asyncapi.json`.
    pub fn file_in(folder: &Path) -> PathBuf {
        let usual = folder.join("asyncapi.yaml");
        let others = ["asyncapi.yml", "asyncapi.json"].map(|name| folder.join(name));
        others.into_iter().find(|other| !usual.exists() && other.exists()).unwrap_or(usual)
    }

    /// Reads a contract: the contract and its warnings, or every fault.
    pub fn read(path: &Path) -> Result<(Contract, Diagnostics), Diagnostics> {
        Contract::parse(&Source::read(path)?)
    }

    /// Reads a contract from a text; other files are looked for beside the text's path.
    pub fn parse(source: &Source) -> Result<(Contract, Diagnostics), Diagnostics> {
        let mut faults = Diagnostics::default();
        let Some(files) = Files::load(source, &mut faults) else { return Err(faults) };
        let files = merge_traits(files, &mut faults);
        let contract = read(&Document::of(&files), &mut faults);
        match contract {
            Some(contract) if !faults.has_errors() => Ok((contract, faults)),
            _ => Err(faults),
        }
    }
}

fn read(document: &Document<'_>, faults: &mut Diagnostics) -> Option<Contract> {
    let mut fields = Fields::of(document.root, document.source, "an AsyncAPI document", faults)?;
    check_version(document, fields.required_string("asyncapi", faults).as_deref(), faults)?;
    let info = fields.required("info", faults);
    let (title, version) = info.map(|info| read_info(document, info, faults)).unwrap_or_default();
    for known in ["id", "components"] {
        fields.node(known);
    }
    let servers = fields.node("servers").map(|node| read_servers(document, node, faults)).unwrap_or_default();
    let content_type = fields.string("defaultContentType", faults);
    let channels = fields.node("channels");
    let operations = fields.node("operations");
    fields.finish(faults);
    let defaults = Defaults { content_type, ..Defaults::read(document, faults) };
    let mut contract = Contract { title, version, servers, locale: defaults.locale.clone(), ..Contract::default() };
    contract.rules = defaults.rules.clone();
    for entry in channels.and_then(Node::entries).unwrap_or_default() {
        let Some((channel, messages)) = read_channel(document, &entry.key, &entry.value, faults) else { continue };
        read_messages(document, &defaults, &channel, messages, &mut contract, faults);
        add_channel(document, channel, entry, &mut contract, faults);
    }
    for entry in operations.and_then(Node::entries).unwrap_or_default() {
        let read = read_operation(document, &defaults, &contract, &entry.key, &entry.value, faults);
        contract.operations.extend(read);
    }
    check_sentinels(document, &contract, faults);
    check_retries(document, &contract, faults);
    check_places(document, &contract, faults);
    contract.fill_index();
    Some(contract)
}

fn check_version(document: &Document<'_>, version: Option<&str>, faults: &mut Diagnostics) -> Option<()> {
    let version = version?;
    if version.starts_with("3.0.") || version.starts_with("3.1.") {
        return Some(());
    }
    let at = document.root.get("asyncapi").map_or(document.root.span, |node| node.span);
    let help = match version.starts_with("2.") {
        true => "AsyncAPI 2 puts operations into channels; convert the document to 3.0 with AsyncAPI's own converter",
        false => "write 3.0.0 or 3.1.0",
    };
    faults.push(
        Diagnostic::error("contract/version", format!("AsyncAPI {version} is not read here"))
            .at(document.source, at)
            .help(help),
    );
    None
}

fn read_info(document: &Document<'_>, node: &Node, faults: &mut Diagnostics) -> (String, String) {
    let Some(mut fields) = Fields::of(node, document.source, "`info`", faults) else { return Default::default() };
    let title = fields.required_string("title", faults).unwrap_or_default();
    let version = fields.required_string("version", faults).unwrap_or_default();
    for known in ["description", "termsOfService", "contact", "license", "tags", "externalDocs"] {
        fields.node(known);
    }
    fields.finish(faults);
    (title, version)
}

fn read_messages(
    document: &Document<'_>,
    defaults: &Defaults,
    channel: &Channel,
    nodes: Vec<(&str, &Node)>,
    contract: &mut Contract,
    faults: &mut Diagnostics,
) {
    for (key, node) in nodes {
        let Some(message) = read_message(document, defaults, contract, channel, key, node, faults) else { continue };
        if let Some(other) = contract.message(&message.name) {
            let message = format!("message `{}` is on channel `{}` already", message.name, other.channel);
            faults.push(
                Diagnostic::error("contract/message-twice", message)
                    .at(document.source, node.span)
                    .help("give one of them another `name`: scenarios name messages without their channel"),
            );
            continue;
        }
        contract.messages.push(message);
    }
}

fn add_channel(
    document: &Document<'_>,
    mut channel: Channel,
    entry: &eventproof_source::Entry,
    contract: &mut Contract,
    faults: &mut Diagnostics,
) {
    if let Some(other) = contract.channels.iter().find(|other| other.topic == channel.topic) {
        let message =
            format!("channels `{}` and `{}` are the same topic \"{}\"", other.name, channel.name, channel.topic);
        faults.push(Diagnostic::error("contract/topic-twice", message).at(document.source, entry.key_span));
        return;
    }
    let on_channel = |message: &&Message| message.channel == channel.name;
    channel.messages = contract.messages.iter().filter(on_channel).map(|message| message.name.clone()).collect();
    contract.channels.push(channel);
}

fn check_sentinels(document: &Document<'_>, contract: &Contract, faults: &mut Diagnostics) {
    for operation in &contract.operations {
        let Some(sentinel) = &operation.sentinel else { continue };
        if !operation.messages.contains(sentinel) {
            let message =
                format!("operation `{}` names `{sentinel}` as sentinel, but does not receive it", operation.name);
            let at = document.root.get("operations").and_then(|node| node.get(&operation.name));
            let span = at.map_or(document.root.span, |node| node.span);
            faults.push(Diagnostic::error("contract/sentinel", message).at(document.source, span));
        }
    }
}

impl Contract {
    fn fill_index(&mut self) {
        for (index, channel) in self.channels.iter().enumerate() {
            self.index.topics.insert(channel.topic.clone(), index);
        }
        let encoded = self.messages.iter().filter(|message| !message.payload.is_json());
        self.index.encoded = encoded.map(|message| message.topic.clone()).collect();
        for (index, message) in self.messages.iter().enumerate() {
            self.index.types.entry(message.topic.clone()).or_default().insert(message.type_name.clone(), index);
        }
    }
}
