//! The addresses of journals: each says where the last page ended, or the first is read for ever and each of its effects counts again.

use eventproof_source::{Diagnostic, Diagnostics, Node, Source};

use super::model::{SystemSpec, ViewKind};
use crate::template::placeholders;

const CODE: &str = "system/journal-address";

/// What a journal's address is filled with beside the settings of the run.
const CURSOR: &str = "cursor";

/// Holds the addresses of journals against what the system has.
pub(super) fn check(spec: &SystemSpec, root: &Node, source: &Source, faults: &mut Diagnostics) {
    for view in &spec.views {
        let ViewKind::Journal(journal) = &view.kind else { continue };
        let http = root.get("views").and_then(|node| node.get(&view.name)?.get("journal")?.get("http"));
        let at = http.map_or(root.span, |node| node.span);
        let names = placeholders(&journal.http);
        // One that is not known, which is told where it stands, may be the cursor.
        if names.iter().all(|name| is_filled(spec, root, name)) && !names.contains(&CURSOR) {
            faults.push(no_cursor().at(source, at));
        }
    }
}

/// Whether something fills a placeholder: the cursor, a setting, or what has a fault of its own and so is in no system yet.
fn is_filled(spec: &SystemSpec, root: &Node, placeholder: &str) -> bool {
    let owner = placeholder.rsplit_once('.').map(|(name, _)| name);
    let is_written = |kind: &&str| root.get(kind).zip(owner).is_some_and(|(node, name)| node.get(name).is_some());
    let is_read = |name: &str| spec.service(name).is_some() || spec.stub(name).is_some() || spec.store(name).is_some();
    let has_a_fault = ["services", "stubs", "stores"].iter().any(is_written) && !owner.is_some_and(is_read);
    placeholder == CURSOR || spec.is_setting(placeholder) || has_a_fault
}

fn no_cursor() -> Diagnostic {
    Diagnostic::error(CODE, "the address of a journal has no `{cursor}`")
        .help("say where it is asked to go on, such as ?after={cursor}: without it each effect would be read, and counted, again and again")
}
