//! Idempotent producers on one partition: epochs, sequence numbers and duplicates.
//!
//! The rules are those of Kafka's ProducerStateManager: of every producer the last five batches are
//! known, a repeated one is answered with its first offset and not appended again.

use std::collections::{HashMap, VecDeque};

use crate::batch::Header;
use crate::codes;

const REMEMBERED_BATCHES: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AppendedBatch {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    append_ms: Option<i64>,
}

#[derive(Debug, Clone)]
struct ProducerEntry {
    epoch: i16,
    batches: VecDeque<AppendedBatch>,
    last_timestamp: i64,
}

/// What to do with a batch of an idempotent producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequenced {
    /// It is the next one: append it.
    Next,
    /// It was appended before, at this offset.
    Duplicate { base_offset: i64, append_ms: Option<i64> },
}

/// What is told of a producer that writes to a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActiveProducer {
    pub id: i64,
    pub epoch: i16,
    pub last_sequence: i32,
    pub last_timestamp: i64,
}

/// The producers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    entries: HashMap<i64, ProducerEntry>,
}

impl Producers {
    /// Judges a batch; the error is a Kafka error code.
    pub(crate) fn check(&self, header: &Header) -> Result<Sequenced, i16> {
        let Some(entry) = self.entries.get(&header.producer_id) else {
            // Unknown, perhaps because its records were removed: any sequence is accepted.
            return Ok(Sequenced::Next);
        };
        if header.producer_epoch < entry.epoch {
            return Err(codes::INVALID_PRODUCER_EPOCH);
        }
        if header.producer_epoch > entry.epoch {
            return match header.base_sequence {
                0 => Ok(Sequenced::Next),
                _ => Err(codes::OUT_OF_ORDER_SEQUENCE_NUMBER),
            };
        }
        let known = entry
            .batches
            .iter()
            .find(|b| b.first_sequence == header.base_sequence && b.last_sequence == header.last_sequence());
        if let Some(batch) = known {
            return Ok(Sequenced::Duplicate { base_offset: batch.base_offset, append_ms: batch.append_ms });
        }
        let last = entry.batches.back().map_or(-1, |b| b.last_sequence);
        let next = if last == i32::MAX { 0 } else { last + 1 };
        if header.base_sequence == next { Ok(Sequenced::Next) } else { Err(codes::OUT_OF_ORDER_SEQUENCE_NUMBER) }
    }

    /// Remembers a batch that was appended.
    pub(crate) fn appended(&mut self, header: &Header, base_offset: i64, append_ms: Option<i64>) {
        let entry = self.entry(header.producer_id, header.producer_epoch);
        entry.last_timestamp = append_ms.unwrap_or(header.max_timestamp);
        entry.batches.push_back(AppendedBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset,
            append_ms,
        });
        if entry.batches.len() > REMEMBERED_BATCHES {
            entry.batches.pop_front();
        }
    }

    /// A transaction marker carries the producer's epoch, which fences older ones from here on.
    pub(crate) fn marked(&mut self, producer_id: i64, epoch: i16) {
        self.entry(producer_id, epoch);
    }

    fn entry(&mut self, producer_id: i64, epoch: i16) -> &mut ProducerEntry {
        let entry = self.entries.entry(producer_id).or_insert(ProducerEntry {
            epoch,
            batches: VecDeque::new(),
            last_timestamp: -1,
        });
        if epoch > entry.epoch {
            entry.epoch = epoch;
            entry.batches.clear();
        }
        entry
    }

    /// Every producer known, in the order of their ids.
    pub(crate) fn active(&self) -> Vec<ActiveProducer> {
        let mut all: Vec<ActiveProducer> = self
            .entries
            .iter()
            .map(|(id, entry)| ActiveProducer {
                id: *id,
                epoch: entry.epoch,
                last_sequence: entry.batches.back().map_or(-1, |b| b.last_sequence),
                last_timestamp: entry.last_timestamp,
            })
            .collect();
        all.sort_by_key(|p| p.id);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch;
    use crate::batch::testing::plain;
    use proptest::prelude::*;

    fn header(epoch: i16, first: i32, count: i32) -> Header {
        Header {
            producer_id: 1,
            producer_epoch: epoch,
            base_sequence: first,
            count,
            last_offset_delta: count - 1,
            ..batch::header(&plain(1))
        }
    }

    fn known(base_offset: i64) -> Result<Sequenced, i16> {
        Ok(Sequenced::Duplicate { base_offset, append_ms: None })
    }

    #[test]
    fn a_repeated_batch_is_answered_with_its_first_offset() {
        let mut producers = Producers::default();
        for n in 0..7 {
            let header = header(0, n * 10, 10);
            assert_eq!(producers.check(&header), Ok(Sequenced::Next));
            producers.appended(&header, i64::from(n) * 100, None);
        }
        assert_eq!(producers.check(&header(0, 60, 10)), known(600));
        assert_eq!(producers.check(&header(0, 20, 10)), known(200));
        // The sixth from the end is forgotten.
        assert_eq!(producers.check(&header(0, 10, 10)), Err(codes::OUT_OF_ORDER_SEQUENCE_NUMBER));
        assert_eq!(producers.check(&header(0, 60, 5)), Err(codes::OUT_OF_ORDER_SEQUENCE_NUMBER));
    }

    #[test]
    fn a_gap_is_refused_and_a_new_epoch_starts_at_zero() {
        let mut producers = Producers::default();
        producers.appended(&header(1, 0, 5), 0, None);
        assert_eq!(producers.check(&header(1, 6, 1)), Err(codes::OUT_OF_ORDER_SEQUENCE_NUMBER));
        assert_eq!(producers.check(&header(0, 5, 1)), Err(codes::INVALID_PRODUCER_EPOCH));
        assert_eq!(producers.check(&header(2, 5, 1)), Err(codes::OUT_OF_ORDER_SEQUENCE_NUMBER));
        assert_eq!(producers.check(&header(2, 0, 1)), Ok(Sequenced::Next));
        producers.marked(1, 3);
        assert_eq!(producers.check(&header(2, 0, 1)), Err(codes::INVALID_PRODUCER_EPOCH));
    }

    #[test]
    fn sequences_go_on_at_zero_after_the_last() {
        let mut producers = Producers::default();
        producers.appended(&header(0, i32::MAX - 1, 2), 0, None);
        assert_eq!(producers.check(&header(0, 0, 1)), Ok(Sequenced::Next));
        let mut producers = Producers::default();
        producers.appended(&header(0, i32::MAX - 1, 4), 0, None);
        assert_eq!(producers.check(&header(0, 2, 1)), Ok(Sequenced::Next));
    }

    proptest! {
        #[test]
        fn however_a_producer_repeats_itself_each_record_is_there_once(
            sizes in proptest::collection::vec(1i32..20, 1..60),
            repeats in proptest::collection::vec(0usize..5, 60),
        ) {
            let mut producers = Producers::default();
            let mut next = 0;
            let mut sent: Vec<Header> = Vec::new();
            let mut appended = 0;
            for (size, back) in sizes.iter().zip(repeats) {
                let batch = header(0, next, *size);
                next += size;
                sent.push(batch);
                // An old batch comes again first, then the new one, twice.
                let old = sent[sent.len().saturating_sub(1 + back)];
                for batch in [old, batch, batch] {
                    if producers.check(&batch) == Ok(Sequenced::Next) {
                        producers.appended(&batch, i64::from(appended), None);
                        appended += batch.count;
                    }
                }
            }
            prop_assert_eq!(appended, next);
        }
    }
}
