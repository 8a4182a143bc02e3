//! ApiVersions: what is served, and in which versions.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};

use super::{Call, Outcome, encode};
use crate::codes;

/// Every request served: first and last version.
///
/// Not here, so that clients fall back or say "unsupported": the KIP-848 and share group requests,
/// ACLs, quotas, delegation tokens, reassignments, topic ids in Produce (13), and the versions that
/// only transactions of the second kind (KIP-890) use.
const SERVED: &[(ApiKey, i16, i16)] = &[
    (ApiKey::Produce, 3, 11),
    (ApiKey::Fetch, 4, 18),
    (ApiKey::ListOffsets, 1, 10),
    (ApiKey::Metadata, 0, 13),
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::FindCoordinator, 0, 5),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 6),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::SaslHandshake, 1, 1),
    (ApiKey::SaslAuthenticate, 0, 2),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::DeleteRecords, 0, 2),
    (ApiKey::InitProducerId, 0, 4),
    (ApiKey::OffsetForLeaderEpoch, 2, 4),
    (ApiKey::AddPartitionsToTxn, 0, 3),
    (ApiKey::AddOffsetsToTxn, 0, 3),
    (ApiKey::EndTxn, 0, 3),
    (ApiKey::TxnOffsetCommit, 0, 3),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::AlterConfigs, 0, 2),
    (ApiKey::DescribeLogDirs, 1, 4),
    (ApiKey::CreatePartitions, 0, 3),
    (ApiKey::DeleteGroups, 0, 2),
    (ApiKey::IncrementalAlterConfigs, 0, 1),
    (ApiKey::OffsetDelete, 0, 0),
    (ApiKey::DescribeCluster, 0, 2),
    (ApiKey::DescribeProducers, 0, 0),
    (ApiKey::DescribeTransactions, 0, 0),
    (ApiKey::ListTransactions, 0, 1),
];

/// Whether a request of that version is served.
pub(crate) fn serves(key: ApiKey, version: i16) -> bool {
    SERVED.iter().any(|(api, first, last)| *api == key && (*first..=*last).contains(&version))
}

/// Every request and version served, for checks over all of them.
#[cfg(test)]
pub(crate) fn served() -> impl Iterator<Item = (ApiKey, i16)> {
    SERVED.iter().flat_map(|(api, first, last)| (*first..=*last).map(|version| (*api, version)))
}

fn listed() -> Vec<ApiVersion> {
    SERVED
        .iter()
        .map(|(api, first, last)| {
            // Apache Kafka too says 0 for Produce and serves 3 and later only: librdkafka takes a
            // broker without the old versions for one that cannot do what they brought.
            let first = if *api == ApiKey::Produce { 0 } else { *first };
            ApiVersion::default().with_api_key(*api as i16).with_min_version(first).with_max_version(*last)
        })
        .collect()
}

pub(super) fn handle(call: &Call<'_>, _: ApiVersionsRequest) -> ApiVersionsResponse {
    ApiVersionsResponse::default()
        .with_error_code(call.error().unwrap_or(codes::NONE))
        .with_api_keys(listed())
        .with_finalized_features_epoch(0)
}

/// The answer to an ApiVersions request of a version that is not known: in version 0, with the
/// versions that are.
pub(super) fn downgrade(frame: &Bytes) -> Outcome {
    let correlation_id = frame.slice(4..8).get_i32();
    let response = ApiVersionsResponse::default().with_error_code(codes::UNSUPPORTED_VERSION).with_api_keys(listed());
    match encode(correlation_id, 0, &response) {
        Some(bytes) => Outcome::Answer(bytes),
        None => Outcome::Close("an answer could not be encoded"),
    }
}
