//! Sentences that make a store fail, and what a fault that met nobody is worth.

use eventproof_evidence::{Proof, Reason, Verdict};
use eventproof_reports::model::{Finding, Outcome};
use eventproof_system::{Mended, StoreFault};

use super::world::{Running, environment};
use crate::catalogue::Arguments;

/// A fault that a step of the scenario began.
pub(super) struct Begun {
    store: String,
    number: u64,
    /// The index of that step.
    step: usize,
}

impl Running {
    /// `store "…" is down`.
    pub fn store_is_down(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        self.begin_store_fault(arguments, StoreFault::Down, "every connection is closed from now on".to_owned())
    }

    /// `store "…" answers … late`.
    pub fn store_is_late(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let by = arguments.duration("by").unwrap_or_default();
        let text = format!("what it says arrives {} ms later from now on", by.as_millis());
        self.begin_store_fault(arguments, StoreFault::Late(by), text)
    }

    /// `store "…" breaks off … connections`.
    pub fn store_breaks_off(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let times = arguments.count("times").unwrap_or_default();
        if times == 0 {
            // A row of an outline.
            return Ok(Verdict::Held(Proof::of("no connection is broken off")));
        }
        let text = format!("the next {times} connection(s) on which something is asked are broken off");
        self.begin_store_fault(arguments, StoreFault::BreaksOff(times), text)
    }

    fn begin_store_fault(
        &mut self,
        arguments: &Arguments,
        fault: StoreFault,
        text: String,
    ) -> Result<Verdict, Verdict> {
        let store = arguments.text("store").unwrap_or_default().to_owned();
        let number = self.context.rig.system.fail_store(&store, fault).map_err(environment)?;
        self.failed_stores.push(Begun { store, number, step: self.next_step.saturating_sub(1) });
        Ok(Verdict::Held(Proof::of(text)))
    }

    /// `store "…" is up again`.
    pub fn store_is_up(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let store = arguments.text("store").unwrap_or_default();
        let (ended, others): (Vec<_>, Vec<_>) = self.failed_stores.drain(..).partition(|begun| begun.store == store);
        self.failed_stores = others;
        if ended.is_empty() {
            return Err(environment(format!("store \"{store}\" did not fail")));
        }
        let mended: Vec<Mended> = ended.iter().filter_map(|begun| self.mend(begun)).collect();
        let told: Result<Vec<String>, String> = mended.iter().map(|one| one.told(store)).collect();
        match told {
            Ok(whom) => Ok(Verdict::Held(Proof::of(whom.join("; ")))),
            Err(detail) => Err(Verdict::CannotTell(Reason::NoPositiveControl { detail })),
        }
    }

    /// No store is left failing for the scenarios after this one. A step whose fault met nobody has no verdict.
    pub fn mend_stores(&mut self) {
        for begun in std::mem::take(&mut self.failed_stores) {
            let void = self.mend(&begun).and_then(|mended| mended.told(&begun.store).err());
            if let (Some(detail), Some(result)) = (void, self.steps.get_mut(begun.step)) {
                result.outcome = Outcome::NoVerdict;
                result.finding = Some(Finding::no_verdict(&Reason::NoPositiveControl { detail }));
            }
        }
    }

    fn mend(&self, begun: &Begun) -> Option<Mended> {
        self.context.rig.system.mend_store(&begun.store, begun.number)
    }
}
