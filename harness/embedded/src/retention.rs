//! Retention by age and by size.
//!
//! Kafka removes whole segments; here a batch is the unit, so that a short retention acts at once.

use crate::log::Log;
use crate::topic_config::TopicConfig;

/// Removes from the head of the log what is too old or too much; gives the bytes freed.
pub(crate) fn enforce(log: &mut Log, config: &TopicConfig, now_ms: i64) -> usize {
    let mut keep_from = log.start();
    let mut size = log.bytes();
    // Nothing of an open transaction is removed.
    let stable = log.last_stable();
    for batch in log.batches() {
        let age = now_ms.saturating_sub(batch.max_timestamp);
        let old = batch.max_timestamp >= 0 && config.retention_ms.is_some_and(|ms| age > ms);
        let after = size - batch.raw.len();
        let much = config.retention_bytes.is_some_and(|limit| after >= limit);
        if batch.last_offset >= stable || !(old || much) {
            break;
        }
        keep_from = batch.last_offset + 1;
        size = after;
    }
    if keep_from > log.start() { log.delete_before(keep_from) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::batch;
    use crate::batch::testing::batch_of;
    use kafka_protocol::records::Compression;
    use proptest::prelude::*;

    fn config(settings: &[(&str, String)]) -> TopicConfig {
        let set = settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
        TopicConfig::new(set.collect::<BTreeMap<_, _>>(), 1 << 20)
    }

    fn log(timestamps: &[i64]) -> Log {
        let mut log = Log::default();
        for timestamp in timestamps {
            let raw = batch_of(&[*timestamp], None, Compression::None);
            log.append(&raw, &batch::header(&raw), None);
        }
        log
    }

    proptest! {
        #[test]
        fn by_age_goes_what_is_too_old_up_to_the_first_that_is_not(
            timestamps in proptest::collection::vec(0i64..1000, 0..30),
            kept_ms in 0i64..1000,
        ) {
            let mut log = log(&timestamps);
            let before = log.bytes();
            let config = config(&[("retention.ms", kept_ms.to_string())]);
            let freed = enforce(&mut log, &config, 1000);
            let old = timestamps.iter().take_while(|t| 1000 - **t > kept_ms).count();
            prop_assert_eq!(log.start(), old as i64);
            prop_assert_eq!(log.bytes() + freed, before);
        }

        #[test]
        fn by_size_no_less_than_the_limit_is_kept(count in 0usize..30, limit in 0usize..6000) {
            let mut log = log(&vec![1000; count]);
            let (before, one) = (log.bytes(), log.bytes().checked_div(count).unwrap_or(0));
            let config = config(&[("retention.bytes", limit.to_string())]);
            enforce(&mut log, &config, 1000);
            prop_assert!(log.bytes() >= limit.min(before));
            prop_assert!(log.bytes() < limit + one.max(1) || log.bytes() == before);
        }
    }

    #[test]
    fn a_compacted_topic_and_an_open_transaction_keep_their_records() {
        let aged = ("retention.ms", "1".to_owned());
        let mut compacted = log(&[1, 2]);
        let config_compacted = config(&[aged.clone(), ("cleanup.policy", "compact".to_owned())]);
        assert_eq!(enforce(&mut compacted, &config_compacted, 1000), 0);

        let mut open = log(&[1]);
        let raw = batch_of(&[1], Some((7, 0, 0)), Compression::None);
        let header = batch::Header { attributes: 1 << 4, ..batch::header(&raw) };
        open.append(&raw, &header, None);
        enforce(&mut open, &config(&[aged]), 1000);
        assert_eq!((open.start(), open.end()), (1, 2));
    }
}
