//! Finding the sentence, or the phrase, that a step is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use eventproof_source::units;

use super::expression::{Compiled, Kind, Parameter, narrow};
use super::{Sentence, sentences};
use crate::phrases::Phrases;

/// What a step was found to be.
#[derive(Clone, Debug)]
pub enum Matched {
    /// A built-in sentence.
    Sentence(&'static Sentence, Arguments),
    /// A phrase of the pack, by its index.
    Phrase(usize, Arguments),
}

/// A step's parameters by name.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    values: BTreeMap<String, (Kind, String)>,
}

impl Arguments {
    fn new(found: Vec<(Parameter, String)>) -> Arguments {
        Arguments {
            values: found.into_iter().map(|(parameter, value)| (parameter.name, (parameter.kind, value))).collect(),
        }
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(_, value)| value.as_str())
    }

    /// A duration; Chinese units are read too.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.text(name).and_then(duration)
    }

    /// A whole number.
    pub fn count(&self, name: &str) -> Option<usize> {
        narrow(self.text(name)?).parse().ok()
    }

    /// Events per second.
    pub fn rate(&self, name: &str) -> Option<f64> {
        units::parse_rate(&narrow(self.text(name)?)).ok()
    }

    /// A percentage, as a share of one.
    pub fn percentage(&self, name: &str) -> Option<f64> {
        units::parse_percent(&narrow(self.text(name)?)).ok()
    }

    /// All parameters: name, kind, text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Kind, &str)> {
        self.values.iter().map(|(name, (kind, value))| (name.as_str(), *kind, value.as_str()))
    }
}

/// A duration as people write it in a step, in English or Chinese units.
fn duration(text: &str) -> Option<Duration> {
    let text = &narrow(text);
    let chinese = [("毫秒", "ms"), ("秒", "s"), ("分钟", "m"), ("小时", "h"), ("天", "d")];
    let translated = chinese.iter().find_map(|(unit, short)| Some(format!("{}{short}", text.strip_suffix(unit)?)));
    units::parse_duration(translated.as_deref().unwrap_or(text)).ok()
}

/// All sentences and the pack's phrases, ready to match.
pub struct Matcher {
    sentences: Vec<(&'static Sentence, &'static str, Compiled)>,
    phrases: Vec<(usize, Compiled)>,
}

impl Matcher {
    /// Compiles everything once. Phrases that do not compile were reported when they were read.
    pub fn new(phrases: &Phrases) -> Matcher {
        let none = HashMap::new();
        let sentences = sentences()
            .flat_map(|sentence| sentence.forms.iter().map(move |form| (sentence, form.expression)))
            .filter_map(|(sentence, expression)| Some((sentence, expression, Compiled::new(expression, &none).ok()?)))
            .collect();
        let phrases = phrases
            .list
            .iter()
            .enumerate()
            .flat_map(|(index, phrase)| {
                phrase.forms.iter().filter_map(move |form| Some((index, Compiled::new(form, &phrase.kinds).ok()?)))
            })
            .collect();
        Matcher { sentences, phrases }
    }

    /// Everything that the text could be: one match is what a step needs.
    pub fn all_matches(&self, text: &str) -> Vec<Matched> {
        let phrases = self
            .phrases
            .iter()
            .filter_map(|(index, compiled)| Some(Matched::Phrase(*index, Arguments::new(compiled.matches(text)?))));
        let sentences = self.sentences.iter().filter_map(|(sentence, _, compiled)| {
            Some(Matched::Sentence(sentence, Arguments::new(compiled.matches(text)?)))
        });
        phrases.chain(sentences).collect()
    }

    /// The parameters of a text, if it is this sentence.
    pub(crate) fn arguments_of(&self, sentence: &Sentence, text: &str) -> Option<Arguments> {
        let mut forms = self.sentences.iter().filter(|(one, ..)| one.id == sentence.id);
        forms.find_map(|(_, _, compiled)| Some(Arguments::new(compiled.matches(text)?)))
    }

    /// The expressions nearest to a text that matches none, one of each sentence: its forms are much like each other.
    pub fn nearest(&self, text: &str, phrases: &Phrases, count: usize) -> Vec<String> {
        let built_in = self.sentences.iter().map(|(sentence, expression, _)| (sentence.name, *expression));
        let own = phrases.list.iter().flat_map(|phrase| {
            let name = phrase.forms.first().map_or("", String::as_str);
            phrase.forms.iter().map(move |form| (name, form.as_str()))
        });
        let likeness = |form: &str| strsim::sorensen_dice(&skeleton(form), &skeleton(text));
        let mut scored: Vec<(f64, (&str, &str))> = own.chain(built_in).map(|one| (likeness(one.1), one)).collect();
        scored.sort_by(|left, right| right.0.total_cmp(&left.0));
        let mut told = HashSet::new();
        scored.retain(|(_, (name, _))| told.insert(*name));
        scored.into_iter().take(count).map(|(_, (_, form))| form.to_owned()).collect()
    }
}

impl Matcher {
    /// The example of the sentence that is nearest to a text.
    pub fn nearest_example(&self, text: &str) -> &'static str {
        let likeness = |expression: &str| strsim::sorensen_dice(&skeleton(expression), &skeleton(text));
        let scored = self.sentences.iter().map(|(sentence, expression, _)| (likeness(expression), sentence.example));
        scored.max_by(|left, right| left.0.total_cmp(&right.0)).map_or("", |(_, example)| example)
    }
}

/// A step or an expression without its values: what is left is what they have in common.
fn skeleton(text: &str) -> String {
    let mut bare = String::new();
    let mut closing = None;
    for letter in text.chars() {
        match (closing, letter) {
            (None, '"') => closing = Some('"'),
            (None, '“') => closing = Some('”'),
            (None, '「') => closing = Some('」'),
            (None, '{') => closing = Some('}'),
            (Some(close), letter) if close == letter => closing = None,
            (Some(_), _) => {}
            (None, letter) => bare.extend(letter.to_lowercase()),
        }
    }
    bare
}
