//! The log of one partition: batches in order, watermarks, open and aborted transactions.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::batch::{self, Header};
use crate::records;

/// A batch as kept.
#[derive(Debug, Clone)]
pub(crate) struct StoredBatch {
    pub last_offset: i64,
    pub max_timestamp: i64,
    pub raw: Bytes,
    /// When compaction first left it standing; tombstones in it are kept for a while from then on.
    pub cleaned_at: Option<i64>,
    /// Whether compaction found tombstones in it.
    pub has_tombstones: bool,
}

/// When a segment is closed and another begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rolling {
    pub bytes: usize,
    pub ms: i64,
}

/// The segment that is written to.
#[derive(Debug, Default)]
struct Active {
    from: i64,
    bytes: usize,
    /// The timestamp of its first batch.
    first_ms: Option<i64>,
}

/// A transaction that was aborted, as a consumer that reads committed records needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub producer_id: i64,
    pub first_offset: i64,
    /// Offset of the abort marker.
    pub last_offset: i64,
}

/// An offset found by time; offset and timestamp are -1 if there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOffset {
    pub offset: i64,
    pub timestamp: i64,
}

impl TimedOffset {
    pub(crate) const NONE: TimedOffset = TimedOffset { offset: -1, timestamp: -1 };
}

/// The log of one partition.
#[derive(Debug, Default)]
pub(crate) struct Log {
    start: i64,
    end: i64,
    bytes: usize,
    batches: VecDeque<StoredBatch>,
    active: Active,
    /// Everything before it was compacted once.
    cleaned_to: i64,
    /// Epochs of leadership and the offset where each begins; epoch 0 begins the log.
    epochs: Vec<(i32, i64)>,
    /// First offset of every open transaction, by producer id.
    open: BTreeMap<i64, i64>,
    aborted: Vec<Aborted>,
}

impl Log {
    /// The first offset that can be read.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The offset that the next record gets; with one replica also the high watermark.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Bytes of all batches kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The last stable offset: nothing before it belongs to an open transaction.
    pub(crate) fn last_stable(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    /// The first offset of a producer's open transaction.
    pub(crate) fn open_transaction(&self, producer_id: i64) -> Option<i64> {
        self.open.get(&producer_id).copied()
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = &StoredBatch> {
        self.batches.iter()
    }

    /// The epoch of leadership.
    pub(crate) fn epoch(&self) -> i32 {
        self.epochs.last().map_or(0, |(epoch, _)| *epoch)
    }

    /// Another leader takes over.
    pub(crate) fn begin_epoch(&mut self) {
        let (epoch, from) = (self.epoch() + 1, self.end);
        // An epoch in which nothing was written leaves no trace.
        self.epochs.retain(|(_, begins)| *begins < from);
        self.epochs.push((epoch, from));
    }

    /// The greatest epoch up to the one asked for in which something was written, and where it ends; as Kafka's leader
    /// epoch cache has it. -1 and -1 for an epoch that has not come.
    pub(crate) fn end_of_epoch(&self, asked: i32) -> (i32, i64) {
        if asked == self.epoch() {
            return (asked, self.end);
        }
        if asked < 0 || asked > self.epoch() {
            return (-1, -1);
        }
        let next = self.epochs.iter().position(|(epoch, _)| *epoch > asked).unwrap_or(self.epochs.len());
        let found = next.checked_sub(1).map_or(0, |at| self.epochs[at].0);
        (found, self.epochs.get(next).map_or(self.end, |(_, from)| *from))
    }

    /// The epoch in which an offset was written.
    pub(crate) fn epoch_of(&self, offset: i64) -> i32 {
        self.epochs.iter().rev().find(|(_, from)| *from <= offset).map_or(0, |(epoch, _)| *epoch)
    }

    /// Where the segment begins that is written to: compaction leaves it alone.
    pub(crate) fn active_from(&self) -> i64 {
        self.active.from
    }

    pub(crate) fn cleaned_to(&self) -> i64 {
        self.cleaned_to
    }

    /// Begins another segment if the batch that is to be appended does not belong to the one that is written to.
    pub(crate) fn roll(&mut self, size: usize, timestamp: i64, rolling: Rolling) {
        let is_full = self.active.bytes + size > rolling.bytes;
        let is_old = self.active.first_ms.is_some_and(|first| timestamp.saturating_sub(first) > rolling.ms);
        if self.active.bytes > 0 && (is_full || is_old) {
            self.active = Active { from: self.end, ..Active::default() };
        }
        self.active.bytes += size;
        self.active.first_ms.get_or_insert(timestamp);
    }

    /// Replaces every batch that ends before `until` by what `make` leaves of it. Gives the number of bytes freed.
    pub(crate) fn rewrite(&mut self, until: i64, make: impl Fn(&StoredBatch) -> Option<StoredBatch>) -> usize {
        let before = self.bytes;
        let old = std::mem::take(&mut self.batches);
        self.batches = old
            .into_iter()
            .filter_map(|batch| if batch.last_offset < until { make(&batch) } else { Some(batch) })
            .collect();
        self.bytes = self.batches.iter().map(|batch| batch.raw.len()).sum();
        self.cleaned_to = self.cleaned_to.max(until);
        before - self.bytes
    }

    /// Appends a checked batch and gives its base offset. `append_ms` replaces the timestamps.
    pub(crate) fn append(&mut self, raw: &[u8], header: &Header, append_ms: Option<i64>) -> i64 {
        let base = self.end;
        let raw = batch::stamped(raw, base, self.epoch(), append_ms);
        let last = base + i64::from(header.last_offset_delta);
        if header.is_transactional() && !header.is_control() {
            self.open.entry(header.producer_id).or_insert(base);
        }
        self.bytes += raw.len();
        self.batches.push_back(StoredBatch {
            last_offset: last,
            max_timestamp: append_ms.unwrap_or(header.max_timestamp),
            raw,
            cleaned_at: None,
            has_tombstones: false,
        });
        self.end = last + 1;
        base
    }

    /// Ends a producer's transaction with a control batch.
    pub(crate) fn append_marker(&mut self, marker: batch::Marker, now_ms: i64) -> i64 {
        let raw = batch::control(marker, now_ms);
        let offset = self.append(&raw, &batch::header(&raw), None);
        if let Some(first_offset) = self.open.remove(&marker.producer_id)
            && !marker.commit
        {
            self.aborted.push(Aborted { producer_id: marker.producer_id, first_offset, last_offset: offset });
        }
        offset
    }

    fn index_of(&self, offset: i64) -> usize {
        self.batches.partition_point(|b| b.last_offset < offset)
    }

    /// Whole batches from `offset` on that end before `until`, up to `max_bytes`; one that alone is
    /// larger is given if `at_least_one`. The first batch may begin before `offset`.
    pub(crate) fn read(&self, offset: i64, until: i64, max_bytes: usize, at_least_one: bool) -> Vec<Bytes> {
        let mut found = Vec::new();
        let mut size = 0;
        for batch in self.batches.range(self.index_of(offset)..) {
            let fits = size + batch.raw.len() <= max_bytes;
            if batch.last_offset >= until || !(fits || at_least_one && found.is_empty()) {
                break;
            }
            size += batch.raw.len();
            found.push(batch.raw.clone());
        }
        found
    }

    /// Bytes that could be read from `offset`, counted up to `enough`.
    pub(crate) fn available(&self, offset: i64, until: i64, enough: usize) -> usize {
        let mut size = 0;
        for batch in self.batches.range(self.index_of(offset)..) {
            if batch.last_offset >= until || size >= enough {
                break;
            }
            size += batch.raw.len();
        }
        size
    }

    /// Aborted transactions that overlap the offsets from `from` up to, not including, `until`.
    pub(crate) fn aborted(&self, from: i64, until: i64) -> Vec<Aborted> {
        self.aborted.iter().filter(|a| a.last_offset >= from && a.first_offset < until).copied().collect()
    }

    /// The first record that is not older than `timestamp`.
    pub(crate) fn find_by_time(&self, timestamp: i64) -> TimedOffset {
        self.batches
            .iter()
            .filter(|batch| batch.max_timestamp >= timestamp)
            .filter_map(|batch| records::read(&batch.raw).ok())
            .flatten()
            .find(|record| record.timestamp >= timestamp && record.offset >= self.start)
            .map_or(TimedOffset::NONE, |record| TimedOffset { offset: record.offset, timestamp: record.timestamp })
    }

    /// The earliest record with the greatest timestamp.
    pub(crate) fn find_max_time(&self) -> TimedOffset {
        let Some(greatest) = self.batches.iter().map(|b| b.max_timestamp).max() else {
            return TimedOffset::NONE;
        };
        self.find_by_time(greatest)
    }

    /// Moves the start of the log up to `offset` and frees what lies wholly before it. Gives the
    /// number of bytes freed.
    pub(crate) fn delete_before(&mut self, offset: i64) -> usize {
        self.start = self.start.max(offset.min(self.end));
        let mut freed = 0;
        while let Some(first) = self.batches.front()
            && first.last_offset < self.start
        {
            freed += first.raw.len();
            self.batches.pop_front();
        }
        self.bytes -= freed;
        self.aborted.retain(|a| a.last_offset >= self.start);
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Marker;
    use crate::batch::testing::{batch_of, plain};
    use kafka_protocol::records::Compression;
    use proptest::prelude::*;

    fn append(log: &mut Log, count: usize) -> i64 {
        let raw = plain(count);
        log.append(&raw, &batch::header(&raw), None)
    }

    fn append_in_transaction(log: &mut Log, producer_id: i64) -> i64 {
        let raw = plain(1);
        let header =
            Header { attributes: 1 << 4, producer_id, producer_epoch: 0, base_sequence: 0, ..batch::header(&raw) };
        log.append(&raw, &header, None)
    }

    fn offsets(batches: &[Bytes]) -> Vec<i64> {
        batches.iter().map(|raw| batch::header(raw).base_offset).collect()
    }

    #[test]
    fn the_last_stable_offset_is_the_first_of_the_oldest_open_transaction() {
        let mut log = Log::default();
        append(&mut log, 2);
        append_in_transaction(&mut log, 7);
        append_in_transaction(&mut log, 8);
        append_in_transaction(&mut log, 7);
        assert_eq!(log.last_stable(), 2);
        let end = |producer_id, commit| Marker { producer_id, producer_epoch: 0, commit };
        assert_eq!(log.append_marker(end(7, false), 0), 5);
        assert_eq!(log.last_stable(), 3);
        assert_eq!(log.append_marker(end(8, true), 0), 6);
        assert_eq!((log.last_stable(), log.end()), (7, 7));
        let aborted = Aborted { producer_id: 7, first_offset: 2, last_offset: 5 };
        assert_eq!(log.aborted(0, 7), [aborted]);
        assert_eq!(log.aborted(5, 7), [aborted]);
        assert_eq!(log.aborted(6, 7), []);
        assert_eq!(log.aborted(0, 2), []);
    }

    #[test]
    fn a_batch_larger_than_the_limit_is_read_only_where_one_must_be() {
        let mut log = Log::default();
        append(&mut log, 5);
        append(&mut log, 5);
        assert_eq!(offsets(&log.read(0, 10, 1, true)), [0]);
        assert!(log.read(0, 10, 1, false).is_empty());
        assert_eq!(offsets(&log.read(7, 10, 1 << 20, false)), [5]);
        assert_eq!(offsets(&log.read(0, 9, 1 << 20, true)), [0]);
        assert!(log.read(10, 10, 1 << 20, true).is_empty());
    }

    proptest! {
        #[test]
        fn every_offset_is_read_once_and_in_order(
            counts in proptest::collection::vec(1usize..10, 1..40),
            limit in 1usize..5_000,
            cut in 0i64..200,
        ) {
            let mut log = Log::default();
            let mut bytes = 0;
            for count in counts {
                let base = append(&mut log, count);
                prop_assert_eq!(base + count as i64, log.end());
                bytes += plain(count).len();
            }
            prop_assert_eq!(log.bytes(), bytes);
            let freed = log.delete_before(cut);
            prop_assert_eq!(log.bytes(), bytes - freed);
            prop_assert_eq!(log.start(), cut.min(log.end()));
            let mut next = log.start();
            while next < log.end() {
                let found = log.read(next, log.end(), limit, true);
                prop_assert!(!found.is_empty());
                for raw in found {
                    let header = batch::header(&raw);
                    prop_assert!(header.base_offset <= next);
                    prop_assert!(header.base_offset + i64::from(header.last_offset_delta) >= next);
                    next = header.base_offset + i64::from(header.last_offset_delta) + 1;
                }
            }
            prop_assert_eq!(next, log.end());
        }

        #[test]
        fn a_search_by_time_finds_the_first_that_is_not_older(
            batches in proptest::collection::vec(proptest::collection::vec(0i64..100, 1..5), 0..10),
            time in 0i64..110,
            cut in 0i64..20,
        ) {
            let mut log = Log::default();
            for timestamps in &batches {
                let raw = batch_of(timestamps, None, Compression::None);
                log.append(&raw, &batch::header(&raw), None);
            }
            log.delete_before(cut);
            let all: Vec<(i64, i64)> = batches.concat().into_iter().enumerate()
                .map(|(offset, timestamp)| (offset as i64, timestamp))
                .filter(|(offset, _)| *offset >= log.start())
                .collect();
            let first = all.iter().find(|(_, timestamp)| *timestamp >= time);
            let expected = first.map_or(TimedOffset::NONE, |(offset, timestamp)| TimedOffset {
                offset: *offset,
                timestamp: *timestamp,
            });
            prop_assert_eq!(log.find_by_time(time), expected);
        }
    }
}
