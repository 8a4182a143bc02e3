//! Reading `stores` of `system.yaml`: where each is, and who is to reach it through eventproof.

use std::collections::BTreeSet;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Fields, Node, Source, nearest};

use super::model::{AddressSource, ServiceSpec, StoreSpec};
use super::read::unknown_service;
use crate::template::{Params, fill, placeholders};

/// Reads a store of a system with these services.
pub(super) fn read(
    entry: &Entry,
    source: &Source,
    services: &[ServiceSpec],
    faults: &mut Diagnostics,
) -> Option<StoreSpec> {
    let mut fields = Fields::of(&entry.value, source, &format!("store `{}`", entry.key), faults)?;
    let place = fields.required("address", faults);
    let users = fields.required("services", faults);
    let names = fields.strings("services", faults);
    fields.finish(faults);
    let address = place.and_then(|node| address(node, source, services, faults));
    // One without an address is a fault already.
    let address = address.unwrap_or_else(|| AddressSource::Text(String::new()));
    let store = StoreSpec { name: entry.key.clone(), address, services: names };
    if let Some(node) = users {
        each_user_is_told(&store, node, source, services, faults);
        nobody_else_is_told(&store, entry, source, services, faults);
    }
    Some(store)
}

/// Host and port, or the variable that says them.
fn address(node: &Node, source: &Source, services: &[ServiceSpec], faults: &mut Diagnostics) -> Option<AddressSource> {
    let Some(text) = node.scalar_text() else {
        let mut fields = Fields::of(node, source, "`address`", faults)?;
        let variable = fields.required_string("variable", faults);
        fields.finish(faults);
        return variable.map(AddressSource::Variable);
    };
    let (message, help) = match wrong(&text, services) {
        Some(told) => told,
        None => return Some(AddressSource::Text(text)),
    };
    faults.push(Diagnostic::error("system/store-address", message).at(source, node.span).help(help));
    None
}

/// What is wrong with an address, and the remedy.
fn wrong(text: &str, services: &[ServiceSpec]) -> Option<(String, String)> {
    let ours = services.iter().filter(|service| service.url.is_none());
    let ports: Params = ours.map(|service| (format!("{}.port", service.name), "1".to_owned())).collect();
    if let Some(name) = placeholders(text).into_iter().find(|name| !ports.contains_key(*name)) {
        let help = match nearest(name, ports.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean `{{{meant}}}`?"),
            None => "a store that is a service of this file has `{SERVICE.port}`".to_owned(),
        };
        return Some((format!("an address has no placeholder {{{name}}}"), help));
    }
    let why = is_address(&fill(text, &ports).unwrap_or_default()).err()?;
    Some((why, "write a host and a port, such as 127.0.0.1:5432".to_owned()))
}

/// Whether a text is a host and a port.
pub(crate) fn is_address(text: &str) -> Result<(), String> {
    let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(['/', '@']));
    let port = parts.and_then(|(_, port)| port.parse::<u16>().ok()).filter(|port| *port > 0);
    port.map(|_| ()).ok_or_else(|| format!("`{text}` is no address"))
}

/// Whoever is to use a store must be told where it is: else it would fail for nobody.
fn each_user_is_told(
    store: &StoreSpec,
    node: &Node,
    source: &Source,
    services: &[ServiceSpec],
    faults: &mut Diagnostics,
) {
    let known: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let named = node.items().unwrap_or(std::slice::from_ref(node));
    if named.is_empty() {
        let message = format!("no service uses store `{}`", store.name);
        let help = "name those whose command or env says where it is";
        faults.push(Diagnostic::error("system/store-unused", message).at(source, node.span).help(help));
    }
    for (name, at) in named.iter().filter_map(|one| Some((one.scalar_text()?, one.span))) {
        let fault = match services.iter().find(|service| service.name == name) {
            Some(service) => not_told(store, service),
            None => Some(unknown_service(&name, &known)),
        };
        fault.into_iter().for_each(|fault| faults.push(fault.at(source, at)));
    }
}

fn not_told(store: &StoreSpec, service: &ServiceSpec) -> Option<Diagnostic> {
    let (name, of) = (&service.name, &store.name);
    let (message, help) = if service.url.is_some() {
        let message = format!("`{name}` runs already, so eventproof cannot tell it where store `{of}` is");
        (message, "only a service that eventproof starts can be given a store that fails".to_owned())
    } else if !store.is_told_to(service) {
        let message = format!("`{name}` reaches store `{of}` past eventproof, if at all");
        (message, format!("give its command or env {{{of}.address}}, or {{{of}.port}}"))
    } else {
        return None;
    };
    Some(Diagnostic::error("system/store-unused", message).help(help))
}

/// Whoever is told where a store is uses it: else a scenario that disturbs the store would not have that service for itself.
fn nobody_else_is_told(
    store: &StoreSpec,
    entry: &Entry,
    source: &Source,
    services: &[ServiceSpec],
    faults: &mut Diagnostics,
) {
    for service in services.iter().filter(|service| store.is_told_to(service) && !store.is_used_by(service)) {
        let message =
            format!("`{}` is told where store `{}` is, and is none of its `services`", service.name, store.name);
        let help = "whoever uses a store is disturbed where it fails: add it there";
        faults.push(Diagnostic::error("system/store-unlisted", message).at(source, entry.key_span).help(help));
    }
}

/// Placeholders tell services, stubs and stores apart by their names.
pub(super) fn names_taken(
    services: &[ServiceSpec],
    others: [(&str, Option<&Node>); 2],
    source: &Source,
    faults: &mut Diagnostics,
) {
    let mut taken: BTreeSet<&str> = services.iter().map(|service| service.name.as_str()).collect();
    for (kind, node) in others {
        for entry in node.and_then(Node::entries).unwrap_or_default() {
            if taken.insert(&entry.key) {
                continue;
            }
            let message = format!("{kind} `{}` has the name of something else", entry.key);
            let help = "services, stubs and stores need names of their own: placeholders tell them apart by these";
            faults.push(Diagnostic::error("system/name-taken", message).at(source, entry.key_span).help(help));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::SystemSpec;
    use eventproof_source::Source;

    fn read(text: &str) -> Result<SystemSpec, String> {
        SystemSpec::parse(&Source::inline("system.yaml", text)).map_err(|faults| faults.render(false))
    }

    #[test]
    fn a_store_is_known_with_its_services_and_placeholders() {
        let text = "system: s\nservices:\n  redis: {command: [redis, --port, '{port}']}\n  api: {command: [api, '{cache.port}'], env: {DB: 'postgres://{db.address}/x'}}\n  api-two: {like: api}\nstores:\n  cache: {address: '127.0.0.1:{redis.port}', services: api}\n  db: {address: {variable: DB}, services: [api]}\n";
        let spec = read(text).unwrap();
        let cache = spec.store("cache").unwrap();
        assert_eq!(cache.behind(), ["redis"]);
        let users: Vec<&str> = spec.users_of(cache).map(|service| service.name.as_str()).collect();
        assert_eq!(users, ["api", "api-two"]);
        assert!(["cache.port", "cache.address", "db.address"].iter().all(|name| spec.is_setting(name)));
        assert!(!spec.is_setting("cache.url") && !spec.is_setting("redis.address"));
    }

    #[test]
    fn every_fault_of_stores_is_told_at_once() {
        let text = "system: s\nservices:\n  api: {command: [api, '{db.address}', '{old.port}']}\n  far: {url: http://far:80}\n  beside: {command: [beside, '{db.address}']}\nstubs:\n  mail: {}\n  api: {}\nstores:\n  db: {adress: 127.0.0.1:5432, services: [api, far, aip]}\n  old: {address: postgres://h:1/x, services: []}\n  cache: {address: '127.0.0.1:{apii.port}', services: [beside]}\n  mail: {address: {variabel: M}}\n";
        insta::assert_snapshot!(read(text).unwrap_err());
    }
}
