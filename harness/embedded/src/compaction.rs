//! Compaction: of a key's records only the last is kept, and a tombstone for a while.
//!
//! The rules are those of Kafka's log cleaner. Only closed segments are cleaned: the segment that is written to is left
//! alone, and so is an open transaction and what is younger than `min.compaction.lag.ms`. A partition is cleaned once
//! more than `min.cleanable.dirty.ratio` of what could be cleaned was not cleaned before, or something in it is older
//! than `max.compaction.lag.ms`. Records of aborted transactions go; markers stay. Offsets never change, so a compacted
//! log has gaps; a cleaned batch keeps its header's offsets and sequence.

use std::collections::HashMap;

use bytes::Bytes;

use crate::batch;
use crate::log::{Aborted, Log, StoredBatch};
use crate::records::{self, Contents, RawRecord};
use crate::topic_config::TopicConfig;

/// Cleans a partition if it is due; gives the bytes freed.
pub(crate) fn compact(log: &mut Log, config: &TopicConfig, now_ms: i64) -> usize {
    if !config.compact {
        return 0;
    }
    let until = cleanable_until(log, config, now_ms);
    if !is_due(log, config, until, now_ms) {
        return 0;
    }
    let latest = latest_of_keys(log, until);
    let tombstone_ms = config.delete_retention_ms;
    let aborted = log.aborted(0, i64::MAX);
    log.rewrite(until, |batch| {
        let header = batch::header(&batch.raw);
        if header.is_control() {
            return Some(batch.clone());
        }
        if is_aborted(&aborted, &header) {
            return None;
        }
        let horizon = batch.cleaned_at.is_some_and(|at| now_ms.saturating_sub(at) > tombstone_ms);
        let stays = |record: &RawRecord<'_>| {
            let is_last =
                record.key.is_some_and(|key| latest.get(key) == Some(&(header.base_offset + record.offset_delta)));
            is_last && !(record.is_tombstone() && horizon)
        };
        cleaned(batch, &stays, now_ms)
    })
}

/// Up to which offset segments are closed, stable and old enough.
fn cleanable_until(log: &Log, config: &TopicConfig, now_ms: i64) -> i64 {
    let closed = log.active_from().min(log.last_stable());
    let young = |batch: &&StoredBatch| now_ms.saturating_sub(batch.max_timestamp) < config.min_compaction_lag_ms;
    let first_young = log.batches().find(young).map(|batch| batch::header(&batch.raw).base_offset);
    first_young.unwrap_or(closed).min(closed)
}

fn is_due(log: &Log, config: &TopicConfig, until: i64, now_ms: i64) -> bool {
    let cleanable = || log.batches().filter(move |batch| batch.last_offset < until);
    let dirty = || cleanable().filter(|batch| batch.last_offset >= log.cleaned_to());
    let bytes = |batches: &mut dyn Iterator<Item = &StoredBatch>| batches.map(|batch| batch.raw.len()).sum::<usize>();
    let (all, dirty_bytes) = (bytes(&mut cleanable()), bytes(&mut dirty()));
    let overdue = dirty().any(|batch| now_ms.saturating_sub(batch.max_timestamp) > config.max_compaction_lag_ms);
    let ended = cleanable().any(|batch| {
        batch.has_tombstones
            && batch.cleaned_at.is_some_and(|at| now_ms.saturating_sub(at) > config.delete_retention_ms)
    });
    all > 0 && (ended || dirty_bytes > 0 && (overdue || dirty_bytes as f64 / all as f64 > config.min_dirty_ratio))
}

fn is_aborted(aborted: &[Aborted], header: &batch::Header) -> bool {
    let within = |a: &Aborted| (a.first_offset..a.last_offset).contains(&header.base_offset);
    header.is_transactional() && aborted.iter().any(|a| a.producer_id == header.producer_id && within(a))
}

/// Of every key the offset of its last record that counts.
fn latest_of_keys(log: &Log, until: i64) -> HashMap<Vec<u8>, i64> {
    let aborted = log.aborted(0, i64::MAX);
    let mut latest = HashMap::new();
    for batch in log.batches().take_while(|batch| batch.last_offset < until) {
        let header = batch::header(&batch.raw);
        if header.is_control() || is_aborted(&aborted, &header) {
            continue;
        }
        let Ok(contents) = Contents::of(&batch.raw) else { continue };
        for record in contents.iter().flatten() {
            if let Some(key) = record.key {
                latest.insert(key.to_vec(), header.base_offset + record.offset_delta);
            }
        }
    }
    latest
}

/// The batch with the records that stay; none if none does. What cannot be read is kept as it is.
fn cleaned(batch: &StoredBatch, stays: &dyn Fn(&RawRecord<'_>) -> bool, now_ms: i64) -> Option<StoredBatch> {
    let Ok(contents) = Contents::of(&batch.raw) else { return Some(batch.clone()) };
    let Ok(all) = contents.iter().collect::<Result<Vec<_>, _>>() else { return Some(batch.clone()) };
    let kept: Vec<&RawRecord<'_>> = all.iter().filter(|record| stays(record)).collect();
    if kept.is_empty() {
        return None;
    }
    let has_tombstones = kept.iter().any(|record| record.is_tombstone());
    let cleaned_at = batch.cleaned_at.or(Some(now_ms));
    if kept.len() == all.len() {
        return Some(StoredBatch { has_tombstones, cleaned_at, ..batch.clone() });
    }
    let body: Vec<u8> = kept.iter().flat_map(|record| record.bytes.iter().copied()).collect();
    let compression = batch::header(&batch.raw).compression();
    let body = records::compress(&Bytes::from(body), compression)?;
    let raw = batch::with_records(&batch.raw, &body, kept.len());
    Some(StoredBatch { raw, has_tombstones, cleaned_at, ..batch.clone() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::BytesMut;
    use kafka_protocol::records::Compression;
    use proptest::prelude::*;

    use super::*;
    use crate::batch::Marker;
    use crate::batch::testing::{Content, batch_with};

    const SEGMENT: i64 = 1000;

    fn config(more: &[(&str, &str)]) -> TopicConfig {
        let set = [("cleanup.policy", "compact"), ("segment.ms", "1000"), ("min.cleanable.dirty.ratio", "0.01")];
        let set = set.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TopicConfig::new(set.collect::<BTreeMap<_, _>>(), 1 << 20)
    }

    /// A record: its key, and its value if it is no tombstone.
    type Pair = (u8, Option<u8>);

    fn append(log: &mut Log, config: &TopicConfig, timestamp: i64, pairs: &[Pair], codec: Compression) {
        let content = |(key, value): &Pair| Content {
            timestamp,
            key: Some(Bytes::from(vec![*key])),
            value: value.map(|value| Bytes::from(vec![value; 20])),
        };
        let raw = batch_with(&pairs.iter().map(content).collect::<Vec<_>>(), None, codec);
        log.roll(raw.len(), timestamp, config.rolling);
        log.append(&raw, &batch::header(&raw), None);
    }

    /// Closes the segment that is written to, with a record of its own.
    fn close(log: &mut Log, config: &TopicConfig, timestamp: i64) {
        append(log, config, timestamp, &[(255, Some(1))], Compression::None);
    }

    /// Every record of the log: offset, key, whether it is a tombstone.
    fn records(log: &Log) -> Vec<(i64, u8, bool)> {
        let mut all = Vec::new();
        for batch in log.batches() {
            let base = batch::header(&batch.raw).base_offset;
            let contents = Contents::of(&batch.raw).unwrap();
            for record in contents.iter().map(Result::unwrap) {
                all.push((base + record.offset_delta, record.key.unwrap()[0], record.is_tombstone()));
            }
        }
        all
    }

    proptest! {
        #[test]
        fn of_every_key_the_last_record_stays_where_it_was(
            batches in proptest::collection::vec(
                proptest::collection::vec((0u8..6, proptest::option::weighted(0.8, any::<u8>())), 1..8), 1..12),
            codec in 0usize..5,
        ) {
            use Compression::{Gzip, Lz4, None, Snappy, Zstd};
            let codec = [None, Gzip, Snappy, Lz4, Zstd][codec];
            let (mut log, config) = (Log::default(), config(&[]));
            batches.iter().for_each(|pairs| append(&mut log, &config, 0, pairs, codec));
            close(&mut log, &config, 2 * SEGMENT);
            let (before, bytes) = (records(&log), log.bytes());
            let freed = compact(&mut log, &config, 2 * SEGMENT);
            let last = |(offset, key, _): &(i64, u8, bool)| !before.iter().any(|later| later.1 == *key && later.0 > *offset);
            let expected: Vec<_> = before.iter().copied().filter(last).collect();
            prop_assert_eq!(records(&log), expected);
            prop_assert_eq!(log.bytes() + freed, bytes);
            for batch in log.batches() {
                prop_assert!(batch::is_intact(&batch.raw));
            }
            let after = records(&log);
            prop_assert_eq!(compact(&mut log, &config, 2 * SEGMENT), 0);
            prop_assert_eq!(records(&log), after);
        }
    }

    #[test]
    fn what_is_written_to_what_is_young_and_what_is_mostly_clean_is_left_alone() {
        let (mut log, plain) = (Log::default(), config(&[]));
        append(&mut log, &plain, 0, &[(1, Some(1)), (1, Some(2))], Compression::None);
        assert_eq!(compact(&mut log, &plain, 0), 0, "the only segment is written to");
        close(&mut log, &plain, 2 * SEGMENT);
        let lag = config(&[("min.compaction.lag.ms", "5000")]);
        assert_eq!(compact(&mut log, &lag, 2 * SEGMENT), 0);
        let delete = TopicConfig::new(BTreeMap::new(), 1 << 20);
        assert_eq!(compact(&mut log, &delete, 2 * SEGMENT), 0);
        assert!(compact(&mut log, &plain, 2 * SEGMENT) > 0);
        append(&mut log, &plain, 4 * SEGMENT, &[(1, Some(3))], Compression::None);
        let lazy = config(&[("min.cleanable.dirty.ratio", "0.9")]);
        assert_eq!(compact(&mut log, &lazy, 4 * SEGMENT), 0, "half of it is clean");
        close(&mut log, &plain, 6 * SEGMENT);
        let overdue = config(&[("min.cleanable.dirty.ratio", "0.9"), ("max.compaction.lag.ms", "1000")]);
        assert!(compact(&mut log, &overdue, 9 * SEGMENT) > 0);
    }

    #[test]
    fn a_tombstone_goes_after_its_time() {
        let (mut log, config) = (Log::default(), config(&[("delete.retention.ms", "5000")]));
        append(&mut log, &config, 0, &[(1, Some(1)), (1, None)], Compression::None);
        close(&mut log, &config, 2 * SEGMENT);
        compact(&mut log, &config, 2 * SEGMENT);
        assert_eq!(records(&log)[0], (1, 1, true));
        assert_eq!(compact(&mut log, &config, 7 * SEGMENT), 0);
        assert!(compact(&mut log, &config, 7 * SEGMENT + 1) > 0);
        assert_eq!(records(&log), [(2, 255, false)]);
    }

    #[test]
    fn what_was_aborted_goes_and_hides_nothing() {
        let (mut log, config) = (Log::default(), config(&[]));
        append(&mut log, &config, 0, &[(1, Some(1))], Compression::None);
        let content = Content { timestamp: 0, key: Some(Bytes::from_static(&[1])), value: Some(Bytes::new()) };
        let mut raw = BytesMut::from(&batch_with(&[content], Some((7, 0, 0)), Compression::None)[..]);
        // The low byte of the attributes: transactional.
        raw[22] |= 1 << 4;
        log.append(&raw, &batch::header(&raw), None);
        let marker = Marker { producer_id: 7, producer_epoch: 0, commit: false };
        log.append_marker(marker, 0);
        close(&mut log, &config, 2 * SEGMENT);
        compact(&mut log, &config, 2 * SEGMENT);
        let left: Vec<_> = records(&log).iter().map(|(offset, ..)| *offset).collect();
        assert_eq!(left, [0, 2, 3], "the first value, the marker and the record that closed the segment");
    }
}
