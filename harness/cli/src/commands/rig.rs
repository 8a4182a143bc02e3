//! From options to a running system.

use std::path::Path;
use std::sync::Arc;

use eventproof_broker::BrokerChoice;
use eventproof_contract::Contract;
use eventproof_evidence::{Clock, RunClock};
use eventproof_system::{Rig, RigPlan, SystemSpec};

use super::ending;
use crate::args::{BrokerName, RigArguments};
use crate::{exit, output};

/// Identity and choices of this run.
#[derive(Clone, Debug)]
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

/// Starts everything, telling how far it is. What went wrong was told when this returns an exit code. The folder holds
/// the services' data and must be kept as long as they run.
pub async fn bring_up(
    arguments: &RigArguments,
    identity: &RunIdentity,
    contract: Arc<Contract>,
    system: SystemSpec,
) -> Result<(Rig, tempfile::TempDir), u8> {
    let told = |code: u8| {
        move |error: String| {
            output::error(&error);
            code
        }
    };
    let data = data_folder().map_err(told(exit::NO_VERDICT))?;
    let planned = plan(arguments, identity, contract, system, data.path()).map_err(told(exit::USAGE))?;
    let tell = |stage: &str| output::progress(&format!("  {stage}"));
    let rig = tokio::select! {
        rig = Rig::start(&planned, clock(), &tell) => rig.map_err(|error| error.to_string()),
        // What has begun of it ends with its future.
        why = ending::asked() => Err(format!("{why}: the system was not ready, so nothing was run")),
    };
    let rig = rig.map_err(told(exit::NO_VERDICT))?;
    let label = rig.broker.label();
    output::progress(&format!("  ready on the {label}"));
    Ok((rig, data))
}

/// The same, without a word; the error says what went wrong.
pub async fn bring_up_quietly(
    arguments: &RigArguments,
    identity: &RunIdentity,
    contract: Arc<Contract>,
    system: SystemSpec,
) -> Result<(Rig, tempfile::TempDir), String> {
    let data = data_folder()?;
    let planned = plan(arguments, identity, contract, system, data.path())?;
    let mut rig = Rig::start(&planned, clock(), &|_| {}).await.map_err(|error| error.to_string())?;
    rig.follow_effects();
    Ok((rig, data))
}

fn data_folder() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("no folder for the services' data: {error}"))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(RunClock::start())
}

/// The plan of a rig; the error says which option is wrong.
fn plan(
    arguments: &RigArguments,
    identity: &RunIdentity,
    contract: Arc<Contract>,
    system: SystemSpec,
    data: &Path,
) -> Result<RigPlan, String> {
    let faults = arguments.faults.iter().map(|fault| service_fault(fault, &system)).collect::<Result<_, _>>()?;
    Ok(RigPlan {
        contract,
        system,
        broker: choice(arguments.broker, arguments.nodes, arguments.brokers.as_deref(), &arguments.broker_options)?,
        registry: arguments.registry.clone(),
        program: std::env::current_exe().map_err(|error| format!("the program does not know its own path: {error}"))?,
        data: data.to_owned(),
        faults,
        seed: identity.seed,
        run_id: identity.run_id.clone(),
    })
}

/// The broker that is meant; the error says which option is wrong.
pub fn choice(
    broker: BrokerName,
    nodes: u8,
    brokers: Option<&str>,
    options: &[String],
) -> Result<BrokerChoice, String> {
    let Some(bootstrap) = brokers else {
        return Ok(match broker {
            BrokerName::Embedded => BrokerChoice::Embedded { nodes: usize::from(nodes) },
            BrokerName::Container if nodes > 1 => {
                return Err("--nodes is for the embedded broker; the container has one node".to_owned());
            }
            BrokerName::Container => BrokerChoice::Container,
        });
    };
    external(bootstrap, options)
}

/// A broker that runs already; the error says which option is wrong.
pub fn external(bootstrap: &str, options: &[String]) -> Result<BrokerChoice, String> {
    let pair = |option: &String| {
        let (key, value) =
            option.split_once('=').ok_or_else(|| format!("--broker-option {option}: write KEY=VALUE"))?;
        let value = match value.strip_prefix('@') {
            Some(file) => secret(file).map_err(|error| format!("--broker-option {key}=@{file}: {error}"))?,
            None => value.to_owned(),
        };
        Ok::<_, String>((key.to_owned(), value))
    };
    let options = options.iter().map(pair).collect::<Result<_, _>>()?;
    Ok(BrokerChoice::External { bootstrap: bootstrap.to_owned(), options })
}

/// A value that is in a file, so that it is on no command line: without the line end that editors put there.
fn secret(file: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A fault of a service that is there: one that nobody has would be found by nobody.
fn service_fault(text: &str, system: &SystemSpec) -> Result<(String, String), String> {
    let (service, fault) = text.split_once(':').ok_or_else(|| format!("--fault {text}: write SERVICE:NAME"))?;
    if system.service(service).is_none() {
        let names: Vec<&str> = system.services.iter().map(|one| one.name.as_str()).collect();
        return Err(format!("--fault {text}: \"{service}\" is none of the services that run: {}", names.join(", ")));
    }
    Ok((service.to_owned(), fault.to_owned()))
}
