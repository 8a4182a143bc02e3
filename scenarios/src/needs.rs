//! Which services some scenarios need: those that they speak of, those that their events pass through by the contract, those
//! whose addresses these are given, and those that share a store with one of them.

use std::collections::BTreeSet;

use eventproof_contract::{Action, Operation};
use eventproof_system::{ServiceSpec, StoreSpec, placeholders};

use crate::catalogue::Kind;
use crate::pack::Pack;
use crate::plan::PlannedScenario;

/// The services that these scenarios need; `also` are needed whatever they say.
pub fn needed<'a>(
    pack: &Pack,
    scenarios: impl IntoIterator<Item = &'a PlannedScenario>,
    also: impl IntoIterator<Item = String>,
) -> BTreeSet<String> {
    let mut services: BTreeSet<String> = also.into_iter().collect();
    let mut messages = BTreeSet::new();
    for scenario in scenarios {
        services.extend(scenario.speaks_of.iter().cloned());
        messages.extend(spoken(pack, scenario));
    }
    services.extend(messages.iter().flat_map(|message| present(pack, pack.contract.senders(message))));
    loop {
        let before = (services.len(), messages.len());
        services.extend(messages.iter().flat_map(|message| present(pack, pack.contract.receivers(message))));
        let taken = messages_of(pack, &services, Action::Receive);
        services.extend(taken.iter().flat_map(|message| present(pack, pack.contract.senders(message))));
        messages.extend(messages_of(pack, &services, Action::Send));
        let linked: Vec<String> = services.iter().flat_map(|service| neighbours(pack, service)).collect();
        services.extend(linked);
        if before == (services.len(), messages.len()) {
            services.retain(|service| pack.system.service(service).is_some());
            return services;
        }
    }
}

impl Pack {
    /// Leaves only these services in the system, with their groups, views, alerts and stores: nobody waits for the others.
    pub fn keep_only(&mut self, services: &BTreeSet<String>) {
        let system = &mut self.system;
        system.services.retain(|service| services.contains(&service.name));
        system.groups.retain(|group| services.contains(&group.service));
        system.views.retain(|view| services.contains(&view.service));
        system.alerts.retain(|alert| services.contains(&alert.service));
        // Whoever uses a store is needed with all others that do.
        system.stores.retain(|store| store.services.iter().any(|service| services.contains(service)));
    }
}

/// The service of an operation that is there: as the contract says, or as system.yaml says of its group.
fn present_service(pack: &Pack, operation: &Operation) -> Option<String> {
    let by_group =
        || operation.group.as_deref().and_then(|group| pack.system.group(group)).map(|one| one.service.clone());
    operation.service.clone().or_else(by_group).filter(|_| operation.present)
}

fn present<'a>(pack: &Pack, operations: impl Iterator<Item = &'a Operation>) -> Vec<String> {
    operations.filter_map(|operation| present_service(pack, operation)).collect()
}

/// Messages that these services send, or receive: what they do may hang on any of them.
fn messages_of(pack: &Pack, services: &BTreeSet<String>, action: Action) -> BTreeSet<String> {
    let theirs = |operation: &&Operation| present_service(pack, operation).is_some_and(|name| services.contains(&name));
    let operations = pack.contract.operations.iter().filter(|operation| operation.action == action).filter(theirs);
    operations.flat_map(|operation| operation.messages.iter().cloned()).collect()
}

/// Whether a service receives a message, by itself or by its group; nothing where the contract says of none that it does.
pub(crate) fn receives(pack: &Pack, service: &str, message: &str) -> Option<bool> {
    let taken = messages_of(pack, &BTreeSet::from([service.to_owned()]), Action::Receive);
    (!taken.is_empty()).then(|| taken.contains(message))
}

/// Messages that a scenario publishes, causes or waits for.
fn spoken(pack: &Pack, scenario: &PlannedScenario) -> Vec<String> {
    let arguments = scenario.steps.iter().flat_map(|step| &step.subs).flat_map(|sub| sub.arguments());
    let message = |(_, kind, name): (String, Kind, String)| match kind {
        Kind::Event => Some(name),
        Kind::Action => Some(pack.system.action(&name)?.publishes.as_ref()?.message.clone()),
        _ => None,
    };
    arguments.filter_map(message).collect()
}

/// Services that a service is told the address of, those with the same store, and the one of which it is another instance.
fn neighbours(pack: &Pack, service: &str) -> Vec<String> {
    let Some(spec) = pack.system.service(service) else { return Vec::new() };
    let mut names: Vec<String> = texts(spec)
        .iter()
        .flat_map(|text| placeholders(text))
        .filter_map(|name| name.rsplit_once('.').map(|(service, _)| service.to_owned()))
        .collect();
    names.extend(spec.like.clone());
    let used = pack.system.stores.iter().filter(|store| store.is_used_by(spec));
    names.extend(used.flat_map(|store| store.behind().into_iter().map(str::to_owned).chain(users(pack, store))));
    let mine = stores(spec);
    // Another instance is not needed for the first to work.
    let others = pack.system.services.iter().filter(|other| other.like.is_none());
    let others = others.filter(|other| stores(other).iter().any(|store| mine.contains(store)));
    names.extend(others.map(|other| other.name.clone()));
    names
}

/// Who keeps data in a store, further instances left out.
fn users(pack: &Pack, store: &StoreSpec) -> Vec<String> {
    let users = pack.system.users_of(store).filter(|service| service.like.is_none());
    users.map(|service| service.name.clone()).collect()
}

fn texts(spec: &ServiceSpec) -> Vec<String> {
    spec.command.iter().chain(spec.env.values()).cloned().collect()
}

/// Files and addresses that a service is given word for word: whoever is given the same may work for it, as one who publishes
/// what it left in an outbox.
fn stores(spec: &ServiceSpec) -> Vec<String> {
    texts(spec).into_iter().filter(|text| text.contains("{data}") || text.contains("://")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "\
asyncapi: 3.0.0
info: {title: shop, version: '1'}
channels:
  orders: {address: shop.orders, messages: {placed: {name: order.placed, payload: {type: object}}}}
  bills: {address: shop.bills, messages: {sent: {name: bill.sent, payload: {type: object}}}}
  news: {address: shop.news, messages: {told: {name: news.told, payload: {type: object}}}}
operations:
  place: {action: send, channel: {$ref: '#/channels/orders'}, x-eventproof: {service: shop}}
  charge: {action: receive, channel: {$ref: '#/channels/orders'}, bindings: {kafka: {groupId: bank}}, x-eventproof: {service: bank}}
  bill: {action: send, channel: {$ref: '#/channels/bills'}, x-eventproof: {service: bank}}
  mail: {action: receive, channel: {$ref: '#/channels/bills'}, bindings: {kafka: {groupId: mail}}, x-eventproof: {service: mail}}
  tell: {action: receive, channel: {$ref: '#/channels/news'}, bindings: {kafka: {groupId: press}}, x-eventproof: {service: press}}
";
    const SYSTEM: &str = "\
system: shop
services:
  shop: {command: [shop], env: {STORE: 'sqlite:{data}/shop.db'}}
  bank: {command: [bank, --rates, '{rates.url}']}
  rates: {command: [rates]}
  mail: {command: [mail]}
  press: {command: [press]}
  clerk: {command: [clerk], env: {STORE: 'sqlite:{data}/shop.db'}}
groups: {bank: {service: bank}, mail: {service: mail}, press: {service: press}}
";

    #[test]
    fn who_receives_what_is_known_by_service_or_group() {
        let folder = tempfile::tempdir().unwrap();
        let by_group = CONTRACT.replace("groupId: mail}}, x-eventproof: {service: mail}", "groupId: mail}}");
        assert_ne!(by_group, CONTRACT);
        for (name, text) in [("asyncapi.yaml", by_group.as_str()), ("system.yaml", SYSTEM)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let pack = Pack::read(folder.path()).map_err(|faults| faults.render(false)).unwrap();
        let told = |service, message| receives(&pack, service, message);
        assert_eq!((told("bank", "order.placed"), told("bank", "bill.sent")), (Some(true), Some(false)));
        assert_eq!((told("mail", "bill.sent"), told("mail", "news.told")), (Some(true), Some(false)));
        assert_eq!(told("shop", "order.placed"), None, "it receives nothing");
    }

    fn needed_by(step: &str) -> (Vec<String>, Pack) {
        needed_in(SYSTEM, step)
    }

    fn needed_in(system: &str, step: &str) -> (Vec<String>, Pack) {
        let folder = tempfile::tempdir().unwrap();
        let feature = format!("Feature: f\n\n  Scenario: s\n    {step}\n");
        for (name, text) in [("asyncapi.yaml", CONTRACT), ("system.yaml", system), ("a.feature", &feature)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut pack = Pack::read(folder.path()).map_err(|faults| faults.render(false)).unwrap();
        let plan = pack.plan().map_err(|faults| faults.render(false)).unwrap();
        let services = needed(&pack, &plan.scenarios, Vec::new());
        pack.keep_only(&services);
        (services.into_iter().collect(), pack)
    }

    #[test]
    fn a_store_is_needed_with_what_it_is_and_everybody_who_uses_it() {
        let stored = SYSTEM.replace("press: {command: [press]}", "press: {command: [press, '{db.port}']}\n  press-two: {like: press}\n  printer: {command: [printer, '{db.address}']}\n  redis: {command: [redis, '{port}']}");
        let stored =
            format!("{stored}stores: {{db: {{address: '127.0.0.1:{{redis.port}}', services: [press, printer]}}}}\n");
        let (services, pack) = needed_in(&stored, "When service \"press\" is killed");
        assert_eq!(services, ["press", "printer", "redis"]);
        assert_eq!(pack.system.stores.len(), 1);
        let (services, pack) = needed_in(&stored, "When store \"db\" is down");
        assert_eq!(services, ["press", "press-two", "printer", "redis"], "it speaks of all that use it");
        let plan = pack.plan().map_err(|faults| faults.render(false)).unwrap();
        let alone: Vec<&String> = plan.scenarios[0].touches.exclusive.iter().collect();
        assert_eq!(alone, ["press", "press-two", "printer"], "the store itself may be used by others");
        assert!(needed_in(&stored, "When \"bill.sent\" is published").1.system.stores.is_empty());
    }

    #[test]
    fn who_sends_an_event_who_takes_it_what_follows_and_whom_they_ask_are_needed() {
        let (services, pack) = needed_by("When \"order.placed\" is published");
        assert_eq!(services, ["bank", "clerk", "mail", "rates", "shop"], "the clerk has the same store as the shop");
        let groups: Vec<&str> = pack.system.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(groups, ["bank", "mail"]);
        let all = ["bank", "clerk", "mail", "rates", "shop"];
        assert_eq!(needed_by("When \"bill.sent\" is published").0, all, "the bank lives on what the shop sends");
        assert_eq!(needed_by("When service \"press\" is killed").0, ["press"]);
    }
}
