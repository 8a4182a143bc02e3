//! `init`: a new pack, from an AsyncAPI document, from names of topics, or from a running broker.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eventproof_broker::{Broker, sample};
use eventproof_contract::{Contract, Framing, SampledTopic, SchemaText, Started, contract_of, mark_absent, upgrade};
use eventproof_registry::RegistryClient;
use eventproof_scenarios::Pack;
use eventproof_source::Source;
use serde_json::Value;

use super::rig::external;
use crate::args::InitArguments;
use crate::{exit, output};

/// Why there is no pack, and the exit code for it.
type Failed = (u8, String);

pub async fn init(arguments: InitArguments) -> u8 {
    match make(&arguments).await {
        Ok(()) => exit::HELD,
        Err((code, text)) => {
            output::error(&text);
            code
        }
    }
}

async fn make(arguments: &InitArguments) -> Result<(), Failed> {
    let folder = &arguments.folder;
    if folder.exists() && std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err((exit::USAGE, format!("{} is there already and not empty: name a new folder", folder.display())));
    }
    let title = folder.file_name().map_or("pack".to_owned(), |name| name.to_string_lossy().into_owned());
    let (text, mut notes) = match &arguments.from {
        Some(document) => from_document(document)?,
        None => from_topics(arguments, &title).await?,
    };
    // It is made and checked elsewhere: what is wrong leaves nothing behind.
    let draft = tempfile::tempdir().map_err(|error| (exit::NO_VERDICT, error.to_string()))?;
    write(draft.path(), "asyncapi.yaml", &text)?;
    if let Some(document) = &arguments.from {
        copy_beside(document, draft.path())?;
    }
    let read = Contract::read(&Contract::file_in(draft.path()));
    let (contract, _) = read.map_err(|faults| {
        let faults = faults.only_errors().render(output::color());
        let faults = faults.trim_end().replace(&draft.path().display().to_string(), &folder.display().to_string());
        let help = "the pack would not be right, so it was not made; files above the document's own folder, or on the net, are not copied";
        (exit::USAGE, format!("{faults}\n{help}"))
    })?;
    notes.extend(unprovable(&contract));
    write(draft.path(), "system.yaml", &system(&title))?;
    write(draft.path(), "first.feature", &feature(&title, &contract, arguments.brokers.is_some()))?;
    let told = check(draft.path(), folder)?;
    copy_all(draft.path(), folder).map_err(|error| (exit::NO_VERDICT, format!("{}: {error}", folder.display())))?;
    notes.iter().for_each(|note| output::result(&format!("note: {note}")));
    output::result(&told);
    Ok(())
}

/// The document as it is, or upgraded.
fn from_document(path: &Path) -> Result<(String, Vec<String>), Failed> {
    let text = std::fs::read_to_string(path).map_err(|error| (exit::USAGE, format!("{}: {error}", path.display())))?;
    let source = Source::inline(&path.display().to_string(), &text);
    let read = eventproof_source::parse_yaml(&source)
        .map_err(|faults| (exit::USAGE, faults.render(output::color()).trim_end().to_owned()))?;
    let mut notes = Vec::new();
    let upgraded = upgrade(&read.to_json());
    let is_yaml = path.extension().is_none_or(|extension| extension != "json");
    let mut rewritten = upgraded.is_some() || !is_yaml;
    let mut document = match upgraded {
        Some((document, said)) => {
            notes.push("the document was of AsyncAPI 2: it was upgraded to 3.0".to_owned());
            notes.extend(said);
            document
        }
        None => read.to_json(),
    };
    if mark_absent(&mut document) {
        notes.push("operations with a group are marked `present: false`: name their services in system.yaml, then take the mark away".to_owned());
        rewritten = true;
    }
    // A document that is right as it stands keeps its comments.
    Ok((if rewritten { yaml(&document)? } else { text }, notes))
}

async fn from_topics(arguments: &InitArguments, title: &str) -> Result<(String, Vec<String>), Failed> {
    let topics = match &arguments.brokers {
        Some(brokers) => sampled(arguments, brokers).await?,
        None if arguments.topics.is_empty() => {
            let text = "say what the pack is made from: --from DOCUMENT, --topics NAMES or --brokers ADDRESSES";
            return Err((exit::USAGE, text.to_owned()));
        }
        None => arguments
            .topics
            .iter()
            .map(|topic| SampledTopic { topic: topic.clone(), ..SampledTopic::default() })
            .collect(),
    };
    let known = schemas(arguments, &topics).await?;
    let Started { document, notes } = contract_of(title, &topics, &|id| known.get(&id).cloned());
    Ok((yaml(&document)?, notes))
}

async fn sampled(arguments: &InitArguments, brokers: &str) -> Result<Vec<SampledTopic>, Failed> {
    let choice = external(brokers, &arguments.broker_options).map_err(|error| (exit::USAGE, error))?;
    let no_answer = |error: eventproof_broker::BrokerError| (exit::NO_VERDICT, error.to_string());
    let broker = Broker::start(&choice).await.map_err(no_answer)?;
    let topics = sample(&broker, &arguments.topics, arguments.records).await.map_err(no_answer)?;
    match topics.is_empty() {
        true => Err((exit::NO_VERDICT, format!("{brokers} has no topics, or none of those that were named"))),
        false => Ok(topics),
    }
}

/// Every schema that records say the id of, as far as the registry has it.
async fn schemas(arguments: &InitArguments, topics: &[SampledTopic]) -> Result<HashMap<u32, SchemaText>, Failed> {
    let mut known = HashMap::new();
    let Some(url) = &arguments.registry else { return Ok(known) };
    let failed = |error: eventproof_registry::RegistryError| (exit::NO_VERDICT, error.to_string());
    let client = RegistryClient::new(url).map_err(failed)?;
    let payloads = topics.iter().flat_map(|topic| &topic.samples).filter_map(|sample| sample.payload.as_deref());
    for id in payloads.filter_map(Framing::schema_id) {
        if !known.contains_key(&id) {
            known.extend(client.by_id(id).await.map_err(failed)?.map(|text| (id, text)));
        }
    }
    Ok(known)
}

/// What a document does not say, and what therefore cannot be proved.
fn unprovable(contract: &Contract) -> Vec<String> {
    let without_id = contract.messages.iter().filter(|message| message.envelope.id.is_none());
    let names: Vec<&str> = without_id.map(|message| message.name.as_str()).collect();
    let note = format!(
        "no `envelope: {{id: …}}` says where these carry their event id, so idempotency and exactly once cannot be proved: {}",
        names.join(", ")
    );
    let mut notes = if names.is_empty() { Vec::new() } else { vec![note] };
    let unknown: Vec<&str> = contract
        .messages
        .iter()
        .filter(|message| !contract.is_recognisable(message))
        .map(|message| message.name.as_str())
        .collect();
    if !unknown.is_empty() {
        notes.push(format!(
            "records of these cannot be told from others, or their topic cannot be named (give `envelope: {{type: …}}`, or the Kafka binding a `topic`): {}",
            unknown.join(", ")
        ));
    }
    notes
}

fn yaml(document: &Value) -> Result<String, Failed> {
    serde_saphyr::to_string(document).map_err(|error| (exit::DEFECT, error.to_string()))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failed> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| (exit::NO_VERDICT, format!("{}: {error}", path.display())))
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The files that a document refers to, into the same places beside the new one.
fn copy_beside(document: &Path, folder: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(document).unwrap_or_default();
    let beside = document.parent().unwrap_or(Path::new(""));
    let mut open: Vec<PathBuf> = references(&text);
    let mut done: Vec<PathBuf> = Vec::new();
    while let Some(path) = open.pop() {
        let from = beside.join(&path);
        if done.contains(&path) || !from.is_file() {
            continue;
        }
        let to = folder.join(&path);
        let copied = to.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::copy(&from, &to));
        copied.map_err(|error| (exit::NO_VERDICT, format!("{}: {error}", to.display())))?;
        let within = path.parent().unwrap_or(Path::new("")).to_owned();
        let text = std::fs::read_to_string(&from).unwrap_or_default();
        open.extend(references(&text).into_iter().map(|next| within.join(next)));
        done.push(path);
    }
    Ok(())
}

/// Paths behind `$ref` that stay within the folder.
fn references(text: &str) -> Vec<PathBuf> {
    let behind = text.split("$ref").skip(1).filter_map(|rest| {
        let value = rest.trim_start_matches(['"', '\'', ':', ' ']);
        let end = value.find(['"', '\'', '\n', '}', ',', '#']).unwrap_or(value.len());
        Some(value[..end].trim().trim_start_matches("./")).filter(|path| !path.is_empty())
    });
    behind
        .filter(|path| !path.contains("..") && !path.starts_with('/') && !path.contains("://"))
        .map(PathBuf::from)
        .collect()
}

fn system(title: &str) -> String {
    format!(
        "system: {title}\n\n\
         # Services that eventproof starts, such as:\n\
         # services:\n\
         #   billing:\n\
         #     command: [java, -jar, billing.jar]\n\
         #     env: {{KAFKA_BROKERS: \"{{brokers}}\", PORT: \"{{port}}\"}}\n\
         #     ready: {{http: /health, within: 30s}}\n\
         # With their groups, views and actions: see features/nova-bus/system.yaml.\n"
    )
}

fn feature(title: &str, contract: &Contract, running: bool) -> String {
    let mut text = format!(
        "Feature: {title}\n\n  Scenario: the topics are there\n    Then the topics are as the contract declares them\n"
    );
    for message in contract.messages.iter().filter(|message| contract.is_recognisable(message)) {
        // On somebody's broker nothing is published unasked.
        let tag = if running {
            "\n  # Publishes a record: take the comment signs away where that does no harm.\n"
        } else {
            "\n"
        };
        let sign = if running { "# " } else { "" };
        text.push_str(&format!(
            "{tag}  {sign}Scenario: \"{name}\" can be published\n  {sign}  When \"{name}\" is published\n",
            name = message.name
        ));
    }
    text
}

/// What was written must lint clean; says what there is.
fn check(draft: &Path, folder: &Path) -> Result<String, Failed> {
    let planned = Pack::read(draft).and_then(|pack| pack.plan().map(|plan| (pack, plan)));
    let (pack, plan) =
        planned.map_err(|faults| (exit::DEFECT, faults.render(output::color()).trim_end().to_owned()))?;
    Ok(format!(
        "wrote {folder}: {} messages on {} channels, {} scenarios; next: eventproof run {folder}",
        pack.contract.messages.len(),
        pack.contract.channels.len(),
        plan.scenarios.len(),
        folder = folder.display()
    ))
}
