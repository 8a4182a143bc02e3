//! Faults and doubts in what people wrote: where, what was expected, what to do next.

use std::ffi::OsStr;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::{Source, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs until it is mended.
    Error,
    /// It runs, but may not mean what its writer thinks.
    Warning,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Stable: part and fault in kebab case, `contract/unknown-key`.
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub source: Option<Source>,
    pub span: Option<Span>,
    /// What to say at the place itself.
    pub label: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A fault that stops everything.
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Error, message.into())
    }

    /// A doubt.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, Severity::Warning, message.into())
    }

    fn new(code: &'static str, severity: Severity, message: String) -> Diagnostic {
        Diagnostic { code, severity, message, source: None, span: None, label: String::new(), help: None }
    }

    /// Where it is.
    pub fn at(mut self, source: &Source, span: Span) -> Diagnostic {
        let (source, span) = source.part(span);
        (self.source, self.span) = (Some(source.clone()), Some(span));
        self
    }

    /// What to say at the place itself.
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// What to do next.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// File, line and column, where it has a place.
    pub fn place(&self) -> Option<(String, usize, usize)> {
        let (source, span) = (self.source.as_ref()?, self.span?);
        let (line, column) = source.line_column(span.start);
        Some((source.path().display().to_string(), line, column))
    }

    /// Whether another one says the same of the same place.
    fn is_told_by(&self, other: &Diagnostic) -> bool {
        let path = |one: &Diagnostic| one.source.as_ref().map(|source| source.path().to_owned());
        self.span.is_some()
            && self.span == other.span
            && (self.code, &self.message) == (other.code, &other.message)
            && path(self) == path(other)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = self.source.as_ref().map(|source| source.path().display().to_string());
        let mut group = level.primary_title(self.message.as_str()).id(self.code).elements(
            self.source.as_ref().zip(self.span).map(|(source, span)| {
                let span = within(span, source.text());
                let annotation = AnnotationKind::Primary.span(span.start..span.end).label(self.label.as_str());
                Snippet::source(source.text()).path(path.as_deref()).annotation(annotation)
            }),
        );
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

fn within(span: Span, text: &str) -> Span {
    let end = span.end.min(text.len());
    Span { start: span.start.min(end), end }
}

/// Every fault that was found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Diagnostics { list: vec![one] }
    }
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds one unless the same was told of the same place: of what is read several times, such as a message that two channels have.
    pub fn push_once(&mut self, diagnostic: Diagnostic) {
        if !self.list.iter().any(|one| one.is_told_by(&diagnostic)) {
            self.list.push(diagnostic);
        }
    }

    /// Adds all of another collection.
    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    /// Leaves some out.
    pub fn without(mut self, is_out: impl Fn(&Diagnostic) -> bool) -> Diagnostics {
        self.list.retain(|one| !is_out(one));
        self
    }

    /// How many errors.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Whether there is anything that stops a run.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in order of discovery.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Only what stops a run.
    pub fn only_errors(mut self) -> Diagnostics {
        self.list.retain(|diagnostic| diagnostic.severity == Severity::Error);
        self
    }

    /// Sorted by file and place. What others build on comes first: a slip there may be what is wrong with many of them.
    pub fn sorted(mut self) -> Diagnostics {
        self.list.sort_by_cached_key(|one| {
            let place = one.place();
            (place.as_ref().map(|(file, ..)| built_upon(Path::new(file))), place)
        });
        self
    }

    /// Text for people, with the lines concerned; a line of counts at the end.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let sorted = self.clone().sorted();
        let mut text: String = sorted.iter().map(|one| format!("{}\n\n", one.render(&renderer))).collect();
        text.push_str(&format!("{}, {}\n", counted(self.errors(), "error"), counted(self.warnings(), "warning")));
        text
    }
}

/// How early a file of a pack is read: after those that it builds on.
fn built_upon(file: &Path) -> usize {
    let is_load = file.parent().is_some_and(|folder| folder.ends_with("load"));
    match file.file_name().and_then(OsStr::to_str) {
        Some(name) if name.ends_with(".feature") => 3,
        _ if is_load => 4,
        Some("faults.yaml") => 4,
        Some("phrases.yaml") => 2,
        Some("system.yaml") => 1,
        _ => 0,
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_of_the_same_place_is_told_once() {
        let (one, other) = (Source::inline("a.yaml", "key: x\n"), Source::inline("b.yaml", "key: x\n"));
        let fault = |source: &Source, start, message| {
            Diagnostic::error("yaml/unknown-key", message).at(source, Span { start, end: start + 1 })
        };
        let told =
            [fault(&one, 0, "k"), fault(&one, 0, "k"), fault(&one, 1, "k"), fault(&one, 0, "l"), fault(&other, 0, "k")];
        let mut faults = Diagnostics::default();
        told.into_iter().for_each(|one| faults.push_once(one));
        assert_eq!(faults.errors(), 4);
    }

    #[test]
    fn what_others_build_on_is_told_first() {
        let files =
            ["a.feature", "faults.yaml", "load/a.yaml", "phrases.yaml", "z.avsc", "system.yaml", "asyncapi.yaml"];
        let mut faults = Diagnostics::default();
        for file in files {
            faults.push(Diagnostic::error("c", "m").at(&Source::inline(file, "x"), Span { start: 0, end: 1 }));
        }
        faults.push(Diagnostic::error("c", "nowhere"));
        let told: Vec<_> =
            faults.sorted().iter().map(|one| one.place().map_or(String::new(), |place| place.0)).collect();
        let first = ["", "asyncapi.yaml", "z.avsc", "system.yaml", "phrases.yaml", "a.feature", "faults.yaml"];
        assert_eq!(told[..7], first);
    }

    #[test]
    fn a_fault_shows_its_place_its_code_and_what_to_do() {
        let source = Source::inline("system.yaml", "服务: x\nservces:\n  a: 1\n");
        let at = source.text().find("servces").unwrap();
        let fault = Diagnostic::error("system/unknown-key", "unknown key `servces`")
            .at(&source, Span { start: at, end: at + 7 })
            .label("not a key of a system")
            .help("did you mean `services`?");
        insta::assert_snapshot!(Diagnostics::from(fault).render(false), @r"
        error[system/unknown-key]: unknown key `servces`
         --> system.yaml:2:1
          |
        2 | servces:
          | ^^^^^^^ not a key of a system
          |
          = help: did you mean `services`?

        1 error, 0 warnings
        ");
    }
}
