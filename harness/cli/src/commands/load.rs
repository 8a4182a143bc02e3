//! `load`: load profiles and their objectives.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eventproof_loadgen::{Disturbance, LoadError, LoadSetup, Profile, Search, workload};
use eventproof_reports::model::{BrokerInfo, Interval, LoadResult, Provenance, SearchStep};
use eventproof_reports::{LoadHead, Style, load_line, tail_line};
use eventproof_scenarios::Pack;
use eventproof_source::Diagnostics;
use eventproof_system::Rig;
use tokio::sync::watch;

use super::interval_file::IntervalFile;
use super::metrics::MetricsPage;
use super::origin::{self, Origin};
use super::rig::{RunIdentity, bring_up};
use super::{ending, files, rendered, services, shard};
use crate::args::{BrokerName, LoadArguments};
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
    let profiles = || read.iter().filter_map(|(_, read)| read.as_ref().ok()).map(|(profile, _)| profile);
    if let Some(profile) = profiles().find(|profile| arguments.find_max && !profile.is_steady()) {
        output::error(&format!(
            "--find-max begins at a profile's steady rate, and \"{}\" has none: write such as `rate: 100/s` and `events: 1000`",
            profile.name
        ));
        return exit::USAGE;
    }
    let lacking: Vec<_> = profiles().filter_map(|profile| lacks_nodes(&arguments, profile)).collect();
    if !lacking.is_empty() {
        lacking.iter().for_each(|why| output::error(why));
        return exit::USAGE;
    }
    let several = read.len() > 1;
    let (mut codes, mut taken) = (Vec::new(), BTreeSet::new());
    for (path, (profile, pack)) in read.into_iter().filter_map(|(path, read)| Some((path, read.ok()?))) {
        if ending::is_asked() {
            codes.push(exit::NO_VERDICT);
            break;
        }
        let folder = report_folder(&arguments, path, several, &mut taken);
        codes.push(match arguments.shard {
            Some(of) => shard::load(&arguments, of, &profile, pack, &folder).await,
            None => one(&arguments, &profile, pack, &folder).await,
        });
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

/// Says that a timeline is about a node that the embedded broker will not have, if it is.
fn lacks_nodes(arguments: &LoadArguments, profile: &Profile) -> Option<String> {
    let has = i32::from(arguments.rig.nodes);
    let needs = profile.timeline.iter().filter_map(Disturbance::node).max().filter(|needs| *needs > has)?;
    let embedded = arguments.rig.brokers.is_none() && matches!(arguments.rig.broker, BrokerName::Embedded);
    embedded.then(|| {
        format!(
            "the timeline of \"{}\" is about node {needs} of the broker, and the embedded broker has {has}: run it with `--nodes {needs}` or more",
            profile.name
        )
    })
}

/// Where a profile's report is written: of several each has a folder of its own, with a number where one of that name has it already.
fn report_folder(arguments: &LoadArguments, profile: &Path, several: bool, taken: &mut BTreeSet<String>) -> PathBuf {
    let Some(name) = profile.file_stem().filter(|_| several) else { return arguments.rig.report.clone() };
    let free = files::free_name(&name.to_string_lossy(), |name| taken.insert(name.clone()));
    arguments.rig.report.join(free)
}

async fn one(arguments: &LoadArguments, profile: &Profile, pack: Pack, folder: &Path) -> u8 {
    let origin = Origin::begin();
    let identity = RunIdentity::new(arguments.rig.seed);
    output::progress(&format!("{}:", profile.name));
    files::put_aside(folder);
    let mut told = match Told::begin(arguments, &profile.name, folder).await {
        Ok(told) => told,
        Err(error) => {
            output::error(&error);
            return exit::USAGE;
        }
    };
    let provenance = |broker: &BrokerInfo| {
        origin.clone().provenance(command(arguments, profile, identity.seed), &identity, broker.clone())
    };
    let Performed { mut result, broker, rig, data } =
        match perform(arguments, &identity, profile, pack, &mut told, provenance).await {
            Ok(performed) => performed,
            Err(code) => return code,
        };
    let interrupted = result.provenance.interrupted;
    result.provenance = provenance(&broker);
    result.provenance.interrupted = interrupted;
    let code = exit::of_load(&result);
    result.provenance.exit_code = i32::from(code);
    told.file.end(&result, code);
    files::report(folder, rendered::load(&result));
    // Last, since it takes its time: whoever asks to end may not have the patience.
    rig.stop().await;
    drop(data);
    code
}

/// A load that is over, and the system that still runs.
struct Performed {
    result: LoadResult,
    broker: BrokerInfo,
    rig: Rig,
    /// The folder of the services' data.
    data: tempfile::TempDir,
}

async fn perform(
    arguments: &LoadArguments,
    identity: &RunIdentity,
    profile: &Profile,
    pack: Pack,
    told: &mut Told,
    provenance: impl Fn(&BrokerInfo) -> Provenance,
) -> Result<Performed, u8> {
    let (mut rig, data) = bring_up(&arguments.rig, identity, pack.contract.clone(), pack.system.clone()).await?;
    rig.stop_observing();
    let broker = BrokerInfo { kind: rig.broker.kind().word().to_owned(), label: rig.broker.label().to_owned() };
    let (stop, stopped) = interruption();
    let setup = LoadSetup {
        rig: &rig,
        contract: pack.contract.clone(),
        run_id: identity.run_id.clone(),
        stop: stopped.clone(),
    };
    told.file.begin(&head(profile, provenance(&broker)));
    let loaded = send(arguments, &setup, profile, RefCell::new(&mut *told)).await;
    stop.abort();
    let found = services::at_end(&rig.system).await;
    let mut result = match loaded {
        Ok(result) => result,
        Err(error) => {
            rig.stop().await;
            return Err(failed(&error.to_string()));
        }
    };
    result.findings.extend(services::unasked_deaths(&found));
    result.services = found;
    result.provenance.interrupted = *stopped.borrow();
    Ok(Performed { result, broker, rig, data })
}

/// One load, or a search for the highest rate.
async fn send(
    arguments: &LoadArguments,
    setup: &LoadSetup<'_>,
    profile: &Profile,
    told: RefCell<&mut Told>,
) -> Result<LoadResult, LoadError> {
    let show = |so_far: &[Interval]| told.borrow_mut().take(so_far);
    let loaded = match arguments.find_max {
        true => {
            let search = Search { ceiling: arguments.ceiling, step: arguments.step };
            let tell = |step: &SearchStep| {
                told.borrow_mut().again();
                output::progress(&format!("  {}", search_line(step)));
            };
            eventproof_loadgen::find_max(setup, profile, &search, tell, show).await
        }
        false => eventproof_loadgen::run(setup, profile, show).await,
    };
    told.borrow_mut().live.end();
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

/// What is known before the first event.
pub(super) fn head(profile: &Profile, provenance: Provenance) -> LoadHead {
    LoadHead {
        profile: profile.path.display().to_string(),
        title: profile.name.clone(),
        pack: profile.pack.display().to_string(),
        workload: workload(&profile.path),
        objectives: profile.objectives.iter().map(|objective| objective.text.clone()).collect(),
        slip_limit_ms: profile.slip_limit_ms(),
        shard: String::new(),
        provenance,
    }
}

/// Everything that is told of intervals as they end.
pub(super) struct Told {
    pub file: IntervalFile,
    metrics: Option<MetricsPage>,
    pub live: Live,
}

impl Told {
    pub async fn begin(arguments: &LoadArguments, title: &str, folder: &Path) -> Result<Told, String> {
        let metrics = match arguments.metrics {
            Some(address) => Some(MetricsPage::serve(address, title).await?),
            None => None,
        };
        let live = if arguments.tail { Live::Tail } else { Live::Over { shown: false } };
        Ok(Told { file: IntervalFile::create(folder)?, metrics, live })
    }

    pub fn take(&mut self, so_far: &[Interval]) {
        for interval in self.file.take(so_far) {
            self.metrics.iter().for_each(|metrics| metrics.take(interval));
        }
        self.live.show(so_far);
    }

    /// A step of a search is over: the next one is told from its own beginning.
    fn again(&mut self) {
        self.live.end();
        self.file.restart();
    }
}

/// Becomes true when the load is asked to end.
pub(super) fn interruption() -> (tokio::task::JoinHandle<()>, watch::Receiver<bool>) {
    let (tell, told) = watch::channel(false);
    let task = tokio::spawn(async move {
        let why = ending::asked().await;
        output::progress(&format!("  {why}: waiting for what is under way, then writing what there is"));
        // The run may be over by now.
        let _ = tell.send(true);
        // Kept, so that the receiver never sees a closed channel instead of an answer.
        std::future::pending::<()>().await;
    });
    (task, told)
}

/// Progress on the way.
pub(super) enum Live {
    /// A line for each interval, on standard output.
    Tail,
    /// One line that is written over in a terminal, a line now and then elsewhere.
    Over { shown: bool },
}

impl Live {
    fn show(&mut self, so_far: &[Interval]) {
        match self {
            Live::Tail => so_far.last().into_iter().for_each(|interval| output::result(&tail_line(interval))),
            Live::Over { shown } if output::is_terminal() => {
                let style = Style { color: output::color(), width: output::width().saturating_sub(2) };
                output::over(&format!("  {}", load_line(so_far, style)));
                *shown = true;
            }
            Live::Over { .. } if so_far.len().is_multiple_of(LINE_EVERY) => {
                output::progress(&format!("  {}", load_line(so_far, Style { color: false, width: LINE_WIDTH })));
            }
            Live::Over { .. } => {}
        }
    }

    pub fn end(&self) {
        if let Live::Over { shown: true } = self {
            output::progress("");
        }
    }
}

fn failed(text: &str) -> u8 {
    output::error(text);
    exit::NO_VERDICT
}

pub(super) fn command(arguments: &LoadArguments, profile: &Profile, seed: u64) -> String {
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn profiles_of_one_name_have_folders_of_their_own() {
        let words = ["eventproof", "load", "a/smoke.yaml", "b/smoke.yaml", "--report", "r"];
        let Command::Load(arguments) = Arguments::try_parse_from(words).unwrap().command else { panic!("no load") };
        let mut taken = BTreeSet::new();
        let mut folder = |several| report_folder(&arguments, Path::new("a/smoke.yaml"), several, &mut taken);
        assert_eq!([folder(true), folder(true)], ["r/smoke", "r/smoke-2"].map(PathBuf::from));
        assert_eq!(folder(false), PathBuf::from("r"));
    }
}
