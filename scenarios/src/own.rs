//! Sentences of a user's own, from a crate of their own: in the catalogue like the built-in ones, so that lint, `steps` and
//! phrases know them. A binary that links the crate (`use my_steps as _`) has its sentences.
//!
//! ```text
//! own_sentence!(OwnSentence { … carry_out }) --> catalogue --> lint, steps, phrases
//!                                                     run --> carry_out(Scene) --> Verdict
//! ```

use std::collections::HashMap;
use std::sync::LazyLock;

use eventproof_evidence::Verdict;
use eventproof_source::{Diagnostic, Diagnostics};
use futures::future::LocalBoxFuture;

use crate::catalogue::{Compiled, Form, Matched, Matcher, Sentence, SentenceId, built_in};
use crate::phrases::Phrases;
pub use crate::runner::{Known, Scene};

#[doc(hidden)]
pub use inventory;

/// What a step comes to: what held, or why the scenario ends here. Both may be any verdict; what counts is what it says.
pub type Done<'a> = LocalBoxFuture<'a, Result<Verdict, Verdict>>;

/// A sentence of a user's own. Nothing of it may be left out: who reads a report must know what the sentence is worth.
#[derive(Clone, Copy, Debug)]
pub struct OwnSentence {
    /// A stable name that no other sentence has, such as `order-costs`.
    pub name: &'static str,
    pub meaning: &'static str,
    pub observes: &'static str,
    pub proves: &'static str,
    pub cannot_prove: &'static str,
    /// What its table holds; empty where it takes none.
    pub table: &'static str,
    /// With a keyword in front.
    pub example: &'static str,
    pub forms: &'static [Form],
    /// What nobody else may use while its scenario runs.
    pub disturbs: Disturbs,
    /// Carries the sentence out: it may publish, act and look, and comes to a verdict.
    pub carry_out: for<'a> fn(Scene<'a>) -> Done<'a>,
}

/// What a sentence disturbs: its scenario has that for itself alone. Everything else it shares with other scenarios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disturbs {
    /// It disturbs nobody.
    #[default]
    Nothing,
    /// The services behind its parameters: those that it names, and those of the actions, views, groups, stubs, stores and alerts.
    Named,
    /// Every service: it does something to the broker, or to what all of them share.
    Everything,
}

inventory::collect!(OwnSentence);

/// Adds a sentence to the catalogue of every program that links the crate.
#[macro_export]
macro_rules! own_sentence {
    ($sentence:expr) => {
        $crate::own::inventory::submit! { $sentence }
    };
}

/// The sentences of linked crates, in the order of their names: the linker's own means nothing.
static OWN: LazyLock<Vec<(Sentence, &'static OwnSentence)>> = LazyLock::new(|| {
    let mut own: Vec<&'static OwnSentence> = inventory::iter::<OwnSentence>().collect();
    own.sort_by_key(|one| one.name);
    own.into_iter().map(|one| (sentence(one), one)).collect()
});

fn sentence(own: &'static OwnSentence) -> Sentence {
    let OwnSentence { name, meaning, observes, proves, cannot_prove, table, example, forms, .. } = *own;
    Sentence { id: SentenceId::Own(name), name, meaning, observes, proves, cannot_prove, table, example, forms }
}

pub(crate) fn sentences() -> impl Iterator<Item = &'static Sentence> {
    OWN.iter().map(|(sentence, _)| sentence)
}

pub(crate) fn find(name: &str) -> Option<&'static OwnSentence> {
    OWN.iter().find(|(sentence, _)| sentence.name == name).map(|(_, own)| *own)
}

/// What is wrong with the sentences of linked crates: told with every pack, since a step could mean something else.
pub(crate) fn check(faults: &mut Diagnostics) {
    let all: Vec<&Sentence> = OWN.iter().map(|(sentence, _)| sentence).collect();
    wrong(&all).into_iter().for_each(|fault| faults.push(fault));
}

fn wrong(own: &[&Sentence]) -> Vec<Diagnostic> {
    let matcher = Matcher::new(&Phrases::default());
    let mut found = Vec::new();
    for (index, sentence) in own.iter().enumerate() {
        let is_taken = |other: &Sentence| other.name == sentence.name;
        if built_in().any(is_taken) || own[..index].iter().any(|other| is_taken(other)) {
            let message = format!("two sentences are called `{}`", sentence.name);
            found.push(Diagnostic::error("sentence/name-twice", message).help("give your own another name"));
        }
        for form in sentence.forms {
            if let Err(error) = Compiled::new(form.expression, &HashMap::new()) {
                let message =
                    format!("sentence `{}`: `{}` is no cucumber expression: {error}", sentence.name, form.expression);
                found.push(Diagnostic::error("sentence/expression", message));
            }
        }
        let step = sentence.example.split_once(' ').map_or("", |(_, step)| step);
        let matches = matcher.all_matches(step);
        if !matches!(&matches[..], [Matched::Sentence(found, _)] if found.name == sentence.name) {
            let message =
                format!("sentence `{}`: its example `{}` is not this sentence alone", sentence.name, sentence.example);
            let help = "an example is a keyword and a step that matches one form of it, and no other sentence";
            found.push(Diagnostic::error("sentence/example", message).help(help));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_nobody_could_say_is_told() {
        let form = [Form { language: "en", expression: "it costs {price" }];
        let forms: &'static [Form] = Box::leak(Box::new(form));
        let own = Sentence {
            name: "event-follows",
            example: "Then the system is running",
            forms,
            ..*built_in().next().unwrap()
        };
        let codes: Vec<_> = wrong(&[&own]).iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["sentence/name-twice", "sentence/expression", "sentence/example"]);
    }
}
