//! ListOffsets: the ends of a partition, and offsets by time.

use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::Call;
use crate::codes;
use crate::log::TimedOffset;
use crate::topics::Partition;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
/// The same as the earliest where there is no second tier of storage.
const EARLIEST_LOCAL: i64 = -4;
/// The last offset in the second tier: there is none.
const LATEST_TIERED: i64 = -5;

pub(super) fn handle(call: &Call<'_>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let broker = call.broker();
    let committed = request.isolation_level == 1;
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let index = asked.partition_index;
            let partition = broker.topics.partition(&topic.name, index);
            let found = match (call.injected.error_for(&topic.name, index), partition) {
                (Some(code), _) => Err(code),
                (None, None) => Err(codes::UNKNOWN_TOPIC_OR_PARTITION),
                (None, Some(partition)) => find(partition, call.conn.node, asked, committed),
            };
            answer(index, found)
        });
        ListOffsetsTopicResponse::default().with_partitions(partitions.collect()).with_name(topic.name)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// An offset, with its timestamp, and the epoch in which it was or will be written.
type Found = (TimedOffset, i32);

fn find(partition: &Partition, node: i32, asked: &ListOffsetsPartition, committed: bool) -> Result<Found, i16> {
    partition.check_leader(node)?;
    partition.check_epoch(asked.current_leader_epoch)?;
    let log = &partition.log;
    let end = match committed {
        true => log.last_stable(),
        false => log.end(),
    };
    let plain = |offset| TimedOffset { offset, timestamp: -1 };
    let readable = |found: TimedOffset| match found.offset < end {
        true => found,
        false => TimedOffset::NONE,
    };
    let found = match asked.timestamp {
        LATEST => plain(end),
        EARLIEST | EARLIEST_LOCAL => plain(log.start()),
        MAX_TIMESTAMP => readable(log.find_max_time()),
        LATEST_TIERED => TimedOffset::NONE,
        timestamp => readable(log.find_by_time(timestamp)),
    };
    Ok((found, if found.offset >= 0 { log.epoch_of(found.offset) } else { -1 }))
}

fn answer(index: i32, found: Result<Found, i16>) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(index);
    match found {
        Ok((found, epoch)) => {
            response.with_timestamp(found.timestamp).with_offset(found.offset).with_leader_epoch(epoch)
        }
        Err(code) => response.with_error_code(code).with_timestamp(-1).with_offset(-1).with_leader_epoch(-1),
    }
}
