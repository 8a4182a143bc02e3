//! Further copies of the system beside the first: scenarios that disturb something are spread over them, so that they need
//! not wait for one another. Each copy has a broker, services and data of its own.

use std::sync::{Arc, Mutex, PoisonError};

use eventproof_reports::model::ServiceInfo;
use eventproof_scenarios::{Choice, Coming, Pack, Plan, RunContext};
use futures::FutureExt as _;

use super::rig::{RunIdentity, bring_up_quietly};
use super::services;
use crate::args::{BrokerName, RigArguments};
use crate::output;

/// The copies that came up, with the folders of their data.
#[derive(Clone, Default)]
pub struct Copies {
    there: Arc<Mutex<Vec<There>>>,
}

/// A copy, and the folder of its services' data.
type There = (Arc<RunContext>, tempfile::TempDir);

/// How many copies are worth having beside the first: as many as the pack (or `--copies`) allows, and no more than there
/// are scenarios to spread. A broker that runs already cannot be copied; one in a container is only on demand.
pub fn worth_having(arguments: &RigArguments, asked: Option<u8>, pack: &Pack, plan: &Plan, choice: &Choice) -> usize {
    let default = match arguments.broker {
        BrokerName::Embedded if has_fixed_address(pack) => 1,
        BrokerName::Embedded => pack.system.copies.max(1),
        BrokerName::Container => 1,
    };
    let most = if arguments.brokers.is_some() { 1 } else { usize::from(asked.unwrap_or(default)) };
    let chosen = plan.scenarios.iter().filter(|scenario| choice.takes(scenario));
    let disturbing = chosen.filter(|scenario| scenario.is_alone()).count();
    most.min(disturbing).saturating_sub(1)
}

/// Whether a service is given an address word for word: two systems would share what is there.
fn has_fixed_address(pack: &Pack) -> bool {
    let texts = pack.system.services.iter().flat_map(|service| service.command.iter().chain(service.env.values()));
    texts.into_iter().any(|text| text.contains("://") && !text.contains('{'))
}

impl Copies {
    /// Copies beside the first, which begin to come up when they are first waited for.
    pub fn coming(
        &self,
        count: usize,
        first: &Arc<RunContext>,
        arguments: &RigArguments,
        identity: &RunIdentity,
    ) -> Vec<Coming> {
        (0..count)
            .map(|nth| {
                let (copies, first) = (self.clone(), Arc::downgrade(first));
                let (arguments, mut identity) = (arguments.clone(), identity.clone());
                // Ids of events follow from it: no two copies use the same.
                identity.run_id = format!("{}-{}", identity.run_id, nth + 2);
                async move {
                    let (contract, system) = {
                        let first = first.upgrade()?;
                        (first.pack.contract.clone(), first.pack.system.clone())
                    };
                    match bring_up_quietly(&arguments, &identity, contract, system).await {
                        Ok((rig, data)) => {
                            let context = first.upgrade()?.beside(rig);
                            copies.lock().push((context.clone(), data));
                            Some(context)
                        }
                        Err(error) => {
                            output::progress(&format!("  going on with one system less beside the first: {error}"));
                            None
                        }
                    }
                }
                .boxed_local()
            })
            .collect()
    }

    /// Those that came up.
    pub fn contexts(&self) -> Vec<Arc<RunContext>> {
        self.lock().iter().map(|(context, _)| context.clone()).collect()
    }

    /// The services of every copy as they are now, told apart by the copy's number.
    pub async fn services_at_end(&self) -> Vec<ServiceInfo> {
        let mut all = Vec::new();
        for (nth, context) in self.contexts().iter().enumerate() {
            let services = services::at_end(&context.rig.system).await;
            let copy = nth + 2;
            all.extend(
                services.into_iter().map(|one| ServiceInfo { name: format!("{} (copy {copy})", one.name), ..one }),
            );
        }
        all
    }

    /// Ends every copy's services and broker.
    pub async fn stop(self) {
        let there = std::mem::take(&mut *self.lock());
        let ends = there.into_iter().map(|(context, data)| async move {
            if let Some(context) = Arc::into_inner(context) {
                context.rig.stop().await;
            }
            drop(data);
        });
        futures::future::join_all(ends).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<There>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
