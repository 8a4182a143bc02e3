//! Which of our events a record is, where it comes back as it was made: told from the form it was made by, which costs less than
//! walking through the schema once more and says the same.

use eventproof_broker::{PartitionCounts, RawRecord};
use eventproof_contract::{Came, Contract, Mark, Violation};

use crate::draw::Draw;
use crate::plan::{Plan, Records, What};

/// What the records of a load were made by.
pub(crate) struct Known {
    mark: Mark,
    records: Records,
    draw: Draw,
}

impl Known {
    /// Of the records of this plan; nothing where requests are sent.
    pub fn of(plan: &Plan, run_id: &str) -> Option<Known> {
        let What::Records(records) = &plan.what else { return None };
        Some(Known { mark: Mark::of_run(run_id), records: records.clone(), draw: plan.draw.clone() })
    }

    /// The number of the event that a record is, byte for byte, and how its place departs from the contract. Nothing is said of
    /// any other record.
    pub fn event(
        &self,
        contract: &Contract,
        partitions: &mut PartitionCounts,
        record: &RawRecord<'_>,
    ) -> Option<(u64, Option<Violation>)> {
        let came = Came { topic: record.topic, key: record.key, headers: record.headers, payload: record.payload };
        let number = self.mark.number(&came)?;
        let lane = self.draw.lane(number);
        let kind = self.records.kinds.get(lane)?;
        let form = self.records.making.form(lane, number)?;
        let is_ours = form.made(&came, &self.mark, number, kind.key_text(self.draw.key(number)));
        is_ours.then(|| (number, partitions.check(contract, Some(&kind.message), record)))
    }
}
