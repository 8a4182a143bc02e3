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
        match mended.iter().find_map(|one| void(store, one)) {
            Some(reason) => Err(Verdict::CannotTell(reason)),
            None => Ok(Verdict::Held(Proof::of(mended.iter().map(met).collect::<Vec<_>>().join("; ")))),
        }
    }

    /// No store is left failing for the scenarios after this one. A step whose fault met nobody has no verdict.
    pub fn mend_stores(&mut self) {
        for begun in std::mem::take(&mut self.failed_stores) {
            let reason = self.mend(&begun).and_then(|mended| void(&begun.store, &mended));
            if let (Some(reason), Some(result)) = (reason, self.steps.get_mut(begun.step)) {
                result.outcome = Outcome::NoVerdict;
                result.finding = Some(Finding::no_verdict(&reason));
            }
        }
    }

    fn mend(&self, begun: &Begun) -> Option<Mended> {
        self.context.rig.system.mend_store(&begun.store, begun.number)
    }
}

/// Why a fault that met nobody proves nothing.
fn void(store: &str, mended: &Mended) -> Option<Reason> {
    let what = match mended.fault {
        StoreFault::Down => "was down, and nobody was connected to it or came".to_owned(),
        StoreFault::Late(by) => format!("answered {} ms late, and said nothing", by.as_millis()),
        StoreFault::BreaksOff(_) => "was to break connections off, and nobody asked it anything".to_owned(),
    };
    let unreached = mended.unreached.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let detail = format!("store \"{store}\" {what}, so that proved nothing{unreached}");
    (mended.met == 0).then_some(Reason::NoPositiveControl { detail })
}

fn met(mended: &Mended) -> String {
    match mended.fault {
        StoreFault::Down => format!("{} connection(s) were closed", mended.met),
        StoreFault::Late(by) => format!("{} part(s) of answers came {} ms late", mended.met, by.as_millis()),
        StoreFault::BreaksOff(times) => format!("{} of {times} connection(s) were broken off", mended.met),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn told(fault: StoreFault, met: usize, unreached: Option<&str>) -> String {
        let mended = Mended { fault, met, unreached: unreached.map(str::to_owned) };
        match void("db", &mended) {
            Some(Reason::NoPositiveControl { detail }) => detail,
            _ => super::met(&mended),
        }
    }

    #[test]
    fn a_fault_that_met_nobody_proves_nothing_and_one_that_did_says_whom() {
        let late = StoreFault::Late(Duration::from_millis(300));
        assert_eq!(told(StoreFault::BreaksOff(2), 1, None), "1 of 2 connection(s) were broken off");
        assert_eq!(told(late, 7, None), "7 part(s) of answers came 300 ms late");
        assert_eq!(
            told(late, 0, Some("h:1 cannot be reached: refused")),
            "store \"db\" answered 300 ms late, and said nothing, so that proved nothing (h:1 cannot be reached: refused)"
        );
        let down = "store \"db\" was down, and nobody was connected to it or came, so that proved nothing";
        assert_eq!(told(StoreFault::Down, 0, None), down);
    }
}
