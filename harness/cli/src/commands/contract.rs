//! `contract`: what a contract says, and whether it says it rightly.

use std::path::{Path, PathBuf};

use eventproof_broker::{Broker, drift};
use eventproof_contract::{Change, Contract, Mode};

use super::rig::external;
use crate::args::ContractCommand;
use crate::{exit, output};

pub async fn contract(command: ContractCommand) -> u8 {
    match command {
        ContractCommand::Check { path } => check(&path),
        ContractCommand::Show { path } => show(&path),
        ContractCommand::Drift { path, brokers, broker_options } => compare(&path, &brokers, &broker_options).await,
        ContractCommand::Diff { paths, mode, transitive } => diff(&paths, &mode, transitive),
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

fn diff(paths: &[PathBuf], mode: &str, transitive: bool) -> u8 {
    let Some(versions) = paths.iter().map(|path| read(path)).collect::<Option<Vec<_>>>() else { return exit::USAGE };
    let mode = Mode::named(mode).unwrap_or_default();
    let Some(((new, old), path)) = versions.split_last().zip(paths.last()) else { return exit::USAGE };
    let from = if transitive { 0 } else { old.len() - 1 };
    let mut broken = 0;
    for (before, of) in old.iter().zip(paths).skip(from) {
        let changes = new.changes_since(before);
        broken += changes.iter().filter(|change| mode.forbids(change)).count();
        output::result(&format!("{} -> {}: {}", of.display(), path.display(), counted(changes.len())));
        changes.iter().for_each(|change| output::result(&told(change, mode)));
    }
    match broken {
        0 => exit::HELD,
        count => {
            output::result(&format!("{count} of them may not be made: {}", why(mode)));
            exit::BROKEN
        }
    }
}

async fn compare(path: &Path, brokers: &str, options: &[String]) -> u8 {
    let Some(contract) = read(path) else { return exit::USAGE };
    let choice = match external(brokers, options) {
        Ok(choice) => choice,
        Err(error) => {
            output::error(&error);
            return exit::USAGE;
        }
    };
    let found = match Broker::start(&choice).await {
        Ok(broker) => drift(&broker, &contract).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(found) if found.is_empty() => {
            output::result(&format!("{}: the broker is as the contract declares", contract.title));
            exit::HELD
        }
        Ok(found) => {
            found.iter().for_each(|drift| output::result(&drift.to_string()));
            exit::BROKEN
        }
        Err(error) => {
            output::error(&error.to_string());
            exit::NO_VERDICT
        }
    }
}

fn counted(changes: usize) -> String {
    match changes {
        0 => "nothing changed".to_owned(),
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    }
}

/// One line: what it breaks, where, and how.
fn told(change: &Change, mode: Mode) -> String {
    let mark = if mode.forbids(change) { "BREAKS" } else { "breaks" };
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
