//! `run --watch`: broker and services stay up, and what a saved file touches runs again.
//!
//! A feature file touches its scenarios; phrases.yaml all of them; contract, schemas and system.yaml touch the system too,
//! which is then brought up anew. A fault is shown, and nothing runs until it is mended.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventproof_scenarios::{Choice, Pack, Plan};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::choice::Asked;
use super::ending;
use super::origin::Origin;
use super::rig::{RunIdentity, bring_up};
use super::run::{Followed, chosen, keep_needed, perform, read, told, write};
use crate::args::RunArguments;
use crate::{exit, output};

/// An editor writes a file in several strokes: after the last one it is quiet for so long.
const QUIET: Duration = Duration::from_millis(200);

/// What is to be run again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Touched {
    /// Whether the system has to be brought up anew.
    system: bool,
    /// Whether every chosen scenario is touched.
    all: bool,
    /// Feature files.
    features: BTreeSet<PathBuf>,
}

impl Touched {
    fn everything() -> Touched {
        Touched { system: true, all: true, features: BTreeSet::new() }
    }

    fn is_nothing(&self) -> bool {
        *self == Touched::default()
    }

    /// Adds what a file touches. Load profiles, seeded faults and notes touch no scenario.
    fn add(&mut self, pack: &Path, file: &Path) {
        let Ok(within) = file.strip_prefix(pack) else { return };
        let name = within.to_string_lossy();
        let end = within.extension().map(|end| end.to_string_lossy().into_owned()).unwrap_or_default();
        if end == "feature" {
            self.features.insert(file.to_owned());
        } else if name == "phrases.yaml" {
            self.all = true;
        } else if ["yaml", "yml", "json", "avsc", "proto"].contains(&end.as_str())
            && !within.starts_with("load")
            && name != "faults.yaml"
        {
            (self.system, self.all) = (true, true);
        }
    }

    fn takes(&self, file: &str) -> bool {
        self.all || self.features.contains(&whole(Path::new(file)))
    }
}

/// A path that can be compared: links followed, from the root. A file that is gone keeps the path that it had.
fn whole(path: &Path) -> PathBuf {
    let given = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().unwrap_or_else(|_| given())
}

/// Runs, and runs again, until interrupted; the exit code is the last round's.
pub async fn watch(arguments: &RunArguments) -> u8 {
    let folder = whole(&Asked::of(&arguments.pack).folder);
    let report = whole(&arguments.rig.report);
    let (_watcher, mut saved) = match watcher(&folder) {
        Ok(watching) => watching,
        Err(error) => {
            output::error(&format!("{} cannot be watched: {error}", folder.display()));
            return exit::NO_VERDICT;
        }
    };
    let identity = RunIdentity::new(arguments.rig.seed);
    let mut rounds = Rounds {
        services: BTreeSet::new(),
        is_ill: false,
        arguments,
        identity,
        up: None,
        number: 0,
        code: exit::NO_VERDICT,
        open: true,
    };
    let mut touched = Touched::everything();
    loop {
        if rounds.run(&touched).await == Next::End {
            break;
        }
        output::progress(&format!("  watching {}; Ctrl-C ends", folder.display()));
        let mut next = tokio::select! {
            next = next_touched(&mut saved, &folder, &report) => next,
            _ = ending::asked() => break,
        };
        // What could not be run is still to be run.
        if rounds.open {
            next.system |= touched.system;
            next.all |= touched.all;
            next.features.extend(touched.features);
        }
        touched = next;
    }
    rounds.end().await
}

/// Tells of every file that was written, made, renamed or removed in a folder.
fn watcher(folder: &Path) -> notify::Result<(RecommendedWatcher, UnboundedReceiver<PathBuf>)> {
    let (tell, saved) = unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if !matches!(event.kind, EventKind::Access(_)) {
            // Nobody listens any more once the run has ended.
            event.paths.into_iter().for_each(|path| drop(tell.send(path)));
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok((watcher, saved))
}

/// Waits until something is touched, and then until nothing more is saved for a moment.
async fn next_touched(saved: &mut UnboundedReceiver<PathBuf>, folder: &Path, report: &Path) -> Touched {
    let mut touched = Touched::default();
    loop {
        let quiet = async {
            match touched.is_nothing() {
                true => std::future::pending().await,
                false => tokio::time::sleep(QUIET).await,
            }
        };
        let path = tokio::select! {
            path = saved.recv() => path,
            () = quiet => return touched,
        };
        match path {
            Some(path) if !path.starts_with(report) => touched.add(folder, &path),
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Watch,
    End,
}

/// A running system and what became of the rounds on it.
struct Rounds<'a> {
    arguments: &'a RunArguments,
    identity: RunIdentity,
    up: Option<(Followed, tempfile::TempDir)>,
    /// The services of the system that runs.
    services: BTreeSet<String>,
    /// Whether one of them died unasked.
    is_ill: bool,
    number: u32,
    code: u8,
    /// Whether the last round could not run: what touched it is still to be run.
    open: bool,
}

impl Rounds<'_> {
    async fn run(&mut self, touched: &Touched) -> Next {
        self.open = true;
        let (mut pack, plan) = match read(self.arguments) {
            Ok(read) => read,
            Err(faults) => {
                self.code = told(&faults);
                return Next::Watch;
            }
        };
        let Some(choice) = self.chosen(&plan, touched) else { return Next::Watch };
        let everything = self.chosen(&plan, &Touched::everything()).unwrap_or_default();
        keep_needed(self.arguments, &mut pack, &plan, &everything);
        if let Err(next) = self.bring_up(&pack, touched.system).await {
            return next;
        }
        self.round(pack, plan, choice).await
    }

    /// What is both asked for and touched.
    fn chosen(&mut self, plan: &Plan, touched: &Touched) -> Option<Choice> {
        let mut choice = match chosen(self.arguments, plan) {
            Ok(choice) => choice,
            Err(code) => {
                self.code = code;
                return None;
            }
        };
        let taken = plan.scenarios.iter().filter(|one| choice.takes(one) && touched.takes(&one.file));
        let places: BTreeSet<(String, usize)> = taken.map(|one| one.place()).collect();
        if places.is_empty() {
            output::progress("  what was saved touches no chosen scenario");
            self.open = false;
            return None;
        }
        choice.places = Some(places);
        Some(choice)
    }

    /// Whether the system that runs can take another round. What the last one disturbed must come back.
    async fn may_stay(&self, anew: bool) -> bool {
        match &self.up {
            Some((on, _)) if !anew && !self.is_ill => on.rig.await_groups_again().await.is_ok(),
            _ => false,
        }
    }

    /// Sees to it that the system runs which the pack describes now; or says what comes next.
    async fn bring_up(&mut self, pack: &Pack, anew: bool) -> Result<(), Next> {
        let services: BTreeSet<String> = pack.system.services.iter().map(|service| service.name.clone()).collect();
        if !self.may_stay(anew || services != self.services).await
            && let Some((on, _data)) = self.up.take()
        {
            output::progress("  the system is brought up anew");
            on.rig.stop().await;
        }
        if self.up.is_none() {
            let up = bring_up(&self.arguments.rig, &self.identity, pack.contract.clone(), pack.system.clone());
            let (rig, data) = up.await.map_err(|code| {
                self.code = code;
                if ending::is_asked() { Next::End } else { Next::Watch }
            })?;
            self.up = Some((Followed::of(rig), data));
            self.services = services;
        }
        Ok(())
    }

    async fn round(&mut self, pack: Pack, plan: Plan, choice: Choice) -> Next {
        let Some((mut on, data)) = self.up.take() else { return Next::Watch };
        self.number += 1;
        // A system that remembers ids would drop what it has seen before.
        on.rig.generator = on.rig.generator.fork(&format!("round {}", self.number));
        let (result, on, _) = perform(self.arguments, &self.identity, Origin::begin(), pack, plan, choice, on).await;
        write(self.arguments, &result);
        self.open = false;
        self.is_ill = result.services.iter().any(|service| !super::services::is_well(service));
        self.code = u8::try_from(result.provenance.exit_code).unwrap_or(exit::DEFECT);
        self.up = on.map(|on| (on, data));
        output::progress(&format!("  round {} ended with exit code {}", self.number, self.code));
        if result.provenance.interrupted { Next::End } else { Next::Watch }
    }

    async fn end(self) -> u8 {
        output::progress("  ending services");
        if let Some((on, _data)) = self.up {
            on.rig.stop().await;
        }
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(files: &[&str]) -> Touched {
        let mut touched = Touched::default();
        files.iter().for_each(|file| touched.add(Path::new("/pack"), &Path::new("/pack").join(file)));
        touched
    }

    #[test]
    fn a_file_touches_what_is_made_of_it_and_no_more() {
        assert!(touched(&["load/steady.yaml", "faults.yaml", "README.md", ".a.feature.swp"]).is_nothing());
        assert_eq!(touched(&["phrases.yaml"]), Touched { all: true, ..Touched::default() });
        for file in ["asyncapi.yaml", "system.yaml", "schemas/order.avsc"] {
            assert_eq!(touched(&[file]), Touched::everything(), "{file}");
        }
        let feature = touched(&["deep/a.feature"]);
        assert!(feature.takes("/pack/deep/a.feature") && !feature.takes("/pack/b.feature") && !feature.system);
        let mut elsewhere = Touched::default();
        elsewhere.add(Path::new("/pack"), Path::new("/other/a.feature"));
        assert!(elsewhere.is_nothing());
    }
}
