//! Reading `broker` of `system.yaml`: who may connect, and where their passwords are.

use std::collections::BTreeMap;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Fields, Node, Source, nearest};

use super::model::{PasswordSource, SaslSpec, UserSpec};
use super::read::unknown_service;

/// What the embedded broker speaks.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// Reads the mapping; nothing where it does not say how to show who one is.
pub(super) fn read(node: &Node, source: &Source, services: &[&str], faults: &mut Diagnostics) -> Option<SaslSpec> {
    let mut fields = Fields::of(node, source, "`broker`", faults)?;
    fields.required("sasl", faults);
    let mechanisms = fields.list("sasl").iter().filter_map(|node| mechanism(node, source, faults)).collect();
    let users = fields.node("users").and_then(Node::entries).unwrap_or_default();
    fields.finish(faults);
    let users: BTreeMap<_, _> = users.iter().filter_map(|entry| user(entry, source, services, faults)).collect();
    Some(SaslSpec { mechanisms, users })
}

fn mechanism(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<String> {
    let name = node.scalar_text()?;
    if MECHANISMS.contains(&name.as_str()) {
        return Some(name);
    }
    let help = nearest(&name, MECHANISMS)
        .map_or_else(|| format!("there are: {}", MECHANISMS.join(", ")), |meant| format!("did you mean `{meant}`?"));
    let message = format!("the broker speaks no SASL mechanism `{name}`");
    faults.push(Diagnostic::error("system/mechanism", message).at(source, node.span).help(help));
    None
}

fn user(entry: &Entry, source: &Source, services: &[&str], faults: &mut Diagnostics) -> Option<(String, UserSpec)> {
    if !services.contains(&entry.key.as_str()) {
        faults.push(unknown_service(&entry.key, services).at(source, entry.key_span));
    }
    let mut fields = Fields::of(&entry.value, source, &format!("user of `{}`", entry.key), faults)?;
    let name = fields.string("name", faults);
    let (variable, file) = (fields.string("variable", faults), fields.string("file", faults));
    fields.finish(faults);
    let password = match (variable, file) {
        (Some(_), Some(_)) => {
            let message = format!("the password of `{}` is both in a variable and in a file", entry.key);
            faults.push(Diagnostic::error("system/password", message).at(source, entry.value.span));
            None
        }
        (variable, file) => variable.map(PasswordSource::Variable).or(file.map(PasswordSource::File)),
    };
    Some((entry.key.clone(), UserSpec { name, password }))
}

#[cfg(test)]
mod tests {
    use crate::SystemSpec;
    use eventproof_source::Source;

    #[test]
    fn what_is_wrong_with_who_may_connect_is_told_at_once() {
        let text = "system: shop\nbroker:\n  sasl: [SCRAM-SHA-512, SCRAM-SHA-521]\n  users:\n    oders: {name: o}\n    orders: {variable: A, file: b, passwort: c}\nservices:\n  orders: {command: [orders]}\n";
        insta::assert_snapshot!(SystemSpec::parse(&Source::inline("system.yaml", text)).unwrap_err().render(false));
    }
}
