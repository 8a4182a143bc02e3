//! Steps that build on something which nothing before them brought about: an event, a fault, a service that was ended.

use std::collections::BTreeSet;

use eventproof_source::nearest;

use super::it::says_it;
use super::story::{Story, Told, fault};
use crate::catalogue::{Kind, SentenceId};
use crate::pack::Pack;
use crate::plan::{Sub, sentence_arguments};

impl Story {
    /// What a sentence speaks of and nothing before it gives it.
    pub(super) fn nothing_before(&self, pack: &Pack, sub: &Sub) -> Option<Told> {
        use SentenceId as Id;
        let whole = |message: &str, help: &str| {
            Some((fault("feature/nothing-before", message.to_owned(), help.to_owned()), String::new()))
        };
        let arguments = sentence_arguments(sub.sentence, &sub.text())?;
        let needs_event = says_it(sub, &arguments)
            || matches!(
                sub.sentence.id,
                Id::ViewShows | Id::ViewNoLongerShows | Id::ViewNeverGoesBack | Id::TextIsNowhere
            );
        match sub.sentence.id {
            _ if needs_event && self.it.is_none() => whole(
                "no event is published or caused before this step, so there is nothing that it could speak of",
                "publish one before it, or do an action that causes one (`publishes` in system.yaml)",
            ),
            Id::EventFollows | Id::OnTopicOnce => self.not_caused(pack, sub),
            Id::NoneIsLost | Id::ShareInTime | Id::ServiceIsKilledAfter if !self.background => whole(
                "no events are published in the background before this step",
                "begin with `When 300 \"…\" events are published at 200/s in the background`",
            ),
            Id::BrokerIsStarted if !self.crashed => {
                whole("the broker has not crashed before this step", "crash it first: `When the broker crashes`")
            }
            Id::BrokerIsHealthy if !self.faulted => {
                whole("no fault of the broker is in force before this step", "begin one, or leave the step out")
            }
            Id::ServiceGoesOn => lacking(
                sub.argument(Kind::Service),
                &self.paused,
                "\"NAME\" is not paused before this step",
                "pause it first: `When service \"NAME\" is paused`",
            ),
            Id::StubIsUp => lacking(
                sub.argument(Kind::Stub),
                &self.down,
                "stub \"NAME\" is not down before this step",
                "make it so first: `Given stub \"NAME\" is down`",
            ),
            Id::AlertIsOver => lacking(
                sub.argument(Kind::Alert),
                &self.fired,
                "alert \"NAME\" does not fire before this step",
                "see it fire first: `Then alert \"NAME\" fires within 10s`",
            ),
            Id::StoreIsUp => lacking(
                sub.argument(Kind::Store),
                &self.failing,
                "store \"NAME\" does not fail before this step",
                "make it so first: `Given store \"NAME\" is down`",
            ),
            Id::GroupIsRewound => {
                let group = sub.argument(Kind::Group)?;
                let service = pack.system.group(&group)?.service.clone();
                let runs = !self.ended.contains(&service);
                let message = format!(
                    "group \"{group}\" cannot be set back while \"{service}\" runs, and nothing before this step ends it"
                );
                let help = format!(
                    "stop it first: `When service \"{service}\" is stopped`, and start it again behind this step"
                );
                runs.then(|| (fault("feature/nothing-before", message, help), group))
            }
            Id::ServiceIsStarted => lacking(
                sub.argument(Kind::Service),
                &self.ended,
                "\"NAME\" runs: nothing before this step ends it",
                "end it first: `When service \"NAME\" is killed`, or `is stopped`",
            ),
            _ => None,
        }
    }

    /// An event that is waited for and that nothing here causes.
    fn not_caused(&self, pack: &Pack, sub: &Sub) -> Option<Told> {
        let event = sub.argument(Kind::Event).filter(|event| !self.events.contains(event))?;
        pack.contract.message(&event)?;
        let message = format!("nothing in this scenario causes \"{event}\" before this step");
        let known: Vec<&str> = self.events.iter().map(String::as_str).collect();
        let help = match nearest(&event, known.iter().copied()) {
            Some(meant) => format!(
                "did you mean \"{meant}\"? What a service derives from another event is asked for by `\"{event}\" follows from it within 5s`"
            ),
            None => format!(
                "publish it, or do an action whose `publishes` in system.yaml names it; what a service derives from another event is asked for by `\"{event}\" follows from it within 5s`"
            ),
        };
        Some((fault("feature/nothing-before", message, help), event))
    }
}

/// What a step speaks of must have been brought about before it.
fn lacking(name: Option<String>, there: &BTreeSet<String>, message: &str, help: &str) -> Option<Told> {
    let name = name.filter(|name| !there.contains(name))?;
    let said = |text: &str| text.replace("NAME", &name);
    Some((fault("feature/nothing-before", said(message), said(help)), name))
}
