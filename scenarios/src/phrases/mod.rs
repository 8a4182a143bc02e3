//! A pack's own sentences, made of built-in ones.

mod read;

use std::collections::HashMap;

use eventproof_source::{Source, Span};

use crate::catalogue::Kind;

/// All phrases of a pack.
#[derive(Clone, Debug, Default)]
pub struct Phrases {
    pub list: Vec<Phrase>,
}

/// One phrase.
#[derive(Clone, Debug)]
pub struct Phrase {
    /// The ways to say it, in any language: cucumber expressions with `{name}` parameters.
    pub forms: Vec<String>,
    pub meaning: String,
    /// What its parameters are, where they are more than text.
    pub kinds: HashMap<String, Kind>,
    pub does: Vec<PhraseStep>,
    pub source: Source,
    pub span: Span,
}

/// A built-in sentence within a phrase.
#[derive(Clone, Debug)]
pub struct PhraseStep {
    /// The sentence, with the phrase's parameters as placeholders.
    pub text: String,
    /// Its table, row by row.
    pub table: Vec<(String, String)>,
    pub span: Span,
}
