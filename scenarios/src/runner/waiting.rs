//! Waiting for a verdict: fold what is observed until it is final.

use std::time::Duration;

use eventproof_broker::Uncommitted;
use eventproof_evidence::oracle::Target;
use eventproof_evidence::{Cause, Oracle, Reason, Verdict};

use super::world::Running;

/// How often deadlines are looked at when nothing is observed.
const TICK: Duration = Duration::from_millis(20);

impl Running {
    /// Folds the journal until the oracle has a verdict: what was known of groups, services and our own blindness when the
    /// scenario began, then everything since. Its events are no older than the scenario.
    pub async fn await_verdict(&self, mut oracle: impl Oracle) -> Verdict {
        let mut reader = self.context.rig.journal.reader_at(&self.standpoint);
        loop {
            for observation in reader.take() {
                oracle.observe(&observation);
            }
            let verdict = oracle.verdict(self.now());
            if verdict.is_final() {
                return match oracle.awaits() {
                    Some(target) => self.looked_behind(verdict, target).await,
                    None => verdict,
                };
            }
            // Either something new, or time has passed.
            let _ = tokio::time::timeout(TICK, reader.changed()).await;
        }
    }

    /// What is missing from its topic may stand there in a transaction that is not committed: then that is the cause. Not where more
    /// is known already: who should have published it is dead, or not let in.
    async fn looked_behind(&self, verdict: Verdict, target: &Target) -> Verdict {
        let Verdict::Broken(Cause::NotOnTopic { what, topic, waited, death: None, refusal: None, .. }) = &verdict
        else {
            return verdict;
        };
        match self.uncommitted(topic, target).await {
            Some(found) => Verdict::Broken(Cause::Uncommitted {
                what: what.clone(),
                waited: *waited,
                place: found.record.place(),
                aborted: found.aborted,
            }),
            None => verdict,
        }
    }

    /// Looked for beside all other scenarios, which go on meanwhile. Where the broker does not answer, nothing was found.
    async fn uncommitted(&self, topic: &str, target: &Target) -> Option<Uncommitted> {
        let rig = &self.context.rig;
        let partitions = rig.partitions_of(topic)?.cast_signed();
        let from: Vec<i64> = (0..partitions).map(|partition| rig.recorded_from(topic, partition)).collect();
        let (broker, contract) = (rig.broker.clone(), self.context.pack.contract.clone());
        let (topic, target, now) = (topic.to_owned(), target.clone(), self.now());
        let look =
            move || eventproof_broker::uncommitted(&broker, &contract, &topic, &from, now, |seen| target.matches(seen));
        tokio::task::spawn_blocking(look).await.ok()?.ok()?
    }

    /// The same, while a view is asked again and again.
    pub async fn await_verdict_looking(
        &self,
        oracle: impl Oracle,
        view: &str,
        params: &eventproof_system::Params,
        item: &str,
        subject: &str,
    ) -> Verdict {
        let system = &self.context.rig.system;
        let looking = async {
            loop {
                match system.look(view, params, item, subject).await {
                    Ok(looked) => self.keep_look(view, params, &looked),
                    Err(error) => return Verdict::CannotTell(Reason::Environment { detail: error.to_string() }),
                }
                tokio::time::sleep(TICK).await;
            }
        };
        tokio::select! {
            verdict = self.await_verdict(oracle) => verdict,
            failed = looking => failed,
        }
    }
}
