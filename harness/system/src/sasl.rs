//! Who comes to the broker as whom: from what `system.yaml` says to passwords.

use std::collections::BTreeMap;

use eventproof_broker::{Broker, BrokerChoice, Credentials, Sasl, Secret};

use crate::spec::{PasswordSource, SaslSpec, UserSpec};
use crate::template::Params;
use crate::{SystemError, SystemSpec};

/// As whom eventproof itself comes to a broker of ours.
const OWN: &str = "eventproof";

/// What a broker of ours is to ask, if the system says so. A broker that is not ours and asks who comes
/// would not know passwords that were made up: there, those that nobody gave are missing.
pub(crate) fn resolve(system: &SystemSpec, broker: &BrokerChoice) -> Result<Option<Sasl>, SystemError> {
    let Some(spec) = &system.sasl else { return Ok(None) };
    let Some(mechanism) = Sasl::spoken(&spec.mechanisms) else {
        return Err(SystemError::NoMechanism { wanted: spec.mechanisms.join(", ") });
    };
    let strange = matches!(broker, BrokerChoice::External { options, .. }
        if options.get("security.protocol").is_some_and(|protocol| protocol.to_lowercase().starts_with("sasl")));
    let mut services = BTreeMap::new();
    for service in &system.services {
        let user = user_of(spec, &service.name, service.like.as_deref());
        let password = match user.and_then(|user| user.password.as_ref()) {
            Some(source) => read(&service.name, source)?,
            None if strange => continue,
            None => Secret::made_up(),
        };
        let name = user.and_then(|user| user.name.clone()).unwrap_or_else(|| service.name.clone());
        services.insert(service.name.clone(), Credentials { user: name, password });
    }
    let own = Credentials { user: OWN.to_owned(), password: Secret::made_up() };
    Ok(Some(Sasl { mechanism: mechanism.clone(), own, services }))
}

/// Another instance of a service comes as that one where something is said of it.
fn user_of<'s>(spec: &'s SaslSpec, service: &str, like: Option<&str>) -> Option<&'s UserSpec> {
    spec.users.get(service).or_else(|| spec.users.get(like?))
}

fn read(service: &str, source: &PasswordSource) -> Result<Secret, SystemError> {
    let missing = |detail: String| SystemError::Password { service: service.to_owned(), detail };
    match source {
        PasswordSource::Variable(name) => match std::env::var(name) {
            Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
            _ => Err(missing(format!("the variable {name} is not set"))),
        },
        PasswordSource::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Err(error) => Err(missing(format!("{path}: {error}"))),
        },
    }
}

/// Placeholders that are the same for all services.
pub(crate) fn common(sasl: &Sasl, broker: &Broker) -> Params {
    let mechanism = broker.mechanism().unwrap_or(&sasl.mechanism);
    let pairs = [("sasl.protocol", broker.protocol()), ("sasl.mechanism", mechanism.to_owned())];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Placeholders of one service; what they stand for is in no error.
pub(crate) fn of_service(sasl: &Sasl, service: &str) -> Params {
    let Some(one) = sasl.services.get(service) else { return Params::new() };
    let pairs = [("sasl.user", one.user.clone()), ("sasl.password", one.password.expose().to_owned())];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}
