//! `faults.yaml`: the faults that a pack's services can be told to have, and who must catch each.

use std::path::Path;

use eventproof_source::{Diagnostic, Diagnostics, Entry, Fields, Node, Source, Span, nearest, parse_yaml};

use crate::pack::Pack;
use crate::plan::Plan;

/// The faults of a pack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeededFaults {
    pub faults: Vec<SeededFault>,
    /// Names of scenarios that are run beside those that are meant, and are expected to hold.
    pub controls: Vec<String>,
}

/// One fault of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct SeededFault {
    pub service: String,
    pub name: String,
    /// What the service does wrong.
    pub meaning: String,
    pub caught_by: Vec<Catcher>,
}

/// Who must catch a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Catcher {
    /// The scenario; `None` for the check of every record.
    pub scenario: Option<String>,
    /// The diagnosis that it must give; any if none is said.
    pub code: Option<String>,
}

impl SeededFault {
    /// As `--fault` takes it.
    pub fn argument(&self) -> String {
        format!("{}:{}", self.service, self.name)
    }
}

impl SeededFaults {
    /// Reads `faults.yaml` of a pack, and checks every name in it. A pack without the file has no faults.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn read(pack: &Pack, plan: &Plan) -> Result<SeededFaults, Diagnostics> {
        let path = pack.folder.join("faults.yaml");
        if !path.exists() {
            return Ok(SeededFaults::default());
        }
        SeededFaults::read_file(&path, pack, plan)
    }

    fn read_file(path: &Path, pack: &Pack, plan: &Plan) -> Result<SeededFaults, Diagnostics> {
        let source = Source::read(path)?;
        let root = parse_yaml(&source)?;
        let mut faults = Diagnostics::default();
        let read = Reader { source: &source, pack, plan }.read(&root, &mut faults);
        if faults.has_errors() { Err(faults) } else { Ok(read.unwrap_or_default()) }
    }
}

struct Reader<'a> {
    source: &'a Source,
    pack: &'a Pack,
    plan: &'a Plan,
}

impl Reader<'_> {
    fn read(&self, root: &Node, faults: &mut Diagnostics) -> Option<SeededFaults> {
        let mut fields = Fields::of(root, self.source, "faults.yaml", faults)?;
        let entries = fields.required("faults", faults).and_then(Node::entries).unwrap_or_default();
        let controls = fields.list("controls");
        fields.finish(faults);
        let controls = controls.iter().filter_map(|node| self.scenario(node, faults)).collect();
        let read = entries.iter().filter_map(|entry| self.fault(entry, faults)).collect();
        Some(SeededFaults { faults: read, controls })
    }

    fn fault(&self, entry: &Entry, faults: &mut Diagnostics) -> Option<SeededFault> {
        let mut fields = Fields::of(&entry.value, self.source, &format!("fault `{}`", entry.key), faults)?;
        let meaning = fields.required_string("meaning", faults);
        fields.required("caught_by", faults);
        let caught_by = fields.list("caught_by");
        fields.finish(faults);
        let caught_by = caught_by.iter().filter_map(|node| self.catcher(node, faults)).collect();
        let Some((service, name)) = entry.key.split_once(':') else {
            let message = format!("`{}` is no fault: write SERVICE:NAME", entry.key);
            faults.push(Diagnostic::error("faults/name", message).at(self.source, entry.key_span));
            return None;
        };
        let services = self.pack.system.services.iter().map(|service| service.name.as_str());
        if self.pack.system.service(service).is_none() {
            faults.push(self.unknown("service of system.yaml", service, services, entry.key_span));
        }
        Some(SeededFault { service: service.to_owned(), name: name.to_owned(), meaning: meaning?, caught_by })
    }

    fn catcher(&self, node: &Node, faults: &mut Diagnostics) -> Option<Catcher> {
        let mut fields = Fields::of(node, self.source, "an entry of `caught_by`", faults)?;
        let (scenario, code) = (fields.node("scenario"), fields.string("code", faults));
        let records = fields.bool("records", faults).unwrap_or(false);
        fields.finish(faults);
        if scenario.is_none() && !records {
            let message = "say which `scenario` catches it, or `records: true` for the check of every record";
            faults.push(Diagnostic::error("faults/caught-by", message).at(self.source, node.span));
            return None;
        }
        let scenario = match scenario {
            Some(node) => Some(self.scenario(node, faults)?),
            None => None,
        };
        Some(Catcher { scenario, code })
    }

    fn scenario(&self, node: &Node, faults: &mut Diagnostics) -> Option<String> {
        let name = node.scalar_text().unwrap_or_default();
        let known = self.plan.scenarios.iter().map(|scenario| scenario.name.as_str());
        if known.clone().any(|known| known == name) {
            return Some(name);
        }
        faults.push(self.unknown("scenario of the pack", &name, known, node.span));
        None
    }

    fn unknown<'n>(
        &self,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
        span: Span,
    ) -> Diagnostic {
        let help = match nearest(name, known.clone()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
        };
        Diagnostic::error("faults/unknown-name", format!("\"{name}\" is no {what}")).at(self.source, span).help(help)
    }
}
