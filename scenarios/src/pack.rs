//! A pack: a folder with a contract, a system, phrases and features, read as one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventproof_contract::Contract;
use eventproof_loadgen::Profile;
use eventproof_source::{Diagnostic, Diagnostics};
use eventproof_system::SystemSpec;

use crate::lint;
use crate::phrases::Phrases;
use crate::plan::{self, FeatureFile, Plan};

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
        let Gathered { pack, found, rest } = gather(folder);
        let mut faults = found;
        match pack {
            Some(mut pack) if !faults.has_errors() => {
                pack.warnings = faults;
                return Ok(pack);
            }
            // Whoever mends this wants to see at once what else is wrong.
            Some(pack) => faults.extend(resolve_or_less(&pack, &faults)),
            None => faults.extend(rest),
        }
        Err(faults)
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

    /// What the pack's load profiles are called: by their files, and by their own names where they can be read.
    pub(crate) fn profile_names(&self) -> Vec<String> {
        let paths = profile_paths(&self.folder.join("load"));
        let own = paths.iter().filter_map(|path| Some(Profile::read(path).ok()?.name));
        let stems = paths.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        stems.chain(own).collect()
    }

    /// Every step matched and every name checked; all faults otherwise.
    pub fn plan(&self) -> Result<Plan, Diagnostics> {
        Plan::of(self)
    }
}

/// What a folder holds, as far as it can be read.
pub(crate) struct Gathered {
    /// With contract and system; what else is in it may be less than its files say, which `found` tells.
    pub pack: Option<Pack>,
    pub found: Diagnostics,
    /// What can be said of the features although there is no pack to check them against.
    pub rest: Diagnostics,
}

/// Reads everything, whatever is wrong with some of it.
pub(crate) fn gather(folder: &Path) -> Gathered {
    let mut found = Diagnostics::default();
    if !folder.is_dir() {
        let message = format!("there is no pack at {}: it is not a folder", folder.display());
        let help = "give the folder that holds asyncapi.yaml and system.yaml";
        found.push(Diagnostic::error("pack/no-folder", message).help(help));
        return Gathered { pack: None, found, rest: Diagnostics::default() };
    }
    let contract = read_contract(folder, &mut found);
    let system = take(SystemSpec::read(&folder.join("system.yaml")), &mut found);
    let phrases = Phrases::read(&folder.join("phrases.yaml"), &mut found);
    let features = FeatureFile::read_all(folder, &mut found);
    let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let (Some(contract), Some(system)) = (contract, system) else {
        let rest = without_consequences(plan::unmatched(&features, &phrases), &found);
        return Gathered { pack: None, found, rest };
    };
    let pack = Pack {
        name: name.unwrap_or_else(|| folder.display().to_string()),
        folder: folder.to_owned(),
        contract: Arc::new(contract),
        system,
        phrases,
        features,
        warnings: Diagnostics::default(),
    };
    found.extend(lint::cross_check(&pack));
    Gathered { pack: Some(pack), found, rest: Diagnostics::default() }
}

/// What is wrong with the steps of a pack in which something else is wrong too.
fn resolve_or_less(pack: &Pack, found: &Diagnostics) -> Diagnostics {
    without_consequences(pack.plan().err().unwrap_or_default(), found)
}

/// Leaves out what only follows from a fault that is told already: a step is no phrase where phrases.yaml cannot be read.
pub(crate) fn without_consequences(told: Diagnostics, found: &Diagnostics) -> Diagnostics {
    let phrases = found.iter().any(|one| one.place().is_some_and(|(file, ..)| file.ends_with("phrases.yaml")));
    told.without(|one| phrases && one.code == "feature/unmatched-step")
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
