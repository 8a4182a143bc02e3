//! `run` of several packs: each is a run of its own, in a process of its own, beside the others. Their results become one.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use eventproof_evidence::Reason;
use eventproof_reports::model::{Finding, RunResult};
use eventproof_reports::{parse_run, whole_of};
use eventproof_scenarios::{Pack, Plan};
use eventproof_source::Diagnostics;
use futures::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::choice::{self, Asked};
use super::origin::{self, Origin};
use super::rig::RunIdentity;
use super::{ending, files, rendered, run};
use crate::args::{REGISTRY, RunArguments};
use crate::{exit, output};

/// One of the packs, and what its run is told.
struct One {
    name: String,
    arguments: RunArguments,
}

/// What became of one run.
struct Ended {
    name: String,
    code: u8,
    /// The result, or why there is none.
    result: Result<RunResult, String>,
}

pub async fn run(arguments: &RunArguments) -> u8 {
    if arguments.watch {
        output::error("--watch keeps one system up: name one pack, or watch each in a terminal of its own");
        return exit::USAGE;
    }
    let origin = Origin::begin();
    let identity = RunIdentity::new(arguments.rig.seed);
    let packs = match chosen(arguments, identity.seed) {
        Ok(packs) => packs,
        Err(code) => return code,
    };
    if arguments.dry_run {
        return exit::HELD;
    }
    files::put_aside(&arguments.rig.report);
    let began = Instant::now();
    let runs = packs.into_iter().map(|one| perform(one, began));
    let ended: Vec<Ended> = futures::stream::iter(runs).buffered(usize::from(arguments.jobs.max(1))).collect().await;
    let (mut result, code) = whole(ended);
    let broker = std::mem::take(&mut result.provenance.broker);
    let merged = result.provenance.merged;
    let interrupted = result.provenance.interrupted;
    let of = origin.provenance(command(arguments, identity.seed), &identity, broker);
    result.provenance = eventproof_reports::model::Provenance { merged, interrupted, exit_code: i32::from(code), ..of };
    files::report(&arguments.rig.report, rendered::run(&result));
    code
}

/// The packs in which something is chosen. All that is wrong with any of them is told at once.
fn chosen(arguments: &RunArguments, seed: u64) -> Result<Vec<One>, u8> {
    let (mut packs, mut faults) = (Vec::<One>::new(), Diagnostics::default());
    let (mut plans, mut asked_for) = (Vec::new(), None);
    let mut count = 0;
    for path in arguments.packs() {
        let mut of_one = RunArguments { pack: path.clone(), more: Vec::new(), ..arguments.clone() };
        let (pack, plan) = match run::read(&of_one) {
            Ok(read) => read,
            Err(found) => {
                faults.extend(found);
                continue;
            }
        };
        let name = free_name(&pack.name, &packs);
        of_one.rig.report = arguments.rig.report.join(&name);
        of_one.rig.seed = Some(seed);
        of_one.rig.faults.retain(|fault| is_of(fault, &pack));
        let choice =
            choice::choice(&arguments.choice, &Asked::of(path), &plan, &of_one.rig.report).map_err(|error| {
                output::error(&error);
                exit::USAGE
            })?;
        let has = plan.scenarios.iter().any(|scenario| choice.takes(scenario));
        count += usize::from(has);
        if has && arguments.dry_run {
            run::dry_run(&pack, &plan, &choice, &choice::rules(&arguments.choice, seed));
        } else if has {
            packs.push(One { name, arguments: of_one });
        } else {
            output::progress(&format!("  [{name}] no scenario is chosen"));
        }
        asked_for = Some(choice);
        plans.push(plan);
    }
    if faults.has_errors() {
        return Err(run::told(&faults));
    }
    // Names, tags and services are asked of all packs alike.
    let of_all: Vec<&Plan> = plans.iter().collect();
    let strange = asked_for.map(|choice| choice::unknown(&choice, &of_all)).unwrap_or_default();
    if count == 0 {
        output::error(
            "no scenario was chosen in any of the packs: leave out what chooses, or see what they have with --dry-run",
        );
        strange.iter().for_each(|why| output::error(why));
        return Err(exit::NO_VERDICT);
    }
    strange.iter().for_each(|why| output::progress(&format!("warning: {why}")));
    unknown(arguments, &packs).map_or(Ok(packs), |fault| {
        output::error(&format!("--fault {fault}: none of the packs has this service"));
        Err(exit::USAGE)
    })
}

/// The pack's own name; with a number where another one has it already.
fn free_name(name: &str, packs: &[One]) -> String {
    files::free_name(name, |wanted| packs.iter().all(|one| one.name != *wanted))
}

fn is_of(fault: &str, pack: &Pack) -> bool {
    let service = fault.split_once(':').map_or(fault, |(service, _)| service);
    pack.system.services.iter().any(|known| known.name == service)
}

/// A fault that is switched on nowhere.
fn unknown<'a>(arguments: &'a RunArguments, packs: &[One]) -> Option<&'a String> {
    let taken = |fault: &&String| packs.iter().any(|one| one.arguments.rig.faults.contains(fault));
    arguments.rig.faults.iter().find(|fault| !arguments.dry_run && !taken(fault))
}

/// Runs one pack to its end; tells what it tells, with its name before it.
async fn perform(one: One, began: Instant) -> Ended {
    let One { name, arguments } = one;
    let report = arguments.rig.report.clone();
    if ending::is_asked() {
        let why = "the whole was ended before it began".to_owned();
        return Ended { name, code: exit::NO_VERDICT, result: Err(why) };
    }
    let (code, last) = match start(&arguments, began) {
        Ok(child) => attend(child, &name).await,
        Err(error) => (exit::NO_VERDICT, error),
    };
    let result = match read(&report) {
        Ok(_) if code == exit::DEFECT => Err(last),
        Ok(result) => Ok(result),
        Err(_) => Err(last),
    };
    Ended { name, code, result }
}

fn start(arguments: &RunArguments, began: Instant) -> Result<Child, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("the program does not know its own path: {error}"))?;
    files::put_aside(&arguments.rig.report);
    let mut command = Command::new(program);
    command.arg("run").args(words(arguments, began.elapsed()));
    command.env(ending::PASSED_ON, "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| format!("the run could not be started: {error}"))
}

/// Passes on what it tells until it ends; that it is asked to end is passed on to it. Returns its exit code and its last words.
async fn attend(mut child: Child, name: &str) -> (u8, String) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let told = child.stderr.take().map(|stderr| tokio::spawn(pass_on(stderr, name.to_owned())));
    let ended = tokio::select! {
        status = child.wait() => Some(status),
        _ = ending::asked() => None,
    };
    let status = match ended {
        Some(status) => status,
        None => {
            // It may have ended just now.
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
            child.wait().await
        }
    };
    let last = match told {
        Some(told) => told.await.unwrap_or_default(),
        None => String::new(),
    };
    match status {
        Ok(status) => match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(code) => (code, last),
            None => (exit::DEFECT, format!("the run ended with {status}: {last}")),
        },
        Err(error) => (exit::DEFECT, error.to_string()),
    }
}

async fn pass_on(told: impl AsyncRead + Unpin, name: String) -> String {
    let mut lines = BufReader::new(told).lines();
    let mut last = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        output::progress(&format!("  [{name}] {}", line.trim_start()));
        last = line;
    }
    last
}

fn read(report: &Path) -> Result<RunResult, String> {
    let text = std::fs::read_to_string(report.join("result.json")).map_err(|error| error.to_string())?;
    parse_run(&text).map_err(|error| error.to_string())
}

/// One result of all, and its exit code: the gravest. A run that left none has no verdict at least.
fn whole(ended: Vec<Ended>) -> (RunResult, u8) {
    let mut codes: Vec<u8> = ended.iter().map(|one| one.code).collect();
    let (mut results, mut missing) = (Vec::new(), Vec::new());
    for one in ended {
        match one.result {
            Ok(result) => results.push(RunResult { pack: one.name, ..result }),
            Err(why) => {
                let detail = format!("the run of {} left no result: {why}", one.name);
                missing.push(Finding::no_verdict(&Reason::Environment { detail }));
                codes.push(exit::NO_VERDICT);
            }
        }
    }
    let mut result = whole_of(results);
    result.findings.extend(missing);
    (result, exit::gravest(codes))
}

fn command(arguments: &RunArguments, seed: u64) -> String {
    let packs = arguments.packs().map(|pack| pack.display().to_string());
    let told = origin::rig_words(&arguments.rig).into_iter().chain(run::further_words(arguments));
    let words = ["eventproof".to_owned(), "run".to_owned()].into_iter().chain(packs).chain(told);
    let words: Vec<String> = words.map(|word| origin::quoted(&word)).collect();
    format!("{} --seed {seed}", words.join(" "))
}

/// All that a run of one pack is told on its command line; what stands in the environment it has anyway.
fn words(arguments: &RunArguments, passed: Duration) -> Vec<String> {
    let rig = &arguments.rig;
    let option = |name: &str, value: String| [name.to_owned(), value];
    let mut words = vec![arguments.pack.display().to_string()];
    words.extend(origin::rig_words(rig));
    words.extend(rig.broker_options.iter().flat_map(|one| option("--broker-option", one.clone())));
    // An address may have a password in it, and others see what stands on a command line.
    let from_outside = std::env::var(REGISTRY).ok();
    let registry = rig.registry.iter().filter(|one| from_outside.as_ref() != Some(*one));
    words.extend(registry.flat_map(|one| option("--registry", one.clone())));
    words.extend(rig.seed.iter().flat_map(|seed| option("--seed", seed.to_string())));
    words.extend(option("--report", rig.report.display().to_string()));
    words.extend(run::further_words(arguments));
    words.extend(arguments.min_coverage.iter().flat_map(|least| option("--min-coverage", least.to_string())));
    // What is left of the time of the whole run.
    let left = arguments.timeout.map(|time| time.saturating_sub(passed).as_millis().max(1));
    words.extend(left.iter().flat_map(|left| option("--timeout", format!("{left}ms"))));
    words
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    fn parsed(words: &[&str]) -> RunArguments {
        let all = ["eventproof", "run"].into_iter().chain(words.iter().copied());
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Run(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_option_reaches_the_runs_of_several_packs() {
        let of_broker = ["--nodes", "3", "--copies", "2"].as_slice();
        let external = ["--brokers", "127.0.0.1:9", "--broker-option", "a=b c", "--registry", "http://127.0.0.1:8"];
        for rig in [of_broker, external.as_slice(), &["--broker", "container"]] {
            let others = [
                "features/nova-bus",
                "--fault",
                "a:b",
                "--seed",
                "7",
                "--report",
                "r",
                "--name",
                "a b",
                "--exact",
                "c",
                "--tag",
                "d",
                "--service",
                "e",
                "--failed",
                "--shard",
                "2/5",
                "--order",
                "random",
                "--repeat",
                "2",
                "--retries",
                "3",
                "--fail-on-flaky",
                "--fail-fast",
                "--allow-skipped",
                "f",
                "--min-coverage",
                "50",
                "--timeout",
                "9s",
            ];
            let asked = parsed(&[rig, others.as_slice()].concat());
            let words = words(&asked, Duration::ZERO);
            let again = parsed(&words.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(format!("{again:?}"), format!("{asked:?}"));
        }
    }

    #[test]
    fn only_packs_of_one_name_are_numbered() {
        let named = |names: &[&str]| -> Vec<One> {
            names.iter().map(|name| One { name: (*name).to_owned(), arguments: parsed(&["p"]) }).collect()
        };
        assert_eq!(free_name("nova", &named(&["nova-bus"])), "nova");
        assert_eq!(free_name("nova", &named(&["nova", "nova-2"])), "nova-3");
    }

    #[test]
    fn the_time_that_is_left_is_the_time_of_those_that_begin_later() {
        let asked = parsed(&["p", "--timeout", "9s"]);
        assert!(words(&asked, Duration::from_secs(5)).ends_with(&["--timeout".to_owned(), "4000ms".to_owned()]));
        assert!(words(&asked, Duration::from_secs(50)).ends_with(&["--timeout".to_owned(), "1ms".to_owned()]));
    }

    #[test]
    fn a_run_without_a_result_leaves_the_whole_without_a_verdict_and_a_broken_one_stays_broken() {
        let ended = |name: &str, code, result| Ended { name: name.to_owned(), code, result };
        let held = || ended("a", exit::HELD, Ok(RunResult::default()));
        let (result, code) = whole(vec![held(), ended("b", exit::HELD, Err("it was ended".to_owned()))]);
        assert_eq!(code, exit::NO_VERDICT);
        assert!(result.findings[0].text.contains("the run of b left no result: it was ended"));
        let (_, code) =
            whole(vec![ended("b", exit::BROKEN, Ok(RunResult::default())), ended("c", 3, Err(String::new()))]);
        assert_eq!(code, exit::BROKEN);
        assert_eq!(whole(vec![held(), held()]).1, exit::HELD);
    }
}
