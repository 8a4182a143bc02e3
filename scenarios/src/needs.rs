//! Which services some scenarios need: those that they speak of, those that their events pass through by the contract, those
//! whose addresses these are given, and those that share a store with one of them.

use std::collections::BTreeSet;

use eventproof_contract::Operation;
use eventproof_system::{ServiceSpec, placeholders};

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
    for message in &messages {
        services.extend(pack.contract.senders(message).filter_map(|operation| present_service(pack, operation)));
    }
    loop {
        let before = (services.len(), messages.len());
        let on_the_way: Vec<String> = messages
            .iter()
            .flat_map(|message| pack.contract.receivers(message))
            .filter_map(|operation| present_service(pack, operation))
            .collect();
        services.extend(on_the_way);
        let behind: Vec<String> = taken_by(pack, &services)
            .iter()
            .flat_map(|message| pack.contract.senders(message))
            .filter_map(|operation| present_service(pack, operation))
            .collect();
        services.extend(behind);
        messages.extend(sent_by(pack, &services));
        let linked: Vec<String> = services.iter().flat_map(|service| neighbours(pack, service)).collect();
        services.extend(linked);
        if before == (services.len(), messages.len()) {
            services.retain(|service| pack.system.service(service).is_some());
            return services;
        }
    }
}

impl Pack {
    /// Leaves only these services in the system, with their groups, views and alerts: nobody waits for the others.
    pub fn keep_only(&mut self, services: &BTreeSet<String>) {
        let system = &mut self.system;
        system.services.retain(|service| services.contains(&service.name));
        system.groups.retain(|group| services.contains(&group.service));
        system.views.retain(|view| services.contains(&view.service));
        system.alerts.retain(|alert| services.contains(&alert.service));
    }
}

/// The service of an operation that is there: as the contract says, or as system.yaml says of its group.
fn present_service(pack: &Pack, operation: &Operation) -> Option<String> {
    let by_group =
        || operation.group.as_deref().and_then(|group| pack.system.group(group)).map(|one| one.service.clone());
    operation.service.clone().or_else(by_group).filter(|_| operation.present)
}

/// Messages that these services receive: what they do may hang on any of them.
fn taken_by(pack: &Pack, services: &BTreeSet<String>) -> BTreeSet<String> {
    let receives = |operation: &&Operation| operation.action == eventproof_contract::Action::Receive;
    let theirs = |operation: &&Operation| present_service(pack, operation).is_some_and(|name| services.contains(&name));
    let operations = pack.contract.operations.iter().filter(receives).filter(theirs);
    operations.flat_map(|operation| operation.messages.iter().cloned()).collect()
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

fn sent_by(pack: &Pack, services: &BTreeSet<String>) -> Vec<String> {
    let operations = pack.contract.operations.iter().filter(|operation| operation.present);
    let sends = operations.filter(|operation| operation.action == eventproof_contract::Action::Send);
    let theirs = sends.filter(|operation| operation.service.as_ref().is_some_and(|name| services.contains(name)));
    theirs.flat_map(|operation| operation.messages.iter().cloned()).collect()
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
    let mine = stores(spec);
    // Another instance is not needed for the first to work.
    let others = pack.system.services.iter().filter(|other| other.like.is_none());
    let others = others.filter(|other| stores(other).iter().any(|store| mine.contains(store)));
    names.extend(others.map(|other| other.name.clone()));
    names
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

    fn needed_by(step: &str) -> (Vec<String>, Pack) {
        let folder = tempfile::tempdir().unwrap();
        let feature = format!("Feature: f\n\n  Scenario: s\n    {step}\n");
        for (name, text) in [("asyncapi.yaml", CONTRACT), ("system.yaml", SYSTEM), ("a.feature", &feature)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut pack = Pack::read(folder.path()).map_err(|faults| faults.render(false)).unwrap();
        let plan = pack.plan().map_err(|faults| faults.render(false)).unwrap();
        let services = needed(&pack, &plan.scenarios, Vec::new());
        pack.keep_only(&services);
        (services.into_iter().collect(), pack)
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
