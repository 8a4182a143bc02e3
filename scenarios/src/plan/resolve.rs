//! Matching steps and unfolding phrases.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use eventproof_source::{Diagnostic, Diagnostics, Source, Span};
use eventproof_system::SHORTEST_SESSION;

use super::feature::{FeatureFile, line_span};
use super::tags::Tags;
use super::touches::{Touches, spoken_of};
use crate::catalogue::{Arguments, Kind, Matched, Matcher, Sentence, SentenceId, narrow};
use crate::lint;
use crate::pack::Pack;
use crate::phrases::Phrases;

/// A scenario that is ready to run.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    pub feature: String,
    pub file: String,
    pub line: usize,
    pub name: String,
    pub language: String,
    pub tags: Vec<String>,
    /// What the tags ask of the runner.
    pub asks: Tags,
    pub steps: Vec<PlannedStep>,
    pub touches: Touches,
    /// The services that its sentences speak of, by name or through an action, a view, a group, a stub, a store or an alert.
    pub speaks_of: BTreeSet<String>,
}

impl PlannedScenario {
    /// What it says that the broker must be able to do: its tags `@needs:…`.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().filter_map(|tag| tag.trim_start_matches('@').strip_prefix("needs:"))
    }

    /// What it is known by: its file and line.
    pub fn place(&self) -> (String, usize) {
        (self.file.clone(), self.line)
    }

    /// Whether it disturbs something that others use.
    pub fn is_alone(&self) -> bool {
        !self.touches.exclusive.is_empty()
    }

    /// About what it takes when all goes well: what is watched to the end, the session of whoever is killed, and a little of
    /// the limits, of which only what fails takes all.
    pub(crate) fn likely(&self) -> Duration {
        let subs = || self.steps.iter().flat_map(|step| &step.subs);
        let watched: Duration = subs().filter_map(Sub::watched).sum();
        let limits: Duration = subs().filter_map(|sub| sub.duration("limit")).sum();
        let session = if subs().any(Sub::kills) { SHORTEST_SESSION } else { Duration::ZERO };
        watched + session + limits / 10
    }
}

/// A step with the built-in sentences that it stands for: one, or those of its phrase.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    pub keyword: String,
    pub text: String,
    pub line: usize,
    pub table: Vec<Vec<String>>,
    /// Its place in phrases.yaml, if it is one.
    pub phrase: Option<usize>,
    pub subs: Vec<Sub>,
    /// Whether these are all that it stands for: what matches nothing was told, and may have been meant to do anything.
    pub(crate) is_whole: bool,
}

/// One built-in sentence to carry out. Texts may still hold placeholders that only the run can fill.
#[derive(Clone, Debug)]
pub struct Sub {
    /// With the phrase's parameters still as placeholders.
    pub template: String,
    pub table: Vec<(String, String)>,
    /// The phrase's own parameters: (name, kind, text).
    pub parameters: Vec<(String, Kind, String)>,
    pub sentence: &'static Sentence,
}

impl Sub {
    /// The sentence's text with the phrase's parameters filled in; what only the run knows stays a placeholder.
    pub fn text(&self) -> String {
        self.filled(&self.template)
    }

    fn filled(&self, template: &str) -> String {
        self.parameters.iter().fold(template.to_owned(), |text, (name, kind, value)| match kind {
            Kind::Identity => text,
            _ => text.replace(&format!("{{{name}}}"), value),
        })
    }

    /// The values of its table, with the phrase's parameters filled in.
    pub(crate) fn values(&self) -> Vec<String> {
        self.table.iter().map(|(_, value)| self.filled(value)).collect()
    }

    /// How long it may wait by what it says.
    pub(crate) fn time(&self) -> Option<Duration> {
        self.duration("limit").or_else(|| self.watched())
    }

    /// How long it waits in any case.
    fn watched(&self) -> Option<Duration> {
        self.duration("watch").or_else(|| self.duration("time"))
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        sentence_arguments(self.sentence, &self.text())?.duration(name)
    }

    /// Whether it ends a service that has no time to leave its group.
    pub(crate) fn kills(&self) -> bool {
        matches!(self.sentence.id, SentenceId::ServiceIsKilled | SentenceId::ServiceIsKilledAfter)
    }

    /// The first parameter of a kind, as far as it is known before the run.
    pub(crate) fn argument(&self, wanted: Kind) -> Option<String> {
        self.arguments().into_iter().find(|(_, kind, _)| *kind == wanted).map(|(_, _, text)| text)
    }

    /// The sentence's parameters as far as they are known before the run.
    pub fn arguments(&self) -> Vec<(String, Kind, String)> {
        let text = self.text();
        let found = sentence_arguments(self.sentence, &text);
        found
            .map(|found| found.iter().map(|(name, kind, text)| (name.to_owned(), kind, text.to_owned())).collect())
            .unwrap_or_default()
    }
}

/// The parameters of a text that is this sentence.
pub(crate) fn sentence_arguments(sentence: &'static Sentence, text: &str) -> Option<Arguments> {
    static BUILT_IN: LazyLock<Matcher> = LazyLock::new(|| Matcher::new(&Phrases::default()));
    BUILT_IN.arguments_of(sentence, text)
}

/// What can be said of steps where there is no contract or no system to check their names against.
pub(crate) fn unmatched(features: &[FeatureFile], phrases: &Phrases) -> Diagnostics {
    let matcher = Matcher::new(phrases);
    let mut faults = Diagnostics::default();
    for file in features {
        faults.extend(structure(file, &matcher));
        let mut told = BTreeSet::new();
        for step in file.steps().filter(|step| matcher.all_matches(step.value.trim()).is_empty()) {
            // Rows of an outline share its lines.
            if told.insert((step.position.line, step.value.clone())) {
                faults.push(no_match(&matcher, phrases, &file.source, step));
            }
        }
    }
    faults
}

/// Matches everything; steps that match nothing are reported and left out.
pub(super) fn scenarios(pack: &Pack) -> (Vec<PlannedScenario>, Diagnostics) {
    let resolver = Resolver { pack, matcher: Matcher::new(&pack.phrases), told: RefCell::default() };
    let mut faults = Diagnostics::default();
    crate::own::check(&mut faults);
    // What is wrong with a phrase is told before the steps that say it.
    lint::phrases_mean_something(pack, &mut faults);
    let mut planned = Vec::new();
    for file in &pack.features {
        faults.extend(structure(file, &resolver.matcher));
        planned.extend(resolver.file(file, &mut faults));
    }
    lint::steps(pack, &planned, &mut faults);
    lint::it(pack, &planned, &mut faults);
    lint::names_over_files(pack, &mut faults);
    // A step that matches nothing may be what was to say a phrase.
    if !faults.has_errors() {
        lint::unused_phrases(pack, &planned, &mut faults);
    }
    (planned, faults)
}

/// What is wrong with the parts of a feature. That it has none is not said where those that it has could not be read.
fn structure(file: &FeatureFile, matcher: &Matcher) -> Diagnostics {
    let mut faults = Diagnostics::default();
    lint::structure(file, matcher, &mut faults);
    faults.without(|one| file.is_partial && one.code == "feature/no-scenarios")
}

struct Resolver<'a> {
    pack: &'a Pack,
    matcher: Matcher,
    /// The places of tags that were told to be wrong.
    told: RefCell<BTreeSet<(String, usize)>>,
}

/// Where a tag stands: nearest above its scenario, in the line of the scenario if nowhere.
fn tag_span(source: &Source, line: usize, tag: &str) -> Span {
    let whole = line_span(source, line);
    let found = source.text()[..whole.start].rfind(tag);
    found.map_or(whole, |start| Span { start, end: start + tag.len() })
}

impl Resolver<'_> {
    fn file(&self, file: &FeatureFile, faults: &mut Diagnostics) -> Vec<PlannedScenario> {
        let feature = &file.feature;
        let background = feature.background.as_ref().map(|background| background.steps.as_slice()).unwrap_or_default();
        let mut planned = Vec::new();
        for scenario in &feature.scenarios {
            let steps = background.iter().chain(&scenario.steps).collect::<Vec<_>>();
            planned.push(self.scenario(file, scenario, &steps, &[], faults));
        }
        for rule in &feature.rules {
            let inner = rule.background.as_ref().map(|background| background.steps.as_slice()).unwrap_or_default();
            for scenario in &rule.scenarios {
                let steps = background.iter().chain(inner).chain(&scenario.steps).collect::<Vec<_>>();
                planned.push(self.scenario(file, scenario, &steps, &rule.tags, faults));
            }
        }
        planned
    }

    fn scenario(
        &self,
        file: &FeatureFile,
        scenario: &gherkin::Scenario,
        steps: &[&gherkin::Step],
        rule_tags: &[String],
        faults: &mut Diagnostics,
    ) -> PlannedScenario {
        let steps: Vec<PlannedStep> = steps.iter().map(|step| self.step(&file.source, step, faults)).collect();
        let tags: Vec<String> = file.feature.tags.iter().chain(rule_tags).chain(&scenario.tags).cloned().collect();
        let (asks, wrong) = Tags::read(&tags);
        for (message, help) in wrong {
            // The message begins with the tag. One that stands above a feature is of all its scenarios, but wrong only once.
            let tag = message.split(' ').next().unwrap_or_default();
            let at = tag_span(&file.source, scenario.position.line, tag);
            if self.told.borrow_mut().insert((file.path(), at.start)) {
                faults.push(Diagnostic::error("feature/tag", message).at(&file.source, at).help(help));
            }
        }
        PlannedScenario {
            feature: file.feature.name.clone(),
            file: file.path(),
            line: scenario.position.line,
            name: scenario.name.clone(),
            language: file.language().to_owned(),
            tags,
            asks,
            touches: Touches::of(self.pack, &steps),
            speaks_of: spoken_of(self.pack, &steps),
            steps,
        }
    }

    /// A step with what it stands for. One that matches nothing is reported, and stands for nothing that is known.
    fn step(&self, source: &Source, step: &gherkin::Step, faults: &mut Diagnostics) -> PlannedStep {
        let text = step.value.trim();
        let table = step.table.as_ref().map(|table| table.rows.clone()).unwrap_or_default();
        let (phrase, subs, is_whole) = match self.matched(source, step, faults) {
            None => (None, Vec::new(), false),
            Some(Matched::Sentence(sentence, _)) => {
                let table = lint::table_pairs(source, step, &table, faults);
                (None, vec![Sub { template: text.to_owned(), table, parameters: Vec::new(), sentence }], true)
            }
            Some(Matched::Phrase(index, arguments)) => {
                let subs = self.unfold(index, &arguments, &lint::table_pairs(source, step, &table, faults));
                let all = self.pack.phrases.list.get(index).map_or(0, |phrase| phrase.does.len());
                let is_whole = subs.len() == all;
                (Some(index), subs, is_whole)
            }
        };
        let keyword = step.keyword.trim().to_owned();
        PlannedStep { keyword, text: text.to_owned(), line: step.position.line, table, phrase, subs, is_whole }
    }

    /// The one sentence or phrase that a step is.
    fn matched(&self, source: &Source, step: &gherkin::Step, faults: &mut Diagnostics) -> Option<Matched> {
        let mut matches = self.matcher.all_matches(step.value.trim());
        match matches.len() {
            0 => faults.push(no_match(&self.matcher, &self.pack.phrases, source, step)),
            1 => return matches.pop(),
            _ => faults.push(ambiguous(source, step, &matches, self.pack)),
        }
        None
    }

    /// The sentences of a phrase. Phrases whose steps match nothing were reported with phrases.yaml.
    fn unfold(&self, index: usize, arguments: &Arguments, table: &[(String, String)]) -> Vec<Sub> {
        let Some(phrase) = self.pack.phrases.list.get(index) else { return Vec::new() };
        // A number may become a value in a table: there nobody reads wide digits.
        let value = |kind: Kind, text: &str| if kind.is_number() { narrow(text) } else { text.to_owned() };
        let parameters: Vec<(String, Kind, String)> =
            arguments.iter().map(|(name, kind, text)| (name.to_owned(), kind, value(kind, text))).collect();
        let last = phrase.does.len().saturating_sub(1);
        let sub = |(position, step): (usize, &crate::phrases::PhraseStep)| {
            let sentence = lint::phrase_sentence(&self.matcher, phrase, step)?;
            // A table written under the phrase is for its last sentence.
            let own = if position == last { table } else { &[] };
            let table = step.table.iter().chain(own).cloned().collect();
            Some(Sub { template: step.text.clone(), table, parameters: parameters.clone(), sentence })
        };
        phrase.does.iter().enumerate().filter_map(sub).collect()
    }
}

fn no_match(matcher: &Matcher, phrases: &Phrases, source: &Source, step: &gherkin::Step) -> Diagnostic {
    let nearest = matcher.nearest(step.value.trim(), phrases, 3);
    let list: String = nearest.iter().map(|form| format!("\n  - {form}")).collect();
    let example = matcher.nearest_example(step.value.trim());
    let stub = lint::phrase_stub(step.value.trim(), example);
    Diagnostic::error("feature/unmatched-step", "no sentence and no phrase matches this step".to_owned())
        .at(source, line_span(source, step.position.line))
        .label("nobody knows what this means".to_owned())
        .help(format!("the nearest are:{list}\nor make it a phrase in phrases.yaml:\n{stub}"))
}

fn ambiguous(source: &Source, step: &gherkin::Step, matches: &[Matched], pack: &Pack) -> Diagnostic {
    let name = |matched: &Matched| match matched {
        Matched::Sentence(sentence, _) => format!("the built-in sentence {}", sentence.name),
        Matched::Phrase(index, _) => format!("the phrase `{}`", pack.phrases.list[*index].forms[0]),
    };
    let names: Vec<String> = matches.iter().map(name).collect();
    Diagnostic::error("feature/ambiguous-step", "this step could be several things".to_owned())
        .at(source, line_span(source, step.position.line))
        .label(names.join(", or "))
        .help("change one of the phrases so that only one matches".to_owned())
}
