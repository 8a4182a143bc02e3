//! Where in a profile's file a name stands, and what is wrong with it there.

use eventproof_source::{Diagnostic, Diagnostics, Node, Span, nearest};

use super::{Arm, Profile};

impl Profile {
    /// Where a name stands under one of these keys of the file: in the order of the keys, the first.
    pub(super) fn place(&self, keys: &[&str], name: &str) -> Span {
        let fields = keys.iter().filter_map(|key| self.root.get(key));
        // What has a name by default stands nowhere.
        fields.filter_map(|node| occurrences(node, name).into_iter().next()).next().unwrap_or(Span { start: 0, end: 0 })
    }

    /// Where an arm's action stands, or that of a profile without arms.
    pub(super) fn place_of_action(&self, arm: &Arm) -> Span {
        let of_arm = self.root.get("arms").and_then(|node| node.get(&arm.name)?.get("action"));
        of_arm.map_or_else(|| self.place(&["action"], &arm.action), |node| node.span)
    }

    /// A name that the pack does not have.
    pub(super) fn unknown(&self, what: &str, name: &str, known: &[&str], at: Span) -> Diagnostic {
        let help = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => format!("the pack has no {what}"),
            None => format!("there are: {}", known.join(", ")),
        };
        Diagnostic::error("load/unknown-name", format!("there is no {what} `{name}`")).at(&self.source, at).help(help)
    }

    /// What is named twice would be counted twice.
    pub(super) fn check_twice(&self, faults: &mut Diagnostics) {
        for (key, names) in [("effects", &self.effects), ("follows", &self.follows), ("groups", &self.watched)] {
            for (index, name) in names.iter().enumerate().filter(|(index, name)| names[..*index].contains(name)) {
                let again = names[..index].iter().filter(|known| *known == name).count();
                let at = self.root.get(key).and_then(|node| occurrences(node, name).get(again).copied());
                let message = format!("`{name}` is named twice under `{key}`");
                let fault = Diagnostic::error("load/named-twice", message).help("leave one of them out");
                faults.push(fault.at(&self.source, at.unwrap_or(Span { start: 0, end: 0 })));
            }
        }
    }
}

/// Every place of a name in a tree: as a value, or as a key.
fn occurrences(node: &Node, name: &str) -> Vec<Span> {
    if node.scalar_text().is_some_and(|text| text == name) {
        return vec![node.span];
    }
    let items = node.items().unwrap_or_default().iter().flat_map(|item| occurrences(item, name));
    let entries = node.entries().unwrap_or_default().iter().flat_map(|entry| {
        let key = (entry.key == name).then_some(entry.key_span);
        key.into_iter().chain(occurrences(&entry.value, name))
    });
    items.chain(entries).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use eventproof_contract::Contract;
    use eventproof_source::Source;
    use eventproof_system::SystemSpec;

    use super::*;

    const WRONG: &str = "\
name: x
pack: ..
messages: {content.post.created: 1, content.post.deletd: 1}
payload_size: 2 MB
rate: 5/s
events: 10
effects: [handled, handled, handld]
follows: [content.post.creatd]
groups:
  - search-service-group
  - serch-service-group
  - search-service-group
timeline:
  - {at: 0s, store: fed-service, fault: down}
  - {at: 1s, service: fed-service, fault: killed}
  - {at: 2s, for: 1s, broker: silence, topic: nova.content.event}
objectives:
  - lost(feed-service-grup) = 0
  - p95(end_to_end) - p95(end_to_end) < 50ms
  - p50(end_to_end) - p95(end_to_end) < 50ms
  - p99(end_to_end) - p50(end_to_end) < 50ms
";

    #[test]
    fn every_name_that_the_pack_does_not_have_is_told_with_its_place() {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../features/nova-bus");
        let (contract, _) = Contract::read(&pack.join("asyncapi.yaml")).map_err(|faults| faults.render(false)).unwrap();
        let system = SystemSpec::read(&pack.join("system.yaml")).map_err(|faults| faults.render(false)).unwrap();
        let profile =
            Profile::parse(Source::inline("load.yaml", WRONG)).map_err(|faults| faults.render(false)).unwrap();
        insta::assert_snapshot!(profile.check(&contract, &system).render(false));
    }
}
