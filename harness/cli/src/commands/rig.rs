//! From options to a running system.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use eventproof_broker::BrokerChoice;
use eventproof_contract::Contract;
use eventproof_system::{RigPlan, SystemSpec};

use crate::args::{BrokerName, RigArguments};

/// Identity and choices of this run.
pub struct RunIdentity {
    pub seed: u64,
    pub run_id: String,
}

impl RunIdentity {
    /// A new run; the seed is the one asked for, or drawn.
    pub fn new(seed: Option<u64>) -> RunIdentity {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let run_id = format!("{:x}-{:x}", now.as_nanos(), std::process::id());
        // The run's own number is as good a draw as any, and short enough to be typed.
        RunIdentity { seed: seed.unwrap_or(now.as_micros() as u64 % 1_000_000), run_id }
    }
}

/// The plan of a rig; the error says which option is wrong.
pub fn plan(
    arguments: &RigArguments,
    identity: &RunIdentity,
    contract: Arc<Contract>,
    system: SystemSpec,
    data: &Path,
) -> Result<RigPlan, String> {
    Ok(RigPlan {
        contract,
        system,
        broker: broker(arguments)?,
        program: std::env::current_exe().map_err(|error| format!("the program does not know its own path: {error}"))?,
        data: data.to_owned(),
        faults: arguments.faults.iter().map(|fault| service_fault(fault)).collect::<Result<_, _>>()?,
        seed: identity.seed,
        run_id: identity.run_id.clone(),
    })
}

fn broker(arguments: &RigArguments) -> Result<BrokerChoice, String> {
    let Some(bootstrap) = &arguments.brokers else {
        return Ok(match arguments.broker {
            BrokerName::Embedded => BrokerChoice::Embedded,
            BrokerName::Container => BrokerChoice::Container,
        });
    };
    let mut options = BTreeMap::new();
    for option in &arguments.broker_options {
        let (key, value) =
            option.split_once('=').ok_or_else(|| format!("--broker-option {option}: write KEY=VALUE"))?;
        options.insert(key.to_owned(), value.to_owned());
    }
    Ok(BrokerChoice::External { bootstrap: bootstrap.clone(), options })
}

fn service_fault(text: &str) -> Result<(String, String), String> {
    let (service, fault) = text.split_once(':').ok_or_else(|| format!("--fault {text}: write SERVICE:NAME"))?;
    Ok((service.to_owned(), fault.to_owned()))
}
