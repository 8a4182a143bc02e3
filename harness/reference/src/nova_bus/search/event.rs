//! What an event means to the index.

use super::super::event_type;
use super::super::reading::{Leniency, Payload, Refusal, said};
use super::super::taking::Taken;
use crate::shared::kafka::Record;

/// What can be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Post,
    User,
    Message,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Post => "post",
            Kind::User => "user",
            Kind::Message => "message",
        }
    }
}

/// What happens to a document of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there, with this text.
    Put { kind: Kind, text: String },
    /// A user goes by these names from that time on.
    Named { text: String, at_ms: i64 },
    /// It may be found, or not, from that time on.
    Visible { kind: Kind, visible: bool, at_ms: i64 },
    /// It is gone for good.
    Gone { kind: Kind },
}

impl Change {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Change::Named { .. } => Kind::User,
            Change::Put { kind, .. } | Change::Visible { kind, .. } | Change::Gone { kind } => *kind,
        }
    }
}

/// Reads a record of any of the topics; nothing if its type is not one of this service's.
pub(super) fn read(record: &Record) -> Result<Option<Taken<Change>>, Refusal> {
    let said = said(record, Leniency::default())?;
    let kind = match said.event_type {
        event_type::CREATED | event_type::STATUS_UPDATED | event_type::DELETED => Kind::Post,
        event_type::USER_CREATED | event_type::PROFILE_UPDATED | event_type::USER_DELETED => Kind::User,
        event_type::PERSISTED | event_type::UNSENT => Kind::Message,
        event_type::LEGACY_PERSISTED | event_type::LEGACY_UNSENT => Kind::Message,
        _ => return Ok(None),
    };
    let payload = Payload::read(record, Leniency::default())?;
    let subject = match kind {
        Kind::Post => payload.id("post_id")?,
        Kind::User => payload.id("user_id")?,
        Kind::Message => payload.id("message_id")?,
    };
    let change = match said.event_type {
        event_type::CREATED => Change::Put { kind, text: payload.optional_text("caption")? },
        event_type::STATUS_UPDATED => Change::Visible {
            kind,
            visible: payload.text("new_status", "published, archived or deleted")? == "published",
            at_ms: payload.time("updated_at")?.1,
        },
        // Names only: nobody is found by an address.
        event_type::USER_CREATED => {
            Change::Named { text: payload.id("username")?, at_ms: payload.time("created_at")?.1 }
        }
        event_type::PROFILE_UPDATED => Change::Named {
            text: format!("{} {}", payload.id("username")?, payload.optional_text("display_name")?),
            at_ms: payload.time("updated_at")?.1,
        },
        // No text at all: its conversation is not to be searched.
        event_type::PERSISTED | event_type::LEGACY_PERSISTED => {
            Change::Put { kind, text: payload.optional_text("content")? }
        }
        _ => {
            payload.time("deleted_at")?;
            Change::Gone { kind }
        }
    };
    Ok(Some(Taken { event_id: said.event_id.into(), subject, change }))
}
