//! From a planned step to its result.

use eventproof_broker::Broker;
use eventproof_evidence::{Proof, Reason, Verdict};
use eventproof_reports::model::{Finding, Outcome, StepResult, SubStep};

use super::world::{Running, environment};
use crate::catalogue::SentenceId;
use crate::plan::{PlannedScenario, PlannedStep, Sub};

/// What a scenario needs (`@needs:…`) and the broker does not have.
pub(super) fn unmet_needs<'s>(scenario: &'s PlannedScenario, broker: &Broker) -> impl Iterator<Item = &'s str> {
    scenario.needs().filter(|need| is_unmet(need, broker))
}

/// Whether a broker has what scenarios need that make it show faults, that have several nodes show them, or that speak of who
/// is let in. Other needs are not ours to judge.
fn is_unmet(need: &str, broker: &Broker) -> bool {
    match need {
        "broker-faults" => broker.faults().is_none(),
        "sasl" => !broker.asks_who(),
        "nodes" => broker.faults().is_none() || broker.nodes() < 2,
        _ => false,
    }
}

impl Running {
    /// Carries out the next step and remembers its result. Returns whether the scenario may go on.
    pub async fn carry_out_next(&mut self) -> bool {
        let Some(step) = self.scenario.steps.get(self.next_step).cloned() else { return false };
        self.next_step += 1;
        let began = self.now();
        let mut under = Vec::new();
        for sub in &step.subs {
            let done = self.carry_out_limited(sub).await;
            let outcome = done.outcome;
            under.push(done);
            if outcome != Outcome::Held {
                break;
            }
        }
        let result = step_result(&step, under, self.now().since(began));
        let goes_on = result.outcome == Outcome::Held;
        self.steps.push(result);
        goes_on
    }

    /// A scenario says with `@needs:…` what the broker must be able to do; where it is not, it is skipped, with the
    /// reason, and never passed. Returns whether it was.
    pub fn skip_unmet_need(&mut self) -> bool {
        let broker = &self.context.rig.broker;
        let unmet = unmet_needs(&self.scenario, broker).next();
        let (Some(need), Some(step)) = (unmet, self.scenario.steps.get(self.next_step)) else { return false };
        let text = format!("it needs {need}, which the {} does not have", broker.label());
        let finding = Finding { outcome: Outcome::Skipped, code: "need-unmet".to_owned(), text, took_ms: None };
        let under = vec![SubStep { text: step.text.clone(), outcome: Outcome::Skipped, finding: Some(finding) }];
        let result = step_result(step, under, std::time::Duration::ZERO);
        self.next_step += 1;
        self.steps.push(result);
        true
    }

    async fn carry_out_limited(&mut self, sub: &Sub) -> SubStep {
        let template = sub.text();
        let (limit, began) = (self.scenario.asks.limit(), self.now());
        let left = limit.saturating_sub(began.since(self.began));
        match tokio::time::timeout(left, self.carry_out(sub)).await {
            Ok((text, verdict)) => sub_step(text, &verdict),
            Err(_) => {
                let detail = format!(
                    "the step hung for {:.1} s and was ended: the time of its scenario ({} s) was over, which a tag such as @limit:10min makes longer",
                    self.now().since(began).as_secs_f64(),
                    limit.as_secs_f64()
                );
                sub_step(template, &Verdict::CannotTell(Reason::Environment { detail }))
            }
        }
    }

    async fn carry_out(&mut self, sub: &Sub) -> (String, Verdict) {
        let (text, arguments, table) = match self.fill(sub) {
            Ok(filled) => filled,
            Err(verdict) => return (sub.text(), verdict),
        };
        let verdict = match sub.sentence.id {
            SentenceId::Own(name) => self.carry_out_own(name, &arguments, &table).await,
            SentenceId::SystemIsRunning => self.system_is_running().await,
            SentenceId::TopicsAsDeclared => self.topics_as_declared().await,
            SentenceId::ActionIsDone => self.act(&arguments, &table).await,
            SentenceId::EventIsPublished => self.publish(&arguments, &table).await,
            SentenceId::PublishedEverywhere => self.publish_everywhere(&arguments, &table).await,
            SentenceId::ActionsInARow => self.act_often(&arguments, &table).await,
            SentenceId::SizedIsPublished => self.publish_sized(&arguments, &table).await,
            SentenceId::TooLargeIsRefused => self.publish_too_large(&arguments, &table).await,
            SentenceId::PublishedAgain => self.publish_again(&arguments).await,
            SentenceId::PublishedAgainOnceHandled => self.publish_again_once_handled(&arguments).await,
            SentenceId::PublishedInBackground => self.publish_in_background(&arguments, &table),
            SentenceId::InvalidIsPublished => self.publish_invalid(&arguments, &table).await,
            SentenceId::HostileKey => self.name_hostile_key(&arguments),
            SentenceId::SchemasAsDeclared => self.schemas_as_declared().await,
            SentenceId::PublishedInNewEnvelope => self.publish_in_new_envelope(&arguments).await,
            SentenceId::DerivedFollows => self.derived_follows(&arguments).await,
            SentenceId::NoneCameBefore => self.none_came_before(&arguments, &table).await,
            SentenceId::IsDeadLettered => self.is_dead_lettered(&arguments).await,
            SentenceId::DeadLetteredAfter => self.dead_lettered_after(&arguments).await,
            SentenceId::NeverFollows => self.never_follows(&arguments).await,
            SentenceId::EventConforms => self.event_conforms(&arguments).await,
            SentenceId::LagIsBelow => self.lag_is_below(&arguments).await,
            SentenceId::ProfilePasses => self.profile_passes(&arguments).await,
            SentenceId::MetricGrows => self.metric_grows(&arguments, &table).await,
            SentenceId::MetricIsShown => self.metric_is_shown(&arguments, &table).await,
            SentenceId::TimePasses => {
                let time = arguments.duration("time").unwrap_or_default();
                tokio::time::sleep(time).await;
                Ok(Verdict::Held(Proof::of("it passed")))
            }
            SentenceId::AlertFires => self.alert_fires(&arguments).await,
            SentenceId::AlertIsOver => self.alert_is_over(&arguments).await,
            SentenceId::AlertStaysSilent => self.alert_stays_silent(&arguments).await,
            SentenceId::ServiceLogs => self.service_logs(&arguments).await,
            SentenceId::TextIsNowhere => self.text_is_nowhere(&arguments, &table).await,
            SentenceId::StubAnswers => self.stub_answers(&arguments, table),
            SentenceId::StubDelays => self.stub_delays(&arguments, table),
            SentenceId::StubBreaksOff => self.stub_breaks_off(&arguments, table),
            SentenceId::StubIsDown => self.stub_is_down(&arguments),
            SentenceId::StubIsUp => self.stub_is_up(&arguments),
            SentenceId::StoreIsDown => self.store_is_down(&arguments),
            SentenceId::StoreIsLate => self.store_is_late(&arguments),
            SentenceId::StoreBreaksOff => self.store_breaks_off(&arguments),
            SentenceId::StoreIsUp => self.store_is_up(&arguments),
            SentenceId::StubIsCalled => self.stub_is_called(&arguments).await,
            SentenceId::TriedAtStub => self.tried_at_stub(&arguments).await,
            SentenceId::TriedOverTopics => self.tried_over_topics(&arguments).await,
            SentenceId::TriedInLog => self.tried_in_log(&arguments).await,
            SentenceId::OnTopicOnce => self.on_topic_once(&arguments).await,
            SentenceId::EventFollows => self.follows(&arguments).await,
            SentenceId::ViewShows => self.view_becomes(&arguments, &table, true).await,
            SentenceId::ViewNoLongerShows => self.view_becomes(&arguments, &table, false).await,
            SentenceId::ViewKeepsNotShowing => Ok(self.view_keeps_not_showing(&arguments, &table).await),
            SentenceId::ViewNeverGoesBack => self.view_never_goes_back(&arguments, &table).await,
            SentenceId::GroupHasProcessed => self.group_has_processed(&arguments).await,
            SentenceId::HandledExactlyOnce => self.handled_exactly_once(&arguments).await,
            SentenceId::NoneIsLost => self.none_is_lost(&arguments).await,
            SentenceId::ShareInTime => self.share_in_time(&arguments).await,
            SentenceId::OrderOnTopic => self.order_on_topic(&arguments).await,
            SentenceId::OrderOfEffects => self.order_of_effects(&arguments).await,
            SentenceId::ServiceIsKilled => self.kill(&arguments).await,
            SentenceId::ServiceIsKilledAfter => self.kill_after(&arguments).await,
            SentenceId::ServiceIsStarted => self.start(&arguments).await,
            SentenceId::ServiceIsStopped => self.stop(&arguments).await,
            SentenceId::ServiceIsPaused => self.pause(&arguments).await,
            SentenceId::ServiceGoesOn => self.go_on(&arguments).await,
            SentenceId::ServiceJoins => self.join(&arguments).await,
            SentenceId::GroupRebalances => self.rebalance(&arguments).await,
            SentenceId::GroupIsRewound => self.rewind(&arguments).await,
            SentenceId::BrokerIsStarted => self.start_broker(),
            SentenceId::BrokerIsHealthy => self.heal_broker(),
            SentenceId::BrokerDelays
            | SentenceId::BrokerAnswersWithError
            | SentenceId::BrokerDisconnects
            | SentenceId::BrokerIsSilent
            | SentenceId::BrokerLosesAcknowledgements
            | SentenceId::BrokerCorrupts
            | SentenceId::BrokerThrottles
            | SentenceId::BrokerCrashes
            | SentenceId::NodeCrashes
            | SentenceId::LeadersMove
            | SentenceId::BrokerClockAhead
            | SentenceId::BrokerClockBehind => self.begin_fault(sub.sentence.id, &arguments, &table),
        };
        (text, verdict.unwrap_or_else(|verdict| verdict))
    }

    /// The rig waited for every group before the first scenario; what died since then is said here.
    async fn system_is_running(&self) -> Result<Verdict, Verdict> {
        for service in self.context.pack.system.services.iter().filter(|service| !service.later) {
            if !self.context.rig.system.is_running(&service.name).await {
                let states = self.context.rig.system.states().await;
                let state = states.into_iter().find(|state| state.name == service.name);
                let (state, lines) = state.map(|state| (state.state, state.last_lines)).unwrap_or_default();
                let lines: Vec<String> =
                    lines.iter().rev().take(12).rev().map(|line| format!("\n    {line}")).collect();
                return Err(environment(format!(
                    "service \"{}\" is dead ({state}); its last lines:{}",
                    service.name,
                    lines.concat()
                )));
            }
        }
        Ok(Verdict::Held(Proof::of("every service runs and every group handles records")))
    }
}

fn sub_step(text: String, verdict: &Verdict) -> SubStep {
    let finding = Finding::of(verdict);
    SubStep { text, outcome: finding.outcome, finding: Some(finding) }
}

fn step_result(step: &PlannedStep, under: Vec<SubStep>, took: std::time::Duration) -> StepResult {
    let last = under.last();
    StepResult {
        keyword: step.keyword.clone(),
        text: step.text.clone(),
        line: step.line,
        table: step.table.clone(),
        outcome: last.map_or(Outcome::Held, |sub| sub.outcome),
        duration_ms: took.as_secs_f64() * 1e3,
        finding: last.and_then(|sub| sub.finding.clone()),
        under: if step.phrase.is_some() { under } else { Vec::new() },
    }
}
