//! `broker`: the embedded broker by itself.

use std::net::SocketAddr;

use eventproof_broker::{BrokerFault, FaultControl};
use eventproof_embedded::{BrokerConfig, EmbeddedBroker, Listener, User};

use crate::{exit, output};

pub async fn broker(listen: SocketAddr, also_listen: Option<&str>, users: &[String], faults: &[String]) -> u8 {
    let (config, faults) = match (config(listen, also_listen, users), read_faults(faults)) {
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
    output::result(&format!("listening on {}", broker.bootstrap_servers()));
    if let Some(second) = broker.listener_servers(1) {
        output::result(&format!("and as {second}"));
    }
    // If signals cannot be had, nothing would ever end it but a kill: then it ends at once.
    let _ = tokio::signal::ctrl_c().await;
    broker.stop();
    exit::HELD
}

fn config(listen: SocketAddr, also_listen: Option<&str>, users: &[String]) -> Result<BrokerConfig, String> {
    let user = |text: &String| {
        // The text is not repeated: it may hold a password.
        let (name, password) = text.split_once(':').ok_or("--user: write NAME:PASSWORD")?;
        Ok::<_, String>(User { name: name.to_owned(), password: password.to_owned() })
    };
    let users = users.iter().map(user).collect::<Result<_, _>>()?;
    Ok(BrokerConfig { listeners: listeners(listen, also_listen)?, users, ..BrokerConfig::default() })
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
