//! The broker in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use eventproof_embedded::{BrokerConfig, EmbeddedBroker, LoginOutcome, User};

use super::{Broker, BrokerKind, Owned};
use crate::client::ClientSettings;
use crate::{BrokerError, Sasl};

/// Told of a service's login: its name, and what the broker answered if it did not let it in.
type OnLogin = Box<dyn Fn(&str, Option<&str>) + Send>;

/// Whoever wants to know of logins; nobody at first.
#[derive(Clone, Default)]
pub(super) struct LoginWatch(Arc<Mutex<Option<OnLogin>>>);

impl LoginWatch {
    pub fn set(&self, tell: impl Fn(&str, Option<&str>) + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(tell));
    }

    fn tell(&self, service: &str, refused: Option<&str>) {
        if let Some(tell) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            tell(service, refused);
        }
    }
}

pub(super) fn start(nodes: usize, sasl: Option<&Sasl>) -> Result<Broker, BrokerError> {
    let logins = LoginWatch::default();
    let mut config = BrokerConfig { nodes, ..BrokerConfig::default() };
    if let Some(sasl) = sasl {
        let user =
            |one: &crate::Credentials| User { name: one.user.clone(), password: one.password.expose().to_owned() };
        config.users = sasl.everybody().map(user).collect();
        let (sasl, logins) = (sasl.clone(), logins.clone());
        config.on_login = Some(Arc::new(move |login: &LoginOutcome| {
            if let Some(service) = sasl.service_of(&login.user) {
                logins.tell(service, login.refused.as_deref());
            }
        }));
    }
    let broker = EmbeddedBroker::start(config).map_err(|error| BrokerError::Embedded(error.to_string()))?;
    let label = match (nodes, sasl) {
        (1, None) => "embedded broker".to_owned(),
        (1, Some(sasl)) => format!("embedded broker (SASL {})", sasl.mechanism),
        (nodes, None) => format!("embedded broker ({nodes} nodes)"),
        (nodes, Some(sasl)) => format!("embedded broker ({nodes} nodes, SASL {})", sasl.mechanism),
    };
    let options = sasl.map_or_else(BTreeMap::new, Sasl::options);
    Ok(Broker {
        kind: BrokerKind::Embedded,
        label,
        nodes,
        settings: ClientSettings { bootstrap: broker.bootstrap_servers(), options },
        owned: Owned::Embedded(broker, logins),
    })
}
