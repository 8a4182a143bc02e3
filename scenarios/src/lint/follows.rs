//! By what the event of an action is known: by fields that its records have, and that are kept of them.

use std::cell::LazyCell;

use eventproof_contract::Message;
use eventproof_source::{Diagnostic, Diagnostics, Node, Source, parse_yaml};

use super::rows::never_found;
use crate::pack::Pack;

/// Fields under `publishes` of system.yaml by which no record would ever be found: whoever waits for the event would blame its
/// service.
pub(super) fn followed(pack: &Pack, source: &Source) -> Diagnostics {
    let mut faults = Diagnostics::default();
    // Only for where they stand.
    let root = LazyCell::new(|| parse_yaml(source).ok());
    for action in &pack.system.actions {
        let Some(follows) = &action.publishes else { continue };
        let Some(message) = pack.contract.message(&follows.message) else { continue };
        if follows.fields.keys().all(|field| never_found(message, field).is_none()) {
            continue;
        }
        let node =
            root.as_ref().and_then(|root| root.get("actions")?.get(&action.name)?.get("publishes")?.get("fields"));
        let wrong = node.map(|node| wrong(message, node, source));
        wrong.into_iter().flatten().for_each(|fault| faults.push(fault));
    }
    faults
}

fn wrong(message: &Message, fields: &Node, source: &Source) -> Vec<Diagnostic> {
    let entries = fields.entries().unwrap_or_default().iter();
    let found = entries.filter_map(|entry| Some((never_found(message, &entry.key)?.0, entry.key_span)));
    found.map(|(fault, at)| Diagnostic { code: "pack/publishes-field", ..fault }.at(source, at)).collect()
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{CONTRACT, SYSTEM, small, told_of};
    use crate::pack::Pack;

    fn system(fields: &str) -> String {
        let action = "actions:\n  order:\n    request: POST {stock.url}/orders/{user}\n    captures: {order: /id}\n";
        format!("{SYSTEM}{action}    publishes: {{message: order.placed, fields: {{{fields}}}}}\n")
    }

    #[test]
    fn fields_by_which_no_event_is_ever_found_are_told_where_they_stand() {
        let place = "payload: {type: object, properties: {order_id: {type: string}, total: {type: integer}}}";
        let more = "payload: {type: object, properties: {order_id: {type: string}, total: {type: integer}, lines: {type: array, items: {type: string}}, a: {type: object}}}";
        let contract = CONTRACT.replace(place, &format!("{more}\n        x-eventproof: {{sensitive: [/total]}}"));
        assert_ne!(contract, CONTRACT);
        let fields = "/ordr_id: '{order}', /order_id/x: '{order}', /lines/0: '{order}', /a/b/c/d/e/f: '{order}', /total: '{order}', /order_id: '{order}'";
        let folder = small(&[("asyncapi.yaml", &contract), ("system.yaml", &system(fields))]);
        let faults = Pack::read(folder.path()).err().unwrap();
        let errors = faults.iter().filter(|one| one.severity == eventproof_source::Severity::Error);
        let told: Vec<String> = errors
            .map(|one| {
                let (_, line, column) = one.place().unwrap();
                format!("{line}:{column} [{}] {}", one.code, one.message)
            })
            .collect();
        assert_eq!(
            told,
            [
                "8:49 [pack/publishes-field] \"order.placed\" has no field `ordr_id`",
                "8:70 [pack/publishes-field] `order_id` of \"order.placed\" is a value that has no fields",
                "8:94 [pack/publishes-field] `/lines/0` of \"order.placed\" stands in the list `/lines`, where no record is known by it",
                "8:115 [pack/publishes-field] `/a/b/c/d/e/f` of \"order.placed\" stands more than 5 names deep, where no record is known by it",
                "8:140 [pack/publishes-field] `/total` of \"order.placed\" is sensitive, so no record is known by it",
            ]
        );
        let first = faults.iter().find(|one| one.code == "pack/publishes-field").unwrap();
        assert_eq!(first.help.as_deref(), Some("did you mean `order_id`?"));
    }

    #[test]
    fn what_an_event_is_known_by_must_be_said_by_somebody() {
        let told = |fields: &str, rows: &str| {
            let feature = format!("Feature: f\n\n  Scenario: s\n    When action \"order\" is done\n{rows}");
            told_of(&feature, &system(fields))
        };
        let user = "      | user | ann |\n";
        assert_eq!(told("/order_id: '{order}'", user), [""; 0]);
        assert_eq!(told("/order_id: '{user}'", user), [""; 0]);
        assert_eq!(
            told("/order_id: '{ordr}'", user),
            [
                "4 [feature/missing-row] the event of action \"order\" is known by {ordr}, which neither its request nor its `captures` say"
            ]
        );
        assert_eq!(told("/order_id: '{number}'", &format!("{user}      | number | 7 |\n")), [""; 0]);
    }
}
