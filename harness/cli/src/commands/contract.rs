//! `contract`: what a contract says, and whether it says it rightly.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eventproof_broker::{Broker, drift};
use eventproof_contract::{Change, Contract, Mode, Rule};
use eventproof_registry::RegistryClient;
use eventproof_scenarios::Pack;
use serde_json::json;

use super::rig::external;
use crate::args::{ContractCommand, DiffFormat};
use crate::{exit, output};

pub async fn contract(command: ContractCommand) -> u8 {
    match command {
        ContractCommand::Check { path } => check(&path),
        ContractCommand::Show { path } => show(&path),
        ContractCommand::Drift { path, brokers, broker_options, registry } => {
            compare(&path, &brokers, &broker_options, registry.as_deref()).await
        }
        ContractCommand::Diff { paths, mode, rules, transitive, format } => {
            diff(&paths, &mode, &rules, transitive, format)
        }
        ContractCommand::Coverage { path, min_coverage } => coverage(&path, min_coverage.unwrap_or(0)),
    }
}

fn check(path: &Path) -> u8 {
    let Some(contract) = read(path) else { return exit::USAGE };
    output::result(&format!(
        "{}: {} messages on {} channels, {} operations: nothing is wrong",
        contract.title,
        contract.messages.len(),
        contract.channels.len(),
        contract.operations.len()
    ));
    exit::HELD
}

fn show(path: &Path) -> u8 {
    let Some(contract) = read(path) else { return exit::USAGE };
    output::result(contract.outline().trim_end());
    exit::HELD
}

/// What all scenarios of a pack would touch, were they to end with a verdict. Records that services publish on the way are
/// known only to a run.
fn coverage(path: &Path, least: u8) -> u8 {
    let planned = Pack::read(path).and_then(|pack| pack.plan().map(|plan| (pack, plan)));
    let (pack, plan) = match planned {
        Ok(planned) => planned,
        Err(faults) => {
            output::progress(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    let found = eventproof_scenarios::coverage(&pack, &plan.scenarios, |_| true, &BTreeSet::new());
    for (message, rows) in found.by_message() {
        output::result(message);
        for row in rows {
            let by = if row.by.is_empty() { "untouched".to_owned() } else { row.by.join("; ") };
            output::result(&format!("  {:<12} {by}", row.property));
        }
    }
    let (touched, all, percent) = (found.touched(), found.rows.len(), found.percent());
    output::result(&format!("{touched} of {all} promises are touched ({percent} %)"));
    if percent < least { exit::BROKEN } else { exit::HELD }
}

/// What may not be done: the mode's breaks, and what the newest contract's own rules, or the command line's, forbid.
struct Judge {
    mode: Mode,
    rules: Vec<Rule>,
}

impl Judge {
    fn forbids(&self, change: &Change) -> bool {
        self.mode.forbids(change) || self.rules.iter().any(|rule| rule.forbids(change))
    }

    fn why(&self) -> String {
        let rules = self.rules.iter().map(|rule| format!("; {}", rule.name()));
        format!("{}{}", why(self.mode), rules.collect::<String>())
    }
}

fn diff(paths: &[PathBuf], mode: &str, rules: &[String], transitive: bool, format: DiffFormat) -> u8 {
    let Some(versions) = paths.iter().map(|path| read(path)).collect::<Option<Vec<_>>>() else { return exit::USAGE };
    let (mode_name, mode) = (mode, Mode::named(mode).unwrap_or_default());
    let Some(((new, old), path)) = versions.split_last().zip(paths.last()) else { return exit::USAGE };
    let rules = rules.iter().filter_map(|name| Rule::named(name)).chain(new.rules.iter().copied());
    let judge = Judge { mode, rules: rules.collect() };
    let from = if transitive { 0 } else { old.len() - 1 };
    let compared: Vec<Compared<'_>> = old
        .iter()
        .zip(paths)
        .skip(from)
        .map(|(before, of)| Compared { from: of, to: path, changes: new.changes_since(before) })
        .collect();
    let broken = compared.iter().flat_map(|one| &one.changes).filter(|change| judge.forbids(change)).count();
    match format {
        DiffFormat::Text => compared.iter().for_each(|one| tell(one, &judge)),
        DiffFormat::Json => {
            let compared: Vec<_> = compared.iter().map(|one| one.json(&judge)).collect();
            output::result(&json!({"mode": mode_name, "forbidden": broken, "compared": compared}).to_string());
            return if broken == 0 { exit::HELD } else { exit::BROKEN };
        }
    }
    match broken {
        0 => exit::HELD,
        count => {
            output::result(&format!("{count} of them may not be made: {}", judge.why()));
            exit::BROKEN
        }
    }
}

/// Two versions side by side.
struct Compared<'p> {
    from: &'p Path,
    to: &'p Path,
    changes: Vec<Change>,
}

impl Compared<'_> {
    fn json(&self, judge: &Judge) -> serde_json::Value {
        let change = |change: &Change| {
            json!({
                "code": change.code,
                "place": change.place,
                "message": change.message,
                "breaks_producers": change.breaks.producers,
                "breaks_consumers": change.breaks.consumers,
                "forbidden": judge.forbids(change),
            })
        };
        let changes: Vec<_> = self.changes.iter().map(change).collect();
        json!({"from": self.from, "to": self.to, "changes": changes})
    }
}

fn tell(compared: &Compared<'_>, judge: &Judge) {
    let Compared { from, to, changes } = compared;
    output::result(&format!("{} -> {}: {}", from.display(), to.display(), counted(changes.len())));
    changes.iter().for_each(|change| output::result(&told(change, judge)));
}

async fn compare(path: &Path, brokers: &str, options: &[String], registry: Option<&str>) -> u8 {
    let Some(contract) = read(path) else { return exit::USAGE };
    let choice = match external(brokers, options) {
        Ok(choice) => choice,
        Err(error) => {
            output::error(&error);
            return exit::USAGE;
        }
    };
    let on_broker = match Broker::start(&choice).await {
        Ok(broker) => drift(&broker, &contract).await,
        Err(error) => Err(error),
    };
    let on_broker = on_broker.map_err(|error| error.to_string());
    let found = match (on_broker, in_registry(&contract, registry).await) {
        (Ok(found), Ok(more)) => Ok(found.iter().map(ToString::to_string).chain(more).collect::<Vec<_>>()),
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    match found {
        Ok(found) if found.is_empty() => {
            output::result(&format!("{}: the broker is as the contract declares", contract.title));
            exit::HELD
        }
        Ok(found) => {
            found.iter().for_each(|drift| output::result(drift));
            exit::BROKEN
        }
        Err(error) => {
            output::error(&error);
            exit::NO_VERDICT
        }
    }
}

/// What differs in the registry, where the contract's schemas have one.
async fn in_registry(contract: &Contract, registry: Option<&str>) -> Result<Vec<String>, String> {
    if contract.registered_messages().next().is_none() {
        return Ok(Vec::new());
    }
    let declared = contract.servers.iter().find_map(|server| server.registry_url.as_deref());
    let missing = "the contract's schemas are in a registry: say which by --registry URL";
    let client = RegistryClient::new(registry.or(declared).ok_or(missing)?).map_err(|error| error.to_string())?;
    let found = eventproof_registry::drift(contract, &client).await.map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|(code, text)| format!("{text} [{code}]")).collect())
}

fn counted(changes: usize) -> String {
    match changes {
        0 => "nothing changed".to_owned(),
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    }
}

/// One line: what it breaks, where, and how.
fn told(change: &Change, judge: &Judge) -> String {
    let mark = if judge.forbids(change) { "BREAKS" } else { "breaks" };
    format!("  {mark} {}: {change}", change.breaks)
}

fn why(mode: Mode) -> &'static str {
    match mode {
        Mode::None => "nothing is protected",
        Mode::Backward => "what was written by the old contract must stay right (--mode backward)",
        Mode::Forward => "what is written by the new contract must be right by the old one (--mode forward)",
        Mode::Full => "each contract must take what is written by the other (--mode full)",
        Mode::Additive => "nothing may go or become another (--mode additive)",
    }
}

/// The contract of a document or a pack; its faults and warnings are told.
fn read(path: &Path) -> Option<Contract> {
    let tell = |faults: eventproof_source::Diagnostics| {
        if !faults.is_empty() {
            output::progress(faults.render(output::color()).trim_end());
        }
    };
    match Contract::read(&document_of(path)) {
        Ok((contract, warnings)) => {
            tell(warnings);
            Some(contract)
        }
        Err(faults) => {
            tell(faults);
            None
        }
    }
}

/// A pack's folder stands for its document.
fn document_of(path: &Path) -> PathBuf {
    if path.is_dir() { Contract::file_in(path) } else { path.to_owned() }
}
