//! A load profile within a scenario.

use eventproof_evidence::{Cause, Proof, Reason, Verdict};
use eventproof_loadgen::LoadSetup;
use eventproof_reports::model::{LoadResult, Outcome};

use super::world::{Running, broken, environment};
use crate::catalogue::Arguments;

impl Running {
    /// `load profile "…" passes`.
    pub async fn profile_passes(&self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let name = arguments.text("profile").unwrap_or_default();
        let profiles = self.context.pack.profiles().map_err(|faults| environment(faults.render(false)))?;
        let profile = profiles.iter().find(|profile| profile.is_called(name));
        let profile = profile.ok_or_else(|| environment(format!("the pack has no load profile \"{name}\"")))?;
        let rig = &self.context.rig;
        let (_end, stop) = tokio::sync::watch::channel(false);
        let setup = LoadSetup { rig, contract: rig.contract.clone(), run_id: rig.run_id.clone(), stop };
        let result = eventproof_loadgen::run(&setup, profile, |_| {}).await.map_err(environment)?;
        judge(&result)
    }
}

fn judge(result: &LoadResult) -> Result<Verdict, Verdict> {
    let figures = |outcome: Option<Outcome>| {
        let told = result.objectives.iter().filter(|one| outcome.is_none_or(|wanted| one.finding.outcome == wanted));
        told.map(|one| format!("{}: {}", one.text, one.actual)).collect::<Vec<_>>().join("; ")
    };
    let found = |outcome: Outcome| {
        let told = result.findings.iter().filter(|finding| finding.outcome == outcome);
        told.map(|finding| finding.text.clone()).collect::<Vec<_>>()
    };
    match result.outcome() {
        Outcome::Held => Ok(Verdict::Held(Proof::of(figures(None)))),
        Outcome::Broken => {
            let missed = result.objectives.iter().find(|one| one.finding.outcome == Outcome::Broken);
            let cause = missed.map(|one| (one.text.clone(), one.actual.clone()));
            let (objective, actual) =
                cause.unwrap_or_else(|| ("the load".to_owned(), found(Outcome::Broken).join("; ")));
            Err(broken(Cause::ObjectiveMissed { objective, actual }))
        }
        Outcome::NoVerdict | Outcome::Skipped => {
            let why =
                result.generator.saturated.clone().map(|why| format!("the generator did not keep its plan: {why}"));
            let detail =
                [why.unwrap_or_default(), figures(Some(Outcome::NoVerdict)), found(Outcome::NoVerdict).join("; ")];
            let detail = detail.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
            Err(Verdict::CannotTell(Reason::Environment { detail }))
        }
    }
}
