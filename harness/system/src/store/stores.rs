//! All stores of a system.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventproof_evidence::{Clock, Journal, Observation};

use super::reach::Tell;
use super::{Mended, Store, StoreFault};
use crate::process::Lines;
use crate::spec::{AddressSource, StoreSpec, is_address};
use crate::template::{Params, fill};
use crate::{System, SystemError, SystemSpec};

/// The proxies before a system's stores, by the stores' names.
#[derive(Default)]
pub(crate) struct Stores(BTreeMap<String, Store>);

impl Stores {
    /// Puts a proxy before every store. That one cannot be reached is told to the journal, and among the lines of the services
    /// that use it: these will have more to say about it.
    pub fn start(
        spec: &SystemSpec,
        settings: &Params,
        logs: &BTreeMap<String, Lines>,
        journal: &Journal,
        clock: &Arc<dyn Clock>,
    ) -> Result<Stores, SystemError> {
        let start = |store: &StoreSpec| {
            let users = spec.users_of(store).filter_map(|service| logs.get(&service.name).cloned());
            let tell = tell(users.collect(), journal.clone(), clock.clone());
            let started = Store::start(&store.name, &address_of(store, settings)?, tell)?;
            Ok((store.name.clone(), started))
        };
        spec.stores.iter().map(start).collect::<Result<_, SystemError>>().map(Stores)
    }

    /// What services are told: `{NAME.address}` and `{NAME.port}`.
    pub fn settings(&self) -> Params {
        let of = |(name, store): (&String, &Store)| {
            let (address, port) = (store.address.to_string(), store.address.port().to_string());
            [(format!("{name}.address"), address), (format!("{name}.port"), port)]
        };
        self.0.iter().flat_map(of).collect()
    }
}

fn address_of(store: &StoreSpec, settings: &Params) -> Result<String, SystemError> {
    let missing = |detail: String| SystemError::StoreAddress { store: store.name.clone(), detail };
    let (address, from) = match &store.address {
        AddressSource::Text(text) => (fill(text, settings)?, String::new()),
        AddressSource::Variable(name) => match std::env::var(name) {
            Ok(text) if !text.is_empty() => (text, format!("the variable {name} says a host and a port: ")),
            _ => return Err(missing(format!("the variable {name} is not set"))),
        },
    };
    is_address(&address).map_err(|why| missing(format!("{from}{why}")))?;
    Ok(address)
}

fn tell(users: Vec<Lines>, journal: Journal, clock: Arc<dyn Clock>) -> Tell {
    Box::new(move |text| {
        journal.push(Observation::Note { text: text.to_owned(), at: clock.now() });
        users.iter().for_each(|lines| lines.push(&format!("--- {text}")));
    })
}

impl System {
    /// A store fails from now on. Returns the number by which that is ended.
    ///
    /// # Errors
    /// If there is no such store.
    pub fn fail_store(&self, store: &str, fault: StoreFault) -> Result<u64, SystemError> {
        let found = self.stores.0.get(store).ok_or_else(|| SystemError::Unknown {
            kind: "store",
            name: store.to_owned(),
            known: self.stores.0.keys().cloned().collect::<Vec<_>>().join(", "),
        })?;
        Ok(found.fail(fault))
    }

    /// Ends a fault of a store by the number that `fail_store` gave, and says whom it met; nothing if it is over already.
    pub fn mend_store(&self, store: &str, number: u64) -> Option<Mended> {
        self.stores.0.get(store)?.mend(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_wherever_it_comes_from() {
        let store = |address| StoreSpec { name: "db".into(), address, services: Vec::new() };
        let settings = Params::from([("redis.port".to_owned(), "77".to_owned())]);
        let text = store(AddressSource::Text("127.0.0.1:{redis.port}".into()));
        assert_eq!(address_of(&text, &settings).unwrap(), "127.0.0.1:77");
        let variable = |name: &str| address_of(&store(AddressSource::Variable(name.into())), &settings);
        let told = |name| variable(name).unwrap_err().to_string();
        assert_eq!(
            told("NOBODY_SETS_THIS"),
            "the address of store \"db\" is missing: the variable NOBODY_SETS_THIS is not set"
        );
        assert!(told("PATH").contains("the variable PATH says a host and a port: `/"), "{}", told("PATH"));
    }
}
