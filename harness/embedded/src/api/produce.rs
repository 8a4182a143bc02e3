//! Produce: batches checked, put in sequence and appended.

use bytes::Bytes;
use kafka_protocol::messages::produce_response::{LeaderIdAndEpoch, PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::{Call, text};
use crate::batch::{self, Header, Refused};
use crate::broker::Broker;
use crate::codes;
use crate::faults::Kept;
use crate::producers::Sequenced;
use crate::records;
use crate::spoilt;
use crate::topic_config::TopicConfig;

/// Zstandard came with this version.
const ZSTD_SINCE: i16 = 7;
const ZSTD: i16 = 4;

pub(super) fn handle(call: &Call<'_>, request: ProduceRequest) -> ProduceResponse {
    let mut broker = call.broker();
    let append = Append {
        acks: request.acks,
        version: call.version,
        node: call.conn.node,
        transactional_id: request.transactional_id.map(|id| id.to_string()),
    };
    let responses = request.topic_data.into_iter().map(|topic| {
        let name = topic.name;
        let partitions = topic.partition_data.into_iter().map(|partition| {
            let index = partition.index;
            let result = match call.injected.error_for(&name, index) {
                Some(code) => Err(refused(code, "a fault was injected")),
                None => {
                    let kept = call.injected.kept(&name, index);
                    append.one(&mut broker, (&name, index), partition.records, kept)
                }
            };
            answer(index, result)
        });
        let partitions = partitions.collect();
        TopicProduceResponse::default().with_partition_responses(partitions).with_name(name)
    });
    ProduceResponse::default().with_responses(responses.collect())
}

fn refused(code: i16, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

/// Where a batch was put.
struct Appended {
    base_offset: i64,
    append_ms: Option<i64>,
    log_start: i64,
}

fn answer(index: i32, result: Result<Appended, Refused>) -> PartitionProduceResponse {
    let response =
        PartitionProduceResponse::default().with_index(index).with_current_leader(LeaderIdAndEpoch::default());
    match result {
        Ok(appended) => response
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.append_ms.unwrap_or(-1))
            .with_log_start_offset(appended.log_start),
        Err(refused) => response
            .with_error_code(refused.code)
            .with_error_message(Some(text(&refused.message)))
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(-1),
    }
}

/// What all partitions of a request share.
struct Append {
    acks: i16,
    version: i16,
    node: i32,
    transactional_id: Option<String>,
}

impl Append {
    fn one(
        &self,
        broker: &mut Broker,
        (topic, index): (&str, i32),
        records: Option<Bytes>,
        kept: Option<Kept>,
    ) -> Result<Appended, Refused> {
        if !(-1..=1).contains(&self.acks) {
            return Err(refused(codes::INVALID_REQUIRED_ACKS, "acks is none of 0, 1, -1"));
        }
        let unknown = || refused(codes::UNKNOWN_TOPIC_OR_PARTITION, "no such partition");
        let partition = broker.topics.partition(topic, index).ok_or_else(unknown)?;
        partition.check_leader(self.node).map_err(|code| refused(code, "another broker leads this partition"))?;
        let in_sync = partition.in_sync(&broker.nodes).len();
        let replicas = partition.replicas.len();
        let config = &broker.topics.get(topic).ok_or_else(unknown)?.config;
        if self.acks == -1 && in_sync < config.min_insync_replicas.min(replicas) {
            let message = format!("{in_sync} of {replicas} replicas are in sync");
            return Err(refused(codes::NOT_ENOUGH_REPLICAS, message));
        }
        let raw = records.unwrap_or_default();
        let header = batch::validate(&raw, config.max_message_bytes)?;
        self.check_content(&raw, &header, config, broker.wall_ms())?;
        self.check_transaction(broker, &header, topic, index)?;
        let size = raw.len();
        let append_ms = config.log_append_time.then(|| broker.wall_ms());
        let rolling = config.rolling;
        if let Some(known) = check_sequence(broker, topic, index, &header)? {
            return Ok(known);
        }
        make_room(broker, size)?;
        let partition = broker.topics.partition_mut(topic, index);
        let partition = partition.ok_or_else(unknown)?;
        partition.log.roll(size, append_ms.unwrap_or(header.max_timestamp), rolling);
        let base_offset = partition.log.end();
        let kept = spoilt::kept(raw, kept);
        let size: usize = kept.iter().map(Bytes::len).sum();
        kept.iter().for_each(|raw| _ = partition.log.append(raw, &header, append_ms));
        if header.is_idempotent() {
            partition.producers.appended(&header, base_offset, append_ms);
        }
        partition.waiters.wake();
        let log_start = partition.log.start();
        broker.bytes += size;
        Ok(Appended { base_offset, append_ms, log_start })
    }

    fn check_content(&self, raw: &Bytes, header: &Header, config: &TopicConfig, now_ms: i64) -> Result<(), Refused> {
        if header.compression() == ZSTD && self.version < ZSTD_SINCE {
            let message = "zstd needs version 7 of the produce request";
            return Err(refused(codes::UNSUPPORTED_COMPRESSION_TYPE, message));
        }
        let age = now_ms.saturating_sub(header.max_timestamp);
        let outside = age > config.timestamp_before_max_ms || age.saturating_neg() > config.timestamp_after_max_ms;
        if !config.log_append_time && header.max_timestamp >= 0 && outside {
            let message = format!("timestamp {} is too far from the broker's time {now_ms}", header.max_timestamp);
            return Err(refused(codes::INVALID_TIMESTAMP, message));
        }
        if config.compact {
            let records = records::read(raw);
            let records = records.map_err(|e| refused(codes::INVALID_RECORD, e.to_string()))?;
            if records.iter().any(|record| !record.has_key) {
                let message = "compacted topics take no record without a key";
                return Err(refused(codes::INVALID_RECORD, message));
            }
        }
        Ok(())
    }

    fn check_transaction(&self, broker: &Broker, header: &Header, topic: &str, index: i32) -> Result<(), Refused> {
        if !header.is_transactional() {
            return Ok(());
        }
        let id = self.transactional_id.as_deref().unwrap_or_default();
        let key = (topic.to_owned(), index);
        broker
            .transactions
            .may_write(id, header.producer_id, header.producer_epoch, &key)
            .map_err(|code| refused(code, "the partition is in no open transaction of the producer"))
    }
}

/// Where the batch is, if it was appended before.
fn check_sequence(broker: &Broker, topic: &str, index: i32, header: &Header) -> Result<Option<Appended>, Refused> {
    let Some(partition) = broker.topics.partition(topic, index) else {
        return Ok(None);
    };
    if !header.is_idempotent() {
        return Ok(None);
    }
    match partition.producers.check(header) {
        Ok(Sequenced::Next) => Ok(None),
        Ok(Sequenced::Duplicate { base_offset, append_ms }) => {
            Ok(Some(Appended { base_offset, append_ms, log_start: partition.log.start() }))
        }
        Err(code) => Err(refused(code, "out of sequence, or of an older epoch")),
    }
}

/// Refuses what would exceed the limit on memory, unless retention can make room.
fn make_room(broker: &mut Broker, size: usize) -> Result<(), Refused> {
    let limit = broker.config.memory_limit;
    if broker.bytes + size > limit {
        broker.enforce_retention();
    }
    if broker.bytes + size > limit {
        let message = format!("the embedded broker's memory limit of {limit} bytes is reached");
        tracing::error!(limit, kept = broker.bytes, size, "{message}");
        return Err(refused(codes::POLICY_VIOLATION, message));
    }
    Ok(())
}
