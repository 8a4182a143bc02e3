//! The schema registry of a run: ours in memory, or one that runs already.

use eventproof_contract::Contract;
use eventproof_registry::{EmbeddedRegistry, RegistryClient, connect, drift};

use crate::{RigPlan, SystemError, SystemSpec, placeholders};

/// A registry that can be asked.
pub struct Registry {
    client: RegistryClient,
    /// As services are told it, with user and password if it has them.
    url: String,
    ours: Option<EmbeddedRegistry>,
}

impl Registry {
    /// The registry that the plan says, or the contract for a broker that is not ours, or else ours; `None` where neither
    /// contract nor system need one.
    pub(crate) async fn open(plan: &RigPlan, ours: bool) -> Result<Option<Registry>, SystemError> {
        let is_needed = plan.contract.registered_messages().next().is_some() || mentions_registry(&plan.system);
        if !is_needed {
            return Ok(None);
        }
        let declared = || plan.contract.servers.iter().find_map(|server| server.registry_url.clone());
        let known = plan.registry.clone().or_else(|| if ours { None } else { declared() });
        let embedded = match known {
            Some(_) => None,
            None if ours => Some(EmbeddedRegistry::start()?),
            None => return Err(SystemError::NoRegistry),
        };
        let url = known.or_else(|| embedded.as_ref().map(EmbeddedRegistry::url)).unwrap_or_default();
        Ok(Some(Registry { client: RegistryClient::new(&url)?, url, ours: embedded }))
    }

    /// Registers or looks up every schema of the contract.
    pub(crate) async fn connect(&self, contract: &Contract) -> Result<(), SystemError> {
        connect(contract, &self.client, self.ours.is_some()).await?;
        Ok(())
    }

    /// Its address, as services are told it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What differs between the registry and the contract: code and words.
    pub async fn drift(&self, contract: &Contract) -> Result<Vec<(&'static str, String)>, SystemError> {
        Ok(drift(contract, &self.client).await?)
    }
}

fn mentions_registry(system: &SystemSpec) -> bool {
    let texts = system.services.iter().flat_map(|service| service.command.iter().chain(service.env.values()));
    texts.flat_map(|text| placeholders(text)).any(|name| name == "registry")
}
