//! `report`: renders results again, merges the shards of a run, and ends as the result does.

use std::path::{Path, PathBuf};

use eventproof_broker::Broker;
use eventproof_evidence::RunClock;
use eventproof_loadgen::{Part, in_parts};
use eventproof_reports::model::{RunResult, Shard};
use eventproof_reports::{AnyResult, Recovered, merge_runs, parse_any};

use super::rig::external;
use super::{files, rendered, shard};
use crate::{exit, output};

/// Where several results become one.
const FOLDER: &str = "eventproof-report";

pub fn report(paths: &[PathBuf], out: Option<PathBuf>) -> u8 {
    match parts(paths) {
        Ok(parts) if parts.is_empty() => {}
        Ok(parts) => return shard::merged(parts, &out.unwrap_or_else(|| PathBuf::from(FOLDER))),
        Err(fault) => {
            output::error(&fault);
            return exit::USAGE;
        }
    }
    let read: Vec<_> = paths.iter().map(|path| read(path)).collect();
    let faults: Vec<&String> = read.iter().filter_map(|read| read.as_ref().err()).collect();
    if !faults.is_empty() {
        faults.into_iter().for_each(|fault| output::error(fault));
        return exit::USAGE;
    }
    let mut results: Vec<AnyResult> = read.into_iter().flatten().collect();
    match (paths, results.len()) {
        ([path], 1) => single(path, results.remove(0), out),
        _ => several(paths, results, &out.unwrap_or_else(|| PathBuf::from(FOLDER))),
    }
}

/// The parts of a load that was sent in shards; none if the files are of another kind.
fn parts(paths: &[PathBuf]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for path in paths {
        // What cannot be read at all is told where results are read.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        match Part::parse(&text) {
            Some(part) => parts.push(part.map_err(|error| format!("{}: {error}", path.display()))?),
            None if parts.is_empty() => return Ok(Vec::new()),
            None => return Err(format!("{} is no part of a load, and the files before it are", path.display())),
        }
    }
    Ok(parts)
}

/// Puts together what the shards of a load left on the broker's results topic.
pub async fn shards_of(run: &str, brokers: &str, options: &[String], out: Option<PathBuf>) -> u8 {
    let parts = async {
        let broker = Broker::start(&external(brokers, options)?).await.map_err(|error| error.to_string())?;
        let clock = std::sync::Arc::new(RunClock::start());
        in_parts(&broker, run, clock).await.map_err(|error| error.to_string())
    };
    match parts.await {
        Ok(parts) if parts.is_empty() => {
            output::error(&format!("no verdict: there is no whole result of a shard of run {run} on {brokers}"));
            exit::NO_VERDICT
        }
        Ok(parts) => shard::merged(parts, &out.unwrap_or_else(|| PathBuf::from(FOLDER))),
        Err(error) => {
            output::error(&error);
            exit::NO_VERDICT
        }
    }
}

/// Reads a result; the error says which file and why.
pub fn read(path: &Path) -> Result<AnyResult, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse_any(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn single(path: &Path, result: AnyResult, out: Option<PathBuf>) -> u8 {
    let folder = folder_of(path);
    if let AnyResult::Run(run) = &result
        && let Some(shard) = run.shard.filter(|shard| shard.of > 1)
    {
        return alone(path, result, shard, (&folder, out));
    }
    let result = &result;
    // They have no verdicts, and would be written over a result that has.
    if let (AnyResult::Intervals(Recovered { ended: true, .. }), None) = (result, &out) {
        output::error(&format!(
            "this load came to its own end, so its verdicts are in {}: render that, or name another folder with --out",
            folder.join("result.json").display()
        ));
        return exit::USAGE;
    }
    one(result, &out.unwrap_or(folder))
}

/// A shard's result without the others: merged it lacks them, and where it is only shown it is not the whole.
fn alone(path: &Path, result: AnyResult, shard: Shard, (folder, out): (&Path, Option<PathBuf>)) -> u8 {
    match out {
        Some(out) => several(&[path.to_owned()], vec![result], &out),
        None => {
            let code = one(&result, folder);
            output::error(&format!(
                "no verdict on the whole: this is shard {shard} alone; give the results of the others too, and a folder with --out"
            ));
            exit::gravest([code, exit::NO_VERDICT])
        }
    }
}

/// One result: shown as it is, and its exit code is its own.
fn one(result: &AnyResult, folder: &Path) -> u8 {
    let (rendered, code) = match result {
        AnyResult::Intervals(found) => (rendered::load(&found.result), found.result.provenance.exit_code),
        AnyResult::Run(result) => (rendered::run(result), result.provenance.exit_code),
        AnyResult::Load(result) => (rendered::load(result), result.provenance.exit_code),
        AnyResult::Prove(result) => (rendered::prove(result), result.provenance.exit_code),
    };
    files::report(folder, rendered);
    u8::try_from(code).unwrap_or(exit::DEFECT)
}

fn several(paths: &[PathBuf], results: Vec<AnyResult>, folder: &Path) -> u8 {
    let into = folder.join("result.json");
    if let Some(same) = paths.iter().find(|path| is_same_file(path, &into)) {
        output::error(&format!(
            "{} would be written over by the merged result: name another folder with --out",
            same.display()
        ));
        return exit::USAGE;
    }
    let mut runs: Vec<(String, RunResult)> = Vec::new();
    for (path, result) in paths.iter().zip(results) {
        let AnyResult::Run(result) = result else {
            let what = "only shards of a scenario run are merged; `compare` sets load results side by side";
            output::error(&format!("{} is not the result of a scenario run: {what}", path.display()));
            return exit::USAGE;
        };
        runs.push((path.display().to_string(), result));
    }
    match merge_runs(runs) {
        Ok(merged) => merged_run(merged, folder),
        Err(faults) => {
            faults.iter().for_each(|fault| output::error(&fault.to_string()));
            exit::USAGE
        }
    }
}

fn merged_run(mut merged: RunResult, folder: &Path) -> u8 {
    let code = exit::of_run(&merged, &merged.allow_skipped);
    merged.provenance.exit_code = i32::from(code);
    files::report(folder, rendered::run(&merged));
    code
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
