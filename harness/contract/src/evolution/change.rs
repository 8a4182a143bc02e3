//! One change, and which changes count.

use std::fmt;

/// Whom a change breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaks {
    /// What they write by the old contract is not right by the new one.
    pub producers: bool,
    /// What is written by the new contract is not right by the old one, which they still go by.
    pub consumers: bool,
}

impl Breaks {
    pub const NOBODY: Breaks = Breaks { producers: false, consumers: false };
    pub const PRODUCERS: Breaks = Breaks { producers: true, consumers: false };
    pub const CONSUMERS: Breaks = Breaks { producers: false, consumers: true };
    pub const BOTH: Breaks = Breaks { producers: true, consumers: true };
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.producers, self.consumers) {
            (false, false) => "nobody",
            (true, false) => "producers",
            (false, true) => "consumers",
            (true, true) => "producers and consumers",
        })
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Stable, kebab case: `field-removed`, `topic-renamed`.
    pub code: &'static str,
    /// Where: `OrderPlaced /lines/0/price`.
    pub place: String,
    pub message: String,
    pub breaks: Breaks,
    /// Something that was there is gone or is another: more than an addition.
    pub is_addition: bool,
    /// Of a field that is gone: whether it had a default.
    pub had_default: bool,
}

impl Change {
    pub(crate) fn new(code: &'static str, place: &str, message: impl Into<String>, breaks: Breaks) -> Change {
        Change {
            code,
            place: place.to_owned(),
            message: message.into(),
            breaks,
            is_addition: false,
            had_default: false,
        }
    }

    /// Something that was not there before.
    pub(crate) fn addition(code: &'static str, place: &str, message: impl Into<String>, breaks: Breaks) -> Change {
        Change { is_addition: true, ..Change::new(code, place, message, breaks) }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.message, self.code)
    }
}

/// Rules of a contract that are stricter than any registry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No field's type becomes another, though readers could cope.
    TypesNeverChange,
    /// A field goes only if it had a default.
    OnlyDefaultsGo,
    /// Nothing goes or becomes another.
    AdditiveOnly,
}

impl Rule {
    /// All, with the names that a contract and a command line use.
    pub const NAMES: [(&'static str, Rule); 3] = [
        ("types-never-change", Rule::TypesNeverChange),
        ("only-defaults-go", Rule::OnlyDefaultsGo),
        ("additive-only", Rule::AdditiveOnly),
    ];

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Rule> {
        Rule::NAMES.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Rule::NAMES[self as usize].0
    }

    /// Whether a change may not be made.
    pub fn forbids(self, change: &Change) -> bool {
        match self {
            Rule::TypesNeverChange => change.code == "type-changed",
            Rule::OnlyDefaultsGo => change.code == "field-removed" && !change.had_default,
            Rule::AdditiveOnly => !change.is_addition,
        }
    }
}

/// Which changes count as breaking; the first four are the words of schema registries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    None,
    /// The new contract takes what was written by the old one: consumers may be updated first.
    Backward,
    /// The old contract takes what is written by the new one: producers may be updated first.
    Forward,
    #[default]
    Full,
    /// Full, and nothing goes or becomes another: additions only.
    Additive,
}

impl Mode {
    /// All, with the names that a command line uses.
    pub const NAMES: [(&'static str, Mode); 5] = [
        ("none", Mode::None),
        ("backward", Mode::Backward),
        ("forward", Mode::Forward),
        ("full", Mode::Full),
        ("additive", Mode::Additive),
    ];

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Mode> {
        Mode::NAMES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
    }

    /// Whether a change may not be made in this mode.
    pub fn forbids(self, change: &Change) -> bool {
        let Breaks { producers, consumers } = change.breaks;
        match self {
            Mode::None => false,
            Mode::Backward => producers,
            Mode::Forward => consumers,
            Mode::Full => producers || consumers,
            Mode::Additive => producers || consumers || !change.is_addition,
        }
    }
}
