//! One file for each command.

mod broker;
mod choice;
mod compare;
mod contract;
mod copies;
mod doctor;
mod ending;
mod files;
mod init;
mod interval_file;
mod lint;
mod load;
mod metrics;
mod origin;
mod packs;
mod prove;
mod rendered;
mod report;
mod rig;
mod run;
mod serve;
mod services;
mod shard;
mod steps;
mod watch;

pub use choice::parse_shard;
pub use compare::parse_percent;
pub use metrics::parse_address;
pub use shard::parse_load_shard;

use crate::args::{Arguments, Command};

/// Does what the arguments ask for; returns the exit code.
pub async fn dispatch(arguments: Arguments) -> u8 {
    match arguments.command {
        Command::Run(arguments) if !arguments.more.is_empty() => {
            ending::unless_asked_twice(packs::run(&arguments)).await
        }
        Command::Run(arguments) => ending::unless_asked_twice(run::run(arguments)).await,
        Command::Prove(arguments) => ending::unless_asked_twice(prove::prove(arguments)).await,
        Command::Load(arguments) => ending::unless_asked_twice(load::load(arguments)).await,
        Command::Lint { packs, format } => lint::lint(&packs, format),
        Command::Init(arguments) => init::init(arguments).await,
        Command::Contract { command } => contract::contract(command).await,
        Command::Steps { markdown: true, .. } => steps::page(),
        Command::Steps { words, lang, .. } => steps::steps(&words, lang.as_deref()),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments).await,
        Command::Report { run: Some(run), brokers, broker_options, out, .. } => {
            report::shards_of(&run, &brokers.unwrap_or_default(), &broker_options, out).await
        }
        Command::Report { files, out, .. } => report::report(&files, out),
        Command::Serve { system, service, faults } => serve::serve(system, service, &faults).await,
        Command::Broker { listen, also_listen, nodes, users, faults, registry } => {
            let options = broker::BrokerOptions { listen, also_listen, nodes, users, faults, registry };
            ending::unless_asked_twice(broker::broker(options)).await
        }
    }
}
