//! What a sentence of a user's own is given: its parameters, and the running scenario with everything around it.

use eventproof_contract::Contract;
use eventproof_evidence::oracle::Target;
use eventproof_evidence::{At, Oracle, Verdict};
use eventproof_system::{Params, System};

use super::world::{Running, environment};
use crate::catalogue::Arguments;
use crate::own;

/// A scenario at the moment when a sentence of a user's own is to be carried out.
pub struct Scene<'a> {
    running: &'a mut Running,
    arguments: &'a Arguments,
    table: &'a [(String, String)],
}

/// An event of the scenario, as oracles know it.
#[derive(Clone, Debug)]
pub struct Known {
    pub message: String,
    /// How it is told from all others.
    pub target: Target,
    pub key: Option<String>,
    /// When it was published, or the action that causes it was answered: limits count from here.
    pub since: At,
}

impl Scene<'_> {
    /// The sentence's parameters, with everything filled in.
    pub fn arguments(&self) -> &Arguments {
        self.arguments
    }

    /// The sentence's table, with everything filled in.
    pub fn table(&self) -> &[(String, String)] {
        self.table
    }

    /// The pack's contract.
    pub fn contract(&self) -> &Contract {
        &self.running.context.pack.contract
    }

    /// The running system: services, views, metrics, logs.
    pub fn system(&self) -> &System {
        &self.running.context.rig.system
    }

    /// This moment, on the clock of all observations.
    pub fn now(&self) -> At {
        self.running.now()
    }

    /// The fresh identity that a name stands for in this scenario, the same each time.
    pub fn identity(&mut self, name: &str) -> String {
        self.running.identity(name)
    }

    /// Lets later steps say `{name}`.
    pub fn remember(&mut self, name: &str, value: &str) {
        self.running.values.insert(name.to_owned(), value.to_owned());
    }

    /// Publishes an event of the contract with these fields; the rest is generated. It is "it" for the next step, and
    /// `name` if it has one.
    ///
    /// # Errors
    /// The verdict with which the step ends: nothing was published, or nobody can say.
    pub async fn publish(
        &mut self,
        event: &str,
        fields: &[(String, String)],
        name: Option<&str>,
    ) -> Result<Verdict, Verdict> {
        self.running.publish_event(event, fields, name.map(str::to_owned)).await
    }

    /// Does an action of system.yaml, as `action "…" is done` would.
    ///
    /// # Errors
    /// The verdict with which the step ends: it was answered otherwise, or not at all.
    pub async fn act(&mut self, action: &str, params: &Params, name: Option<&str>) -> Result<Verdict, Verdict> {
        let table: Vec<(String, String)> = params.clone().into_iter().collect();
        self.running.act_as(action, &table, name.map(str::to_owned)).await
    }

    /// The event of that name, or the last one.
    ///
    /// # Errors
    /// The verdict with which the step ends: there is none, or nothing tells it from others.
    pub fn event(&self, name: Option<&str>) -> Result<Known, Verdict> {
        let event = self.running.event(name)?;
        let (message, target) = (event.message.clone(), event.target.clone());
        Ok(Known { message, target, key: event.key.clone(), since: event.since })
    }

    /// Folds everything that was observed since the scenario began until the oracle has a verdict.
    pub async fn judge(&self, oracle: impl Oracle) -> Verdict {
        self.running.await_verdict(oracle).await
    }

    /// The same, while a list view of system.yaml is asked for an item again and again: the oracle is given each look as a
    /// sample of `view` and `subject`.
    pub async fn judge_looking(
        &self,
        oracle: impl Oracle,
        view: &str,
        params: &Params,
        item: &str,
        subject: &str,
    ) -> Verdict {
        self.running.await_verdict_looking(oracle, view, params, item, subject).await
    }
}

impl Running {
    /// A sentence of a linked crate.
    pub(super) async fn carry_out_own(
        &mut self,
        name: &str,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let own = own::find(name).ok_or_else(|| environment(format!("no linked crate has the sentence `{name}`")))?;
        (own.carry_out)(Scene { running: self, arguments, table }).await
    }
}
