//! Fetch: whole batches as they were produced, waiting for them where asked to.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, ProducerId};
use tokio::time::Instant;

use super::Call;
use crate::batch;
use crate::broker::Broker;
use crate::codes;
use crate::topics::Partition;

/// Kafka's `fetch.max.bytes`.
const MAX_BYTES: usize = 57_671_680;

pub(super) async fn handle(call: &Call<'_>, request: FetchRequest) -> FetchResponse {
    // No sessions are kept: every fetch names all that it wants.
    if request.session_id != 0 && request.session_epoch > 0 {
        return FetchResponse::default().with_error_code(codes::FETCH_SESSION_ID_NOT_FOUND);
    }
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + wait;
    while !is_ready(call, &request) {
        let woken = tokio::time::timeout_at(deadline, call.conn.waiter.notified()).await;
        if woken.is_err() {
            break;
        }
    }
    respond(call, &request)
}

/// The name of a topic that a request gives by name or by id.
fn name_of<'a>(broker: &'a Broker, version: i16, topic: &'a FetchTopic) -> Option<&'a str> {
    match version >= 13 {
        true => broker.topics.name_of(&topic.topic_id),
        false => Some(topic.topic.as_str()),
    }
}

/// The end of what a consumer may read.
fn readable_end(partition: &Partition, committed: bool) -> i64 {
    match committed {
        true => partition.log.last_stable(),
        false => partition.log.end(),
    }
}

/// The error of a partition that cannot be read from where it is asked to.
fn check(partition: &Partition, node: i32, asked: &FetchPartition) -> Result<(), i16> {
    partition.check_leader(node)?;
    partition.check_epoch(asked.current_leader_epoch)?;
    let log = &partition.log;
    match (log.start()..=log.end()).contains(&asked.fetch_offset) {
        true => Ok(()),
        false => Err(codes::OFFSET_OUT_OF_RANGE),
    }
}

/// Whether there is enough to answer with, or an error to tell. If not, the connection is noted
/// with every partition, to be woken.
fn is_ready(call: &Call<'_>, request: &FetchRequest) -> bool {
    if request.max_wait_ms <= 0 {
        return true;
    }
    let mut broker = call.broker();
    let committed = request.isolation_level == 1;
    let wanted = usize::try_from(request.min_bytes).unwrap_or(0);
    let mut found = 0;
    for topic in &request.topics {
        let Some(name) = name_of(&broker, call.version, topic) else {
            return true;
        };
        for asked in &topic.partitions {
            let fault = call.injected.error_for(name, asked.partition);
            let Some(partition) = broker.topics.partition(name, asked.partition) else {
                return true;
            };
            if fault.is_some() || check(partition, call.conn.node, asked).is_err() {
                return true;
            }
            let until = readable_end(partition, committed);
            let limit = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
            let size = partition.log.available(asked.fetch_offset, until, wanted.max(1));
            found += size.min(limit.max(1));
        }
    }
    if found >= wanted {
        return true;
    }
    note_waiter(call, &mut broker, request);
    false
}

fn note_waiter(call: &Call<'_>, broker: &mut Broker, request: &FetchRequest) {
    for topic in &request.topics {
        let Some(name) = name_of(broker, call.version, topic).map(str::to_owned) else {
            continue;
        };
        for asked in &topic.partitions {
            if let Some(partition) = broker.topics.partition_mut(&name, asked.partition) {
                partition.waiters.add(call.conn.id, &call.conn.waiter);
            }
        }
    }
}

fn respond(call: &Call<'_>, request: &FetchRequest) -> FetchResponse {
    let broker = call.broker();
    let mut reader = Reader {
        call,
        committed: request.isolation_level == 1,
        left: usize::try_from(request.max_bytes).map_or(MAX_BYTES, |n| n.min(MAX_BYTES)),
        is_empty: true,
    };
    let responses = request.topics.iter().map(|topic| {
        let name = name_of(&broker, call.version, topic);
        let partitions = topic.partitions.iter().map(|asked| match name {
            Some(name) => reader.read(name, broker.topics.partition(name, asked.partition), asked),
            None => refuse(asked.partition, codes::UNKNOWN_TOPIC_ID),
        });
        FetchableTopicResponse::default()
            .with_topic(topic.topic.clone())
            .with_topic_id(topic.topic_id)
            .with_partitions(partitions.collect())
    });
    FetchResponse::default().with_responses(responses.collect())
}

fn refuse(index: i32, code: i16) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_error_code(code)
        .with_high_watermark(-1)
        .with_last_stable_offset(-1)
        .with_log_start_offset(-1)
        .with_preferred_read_replica(BrokerId(-1))
        .with_records(Some(Bytes::new()))
}

/// Reads partition after partition within what the request allows.
struct Reader<'a> {
    call: &'a Call<'a>,
    committed: bool,
    /// Bytes that the answer may still grow by.
    left: usize,
    /// No batch was read yet: the first may be larger than the limits, or no consumer would pass it.
    is_empty: bool,
}

impl Reader<'_> {
    fn read(&mut self, topic: &str, partition: Option<&Partition>, asked: &FetchPartition) -> PartitionData {
        let index = asked.partition;
        if let Some(code) = self.call.injected.error_for(topic, index) {
            return refuse(index, code);
        }
        let Some(partition) = partition else {
            return refuse(index, codes::UNKNOWN_TOPIC_OR_PARTITION);
        };
        if let Err(code) = check(partition, self.call.conn.node, asked) {
            return refuse(index, code);
        }
        let log = &partition.log;
        let until = readable_end(partition, self.committed);
        let limit = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
        let limit = limit.min(self.left);
        let mut batches = log.read(asked.fetch_offset, until, limit, self.is_empty);
        if self.call.injected.corrupts(topic, index) {
            batches = batches.iter().map(|raw| batch::corrupted(raw)).collect();
        }
        let last = batches.last().map(|raw| batch::header(raw));
        let read_to = last.map_or(asked.fetch_offset, |h| h.base_offset + i64::from(h.last_offset_delta) + 1);
        let records = join(batches);
        self.left = self.left.saturating_sub(records.len());
        self.is_empty &= records.is_empty();
        let aborted = self.committed.then(|| {
            let aborted = log.aborted(asked.fetch_offset, read_to).into_iter();
            let aborted = aborted.map(|a| {
                AbortedTransaction::default()
                    .with_producer_id(ProducerId(a.producer_id))
                    .with_first_offset(a.first_offset)
            });
            aborted.collect()
        });
        PartitionData::default()
            .with_partition_index(index)
            .with_high_watermark(log.end())
            .with_last_stable_offset(log.last_stable())
            .with_log_start_offset(log.start())
            .with_preferred_read_replica(BrokerId(-1))
            .with_aborted_transactions(aborted)
            .with_records(Some(records))
    }
}

/// One buffer of all batches; a single batch is not copied.
fn join(mut batches: Vec<Bytes>) -> Bytes {
    if batches.len() == 1 {
        return batches.pop().unwrap_or_default();
    }
    let size = batches.iter().map(Bytes::len).sum();
    let mut all = BytesMut::with_capacity(size);
    for raw in batches {
        all.extend_from_slice(&raw);
    }
    all.freeze()
}
