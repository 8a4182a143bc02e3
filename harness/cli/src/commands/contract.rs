//! `contract`: what a contract says, and whether it says it rightly.

use std::path::{Path, PathBuf};

use eventproof_contract::Contract;

use crate::args::ContractCommand;
use crate::{exit, output};

pub fn contract(command: ContractCommand) -> u8 {
    match command {
        ContractCommand::Check { path } => check(&path),
        ContractCommand::Show { path } => show(&path),
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
