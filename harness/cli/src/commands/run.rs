//! `run`: the contract gate.

use std::sync::Arc;

use eventproof_evidence::Cause;
use eventproof_reports::model::{BrokerInfo, Coverage, Finding, Provenance, RunResult, ScenarioResult};
use eventproof_reports::{Style, html_run, json_run, junit, scenario_line, terminal_run};
use eventproof_scenarios::{Choice, Pack, Plan, RunContext, RunReport, ScenarioListener};
use eventproof_source::Diagnostics;

use super::files::{self, Rendered};
use super::origin::{self, Origin};
use super::rig::{RunIdentity, bring_up};
use super::services;
use crate::args::RunArguments;
use crate::{exit, output};

pub async fn run(arguments: RunArguments) -> u8 {
    let origin = Origin::begin();
    let (pack, scenarios) = match read(&arguments) {
        Ok(read) => read,
        Err(faults) => {
            output::progress(faults.render(output::color()).trim_end());
            return exit::USAGE;
        }
    };
    let choice =
        Choice { names: arguments.names.clone(), exact: arguments.exact.clone(), tags: arguments.tags.clone() };
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
    let command = command(&arguments, identity.seed);
    result.scenarios = report.scenarios;
    result.conformance = report.conformance;
    result.coverage = report.coverage;
    result.findings.extend(arguments.min_coverage.and_then(|least| too_little(&result.coverage, least)));
    result.provenance =
        Provenance { interrupted: result.provenance.interrupted, ..origin.provenance(command, &identity, broker) };
    let code = exit::of_run(&result, &arguments.allow_skipped);
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
    let (mut rig, _data) = bring_up(&arguments.rig, identity, pack.contract.clone(), pack.system.clone()).await?;
    rig.follow_effects();
    let broker = BrokerInfo { kind: rig.broker.kind().word().to_owned(), label: rig.broker.label().to_owned() };
    let context = RunContext::new(pack, scenarios, rig, choice, Box::new(Told));
    let report = tokio::select! {
        report = eventproof_scenarios::run(context.clone()) => report,
        _ = tokio::signal::ctrl_c() => {
            result.provenance.interrupted = true;
            output::progress("  interrupted: ending services, writing what there is");
            context.report()
        }
    };
    result.services = services::at_end(&context.rig.system).await;
    result.findings = services::unasked_deaths(&result.services);
    match Arc::into_inner(context) {
        Some(context) => context.rig.stop().await,
        // Interrupted scenarios may still hold it: services end with their parent's end of the pipe.
        None => output::progress("  some scenarios had not ended"),
    }
    Ok((report, broker))
}

/// That scenarios touch fewer promises than they should.
fn too_little(coverage: &Coverage, least: u8) -> Option<Finding> {
    let actual = coverage.percent();
    let untouched = coverage.rows.iter().filter(|row| row.by.is_empty());
    let first: Vec<String> = untouched.take(5).map(|row| format!("{} of \"{}\"", row.property, row.message)).collect();
    let missed = Cause::ObjectiveMissed {
        objective: format!("coverage >= {least} %"),
        actual: format!(
            "{actual} % ({} of {} promises); untouched are: {}, …",
            coverage.touched(),
            coverage.rows.len(),
            first.join(", ")
        ),
    };
    (actual < least).then(|| Finding::broken(&missed))
}

fn write(arguments: &RunArguments, result: &RunResult) {
    let style = Style { color: output::color(), width: output::width() };
    let rendered = Rendered {
        terminal: terminal_run(result, style),
        html: html_run(result),
        junit: junit(result).map_err(|error| error.to_string()),
        json: json_run(result),
    };
    files::report(&arguments.rig.report, rendered);
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
    words.extend(origin::rig_words(&arguments.rig));
    let chosen = [
        ("--name", &arguments.names),
        ("--exact", &arguments.exact),
        ("--tag", &arguments.tags),
        ("--allow-skipped", &arguments.allow_skipped),
    ];
    for (option, values) in chosen {
        words.extend(values.iter().flat_map(|value| [option.to_owned(), format!("'{value}'")]));
    }
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.join(" ")
}
