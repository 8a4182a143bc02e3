//! `run`: the contract gate.

use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::Cause;
use eventproof_reports::model::{BrokerInfo, Finding, Provenance, RunResult, ScenarioResult, Shard};
use eventproof_reports::{Style, scenario_line};
use eventproof_scenarios::{Choice, Pack, Plan, Rules, RunContext, RunReport, ScenarioListener, needed};
use eventproof_source::Diagnostics;
use eventproof_system::Rig;

use super::choice::{self, Asked, choice, rules};
use super::copies::{self, Copies};
use super::origin::{self, Origin};
use super::rig::{RunIdentity, bring_up};
use super::{ending, files, rendered, services};
use crate::args::RunArguments;
use crate::{exit, output};

pub async fn run(arguments: RunArguments) -> u8 {
    if arguments.watch {
        return super::watch::watch(&arguments).await;
    }
    let origin = Origin::begin();
    let (mut pack, scenarios) = match read(&arguments) {
        Ok(read) => read,
        Err(faults) => return told(&faults),
    };
    let choice = match chosen(&arguments, &scenarios) {
        Ok(choice) => choice,
        Err(code) => return code,
    };
    let identity = RunIdentity::new(arguments.rig.seed);
    if arguments.dry_run {
        return dry_run(&pack, &scenarios, &choice, &rules(&arguments.choice, identity.seed));
    }
    files::put_aside(&arguments.rig.report);
    keep_needed(&arguments, &mut pack, &scenarios, &choice);
    let up = bring_up(&arguments.rig, &identity, pack.contract.clone(), pack.system.clone()).await;
    let (rig, _data) = match up {
        Ok(up) => up,
        Err(code) => return code,
    };
    let (result, rig, copies) =
        perform(&arguments, &identity, origin, pack, scenarios, choice, Followed::of(rig)).await;
    // Before services end, which takes its time: whoever asks to end may not have the patience.
    write(&arguments, &result);
    let first = async {
        match rig {
            Some(rig) => rig.rig.stop().await,
            // Interrupted scenarios may still hold it: services end with us.
            None => output::progress("  some scenarios had not ended"),
        }
    };
    futures::future::join(first, copies.stop()).await;
    u8::try_from(result.provenance.exit_code).unwrap_or(exit::DEFECT)
}

/// Shows what is wrong with a pack.
pub(super) fn told(faults: &Diagnostics) -> u8 {
    output::progress(faults.render(output::color()).trim_end());
    exit::USAGE
}

/// Where only some services are asked for, leaves the others out, and says which are started.
pub(super) fn keep_needed(arguments: &RunArguments, pack: &mut Pack, plan: &Plan, choice: &Choice) {
    if arguments.choice.services.is_empty() {
        return;
    }
    let with_fault = arguments.rig.faults.iter().filter_map(|fault| fault.split_once(':').map(|(service, _)| service));
    let chosen = plan.scenarios.iter().filter(|scenario| choice.takes(scenario));
    let services = needed(pack, chosen, with_fault.map(str::to_owned));
    let all = pack.system.services.len();
    if services.len() < all {
        let names = services.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        output::progress(&format!("  of {all} services only these are needed: {names}"));
        pack.keep_only(&services);
    }
}

/// A rig whose effects are followed.
pub(super) struct Followed {
    pub rig: Rig,
    /// Where in its journal the next round begins: what came before was judged before.
    from: usize,
}

impl Followed {
    pub(super) fn of(mut rig: Rig) -> Followed {
        rig.follow_effects();
        Followed { rig, from: 0 }
    }
}

/// The scenarios that were asked for; the code where there are none.
pub(super) fn chosen(arguments: &RunArguments, scenarios: &Plan) -> Result<Choice, u8> {
    let asked = Asked::of(&arguments.pack);
    let choice = choice(&arguments.choice, &asked, scenarios, &arguments.rig.report).map_err(|error| {
        output::error(&error);
        exit::USAGE
    })?;
    let unknown = choice::unknown(&choice, &[scenarios]);
    if !scenarios.scenarios.iter().any(|scenario| choice.takes(scenario)) {
        output::error(
            "no scenario was chosen: leave out what chooses (--name, --tag, --service, --failed, --shard, a line), or see what the pack has with --dry-run",
        );
        unknown.iter().for_each(|why| output::error(why));
        return Err(exit::NO_VERDICT);
    }
    // Of several names, one that nobody has is more likely mistyped than meant; of several packs, whoever runs them says so.
    if !ending::is_one_of_several() {
        unknown.iter().for_each(|why| output::progress(&format!("warning: {why}")));
    }
    Ok(choice)
}

/// Says what would run, round by round, in the order in which scenarios are taken up.
pub(super) fn dry_run(pack: &Pack, scenarios: &Plan, choice: &Choice, rules: &Rules) -> u8 {
    let order = eventproof_scenarios::order(pack, scenarios, choice, rules);
    for round in 1..=rules.repeat {
        if rules.repeat > 1 {
            output::result(&format!("round {round} of {}:", rules.repeat));
        }
        for scenario in &order {
            output::result(&format!("{}:{} {}", scenario.file, scenario.line, scenario.name));
        }
    }
    let often = if rules.repeat > 1 { format!(", {} times", rules.repeat) } else { String::new() };
    // The seed may have been drawn: whoever wants this order again needs it.
    let shuffled = rules.shuffle.map_or_else(String::new, |seed| format!(", in the order of --seed {seed}"));
    output::result(&format!("{} of {} scenarios would run{often}{shuffled}", order.len(), scenarios.scenarios.len()));
    exit::HELD
}

/// What held only when it was tried again, where that is not good enough.
fn flaky(result: &RunResult) -> Option<Finding> {
    let names: Vec<&str> = result.scenarios.iter().filter(|one| one.is_flaky()).map(|one| one.name.as_str()).collect();
    let missed = Cause::ObjectiveMissed { objective: "flaky = 0".to_owned(), actual: names.join(", ") };
    (!names.is_empty()).then(|| Finding::broken(&missed))
}

pub(super) fn read(arguments: &RunArguments) -> Result<(Pack, Plan), Diagnostics> {
    let pack = Pack::read(&Asked::of(&arguments.pack).folder)?;
    let plan = pack.plan()?;
    Ok((pack, plan))
}

/// Runs the chosen scenarios on a running system; gives the system back, unless some scenario still holds it.
pub(super) async fn perform(
    arguments: &RunArguments,
    identity: &RunIdentity,
    origin: Origin,
    pack: Pack,
    scenarios: Plan,
    choice: Choice,
    on: Followed,
) -> (RunResult, Option<Followed>, Copies) {
    let mut result = RunResult { pack: pack.name.clone(), ..RunResult::default() };
    // Whoever watches has one system that stays up.
    let beside = match arguments.watch {
        true => 0,
        false => copies::worth_having(&arguments.rig, arguments.copies, &pack, &scenarios, &choice),
    };
    let Followed { rig, from } = on;
    let chosen = choice.shard.is_some().then(|| choice.in_a_word(scenarios.scenarios.iter()));
    let broker = BrokerInfo { kind: rig.broker.kind().word().to_owned(), label: rig.broker.label().to_owned() };
    let context =
        RunContext::new(pack, scenarios, rig, choice, rules(&arguments.choice, identity.seed), Box::new(Told));
    context.judge_records_from(from);
    let copies = Copies::default();
    let coming = copies.coming(beside, &context, &arguments.rig, identity);
    let mut interrupted = false;
    tokio::select! {
        () = eventproof_scenarios::run(context.clone(), coming) => {}
        why = ended_early(arguments.timeout) => {
            interrupted = true;
            output::progress(&format!("  {why}: ending services, writing what there is"));
            context.tell_cut_short(&why);
        }
    };
    // What comes from here on is the next round's, if there is one.
    let until = context.rig.journal.len();
    let report = report_of(&context, &copies, interrupted);
    result.services = services::at_end(&context.rig.system).await;
    result.services.extend(copies.services_at_end().await);
    context.hide_in_services(&mut result.services);
    if !interrupted {
        // What a scenario had ended when it was cut short is not the system's doing.
        result.findings = services::unasked_deaths(&result.services);
    }
    let rig = Arc::into_inner(context).map(|context| Followed { from: until, rig: context.rig });
    result.scenarios = report.scenarios;
    result.conformance = report.conformance;
    result.coverage = report.coverage;
    result.min_coverage = arguments.min_coverage;
    result.shard = arguments.choice.shard.map(|(number, of)| Shard { number, of });
    result.chosen = chosen;
    result.allow_skipped.clone_from(&arguments.choice.allow_skipped);
    result.findings.extend(result.too_little_coverage());
    let command = command(arguments, identity.seed);
    result.provenance = Provenance { interrupted, ..origin.provenance(command, identity, broker) };
    result.findings.extend(arguments.choice.fail_on_flaky.then(|| flaky(&result)).flatten());
    result.provenance.exit_code = i32::from(exit::of_run(&result, &arguments.choice.allow_skipped));
    (result, rig, copies)
}

/// Ends when the run should, whatever is still under way; says why.
async fn ended_early(timeout: Option<Duration>) -> String {
    let over = async {
        match timeout {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        why = ending::asked() => why.to_owned(),
        () = over => format!("the time of the run ({} s) is over", timeout.unwrap_or_default().as_secs_f64()),
    }
}

/// What was found, on every copy.
fn report_of(context: &Arc<RunContext>, copies: &Copies, interrupted: bool) -> RunReport {
    let contexts = copies.contexts();
    if !interrupted {
        // The last records of a run are judged like the first.
        [context].into_iter().chain(&contexts).for_each(|one| one.rig.read_out());
    }
    context.report(&contexts)
}

pub(super) fn write(arguments: &RunArguments, result: &RunResult) {
    files::report(&arguments.rig.report, rendered::run(result));
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
    words.extend(further_words(arguments));
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.iter().map(|word| origin::quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The options that choose scenarios and say how they run, as words.
pub(super) fn further_words(arguments: &RunArguments) -> Vec<String> {
    let mut words = choice::words(&arguments.choice);
    words.extend(arguments.copies.iter().flat_map(|copies| ["--copies".to_owned(), copies.to_string()]));
    words
}
