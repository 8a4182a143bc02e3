//! Following a journal view: every entry becomes an effect that counts.

use std::sync::Arc;
use std::time::Duration;

use eventproof_evidence::{At, Blind, Observation};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::rig::JOURNAL_IDLE;
use crate::template::fill;
use crate::view::text;
use crate::{JournalView, Params, System, SystemError, ViewKind, ViewSpec};

/// Silence of a view that is worth noting.
const SILENCE: Duration = Duration::from_secs(1);

impl System {
    /// How long an entry of a journal view may be there before it is seen; a longer silence is told as blindness.
    pub fn longest_look(&self, view: &str) -> Duration {
        match self.view(view).map(|spec| &spec.kind) {
            Ok(ViewKind::Journal(journal)) => journal.every.max(JOURNAL_IDLE) + SILENCE,
            _ => SILENCE,
        }
    }

    /// Follows every journal view until the tasks are aborted. `report` gets an `Effect` for each entry. A view that has
    /// nothing new is asked less and less often, down to once in `idle` (never more often than the view says): many
    /// services with nothing to tell would cost what the others need.
    pub fn follow_journals(
        self: &Arc<Self>,
        idle: Duration,
        report: impl Fn(Observation) + Clone + Send + Sync + 'static,
    ) -> Vec<JoinHandle<()>> {
        let views = self.spec().views.iter().filter_map(|view| match &view.kind {
            ViewKind::Journal(journal) => Some((view.clone(), journal.clone())),
            ViewKind::List(_) => None,
        });
        views
            .map(|(view, journal)| {
                let follower = Follower::new(self.clone(), view, journal, idle);
                tokio::spawn(follower.run(report.clone()))
            })
            .collect()
    }
}

struct Follower {
    system: Arc<System>,
    view: ViewSpec,
    journal: JournalView,
    cursor: String,
    silent_since: Option<At>,
    told: bool,
    /// The longest pause between two questions.
    idle: Duration,
}

impl Follower {
    fn new(system: Arc<System>, view: ViewSpec, journal: JournalView, idle: Duration) -> Follower {
        Follower { cursor: journal.start.clone(), idle, system, view, journal, silent_since: None, told: false }
    }

    async fn run(mut self, report: impl Fn(Observation)) {
        let mut pause = self.journal.every;
        loop {
            match self.read().await {
                Ok(effects) => {
                    self.heard(&report);
                    // A full page may have another behind it.
                    if !effects.is_empty() {
                        effects.into_iter().for_each(&report);
                        pause = self.journal.every;
                        continue;
                    }
                }
                Err(error) => self.silence(&error, &report),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.idle).max(self.journal.every);
        }
    }

    async fn read(&mut self) -> Result<Vec<Observation>, SystemError> {
        let params = Params::from([("cursor".to_owned(), self.cursor.clone())]);
        let address = fill(&self.journal.http, &self.system.with_settings(&params))?;
        let answer = self.system.fetch(&address).await?;
        let at = self.system.clock.now();
        let items = answer.pointer(&self.journal.items).and_then(Value::as_array).ok_or_else(|| {
            let detail = format!("no list at {} in the answer", self.journal.items);
            SystemError::Request { request: format!("GET {address}"), detail }
        })?;
        let effects = items.iter().filter_map(|entry| self.effect(entry, at)).collect();
        if let Some(next) = answer.pointer(&self.journal.next) {
            self.cursor = text(next);
        }
        Ok(effects)
    }

    fn effect(&self, entry: &Value, at: At) -> Option<Observation> {
        let event = text(entry.pointer(&self.journal.event)?);
        let subject = self.journal.subject.as_ref().and_then(|pointer| entry.pointer(pointer)).map(text);
        Some(Observation::Effect {
            view: self.view.name.as_str().into(),
            event: event.into(),
            subject: subject.map(Into::into),
            at,
        })
    }

    fn heard(&mut self, report: &impl Fn(Observation)) {
        self.silent_since = None;
        if std::mem::take(&mut self.told) {
            let what = self.view.name.as_str().into();
            report(Observation::CaughtUp { what, at: self.system.clock.now() });
        }
    }

    fn silence(&mut self, error: &SystemError, report: &impl Fn(Observation)) {
        let now = self.system.clock.now();
        let since = *self.silent_since.get_or_insert(now);
        if !self.told && now.since(since) >= SILENCE {
            self.told = true;
            let what = Some(self.view.name.as_str().into());
            report(Observation::Blind(Blind { what, from: since, to: None, why: error.to_string() }));
        }
    }
}
