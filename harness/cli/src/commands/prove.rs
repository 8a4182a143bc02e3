//! `prove`: the gate itself is tested. Every fault that a pack's services can be told to have is switched on, one by one, and
//! must be caught by a scenario that is meant to; a healthy system must never be accused. Each run is a process of its own.

mod judge;
mod runs;

use std::sync::Arc;

use eventproof_reports::model::{BrokerInfo, FaultRow, Outcome, ProveResult, Provenance};
use eventproof_reports::{Style, fault_line};
use eventproof_scenarios::{Pack, SeededFaults};
use eventproof_source::Diagnostics;
use futures::StreamExt;

use super::choice::perhaps;
use super::origin::Origin;
use super::rig::RunIdentity;
use super::{ending, files, rendered};
use crate::args::ProveArguments;
use crate::{exit, output};
use judge::{Busy, Judged};
use runs::{Job, Runs};

/// A pack with its faults.
struct Proven {
    pack: Pack,
    faults: SeededFaults,
}

pub async fn prove(arguments: ProveArguments) -> u8 {
    let origin = Origin::begin();
    let packs = match read(&arguments) {
        Ok(packs) => packs,
        Err(faults) => {
            output::progress(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    if !arguments.no_faults && packs.iter().all(|pack| pack.faults.faults.is_empty()) {
        output::error("no fault is declared: a pack's faults.yaml names those that its services can be told to have");
        return exit::NO_VERDICT;
    }
    let unknown = unknown(&arguments.faults, &packs);
    if !unknown.is_empty() {
        unknown.iter().for_each(|why| output::error(why));
        return exit::USAGE;
    }
    let identity = RunIdentity::new(arguments.seed);
    let runs = match Runs::prepare(&arguments, identity.seed) {
        Ok(runs) => Arc::new(runs),
        Err(error) => {
            output::error(&error);
            return exit::NO_VERDICT;
        }
    };
    let mut result =
        ProveResult { packs: packs.iter().map(|one| one.pack.name.clone()).collect(), ..Default::default() };
    let jobs = jobs(&arguments, &packs);
    let to_try = jobs.iter().filter(|job| job.fault.is_some()).count();
    let asked = tokio::select! {
        () = perform(&arguments, &packs, &runs, jobs, &mut result) => None,
        why = ending::asked() => Some(why),
    };
    if let Some(why) = asked {
        output::progress(&format!("  {why}: ending what runs, writing what there is"));
        result.untried = to_try.saturating_sub(result.faults.len()) as u64;
    }
    sort(&packs, &mut result.faults);
    let broker = BrokerInfo { kind: "embedded".to_owned(), label: "embedded broker, one for each run".to_owned() };
    let command = command(&arguments, identity.seed);
    result.provenance = Provenance { interrupted: asked.is_some(), ..origin.provenance(command, &identity, broker) };
    let code = exit::of_outcomes([result.outcome()]);
    result.provenance.exit_code = i32::from(code);
    files::report(&arguments.report, rendered::prove(&result));
    code
}

fn read(arguments: &ProveArguments) -> Result<Vec<Proven>, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut packs = Vec::new();
    for folder in &arguments.packs {
        let read = Pack::read(folder).and_then(|pack| {
            let plan = pack.plan()?;
            let faults = SeededFaults::read(&pack, &plan)?;
            Ok(Proven { pack, faults })
        });
        match read {
            Ok(pack) => packs.push(pack),
            Err(found) => faults.extend(found),
        }
    }
    if faults.has_errors() { Err(faults) } else { Ok(packs) }
}

async fn perform(
    arguments: &ProveArguments,
    packs: &[Proven],
    runs: &Arc<Runs>,
    jobs: Vec<Job>,
    result: &mut ProveResult,
) {
    let (calm, busy): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| !job.busy);
    for (jobs, is_busy) in [(calm, false), (busy, true)] {
        // Half of the healthy repeats have every processor busy with something else.
        let _busy = (is_busy && !jobs.is_empty()).then(Busy::begin);
        let done = jobs.into_iter().map(|job| {
            let runs = runs.clone();
            async move {
                let ran = runs.run(&job).await;
                match open(packs, &job, &ran) {
                    // Who could not tell is asked once more: a machine that stalled says nothing of the gate.
                    Some(why) => (runs.run(&job).await, why, job),
                    None => (ran, String::new(), job),
                }
            }
        });
        // One at a time beside what keeps the processors busy: several would starve each other, which says nothing.
        let at_a_time = if is_busy { 1 } else { usize::from(arguments.jobs.max(1)) };
        let mut done = futures::stream::iter(done).buffer_unordered(at_a_time);
        while let Some((ran, first_time, job)) = done.next().await {
            take(packs, &job, ran, first_time, result);
        }
    }
}

/// Faults that are asked for and that no pack declares, each with the nearest that one does.
fn unknown(asked: &[String], packs: &[Proven]) -> Vec<String> {
    let known: Vec<String> = packs.iter().flat_map(|one| &one.faults.faults).map(|fault| fault.argument()).collect();
    let told = |one: &String| {
        format!("no pack declares the fault \"{one}\"{}", perhaps(one, known.iter().map(String::as_str)))
    };
    asked.iter().filter(|one| !known.contains(one)).map(told).collect()
}

/// As the packs have them, in whatever order the runs ended.
fn sort(packs: &[Proven], rows: &mut [FaultRow]) {
    rows.sort_by_key(|row| {
        let place = |one: &Proven| one.faults.faults.iter().position(|fault| fault.argument() == row.fault);
        packs.iter().position(|one| one.pack.name == row.pack).map(|at| (at, place(&packs[at])))
    });
}

fn jobs(arguments: &ProveArguments, packs: &[Proven]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (at, one) in packs.iter().enumerate() {
        let all = arguments.faults.is_empty() && !arguments.no_faults;
        let wanted = |name: &String| all || arguments.faults.contains(name);
        for (number, fault) in one.faults.faults.iter().enumerate().filter(|(_, fault)| wanted(&fault.argument())) {
            let meant = fault.caught_by.iter().filter_map(|catcher| catcher.scenario.clone());
            let names = meant.chain(one.faults.controls.iter().cloned()).collect();
            let names = if arguments.all { Vec::new() } else { names };
            jobs.push(Job {
                pack: at,
                folder: one.pack.folder.clone(),
                fault: Some((number, fault.argument())),
                names,
                nth: 0,
                busy: false,
            });
        }
        for nth in 0..arguments.healthy {
            let busy = nth % 2 == 1;
            jobs.push(Job { pack: at, folder: one.pack.folder.clone(), fault: None, names: Vec::new(), nth, busy });
        }
    }
    jobs
}

/// What a run says of the fault that was switched on in it; nothing of a healthy one.
fn row(packs: &[Proven], job: &Job, ran: &Judged) -> Option<FaultRow> {
    let (one, (number, _)) = (packs.get(job.pack)?, job.fault.as_ref()?);
    let fault = one.faults.faults.get(*number)?;
    Some(judge::fault(&one.pack.name, fault, &one.faults.controls, ran))
}

/// Why a run has no verdict of its fault, if it has none.
fn open(packs: &[Proven], job: &Job, ran: &Judged) -> Option<String> {
    row(packs, job, ran).filter(|row| row.outcome == Outcome::NoVerdict).map(|row| row.why)
}

fn take(packs: &[Proven], job: &Job, ran: Judged, first_time: String, result: &mut ProveResult) {
    let Some(one) = packs.get(job.pack) else { return };
    match row(packs, job, &ran) {
        Some(row) => {
            let row = FaultRow { first_time, ..row };
            let style = Style { color: output::color(), width: output::width() };
            output::progress(&format!("  {}", fault_line(&row, style)));
            result.faults.push(row);
        }
        None => {
            let said = judge::healthy(&one.pack.name, job.busy, ran, &mut result.healthy);
            output::progress(&format!("  {said}"));
        }
    }
}

fn command(arguments: &ProveArguments, seed: u64) -> String {
    let mut words = vec!["eventproof".to_owned(), "prove".to_owned()];
    words.extend(arguments.packs.iter().map(|pack| pack.display().to_string()));
    words.extend(arguments.all.then(|| "--all".to_owned()));
    words.extend(arguments.no_faults.then(|| "--no-faults".to_owned()));
    words.extend(["--healthy".to_owned(), arguments.healthy.to_string()]);
    words.extend(arguments.faults.iter().flat_map(|fault| ["--fault".to_owned(), fault.clone()]));
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.join(" ")
}
