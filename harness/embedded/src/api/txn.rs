//! Producer ids and transactions.

use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::list_transactions_response::TransactionState as ListedTransaction;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::*;

use super::groups::own;
use super::{Call, text, topic_name};
use crate::broker::Broker;
use crate::codes;
use crate::groups::CommittedOffset;

/// Old versions know one name only for a producer that was replaced.
fn for_version(code: i16, version: i16, fenced_since: i16) -> i16 {
    match code {
        codes::PRODUCER_FENCED if version < fenced_since => codes::INVALID_PRODUCER_EPOCH,
        other => other,
    }
}

pub(super) fn init_producer_id(call: &Call<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let mut broker = call.broker();
    let known = (request.producer_id.0, request.producer_epoch);
    let current = Some(known).filter(|(id, _)| call.version >= 3 && *id >= 0);
    let result = match (call.error(), &request.transactional_id) {
        (Some(code), _) => Err(code),
        (None, None) => Ok((broker.new_producer_id(), 0)),
        (None, Some(id)) if id.is_empty() => Err(codes::INVALID_REQUEST),
        (None, Some(id)) => broker.init_transactional(id, request.transaction_timeout_ms, current),
    };
    let code = result.err().unwrap_or(codes::NONE);
    let (id, epoch) = result.unwrap_or((-1, -1));
    InitProducerIdResponse::default()
        .with_error_code(for_version(code, call.version, 4))
        .with_producer_id(ProducerId(id))
        .with_producer_epoch(epoch)
}

pub(super) fn add_partitions(call: &Call<'_>, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    let mut broker = call.broker();
    let id = request.v3_and_below_transactional_id.to_string();
    let producer = (request.v3_and_below_producer_id.0, request.v3_and_below_producer_epoch);
    let named = || {
        let topics = request.v3_and_below_topics.iter();
        topics.flat_map(|t| t.partitions.iter().map(|p| (t.name.to_string(), *p)))
    };
    let own_error = |broker: &Broker, topic: &str, index: i32| {
        let fault = call.injected.error_for(topic, index);
        let exists = broker.topics.partition(topic, index).is_some();
        fault.or((!exists).then_some(codes::UNKNOWN_TOPIC_OR_PARTITION))
    };
    // If one partition cannot be added, none is.
    let spoiled = named().any(|(topic, index)| own_error(&broker, &topic, index).is_some());
    let result = match spoiled {
        true => Err(codes::OPERATION_NOT_ATTEMPTED),
        false => broker.add_partitions(&id, producer, named()),
    };
    let code = for_version(result.err().unwrap_or(codes::NONE), call.version, 2);
    let topics = request.v3_and_below_topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|index| {
            let code = own_error(&broker, &topic.name, *index).unwrap_or(code);
            AddPartitionsToTxnPartitionResult::default().with_partition_index(*index).with_partition_error_code(code)
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(partitions.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics.collect())
}

pub(super) fn add_offsets(call: &Call<'_>, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let producer = (request.producer_id.0, request.producer_epoch);
    let result = match call.error() {
        Some(code) => Err(code),
        None => {
            let id = request.transactional_id.as_str();
            call.broker().add_offsets(id, producer, &request.group_id)
        }
    };
    let code = for_version(result.err().unwrap_or(codes::NONE), call.version, 2);
    AddOffsetsToTxnResponse::default().with_error_code(code)
}

pub(super) fn commit_offsets(call: &Call<'_>, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let mut broker = call.broker();
    let allowed = admit(&mut broker, &request);
    let group_id = request.group_id.to_string();
    let producer_id = request.producer_id.0;
    let topics = request.topics.into_iter().map(|topic| {
        let name = topic.name.to_string();
        let exists = broker.topics.get(&name).is_some();
        let partitions = topic.partitions.into_iter().map(|p| {
            let fault = call.injected.error_for(&name, p.partition_index);
            let code = match (fault, allowed) {
                (Some(code), _) | (None, Err(code)) => code,
                _ if !exists => codes::UNKNOWN_TOPIC_OR_PARTITION,
                _ => {
                    let committed = CommittedOffset {
                        offset: p.committed_offset,
                        leader_epoch: p.committed_leader_epoch,
                        metadata: own(&p.committed_metadata).unwrap_or_default(),
                    };
                    let group = broker.group_or_new(&group_id);
                    let pending = group.pending_offsets.entry(producer_id).or_default();
                    pending.insert((name.clone(), p.partition_index), committed);
                    codes::NONE
                }
            };
            TxnOffsetCommitResponsePartition::default().with_partition_index(p.partition_index).with_error_code(code)
        });
        let partitions = partitions.collect();
        TxnOffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

fn admit(broker: &mut Broker, request: &TxnOffsetCommitRequest) -> Result<(), i16> {
    let producer = (request.producer_id.0, request.producer_epoch);
    let group_id = request.group_id.as_str();
    broker.may_commit_offsets(&request.transactional_id, producer, group_id)?;
    let generation = request.generation_id;
    match broker.group(group_id) {
        None if generation < 0 => Ok(()),
        None => Err(codes::ILLEGAL_GENERATION),
        Some(group) => {
            let instance = own(&request.group_instance_id);
            group.validate_commit(&request.member_id, instance.as_deref(), generation, true)
        }
    }
}

pub(super) fn end(call: &Call<'_>, request: EndTxnRequest) -> EndTxnResponse {
    let producer = (request.producer_id.0, request.producer_epoch);
    let result = match call.error() {
        Some(code) => Err(code),
        None => {
            let id = request.transactional_id.as_str();
            call.broker().end_transaction(id, producer, request.committed)
        }
    };
    let code = for_version(result.err().unwrap_or(codes::NONE), call.version, 2);
    EndTxnResponse::default().with_error_code(code)
}

pub(super) fn list(call: &Call<'_>, request: ListTransactionsRequest) -> ListTransactionsResponse {
    let broker = call.broker();
    let now = broker.timer_ms();
    let states = &request.state_filters;
    let ids = &request.producer_id_filters;
    let found = broker
        .transactions
        .iter()
        .filter(|(id, _)| broker.nodes.coordinator_of(id) == call.conn.node)
        .filter(|(_, t)| states.is_empty() || states.iter().any(|s| s.as_str() == t.state.name()))
        .filter(|(_, t)| ids.is_empty() || ids.contains(&ProducerId(t.producer_id)))
        .filter(|(_, t)| {
            let open = t.started_ms >= 0 && !t.partitions.is_empty();
            request.duration_filter < 0 || open && now - t.started_ms > request.duration_filter
        })
        .map(|(id, t)| {
            ListedTransaction::default()
                .with_transactional_id(TransactionalId(text(id)))
                .with_producer_id(ProducerId(t.producer_id))
                .with_transaction_state(text(t.state.name()))
        });
    ListTransactionsResponse::default()
        .with_error_code(call.error().unwrap_or(codes::NONE))
        .with_transaction_states(found.collect())
}

pub(super) fn describe(call: &Call<'_>, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let broker = call.broker();
    let states = request.transactional_ids.into_iter().map(|id| {
        if let Some(code) = call.error() {
            return TransactionState::default().with_error_code(code).with_transactional_id(id);
        }
        let Some(txn) = broker.transactions.get(&id) else {
            return TransactionState::default()
                .with_error_code(codes::TRANSACTIONAL_ID_NOT_FOUND)
                .with_transactional_id(id);
        };
        let mut topics: Vec<TopicData> = Vec::new();
        for (topic, index) in &txn.partitions {
            match topics.last_mut() {
                Some(last) if last.topic.as_str() == topic => last.partitions.push(*index),
                _ => topics.push(TopicData::default().with_topic(topic_name(topic)).with_partitions(vec![*index])),
            }
        }
        TransactionState::default()
            .with_transactional_id(id)
            .with_transaction_state(text(txn.state.name()))
            .with_transaction_timeout_ms(txn.timeout_ms)
            .with_transaction_start_time_ms(txn.started_ms)
            .with_producer_id(ProducerId(txn.producer_id))
            .with_producer_epoch(txn.epoch)
            .with_topics(topics)
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}
