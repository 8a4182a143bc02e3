//! Cucumber runs the scenarios: in parallel, with one catch-all step that carries out the plan.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cucumber::{Cucumber, Event, Parser, Writer, WriterExt as _, cli, event, parser, step};
use eventproof_evidence::Reason;
use eventproof_reports::model::{Attachments, Finding, Outcome, ScenarioResult, StepResult};
use eventproof_source::units::parse_duration;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use regex::Regex;

use super::carry_out::unmet_need;
use super::choice::spread;
use super::context::RunContext;
use super::outcome::NOT_BEGUN;
use super::world::{Running, World};
use crate::catalogue::Kind;
use crate::plan::{PlannedScenario, PlannedStep, Touches};

/// Scenarios that run side by side. They mostly wait, but what they do they do at their beginning: more of them at once would
/// only make each other's services late on a small machine.
const PARALLEL: usize = 24;

/// Another copy of the system, on its way. None if it did not come up.
pub type Coming = LocalBoxFuture<'static, Option<Arc<RunContext>>>;

/// Runs every chosen scenario: as often as the rules say, and again what did not hold and may be tried again. Scenarios that
/// disturb something are spread over the copies that are `coming`, as soon as they are there.
pub async fn run(context: Arc<RunContext>, coming: Vec<Coming>) {
    let _quiet = Quiet::begin();
    let copies: Vec<Copy> = coming.into_iter().map(FutureExt::shared).collect();
    let mut round = 0;
    for _ in 0..context.run.rules.repeat.max(1) {
        let mut places = chosen(&context, |_| true);
        let mut again = false;
        while !places.is_empty() && !context.run.is_stopped() {
            context.run.begin_round(round, again);
            run_round(&context, &copies, places).await;
            (round, again) = (round + 1, true);
            places = chosen(&context, |scenario| context.may_try_again(scenario));
        }
    }
}

/// Cucumber ends a scenario by a panic, which nobody needs to see. Each of its runs puts the hook aside and back, in whatever order
/// they end; here it is put back once all are over, or given up.
struct Quiet(Option<PanicHook>);

type PanicHook = Box<dyn Fn(&std::panic::PanicHookInfo<'_>) + Sync + Send + 'static>;

impl Quiet {
    fn begin() -> Quiet {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        Quiet(Some(hook))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // To set a hook while panicking would end the process.
        if let Some(hook) = self.0.take().filter(|_| !std::thread::panicking()) {
            std::panic::set_hook(hook);
        }
    }
}

type Copy = Shared<Coming>;
type Places = BTreeSet<(String, usize)>;

fn chosen(context: &RunContext, wanted: impl Fn(&PlannedScenario) -> bool) -> Places {
    let chosen = context.plan.scenarios.iter().filter(|scenario| context.run.choice.takes(scenario));
    chosen.filter(|scenario| wanted(scenario)).map(place_of).collect()
}

/// Runs the scenarios at these places once, on whichever copy takes them.
async fn run_round(context: &Arc<RunContext>, copies: &[Copy], places: Places) {
    let disturbing: Places = places.iter().filter(|(file, line)| is_alone(context, file, *line)).cloned().collect();
    let all = places.clone();
    let (done, over) = tokio::sync::watch::channel(false);
    let first = async {
        run_on(context, places).await;
        let _ = done.send(true);
    };
    let beside = copies.iter().map(|copy| {
        let (disturbing, mut over) = (disturbing.clone(), over.clone());
        async move {
            // Nobody waits for a copy that comes when all is done.
            let there = tokio::select! {
                there = copy.clone() => there,
                _ = over.wait_for(|over| *over) => None,
            };
            if let Some(copy) = there {
                run_on(&copy, disturbing).await;
            }
        }
    });
    futures::future::join(first, futures::future::join_all(beside)).await;
    missed(context, &all);
}

/// A scenario that was to run and left no result has no verdict: it is never just absent.
fn missed(context: &RunContext, places: &Places) {
    let ended = context.run.ended();
    for (file, line) in places.difference(&ended) {
        let Some(planned) = context.plan.find(file, *line) else { continue };
        let detail = "it left no result: a defect in eventproof, please report it".to_owned();
        let mut result = empty_result(planned);
        result.outcome = Outcome::NoVerdict;
        result.note = Some(Finding::no_verdict(&Reason::Environment { detail }));
        result.steps = planned.steps.iter().map(skipped).collect();
        let result = context.keep(planned, result);
        context.run.listener.ended(&result);
    }
}

/// Whether a scenario disturbs something that others use.
fn is_alone(context: &RunContext, file: &str, line: usize) -> bool {
    context.plan.find(file, line).is_some_and(|planned| !planned.touches.exclusive.is_empty())
}

fn place_of(scenario: &PlannedScenario) -> (String, usize) {
    (scenario.file.clone(), scenario.line)
}

/// Runs the scenarios at these places on one copy of the system, but for those that another copy has begun.
async fn run_on(context: &Arc<RunContext>, places: Places) {
    let Ok(any) = Regex::new(".*") else { return };
    let features = in_order(context);
    let (before, after) = (context.clone(), context.clone());
    let runner = cucumber::runner::Basic::<World>::default()
        .max_concurrent_scenarios(PARALLEL)
        .given(any.clone(), carry_out)
        .when(any.clone(), carry_out)
        .then(any, carry_out)
        .before(move |feature, _, scenario, world| begin(before.clone(), feature, scenario, world).boxed_local())
        .after(move |_, _, _, _, world| end(after.clone(), world).boxed_local());
    let takes = move |feature: &gherkin::Feature, _: Option<&gherkin::Rule>, scenario: &gherkin::Scenario| {
        places.contains(&(path_of(feature), scenario.position.line))
    };
    let opts = cli::Opts::<cli::Empty, cucumber::runner::basic::Cli, cli::Empty, cli::Empty>::default();
    Cucumber::<World, _, _, _, _>::custom(Parsed(features), runner, Silent.assert_normalized())
        .with_cli(opts)
        .filter_run((), takes)
        .await;
}

/// Features as cucumber should take them up: scenarios that need something for themselves alone come after all others, so
/// that nobody waits for them. Results are told in the order of the plan all the same.
fn in_order(context: &RunContext) -> Vec<gherkin::Feature> {
    let mut features: Vec<gherkin::Feature> = context.pack.features.iter().map(|file| file.feature.clone()).collect();
    if let Some(seed) = context.run.rules.shuffle {
        shuffle(context, seed, &mut features);
    }
    let together =
        features.iter().map(|feature| part_of(feature, |file, one| !is_alone(context, file, one.position.line)));
    let mut alone: Vec<gherkin::Feature> = features.iter().flat_map(|feature| singly(context, feature)).collect();
    if context.run.rules.shuffle.is_none() {
        alone.sort_by_key(|feature| Reverse(first_of(context, feature).map(limits_of)));
    }
    together.chain(alone).collect()
}

/// A feature for each scenario that needs something for itself alone.
fn singly(context: &RunContext, feature: &gherkin::Feature) -> Vec<gherkin::Feature> {
    let rules = feature.rules.iter().flat_map(|rule| &rule.scenarios);
    let lines = feature.scenarios.iter().chain(rules).map(|one| one.position.line);
    let alone = lines.filter(|line| is_alone(context, &path_of(feature), *line));
    alone.map(|line| part_of(feature, |_, one| one.position.line == line)).collect()
}

/// The plan of a feature's first scenario.
fn first_of<'a>(context: &'a RunContext, feature: &gherkin::Feature) -> Option<&'a PlannedScenario> {
    let mut all = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    context.plan.find(&path_of(feature), all.next()?.position.line)
}

/// All times that a scenario's steps speak of: whoever may wait longest begins first, so that copies end together.
fn limits_of(scenario: &PlannedScenario) -> Duration {
    let subs = scenario.steps.iter().flat_map(|step| &step.subs);
    let times = subs.flat_map(|sub| sub.arguments()).filter(|(_, kind, _)| *kind == Kind::Duration);
    times.filter_map(|(_, _, text)| parse_duration(&text).ok()).sum()
}

/// A feature with some of its scenarios.
fn part_of(feature: &gherkin::Feature, taken: impl Fn(&str, &gherkin::Scenario) -> bool) -> gherkin::Feature {
    let (mut part, path) = (feature.clone(), path_of(feature));
    part.scenarios.retain(|one| taken(&path, one));
    part.rules.iter_mut().for_each(|rule| rule.scenarios.retain(|one| taken(&path, one)));
    part
}

/// In an order that only the seed decides.
fn shuffle(context: &RunContext, seed: u64, features: &mut [gherkin::Feature]) {
    let key = |path: &str, scenario: &gherkin::Scenario| {
        context.plan.find(path, scenario.position.line).map_or(0, |planned| spread(seed, planned))
    };
    for feature in features.iter_mut() {
        let path = path_of(feature);
        feature.scenarios.sort_by_key(|scenario| key(&path, scenario));
        feature.rules.iter_mut().for_each(|rule| rule.scenarios.sort_by_key(|scenario| key(&path, scenario)));
    }
    features.sort_by_key(|feature| feature.scenarios.first().map_or(0, |first| key(&path_of(feature), first)));
}

fn path_of(feature: &gherkin::Feature) -> String {
    feature.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

async fn begin(context: Arc<RunContext>, feature: &gherkin::Feature, scenario: &gherkin::Scenario, world: &mut World) {
    let Some(mut planned) = context.plan.find(&path_of(feature), scenario.position.line).cloned() else { return };
    if unmet_need(&planned, &context.rig.broker).is_some() {
        // It will be skipped: it holds nobody up, and leaves nothing to be restored.
        planned.touches = Touches::default();
    }
    let waiting = Instant::now();
    let held = context.holds.acquire(&planned.touches).await;
    if !context.run.claim(&planned) {
        return;
    }
    if context.run.is_stopped() {
        return leave_out(&context, &planned);
    }
    if let Some(why) = context.not_ready_again().await {
        return without_system(&context, &planned, why);
    }
    context.run.listener.began(&planned.name);
    let mut running = Running::new(context, planned, held, waiting.elapsed());
    running.note_metrics().await;
    world.running = Some(running);
}

/// A scenario that is not begun, since an earlier one did not hold.
fn leave_out(context: &RunContext, planned: &PlannedScenario) {
    let text = "an earlier scenario did not hold, and nothing more begins then (--fail-fast)".to_owned();
    let note = Finding { outcome: Outcome::Skipped, code: NOT_BEGUN.to_owned(), text, took_ms: None };
    let mut result = empty_result(planned);
    result.steps = planned.steps.iter().map(skipped).collect();
    result.note = Some(note);
    context.run.lock_results().push(result);
    context.run.has_ended(planned);
}

/// A system that did not come back after an earlier scenario disturbed it is not blamed for what it does not do now.
fn without_system(context: &RunContext, planned: &PlannedScenario, why: String) {
    let detail = format!("after an earlier scenario disturbed it the system is not ready again: {why}");
    let mut result = empty_result(planned);
    result.outcome = Outcome::NoVerdict;
    result.note = Some(Finding::no_verdict(&Reason::Environment { detail }));
    result.steps = planned.steps.iter().map(skipped).collect();
    let result = context.keep(planned, result);
    context.run.listener.ended(&result);
}

fn empty_result(scenario: &PlannedScenario) -> ScenarioResult {
    ScenarioResult {
        feature: scenario.feature.clone(),
        file: scenario.file.clone(),
        line: scenario.line,
        name: scenario.name.clone(),
        language: scenario.language.clone(),
        tags: scenario.tags.clone(),
        outcome: Outcome::Skipped,
        attempts: 1,
        note: None,
        duration_ms: 0.0,
        waited_ms: 0.0,
        steps: Vec::new(),
        timeline: Vec::new(),
        logs: Vec::new(),
        attachments: Attachments::default(),
    }
}

/// The one step that cucumber knows. A step that does not hold ends its scenario the only way that cucumber has.
fn carry_out<'a>(world: &'a mut World, _: step::Context) -> LocalBoxFuture<'a, ()> {
    async move {
        let goes_on = match &mut world.running {
            Some(running) => !running.skip_unmet_need() && running.carry_out_next().await,
            // Not begun here: another copy has it, or nothing more begins.
            None => true,
        };
        if !goes_on {
            std::panic::panic_any("the step did not hold");
        }
    }
    .boxed_local()
}

async fn end(context: Arc<RunContext>, world: Option<&mut World>) {
    let Some(mut running) = world.and_then(|world| world.running.take()) else { return };
    running.finish_background().await;
    running.end_faults();
    running.mend_stubs();
    let result = result_of(&mut running);
    running.restore().await;
    drop(running.held.take());
    let result = context.keep(&running.scenario, result);
    if matches!(result.outcome, Outcome::Broken | Outcome::NoVerdict) && !context.may_try_again(&running.scenario) {
        context.run.stop_after_failure();
    }
    context.run.listener.ended(&result);
}

fn result_of(running: &mut Running) -> ScenarioResult {
    let mut steps = std::mem::take(&mut running.steps);
    if running.next_step > steps.len() {
        // Only a panic leaves a step that was begun without a result.
        steps.extend(running.scenario.steps.get(steps.len()).map(panicked));
    }
    let outcome = steps.iter().map(|step| step.outcome).max().unwrap_or(Outcome::NoVerdict);
    // What leaked into a log must not get into the report with it.
    let leaked = steps.iter().filter_map(|step| step.finding.as_ref()).any(|finding| finding.code == "leaked");
    let logs = if outcome == Outcome::Held || leaked { Vec::new() } else { running.logs() };
    let done = steps.len();
    steps.extend(running.scenario.steps.iter().skip(done).map(skipped));
    ScenarioResult {
        outcome,
        duration_ms: running.now().since(running.began).as_secs_f64() * 1e3,
        waited_ms: running.waited.as_secs_f64() * 1e3,
        steps,
        timeline: if outcome == Outcome::Held { Vec::new() } else { running.timeline() },
        logs,
        attachments: if outcome == Outcome::Held || leaked { Attachments::default() } else { running.attachments() },
        ..empty_result(&running.scenario)
    }
}

fn panicked(step: &PlannedStep) -> StepResult {
    let detail = "the step panicked, which says nothing of the system".to_owned();
    let finding = Finding::no_verdict(&Reason::Environment { detail });
    StepResult { outcome: Outcome::NoVerdict, finding: Some(finding), ..skipped(step) }
}

fn skipped(step: &PlannedStep) -> StepResult {
    StepResult {
        keyword: step.keyword.clone(),
        text: step.text.clone(),
        line: step.line,
        table: step.table.clone(),
        outcome: Outcome::Skipped,
        duration_ms: 0.0,
        finding: None,
        under: Vec::new(),
    }
}

/// Features that were parsed before: lint has seen them.
struct Parsed(Vec<gherkin::Feature>);

impl Parser<()> for Parsed {
    type Cli = cli::Empty;
    type Output = futures::stream::Iter<std::vec::IntoIter<parser::Result<gherkin::Feature>>>;

    fn parse(self, (): (), _: cli::Empty) -> Self::Output {
        futures::stream::iter(self.0.into_iter().map(Ok).collect::<Vec<_>>())
    }
}

/// Writes nothing: results are kept by the steps themselves.
struct Silent;

impl Writer<World> for Silent {
    type Cli = cli::Empty;

    async fn handle_event(&mut self, _: parser::Result<Event<event::Cucumber<World>>>, _: &cli::Empty) {}
}
