//! Sentences that make the broker show a fault, and what a fault that met nothing is worth.

use eventproof_broker::{ActiveFault, FaultControl};
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
    /// Steps and labels of those that met nothing.
    void: Vec<(usize, String)>,
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
        let is_crash = id == SentenceId::BrokerCrashes;
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
        let Ended { void, met } = self.end_all()?;
        match void.is_empty() {
            true => Ok(Verdict::Held(Proof::of(met.join("; ")))),
            false => Err(Verdict::CannotTell(void_reason(&void[0].1))),
        }
    }

    /// Ends what the scenario left in force. A step whose fault met nothing has no verdict after all.
    pub fn end_faults(&mut self) {
        let Ok(Ended { void, .. }) = self.end_all() else { return };
        for (step, label) in void {
            let Some(result) = self.steps.get_mut(step) else { continue };
            result.outcome = Outcome::NoVerdict;
            result.finding = Some(Finding::no_verdict(&void_reason(&label)));
        }
    }

    /// Ends all faults.
    fn end_all(&mut self) -> Result<Ended, Verdict> {
        let mut ended = Ended::default();
        if self.faults.is_empty() {
            return Ok(ended);
        }
        let control = self.fault_control()?;
        for begun in std::mem::take(&mut self.faults) {
            let label = begun.fault.label.clone();
            match control.end(begun.fault).map_err(environment)? {
                Some(0) => ended.void.push((begun.step, label)),
                Some(count) => ended.met.push(format!("{label} met {count} requests")),
                None => ended.met.push(format!("{label} is over")),
            }
        }
        Ok(ended)
    }
}

fn void_reason(label: &str) -> Reason {
    Reason::NoPositiveControl { detail: format!("the fault \"{label}\" met no request, so it proved nothing") }
}
