//! `broker`: the embedded broker by itself.

use std::net::SocketAddr;

use eventproof_broker::{BrokerFault, FaultControl};
use eventproof_embedded::{BrokerConfig, EmbeddedBroker, Listener, User};
use eventproof_registry::EmbeddedRegistry;

use super::ending;
use crate::{exit, output};

/// What the command line says of the broker.
pub struct BrokerOptions {
    pub listen: SocketAddr,
    pub also_listen: Option<String>,
    pub nodes: u8,
    pub users: Vec<String>,
    pub faults: Vec<String>,
    pub registry: Option<SocketAddr>,
}

pub async fn broker(options: BrokerOptions) -> u8 {
    let (config, faults) = match (config(&options), read_faults(&options.faults)) {
        (Ok(config), Ok(faults)) => (config, faults),
        (Err(error), _) | (_, Err(error)) => {
            output::error(&error);
            return exit::USAGE;
        }
    };
    let broker = match EmbeddedBroker::start(config) {
        Ok(broker) => broker,
        Err(error) => {
            output::error(&format!("{error}"));
            return exit::NO_VERDICT;
        }
    };
    let control = FaultControl::new(broker.faults());
    for fault in &faults {
        if let Err(error) = control.start(fault) {
            output::error(&format!("{fault}: {error}"));
            return exit::NO_VERDICT;
        }
        output::result(&format!("misbehaving: {fault}"));
    }
    let registry = match options.registry.map(EmbeddedRegistry::at).transpose() {
        Ok(registry) => registry,
        Err(error) => {
            output::error(&error.to_string());
            return exit::NO_VERDICT;
        }
    };
    if let Some(registry) = &registry {
        output::result(&format!("schema registry at {}", registry.url()));
    }
    output::result(&format!("listening on {}", broker.bootstrap_servers()));
    if let Some(second) = broker.listener_servers(1) {
        output::result(&format!("and as {second}"));
    }
    ending::asked().await;
    broker.stop();
    exit::HELD
}

fn config(options: &BrokerOptions) -> Result<BrokerConfig, String> {
    let user = |text: &String| {
        // The text is not repeated: it may hold a password.
        let (name, password) = text.split_once(':').ok_or("--user: write NAME:PASSWORD")?;
        Ok::<_, String>(User { name: name.to_owned(), password: password.to_owned() })
    };
    let users = options.users.iter().map(user).collect::<Result<_, _>>()?;
    let listeners = listeners(options.listen, options.also_listen.as_deref())?;
    Ok(BrokerConfig { listeners, nodes: usize::from(options.nodes), users, ..BrokerConfig::default() })
}

fn listeners(first: SocketAddr, second: Option<&str>) -> Result<Vec<Listener>, String> {
    let mut listeners = vec![Listener { bind: first, advertised: None }];
    if let Some(text) = second {
        let wrong = || format!("--also-listen {text}: write ADDRESS=NAME:PORT, such as 0.0.0.0:9093=kafka:9093");
        let (bind, name) = text.split_once('=').ok_or_else(wrong)?;
        let (host, port) = name.rsplit_once(':').ok_or_else(wrong)?;
        let advertised = Some((host.to_owned(), port.parse().map_err(|_| wrong())?));
        listeners.push(Listener { bind: bind.parse().map_err(|_| wrong())?, advertised });
    }
    Ok(listeners)
}

fn read_faults(faults: &[String]) -> Result<Vec<BrokerFault>, String> {
    faults.iter().map(|text| BrokerFault::parse(text).map_err(|error| format!("--fault {text}: {error}"))).collect()
}
