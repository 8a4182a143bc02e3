//! `broker`: the embedded broker by itself.

use std::net::SocketAddr;

use eventproof_embedded::{BrokerConfig, EmbeddedBroker, Listener};

use crate::{exit, output};

pub async fn broker(listen: SocketAddr) -> u8 {
    let config =
        BrokerConfig { listeners: vec![Listener { bind: listen, advertised: None }], ..BrokerConfig::default() };
    let broker = match EmbeddedBroker::start(config) {
        Ok(broker) => broker,
        Err(error) => {
            output::error(&format!("{error}"));
            return exit::NO_VERDICT;
        }
    };
    output::result(&format!("listening on {}", broker.bootstrap_servers()));
    // If signals cannot be had, nothing would ever end it but a kill: then it ends at once.
    let _ = tokio::signal::ctrl_c().await;
    broker.stop();
    exit::HELD
}
