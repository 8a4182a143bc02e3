//! Sentences that publish events of a size: some are to be taken, and some to be refused.

use eventproof_broker::{Published, Publisher};
use eventproof_contract::Draft;
use eventproof_evidence::{Cause, Place, Proof, Reason, Verdict};
use eventproof_source::units;

use super::world::{Event, Running, environment};
use crate::catalogue::Arguments;

impl Running {
    /// `"…" of "900 KiB" is published`.
    pub async fn publish_sized(
        &mut self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let (draft, _) = self.sized(arguments, table)?;
        let message = arguments.text("event").unwrap_or_default();
        self.publish_draft(message, draft, arguments.text("as").map(str::to_owned)).await
    }

    /// `"…" of "2 MiB" is refused as too large`.
    pub async fn publish_too_large(
        &mut self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let (draft, size) = self.sized(arguments, table)?;
        let event = self.published_event(arguments.text("event").unwrap_or_default(), draft, None);
        let id = event.target.id().map_or_else(|| event.target.what.clone(), |id| id.to_string());
        let published = self.publish_alone(&event, &id).await?;
        refused_as_too_large(published, event, id, size)
    }

    fn sized(&mut self, arguments: &Arguments, table: &[(String, String)]) -> Result<(Draft, u64), Verdict> {
        let size = units::parse_size(arguments.text("size").unwrap_or_default()).map_err(environment)?;
        let message = arguments.text("event").unwrap_or_default();
        Ok((self.draft_of_size(message, table, usize::try_from(size).ok())?, size))
    }

    /// By a producer of its own: whatever shared a batch with what is refused would be refused as well.
    async fn publish_alone(&self, event: &Event, id: &str) -> Result<Published, Verdict> {
        let rig = &self.context.rig;
        let alone = Publisher::new(&rig.broker, rig.journal.clone(), rig.clock.clone()).map_err(environment)?;
        let (draft, partition) = event.draft.as_ref().ok_or_else(|| environment("there is no record"))?;
        Ok(alone.publish(&draft.record, *partition, id).await)
    }
}

fn refused_as_too_large(published: Published, event: Event, id: String, size: u64) -> Result<Verdict, Verdict> {
    match published {
        Published::TooLarge(error) => Ok(Verdict::Held(Proof::of(format!("the broker refused it: {error}")))),
        Published::At { partition, offset } => {
            let place = Place { topic: event.target.topic.to_string(), partition, offset };
            Err(Verdict::Broken(Cause::NotRefused { what: event.target.what, size, place }))
        }
        Published::Refused(error) => Err(Verdict::CannotTell(Reason::NotPublished { event: id, error })),
        Published::Unknown(error) => Err(Verdict::CannotTell(Reason::OutcomeUnknown { event: id, error })),
    }
}
