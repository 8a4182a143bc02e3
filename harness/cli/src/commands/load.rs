//! `load`: load profiles and their objectives.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use eventproof_loadgen::{LoadError, LoadSetup, Profile, Search};
use eventproof_reports::model::{BrokerInfo, Interval, LoadResult, SearchStep};
use eventproof_reports::{Style, html_load, json_load, junit_load, load_line, terminal_load};
use eventproof_scenarios::Pack;
use eventproof_source::Diagnostics;
use tokio::sync::watch;

use super::files::{self, Rendered};
use super::origin::{self, Origin};
use super::rig::{RunIdentity, bring_up};
use super::services;
use crate::args::LoadArguments;
use crate::{exit, output};

/// Intervals between two lines of progress where there is no terminal.
const LINE_EVERY: usize = 5;

/// How wide such a line may be: nothing cuts a log's lines, and every stage shall be in it.
const LINE_WIDTH: usize = 400;

pub async fn load(arguments: LoadArguments) -> u8 {
    let read: Vec<_> = arguments.profiles.iter().map(|path| (path, read(path))).collect();
    let faults: Vec<_> = read.iter().filter_map(|(_, read)| read.as_ref().err()).collect();
    if !faults.is_empty() {
        faults.iter().for_each(|faults| output::progress(faults.render(output::color()).trim_end()));
        return exit::USAGE;
    }
    let unsteady = read.iter().filter_map(|(_, read)| read.as_ref().ok()).find(|(profile, _)| !profile.is_steady());
    if let Some((profile, _)) = unsteady.filter(|_| arguments.find_max) {
        output::error(&format!(
            "--find-max begins at a profile's steady rate, and \"{}\" has none: write such as `rate: 100/s` and `events: 1000`",
            profile.name
        ));
        return exit::USAGE;
    }
    let several = read.len() > 1;
    let mut codes = Vec::new();
    for (path, (profile, pack)) in read.into_iter().filter_map(|(path, read)| Some((path, read.ok()?))) {
        let folder = report_folder(&arguments, path, several);
        codes.push(one(&arguments, &profile, pack, &folder).await);
    }
    exit::gravest(codes)
}

/// A profile and its pack, with every fault of both.
fn read(path: &Path) -> Result<(Profile, Pack), Diagnostics> {
    let profile = Profile::read(path)?;
    let pack = Pack::read(&profile.pack)?;
    let faults = profile.check(&pack.contract, &pack.system);
    if faults.has_errors() { Err(faults) } else { Ok((profile, pack)) }
}

fn report_folder(arguments: &LoadArguments, profile: &Path, several: bool) -> PathBuf {
    let name = profile.file_stem().filter(|_| several);
    name.map_or_else(|| arguments.rig.report.clone(), |name| arguments.rig.report.join(name))
}

async fn one(arguments: &LoadArguments, profile: &Profile, pack: Pack, folder: &Path) -> u8 {
    let origin = Origin::begin();
    let identity = RunIdentity::new(arguments.rig.seed);
    output::progress(&format!("{}:", profile.name));
    let (mut result, broker) = match perform(arguments, &identity, profile, pack).await {
        Ok(performed) => performed,
        Err(code) => return code,
    };
    let interrupted = result.provenance.interrupted;
    result.provenance = origin.provenance(command(arguments, profile, identity.seed), &identity, broker);
    result.provenance.interrupted = interrupted;
    let code = exit::of_load(&result);
    result.provenance.exit_code = i32::from(code);
    write(folder, &result);
    code
}

async fn perform(
    arguments: &LoadArguments,
    identity: &RunIdentity,
    profile: &Profile,
    pack: Pack,
) -> Result<(LoadResult, BrokerInfo), u8> {
    let (mut rig, _data) = bring_up(&arguments.rig, identity, pack.contract.clone(), pack.system.clone()).await?;
    rig.stop_observing();
    let broker = BrokerInfo { kind: rig.broker.kind().word().to_owned(), label: rig.broker.label().to_owned() };
    let (stop, stopped) = interruption();
    let setup = LoadSetup {
        rig: &rig,
        contract: pack.contract.clone(),
        run_id: identity.run_id.clone(),
        stop: stopped.clone(),
    };
    let loaded = send(arguments, &setup, profile).await;
    stop.abort();
    let found = services::at_end(&rig.system).await;
    rig.stop().await;
    let mut result = loaded.map_err(|error| failed(&error.to_string()))?;
    result.findings.extend(services::unasked_deaths(&found));
    result.services = found;
    result.provenance.interrupted = *stopped.borrow();
    Ok((result, broker))
}

/// One load, or a search for the highest rate.
async fn send(arguments: &LoadArguments, setup: &LoadSetup<'_>, profile: &Profile) -> Result<LoadResult, LoadError> {
    let live = RefCell::new(Live::default());
    let show = |so_far: &[Interval]| live.borrow_mut().show(so_far);
    let loaded = match arguments.find_max {
        true => {
            let search = Search { ceiling: arguments.ceiling, step: arguments.step };
            let tell = |step: &SearchStep| {
                live.borrow().end();
                output::progress(&format!("  {}", search_line(step)));
            };
            eventproof_loadgen::find_max(setup, profile, &search, tell, show).await
        }
        false => eventproof_loadgen::run(setup, profile, show).await,
    };
    live.borrow().end();
    loaded
}

/// `  150.0/s  holds`, `  300.0/s  does not: …`
fn search_line(step: &SearchStep) -> String {
    let kind = if step.soak { " for the whole time" } else { "" };
    match &step.limit {
        None => format!("{:.1}/s holds{kind}", step.rate),
        Some(why) => format!("{:.1}/s does not hold{kind}: {why}", step.rate),
    }
}

/// A signal that becomes true on Ctrl-C.
fn interruption() -> (tokio::task::JoinHandle<()>, watch::Receiver<bool>) {
    let (tell, told) = watch::channel(false);
    let task = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            output::progress("  interrupted: waiting for what is under way, then writing what there is");
            // The run may be over by now.
            let _ = tell.send(true);
        }
        // Kept, so that the receiver never sees a closed channel instead of an answer.
        std::future::pending::<()>().await;
    });
    (task, told)
}

/// Progress: one line that is written over in a terminal, a line now and then elsewhere.
#[derive(Default)]
struct Live {
    shown: bool,
}

impl Live {
    fn show(&mut self, so_far: &[Interval]) {
        if output::is_terminal() {
            let style = Style { color: output::color(), width: output::width().saturating_sub(2) };
            output::over(&format!("  {}", load_line(so_far, style)));
            self.shown = true;
        } else if so_far.len().is_multiple_of(LINE_EVERY) {
            output::progress(&format!("  {}", load_line(so_far, Style { color: false, width: LINE_WIDTH })));
        }
    }

    fn end(&self) {
        if self.shown {
            output::progress("");
        }
    }
}

fn failed(text: &str) -> u8 {
    output::error(text);
    exit::NO_VERDICT
}

fn write(folder: &Path, result: &LoadResult) {
    let style = Style { color: output::color(), width: output::width() };
    let rendered = Rendered {
        terminal: terminal_load(result, style),
        html: html_load(result),
        junit: junit_load(result).map_err(|error| error.to_string()),
        json: json_load(result),
    };
    files::report(folder, rendered);
}

fn command(arguments: &LoadArguments, profile: &Profile, seed: u64) -> String {
    let mut words = vec!["eventproof".to_owned(), "load".to_owned(), profile.path.display().to_string()];
    if arguments.find_max {
        words.push("--find-max".to_owned());
        words.extend(arguments.ceiling.iter().flat_map(|rate| ["--ceiling".to_owned(), format!("{rate}/s")]));
        words.extend(["--step".to_owned(), format!("{}s", arguments.step.as_secs_f64())]);
    }
    words.extend(origin::rig_words(&arguments.rig));
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.join(" ")
}
