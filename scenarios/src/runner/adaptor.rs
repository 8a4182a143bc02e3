//! Cucumber runs the scenarios: in parallel, with one catch-all step that carries out the plan.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use cucumber::{Cucumber, Event, Parser, Writer, WriterExt as _, cli, event, parser, step};
use eventproof_reports::model::Outcome;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use regex::Regex;

use super::carry_out::unmet_needs;
use super::context::RunContext;
use super::queue::{Places, in_order, path_of};
use super::world::{Running, World};
use crate::plan::{PlannedScenario, Touches};

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

fn chosen(context: &RunContext, wanted: impl Fn(&PlannedScenario) -> bool) -> Places {
    let chosen = context.plan.scenarios.iter().filter(|scenario| context.run.choice.takes(scenario));
    chosen.filter(|scenario| wanted(scenario)).map(PlannedScenario::place).collect()
}

/// Runs the scenarios at these places once, on whichever copy takes them.
async fn run_round(context: &Arc<RunContext>, copies: &[Copy], places: Places) {
    let is_alone = |(file, line): &&(String, usize)| context.plan.find(file, *line).is_some_and(|one| one.is_alone());
    let disturbing: Places = places.iter().filter(is_alone).cloned().collect();
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
    context.tell_missed(&all);
}

/// Runs the scenarios at these places on one copy of the system, but for those that another copy has begun.
async fn run_on(context: &Arc<RunContext>, places: Places) {
    let Ok(any) = Regex::new(".*") else { return };
    let features = in_order(context, &places);
    let (before, after) = (context.clone(), context.clone());
    let runner = cucumber::runner::Basic::<World>::default()
        .max_concurrent_scenarios(PARALLEL)
        .given(any.clone(), carry_out)
        .when(any.clone(), carry_out)
        .then(any, carry_out)
        .before(move |feature, _, scenario, world| begin(before.clone(), feature, scenario, world).boxed_local())
        .after(move |_, _, _, how, world| end(after.clone(), panic_of(how), world).boxed_local());
    let opts = cli::Opts::<cli::Empty, cucumber::runner::basic::Cli, cli::Empty, cli::Empty>::default();
    Cucumber::<World, _, _, _, _>::custom(Parsed(features), runner, Silent.assert_normalized())
        .with_cli(opts)
        .run(())
        .await;
}

async fn begin(context: Arc<RunContext>, feature: &gherkin::Feature, scenario: &gherkin::Scenario, world: &mut World) {
    let Some(mut planned) = context.plan.find(&path_of(feature), scenario.position.line).cloned() else { return };
    if unmet_needs(&planned, &context.rig.broker).next().is_some() {
        // It will be skipped: it holds nobody up, and leaves nothing to be restored.
        planned.touches = Touches::default();
    }
    let waiting = Instant::now();
    let held = context.holds.acquire(&planned.touches).await;
    if !context.run.claim(&planned) {
        return;
    }
    if context.run.is_stopped() {
        return context.tell_not_begun(&planned);
    }
    if let Err(why) = context.await_ready_again().await {
        return context.tell_without_system(&planned, &why.to_string());
    }
    context.run.listener.began(&planned.name);
    let mut running = Running::new(context, planned, held, waiting.elapsed());
    running.note_metrics().await;
    world.running = Some(running);
}

/// What ends a scenario whose step did not hold.
const NOT_HELD: &str = "the step did not hold";

/// The one step that cucumber knows. A step that does not hold ends its scenario the only way that cucumber has.
fn carry_out<'a>(world: &'a mut World, _: step::Context) -> LocalBoxFuture<'a, ()> {
    async move {
        let goes_on = match &mut world.running {
            Some(running) => !running.skip_unmet_need() && running.carry_out_next().await,
            // Not begun here: another copy has it, or nothing more begins.
            None => true,
        };
        if !goes_on {
            std::panic::panic_any(NOT_HELD);
        }
    }
    .boxed_local()
}

/// What a step's panic said that was not ours.
fn panic_of(how: &event::ScenarioFinished) -> Option<String> {
    let event::ScenarioFinished::StepFailed(_, _, event::StepError::Panic(payload)) = how else { return None };
    let payload: &(dyn Any + Send) = payload.as_ref();
    let said = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    said.or_else(|| payload.downcast_ref::<String>().cloned()).filter(|text| text != NOT_HELD)
}

async fn end(context: Arc<RunContext>, panicked: Option<String>, world: Option<&mut World>) {
    let Some(mut running) = world.and_then(|world| world.running.take()) else { return };
    running.finish_background().await;
    running.end_faults();
    running.mend_stubs();
    running.mend_stores();
    running.end_pauses().await;
    let result = running.result(panicked.as_deref());
    if running.scenario.is_alone() {
        running.context.restore(&running.scenario.touches.exclusive).await;
    }
    drop(running.held.take());
    let result = context.keep(&running.scenario, result);
    if matches!(result.outcome, Outcome::Broken | Outcome::NoVerdict) && !context.may_try_again(&running.scenario) {
        context.run.stop_after_failure();
    }
    context.run.listener.ended(&result);
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
