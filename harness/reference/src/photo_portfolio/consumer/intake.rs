//! What every consumer does with what it takes and cannot use: records are read, those that cannot be are dead-lettered, each
//! kept for somebody to look at.

use std::sync::Arc;

use super::letters;
use crate::photo_portfolio::event::{self, Event};
use crate::photo_portfolio::topics;
use crate::serve::Context;
use crate::shared::dead_letter::{DeadLetters, Unreadable, dead_letter};
use crate::shared::kafka::{OutRecord, Publish, Record, TryAgain};
use crate::shared::log::Log;
use crate::shared::sql::Store;

const DEAD_LETTERED: &str = "events_dead_lettered_total";
/// The header of a dead letter that says where it was at first.
const ORIGINAL: &str = "original_topic";
/// The header that says which group could not handle it.
const CONSUMER: &str = "consumer";

/// Ways of being wrong with what cannot be used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// Tries it again for ever.
    pub(crate) stuck: bool,
    /// Forgets it.
    pub(crate) drops: bool,
    /// Writes dead letters without the record's key.
    pub(crate) keyless: bool,
    /// Writes them to a topic that all consumers of the domain share.
    pub(crate) shares: bool,
    /// Quotes the record in the dead letter's header.
    pub(crate) quotes: bool,
}

/// Reads records and dead-letters what cannot be handled.
pub(crate) struct Intake {
    db: Store,
    service: &'static str,
    letters: DeadLetters,
    faults: Faults,
    log: Log,
}

impl Intake {
    pub(crate) fn new(
        service: &'static str,
        db: Store,
        publisher: Arc<dyn Publish>,
        context: &Context,
        faults: Faults,
    ) -> Intake {
        context.metrics.counter(DEAD_LETTERED, "Records sent to a dead-letter topic.", false);
        let letters = DeadLetters::new(publisher, context.metrics.clone(), context.log, DEAD_LETTERED);
        Intake { db, service, letters, faults, log: context.log }
    }

    /// The events of a batch, each with its record, and what is none.
    pub(crate) fn read<'r>(&self, batch: &'r [Record]) -> (Vec<(&'r Record, Event)>, Vec<Unreadable<'r>>) {
        let (mut events, mut refused) = (Vec::new(), Vec::new());
        for record in batch {
            match event::read(record) {
                Ok(event) => events.push((record, event)),
                // A dead letter that cannot be read is a dead letter already.
                Err(reason) if record.header(ORIGINAL).is_some() => {
                    self.log.warn(format_args!("left a dead letter on {}: {reason}", record.topic));
                }
                Err(reason) => refused.push(Unreadable { record, reason }),
            }
        }
        (events, refused)
    }

    /// Dead-letters what cannot be handled, and keeps it for review.
    pub(crate) async fn refuse(&mut self, refused: Vec<Unreadable<'_>>) -> Result<(), TryAgain> {
        if let (true, Some(first)) = (self.faults.stuck, refused.first()) {
            return Err(TryAgain(first.reason.clone()));
        }
        if refused.is_empty() || self.faults.drops {
            return Ok(());
        }
        let kept = refused.iter().map(|one| letters::Letter::of(one.record, &one.reason)).collect();
        self.db.write(move |tx| letters::keep(tx, kept)).await.map_err(|e| TryAgain(e.to_string()))?;
        let (service, faults) = (self.service, self.faults);
        self.letters.write(&refused, |one| letter(one, service, faults)).await?;
        self.letters.settled();
        Ok(())
    }
}

fn letter(one: &Unreadable<'_>, service: &str, faults: Faults) -> OutRecord {
    let record = one.record;
    let quoted =
        || format!("{}: {}", one.reason, String::from_utf8_lossy(record.payload.as_deref().unwrap_or_default()));
    let said = Unreadable { record, reason: if faults.quotes { quoted() } else { one.reason.clone() } };
    let of = Some(service).filter(|_| !faults.shares);
    let mut letter = dead_letter(&said, &topics::dead_letters(&record.topic, of), event::id_of(record));
    letter.headers.push((CONSUMER.to_owned(), Some(service.as_bytes().to_vec())));
    letter.key = letter.key.filter(|_| !faults.keyless);
    letter
}
