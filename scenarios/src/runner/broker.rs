//! Sentences that make the broker show a fault, and what a fault that met nothing is worth.

use eventproof_broker::{ActiveFault, BrokerError, FaultControl, Met};
use eventproof_evidence::{Proof, Reason, Verdict};
use eventproof_reports::model::{Finding, Outcome};

use super::world::{Running, environment};
use crate::catalogue::{Arguments, SentenceId, broker_fault};

/// A fault that a step of the scenario began.
pub(super) struct Begun {
    fault: ActiveFault,
    is_crash: bool,
    /// The index of that step.
    step: usize,
}

/// What came of faults that were ended.
#[derive(Default)]
struct Ended {
    /// Steps of those that met nothing or could not be ended, and why they have no verdict.
    void: Vec<(usize, Reason)>,
    /// What the others met, in words.
    met: Vec<String>,
}

impl Running {
    fn fault_control(&self) -> Result<FaultControl, Verdict> {
        let broker = &self.context.rig.broker;
        broker.faults().ok_or_else(|| environment(format!("the {} cannot be made to show faults", broker.label())))
    }

    /// `the broker delays …`, `the broker crashes`, and so on.
    pub fn begin_fault(
        &mut self,
        id: SentenceId,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let control = self.fault_control()?;
        let fault = broker_fault(id, arguments, table).ok_or_else(|| environment("this is no fault"))?;
        let fault = control.start(&fault.map_err(environment)?).map_err(environment)?;
        let text = format!("in force: {}", fault.label);
        let is_crash = matches!(id, SentenceId::BrokerCrashes | SentenceId::NodeCrashes);
        self.faults.push(Begun { fault, is_crash, step: self.next_step.saturating_sub(1) });
        Ok(Verdict::Held(Proof::of(text)))
    }

    /// `the broker is started again`.
    pub fn start_broker(&mut self) -> Result<Verdict, Verdict> {
        let control = self.fault_control()?;
        let crash = self.faults.iter().position(|begun| begun.is_crash);
        let crash = crash.ok_or_else(|| environment("the broker has not crashed"))?;
        control.end(self.faults.remove(crash).fault).map_err(environment)?;
        Ok(Verdict::Held(Proof::of("the broker listens again")))
    }

    /// `the broker is healthy again`.
    pub fn heal_broker(&mut self) -> Result<Verdict, Verdict> {
        if self.faults.is_empty() {
            return Err(environment("no fault of the broker is in force"));
        }
        let Ended { void, met } = self.end_all();
        match void.into_iter().next() {
            None => Ok(Verdict::Held(Proof::of(met.join("; ")))),
            Some((_, reason)) => Err(Verdict::CannotTell(reason)),
        }
    }

    /// Ends what the scenario left in force. A step whose fault met nothing, or cannot be ended, has no verdict.
    pub fn end_faults(&mut self) {
        for (step, reason) in self.end_all().void {
            let Some(result) = self.steps.get_mut(step) else { continue };
            result.outcome = Outcome::NoVerdict;
            result.finding = Some(Finding::no_verdict(&reason));
        }
    }

    /// Ends all faults; one that cannot be ended keeps none of the others in force.
    fn end_all(&mut self) -> Ended {
        let mut ended = Ended::default();
        for Begun { fault, step, .. } in std::mem::take(&mut self.faults) {
            let label = fault.label.clone();
            let met = self.context.rig.broker.faults().map(|control| control.end(fault));
            match met.transpose() {
                Ok(Some(met)) if met.is_nothing() => ended.void.push((step, void_reason(&label, met))),
                Ok(met) => ended.met.push(format!("{label} {}", met.unwrap_or(Met::Everything))),
                Err(error) => ended.void.push((step, unended(&label, &error))),
            }
        }
        ended
    }
}

fn void_reason(label: &str, met: Met) -> Reason {
    Reason::NoPositiveControl { detail: format!("the fault \"{label}\" {met}, so it proved nothing") }
}

fn unended(label: &str, error: &BrokerError) -> Reason {
    Reason::Environment { detail: format!("the fault \"{label}\" could not be ended: {error}") }
}
