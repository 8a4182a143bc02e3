//! A scenario's result, looked through.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use eventproof_evidence::{Observation, Seen};
use eventproof_reports::model::{Attachments, Finding, ScenarioResult, ServiceInfo, StepResult};

use super::forms::forms;
use super::names::{HIDDEN, Hidden};
use crate::runner::context::RunContext;
use crate::runner::world::Running;

/// What is to be read nowhere in one scenario's result.
pub(super) struct Secrets<'a> {
    hidden: &'a Hidden,
    /// The longest first: one may be within another.
    values: Vec<String>,
}

impl<'a> Secrets<'a> {
    pub fn new(hidden: &'a Hidden, values: BTreeSet<String>) -> Secrets<'a> {
        Secrets { hidden, values: forms(values) }
    }

    /// First what has its name beside it: where a value begins and ends is told by what escapes it, which is gone once a part of it is.
    fn hide(&self, text: &mut String) {
        let without = self.hidden.beside_names(text);
        if without != *text {
            *text = without;
        }
        for value in &self.values {
            if text.contains(value.as_str()) {
                *text = text.replace(value.as_str(), HIDDEN);
            }
        }
    }

    fn all<'t>(&self, texts: impl IntoIterator<Item = &'t mut String>) {
        texts.into_iter().for_each(|text| self.hide(text));
    }

    fn finding(&self, finding: Option<&mut Finding>) {
        self.all(finding.map(|finding| &mut finding.text));
    }

    pub fn everywhere(&self, result: &mut ScenarioResult) {
        self.finding(result.note.as_mut());
        result.steps.iter_mut().for_each(|step| self.step(step));
        self.all(result.timeline.iter_mut().map(|entry| &mut entry.text));
        self.all(result.logs.iter_mut().flat_map(|log| &mut log.lines));
        self.attachments(&mut result.attachments);
    }

    fn step(&self, step: &mut StepResult) {
        self.hide(&mut step.text);
        step.table.iter_mut().for_each(|row| self.row(row));
        self.finding(step.finding.as_mut());
        for sub in &mut step.under {
            self.hide(&mut sub.text);
            self.finding(sub.finding.as_mut());
        }
    }

    /// A row of a table: a name, and what it is given.
    fn row(&self, row: &mut [String]) {
        let is_secret = row.first().is_some_and(|name| self.hidden.is_named(name));
        for cell in row.iter_mut().skip(usize::from(is_secret)) {
            if is_secret { HIDDEN.clone_into(cell) } else { self.hide(cell) }
        }
    }

    fn attachments(&self, kept: &mut Attachments) {
        for record in &mut kept.records {
            self.all(record.fields.iter_mut().map(|(_, text)| text));
            let marks = [&mut record.key, &mut record.id, &mut record.correlation, &mut record.nearest_to];
            self.all(marks.into_iter().flatten().chain(&mut record.violations));
        }
        for one in &mut kept.exchanges {
            self.all([&mut one.request, &mut one.sent, &mut one.answer]);
        }
        for look in &mut kept.looks {
            self.all([&mut look.question, &mut look.answer]);
        }
    }
}

impl Running {
    /// Hides in a result what the contract calls sensitive: what was published, given and answered under such a name.
    pub(in super::super) fn hide(&self, mut result: ScenarioResult) -> ScenarioResult {
        let hidden = &self.context.hidden;
        if !hidden.is_nothing() {
            let values = self.secret_values(hidden);
            self.context.run.secrets.lock().unwrap_or_else(PoisonError::into_inner).extend(values.iter().cloned());
            Secrets::new(hidden, values).everywhere(&mut result);
        }
        result
    }

    fn secret_values(&self, hidden: &Hidden) -> BTreeSet<String> {
        let mut found = self.secrets.clone();
        let named = self.values.iter().filter(|(name, _)| hidden.is_named(name));
        found.extend(named.map(|(_, value)| value.clone()));
        let background = self.background.iter().flat_map(|background| &background.events);
        for event in self.events.iter().chain(background) {
            let payload = event.draft.as_ref().map(|(draft, _)| &draft.event.payload);
            payload.into_iter().for_each(|payload| hidden.values_of(&event.message, payload, &mut found));
        }
        found.extend(self.secret_marks(hidden));
        found
    }

    /// Keys, ids and correlations of the scenario's time that are sensitive.
    pub(in super::super) fn secret_marks(&self, hidden: &Hidden) -> BTreeSet<String> {
        if hidden.is_nothing() {
            return BTreeSet::new();
        }
        let contract = &self.context.pack.contract;
        let marks = |seen: &Seen| hidden.marks(seen, contract).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let observed = self.context.rig.journal.since(self.standpoint.from());
        let seen = observed.iter().filter_map(|observation| match &**observation {
            Observation::Seen(seen) => Some(marks(seen)),
            _ => None,
        });
        seen.flatten().collect()
    }
}

impl RunContext {
    /// Hides in what services printed last what was sensitive in any scenario of the run.
    pub fn hide_in_services(&self, services: &mut [ServiceInfo]) {
        if !self.hidden.is_nothing() {
            let values = self.run.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let lines = services.iter_mut().flat_map(|service| &mut service.last_lines);
            Secrets::new(&self.hidden, values).all(lines);
        }
    }

    /// Hides in the result of a scenario that never began what its tables give to sensitive names.
    pub(in super::super) fn hide(&self, mut result: ScenarioResult) -> ScenarioResult {
        if !self.hidden.is_nothing() {
            Secrets::new(&self.hidden, BTreeSet::new()).everywhere(&mut result);
        }
        result
    }
}
