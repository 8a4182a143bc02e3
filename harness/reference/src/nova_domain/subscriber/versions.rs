//! Which versions of an event a subscriber takes, and what it must find in each. `source` of `user.created` is needed until version 3
//! has removed it; everything else here is a way of being wrong.

use super::super::envelope::Event;
use super::super::faults::{NEEDS_LOCALE, NEEDS_SOURCE, REFUSES_NEW, REFUSES_OLD, SOURCE_OPTIONAL};
use crate::serve::Context;

/// The version of user.created that has no `source` any more.
const SOURCE_WENT: i64 = 3;

/// What a subscriber asks of an event's version.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Versions {
    /// Faults: the newest and the oldest version that are taken.
    newest: Option<i64>,
    oldest: Option<i64>,
    needs_source: bool,
    source_optional: bool,
    needs_locale: bool,
}

impl Versions {
    pub(super) fn of(context: &Context) -> Versions {
        let own = i64::from(context.settings.event_version);
        Versions {
            newest: context.has(REFUSES_NEW).then_some(own),
            oldest: context.has(REFUSES_OLD).then_some(own),
            needs_source: context.has(NEEDS_SOURCE),
            source_optional: context.has(SOURCE_OPTIONAL),
            needs_locale: context.has(NEEDS_LOCALE),
        }
    }

    /// Whether the event can be taken; if not, why.
    pub(super) fn check(&self, event: &Event) -> Result<(), String> {
        let version = event.version;
        if self.newest.is_some_and(|newest| version > newest) || self.oldest.is_some_and(|oldest| version < oldest) {
            return Err(format!("version {version} is not known here"));
        }
        if event.kind.event != "user.created" {
            return Ok(());
        }
        let needs_source = version < SOURCE_WENT && !self.source_optional || self.needs_source;
        let needed = [("source", needs_source), ("locale", self.needs_locale)];
        match needed.iter().find(|(name, needed)| *needed && event.data[*name].is_null()) {
            Some((name, _)) => Err(format!("`data.{name}` is missing")),
            None => Ok(()),
        }
    }
}
