//! What a request is about: topics and partitions, for faults to match; groups and transactional ids, which one node
//! coordinates.

use kafka_protocol::messages::*;

use crate::topics::Topics;

/// A request that may name topics.
pub(crate) trait Targets {
    /// Topics named, with the partitions named of each.
    fn targets(&self, _topics: &Topics) -> Vec<(String, Vec<i32>)> {
        Vec::new()
    }

    /// Groups or transactional ids whose coordinator must be asked.
    fn coordinated(&self) -> Vec<&str> {
        Vec::new()
    }
}

macro_rules! names_none {
    ($($request:ty),* $(,)?) => { $(impl Targets for $request {})* };
}

names_none! {
    FindCoordinatorRequest, ListGroupsRequest, ApiVersionsRequest, SaslHandshakeRequest, SaslAuthenticateRequest,
    ListTransactionsRequest, DescribeConfigsRequest, AlterConfigsRequest, IncrementalAlterConfigsRequest,
    DescribeClusterRequest, DescribeLogDirsRequest,
}

macro_rules! coordinated {
    ($($request:ty: $($key:ident)|+;)*) => {
        $(impl Targets for $request {
            fn coordinated(&self) -> Vec<&str> {
                vec![$(self.$key.as_str()),+]
            }
        })*
    };
}

coordinated! {
    JoinGroupRequest: group_id;
    HeartbeatRequest: group_id;
    LeaveGroupRequest: group_id;
    SyncGroupRequest: group_id;
    EndTxnRequest: transactional_id;
    AddOffsetsToTxnRequest: transactional_id;
}

macro_rules! coordinated_each {
    ($($request:ty: $keys:ident;)*) => {
        $(impl Targets for $request {
            fn coordinated(&self) -> Vec<&str> {
                self.$keys.iter().map(|key| key.as_str()).collect()
            }
        })*
    };
}

coordinated_each! {
    DescribeGroupsRequest: groups;
    DeleteGroupsRequest: groups_names;
    DescribeTransactionsRequest: transactional_ids;
    InitProducerIdRequest: transactional_id;
}

macro_rules! names {
    ($($request:ty: $topics:ident . $name:ident, $partitions:ident $(. $index:ident)? $(, by $key:ident)?;)*) => {
        $(impl Targets for $request {
            fn targets(&self, _: &Topics) -> Vec<(String, Vec<i32>)> {
                self.$topics
                    .iter()
                    .map(|t| (t.$name.to_string(), t.$partitions.iter().map(|p| names!(@ p $($index)?)).collect()))
                    .collect()
            }

            $(fn coordinated(&self) -> Vec<&str> {
                vec![self.$key.as_str()]
            })?
        })*
    };
    (@ $p:ident) => { *$p };
    (@ $p:ident $index:ident) => { $p.$index };
}

names! {
    ProduceRequest: topic_data.name, partition_data.index;
    ListOffsetsRequest: topics.name, partitions.partition_index;
    OffsetCommitRequest: topics.name, partitions.partition_index, by group_id;
    OffsetDeleteRequest: topics.name, partitions.partition_index, by group_id;
    DeleteRecordsRequest: topics.name, partitions.partition_index;
    TxnOffsetCommitRequest: topics.name, partitions.partition_index, by group_id;
    OffsetForLeaderEpochRequest: topics.topic, partitions.partition;
    AddPartitionsToTxnRequest: v3_and_below_topics.name, partitions, by v3_and_below_transactional_id;
    DescribeProducersRequest: topics.name, partition_indexes;
}

impl Targets for FetchRequest {
    fn targets(&self, topics: &Topics) -> Vec<(String, Vec<i32>)> {
        self.topics
            .iter()
            .map(|t| {
                let name = match topics.name_of(&t.topic_id) {
                    Some(name) => name.to_owned(),
                    None => t.topic.to_string(),
                };
                (name, t.partitions.iter().map(|p| p.partition).collect())
            })
            .collect()
    }
}

impl Targets for MetadataRequest {
    fn targets(&self, topics: &Topics) -> Vec<(String, Vec<i32>)> {
        let named = |t: &metadata_request::MetadataRequestTopic| {
            let name = t.name.as_ref().map(|name| name.to_string());
            name.or_else(|| topics.name_of(&t.topic_id).map(str::to_owned))
        };
        let asked = self.topics.iter().flatten();
        asked.filter_map(named).map(|name| (name, Vec::new())).collect()
    }
}

impl Targets for OffsetFetchRequest {
    fn targets(&self, _: &Topics) -> Vec<(String, Vec<i32>)> {
        let old = self.topics.iter().flatten();
        let old = old.map(|t| (t.name.to_string(), t.partition_indexes.clone()));
        let new = self.groups.iter().flat_map(|group| group.topics.iter().flatten());
        let new = new.map(|t| (t.name.to_string(), t.partition_indexes.clone()));
        old.chain(new).collect()
    }

    fn coordinated(&self) -> Vec<&str> {
        let one = Some(self.group_id.as_str()).filter(|id| !id.is_empty());
        one.into_iter().chain(self.groups.iter().map(|group| group.group_id.as_str())).collect()
    }
}

impl Targets for CreateTopicsRequest {
    fn targets(&self, _: &Topics) -> Vec<(String, Vec<i32>)> {
        let names = self.topics.iter().map(|t| t.name.to_string());
        names.map(|name| (name, Vec::new())).collect()
    }
}

impl Targets for CreatePartitionsRequest {
    fn targets(&self, _: &Topics) -> Vec<(String, Vec<i32>)> {
        let names = self.topics.iter().map(|t| t.name.to_string());
        names.map(|name| (name, Vec::new())).collect()
    }
}

impl Targets for DeleteTopicsRequest {
    fn targets(&self, _: &Topics) -> Vec<(String, Vec<i32>)> {
        let new = self.topics.iter().filter_map(|t| t.name.as_ref());
        let names = self.topic_names.iter().chain(new);
        names.map(|name| (name.to_string(), Vec::new())).collect()
    }
}
