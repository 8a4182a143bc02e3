//! `run`: the contract gate.

use std::sync::Arc;
use std::time::Instant;

use eventproof_evidence::{Clock, RunClock};
use eventproof_reports::model::{BrokerInfo, Finding, Outcome, Provenance, RunResult, ScenarioResult, ServiceInfo};
use eventproof_reports::{Style, html_run, json_run, junit, scenario_line, terminal_run};
use eventproof_scenarios::{Choice, Pack, Plan, RunContext, RunReport, ScenarioListener};
use eventproof_source::Diagnostics;
use eventproof_system::Rig;

use super::files;
use super::rig::{RunIdentity, plan};
use crate::args::RunArguments;
use crate::{exit, output};

pub async fn run(arguments: RunArguments) -> u8 {
    let began = Instant::now();
    let started_at = now();
    let (pack, scenarios) = match read(&arguments) {
        Ok(read) => read,
        Err(faults) => {
            output::progress(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    let choice = Choice { names: arguments.names.clone(), tags: arguments.tags.clone() };
    if !scenarios.scenarios.iter().any(|scenario| choice.takes(scenario)) {
        output::error("no scenario was chosen: leave out --name and --tag, or see what the pack has with `lint`");
        return exit::NO_VERDICT;
    }
    let identity = RunIdentity::new(arguments.rig.seed);
    let mut result = RunResult { pack: pack.name.clone(), ..RunResult::default() };
    let (report, broker) = match perform(&arguments, &identity, pack, scenarios, choice, &mut result).await {
        Ok(performed) => performed,
        Err(code) => return code,
    };
    result.scenarios = report.scenarios;
    result.conformance = report.conformance;
    result.provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command(&arguments, identity.seed),
        started_at,
        duration_ms: began.elapsed().as_secs_f64() * 1e3,
        seed: identity.seed,
        run_id: identity.run_id,
        broker,
        machine: machine(),
        exit_code: 0,
        interrupted: result.provenance.interrupted,
    };
    let code = exit::of_run(&result);
    result.provenance.exit_code = i32::from(code);
    write(&arguments, &result);
    code
}

fn read(arguments: &RunArguments) -> Result<(Pack, Plan), Diagnostics> {
    let pack = Pack::read(&arguments.pack)?;
    let plan = pack.plan()?;
    Ok((pack, plan))
}

async fn perform(
    arguments: &RunArguments,
    identity: &RunIdentity,
    pack: Pack,
    scenarios: Plan,
    choice: Choice,
    result: &mut RunResult,
) -> Result<(RunReport, BrokerInfo), u8> {
    let data = tempfile::tempdir().map_err(|error| failed(&format!("no folder for the services' data: {error}")))?;
    let planned = plan(&arguments.rig, identity, pack.contract.clone(), pack.system.clone(), data.path());
    let planned = planned.map_err(|error| {
        output::error(&error);
        exit::USAGE
    })?;
    let clock: Arc<dyn Clock> = Arc::new(RunClock::start());
    let tell = |stage: &str| output::progress(&format!("  {stage}"));
    let mut rig = Rig::start(&planned, clock, &tell).await.map_err(|error| failed(&error.to_string()))?;
    rig.follow_effects();
    let broker = BrokerInfo { kind: rig.broker.kind().word().to_owned(), label: rig.broker.label().to_owned() };
    output::progress(&format!("  ready on the {}", broker.label));
    let context = RunContext::new(pack, scenarios, rig, choice, Box::new(Told));
    let report = tokio::select! {
        report = eventproof_scenarios::run(context.clone()) => report,
        _ = tokio::signal::ctrl_c() => {
            result.provenance.interrupted = true;
            output::progress("  interrupted: ending services, writing what there is");
            context.report()
        }
    };
    result.services = services(&context).await;
    result.findings = unasked_deaths(&result.services);
    match Arc::into_inner(context) {
        Some(context) => context.rig.stop().await,
        // Interrupted scenarios may still hold it: services end with their parent's end of the pipe.
        None => output::progress("  some scenarios had not ended"),
    }
    Ok((report, broker))
}

async fn services(context: &RunContext) -> Vec<ServiceInfo> {
    let states = context.rig.system.states().await;
    let info = |state: eventproof_system::ServiceState| ServiceInfo {
        name: state.name,
        state: state.state,
        starts: state.starts,
        faults: state.faults,
        last_lines: state.last_lines,
    };
    states.into_iter().map(info).collect()
}

/// Whatever is not running when all scenarios have ended died unasked: scenarios start again what they end.
fn unasked_deaths(services: &[ServiceInfo]) -> Vec<Finding> {
    let dead = services.iter().filter(|service| service.state != "running");
    dead.map(|service| Finding {
        outcome: Outcome::Broken,
        code: "service-dead".to_owned(),
        text: format!("service \"{}\" is dead: {}", service.name, service.state),
        took_ms: None,
    })
    .collect()
}

fn failed(text: &str) -> u8 {
    output::error(text);
    exit::NO_VERDICT
}

fn write(arguments: &RunArguments, result: &RunResult) {
    let style = Style { color: output::color(), width: output::width() };
    output::result(terminal_run(result, style).trim_end());
    let written = files::write(
        &arguments.rig.report,
        &[
            ("report.html", Ok(html_run(result))),
            ("junit.xml", junit(result).map_err(|error| error.to_string())),
            ("result.json", Ok(json_run(result))),
        ],
    );
    for path in written {
        output::result(&format!("wrote {}", path.display()));
    }
}

/// Tells of every scenario as it ends.
struct Told;

impl ScenarioListener for Told {
    fn began(&self, _: &str) {}

    fn ended(&self, result: &ScenarioResult) {
        let style = Style { color: output::color(), width: output::width() };
        output::progress(&format!("  {}", scenario_line(result, style)));
    }
}

fn command(arguments: &RunArguments, seed: u64) -> String {
    let mut words = vec!["eventproof".to_owned(), "run".to_owned(), arguments.pack.display().to_string()];
    match &arguments.rig.brokers {
        Some(brokers) => words.extend(["--brokers".to_owned(), brokers.clone()]),
        None if arguments.rig.broker != Default::default() => {
            words.extend(["--broker".to_owned(), "container".to_owned()])
        }
        None => {}
    }
    words.extend(arguments.rig.faults.iter().flat_map(|fault| ["--fault".to_owned(), fault.clone()]));
    words.extend(arguments.names.iter().flat_map(|name| ["--name".to_owned(), format!("'{name}'")]));
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.join(" ")
}

/// RFC 3339, UTC.
pub fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Operating system and processors.
pub fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} {}, {processors} processors", std::env::consts::OS, std::env::consts::ARCH)
}
