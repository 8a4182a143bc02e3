//! Reading `publishes` of an action: the event that should follow, and by what it is told from every other.

use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Fields, Node, Source};

use super::model::Follows;
use crate::template::placeholders;

/// How long an event may take after the action that causes it where nothing is said.
const WITHIN: Duration = Duration::from_secs(10);

/// Reads the mapping.
pub(super) fn read(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<Follows> {
    let mut fields = Fields::of(node, source, "`publishes`", faults)?;
    let message = fields.required_string("message", faults);
    let known_by = fields.texts("fields", faults).into_iter().collect();
    let within = fields.duration("within", faults).unwrap_or(WITHIN);
    fields.finish(faults);
    match node.get("fields") {
        None => faults.push(known_by_nothing().at(source, node.span)),
        // What is no mapping is told already.
        Some(fields) => fields.entries().into_iter().for_each(|entries| check(entries, fields, source, faults)),
    }
    Some(Follows { message: message?, fields: known_by, within })
}

/// Each field must be a pointer, and one of them must be the request's own.
fn check(entries: &[Entry], node: &Node, source: &Source, faults: &mut Diagnostics) {
    for entry in entries.iter().filter(|entry| !entry.key.starts_with('/')) {
        let name = &entry.key;
        let help = format!("write `/{name}`, or `/outer/{name}` for what lies deeper");
        let fault = Diagnostic::error("system/no-pointer", format!("`{name}` is no JSON pointer")).help(help);
        faults.push(fault.at(source, entry.key_span));
    }
    let is_own = |entry: &Entry| entry.value.scalar_text().is_none_or(|text| !placeholders(&text).is_empty());
    if !entries.iter().any(is_own) {
        faults.push(known_by_nothing().at(source, node.span));
    }
}

/// A record of the same type, from whichever scenario, would be taken for the one that should follow.
fn known_by_nothing() -> Diagnostic {
    let message = "nothing says by what this event is known, so any other of its type would be taken for it";
    let help = "say which fields of it are those of the request or of its answer: `fields: {/task_id: \"{task}\"}`";
    Diagnostic::error("system/known-by-nothing", message).help(help)
}

#[cfg(test)]
mod tests {
    use crate::SystemSpec;
    use eventproof_source::Source;

    fn told(publishes: &str) -> Vec<String> {
        let action = "    request: POST http://todo/tasks/{task}\n";
        let text = format!("system: s\nactions:\n  create:\n{action}    publishes: {publishes}\n");
        let read = SystemSpec::parse(&Source::inline("system.yaml", &text));
        let faults = read.err().unwrap_or_default();
        let line = |one: &eventproof_source::Diagnostic| {
            let (_, line, column) = one.place().unwrap_or_default();
            format!("{line}:{column} [{}] {}", one.code, one.message)
        };
        faults.iter().map(line).collect()
    }

    #[test]
    fn an_event_that_is_known_by_nothing_is_told() {
        let nothing = "[system/known-by-nothing] nothing says by what this event is known, so any other of its type would be taken for it";
        assert_eq!(told("{message: task.created, within: 2s}"), [format!("5:16 {nothing}")]);
        assert_eq!(told("{message: task.created, fields: {}}"), [format!("5:48 {nothing}")]);
        assert_eq!(told("{message: task.created, fields: {/kind: task}}"), [format!("5:48 {nothing}")]);
        assert_eq!(told("{message: task.created, fields: {/kind: task, /id: '{task}'}}"), [""; 0]);
    }

    #[test]
    fn a_field_of_an_event_that_is_no_pointer_is_told_at_its_name() {
        assert_eq!(
            told("{message: task.created, fields: {task_id: '{task}', /id: '{task}'}}"),
            ["5:49 [system/no-pointer] `task_id` is no JSON pointer"]
        );
    }
}
