//! A pack: a folder with a contract, a system, phrases and features, read as one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventproof_contract::Contract;
use eventproof_loadgen::Profile;
use eventproof_source::{Diagnostic, Diagnostics};
use eventproof_system::SystemSpec;

use crate::lint;
use crate::phrases::Phrases;
use crate::plan::{FeatureFile, Plan};

/// A pack as it was read, without errors.
pub struct Pack {
    /// The folder's name.
    pub name: String,
    pub folder: PathBuf,
    pub contract: Arc<Contract>,
    pub system: SystemSpec,
    pub phrases: Phrases,
    pub features: Vec<FeatureFile>,
    /// What is questionable, without being wrong.
    pub warnings: Diagnostics,
}

impl Pack {
    /// Reads a pack. Every fault of every file is reported at once.
    pub fn read(folder: &Path) -> Result<Pack, Diagnostics> {
        let mut faults = Diagnostics::default();
        if !folder.is_dir() {
            let message = format!("there is no pack at {}: it is not a folder", folder.display());
            faults.push(
                Diagnostic::error("pack/no-folder", message)
                    .help("give the folder that holds asyncapi.yaml and system.yaml"),
            );
            return Err(faults);
        }
        let contract = read_contract(folder, &mut faults);
        let system = take(SystemSpec::read(&folder.join("system.yaml")), &mut faults);
        let phrases_file = folder.join("phrases.yaml");
        let phrases = match phrases_file.exists() {
            true => take(Phrases::read(&phrases_file), &mut faults),
            false => Some(Phrases::default()),
        };
        let features = FeatureFile::read_all(folder, &mut faults);
        let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let (Some(contract), Some(system), Some(phrases)) = (contract, system, phrases) else { return Err(faults) };
        let mut pack = Pack {
            name: name.unwrap_or_else(|| folder.display().to_string()),
            folder: folder.to_owned(),
            contract: Arc::new(contract),
            system,
            phrases,
            features,
            warnings: Diagnostics::default(),
        };
        faults.extend(lint::cross_check(&pack));
        if faults.has_errors() {
            // Whoever mends this wants to see at once what else is wrong.
            faults.extend(pack.plan().err().unwrap_or_default());
            return Err(faults);
        }
        pack.warnings = faults;
        Ok(pack)
    }

    /// The pack's load profiles (`load/*.yaml`), each checked against the pack; all faults otherwise.
    pub fn profiles(&self) -> Result<Vec<Profile>, Diagnostics> {
        let mut faults = Diagnostics::default();
        let mut profiles = Vec::new();
        for path in profile_paths(&self.folder.join("load")) {
            match Profile::read(&path) {
                Ok(profile) => {
                    faults.extend(profile.check(&self.contract, &self.system));
                    profiles.push(profile);
                }
                Err(found) => faults.extend(found),
            }
        }
        if faults.has_errors() { Err(faults) } else { Ok(profiles) }
    }

    /// Every step matched and every name checked; all faults otherwise.
    pub fn plan(&self) -> Result<Plan, Diagnostics> {
        Plan::of(self)
    }
}

/// Sorted by name; a pack without the folder has none.
fn profile_paths(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml"))
        .collect();
    paths.sort();
    paths
}

fn read_contract(folder: &Path, faults: &mut Diagnostics) -> Option<Contract> {
    let (contract, warnings) = take(Contract::read(&Contract::file_in(folder)), faults)?;
    faults.extend(warnings);
    Some(contract)
}

fn take<T>(read: Result<T, Diagnostics>, faults: &mut Diagnostics) -> Option<T> {
    read.map_err(|found| faults.extend(found)).ok()
}
