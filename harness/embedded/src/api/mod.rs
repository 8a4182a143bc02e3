//! Requests by kind: checked, decoded, met by faults, handled, encoded.

mod admin;
mod configs;
mod fetch;
mod group_admin;
mod groups;
mod list_offsets;
mod metadata;
mod offsets;
mod produce;
mod sasl;
mod targets;
#[cfg(test)]
mod tests;
mod topics;
mod txn;
mod versions;

#[cfg(test)]
pub(crate) use versions::served;

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use crate::codes;
use crate::connection::Conn;
use crate::faults::{Injected, Target};
use crate::schema;
use targets::Targets;

/// What becomes of a request.
pub(crate) enum Outcome {
    /// These bytes go back, length included.
    Answer(BytesMut),
    /// Nothing goes back, the connection goes on (acks=0).
    NoAnswer,
    /// Nothing goes back any more, the connection stays open.
    Silence,
    /// The connection ends.
    Close(&'static str),
}

/// One request under way.
pub(crate) struct Call<'a> {
    pub conn: &'a Conn,
    pub version: i16,
    pub client_id: String,
    pub injected: Injected,
}

impl Call<'_> {
    /// The state of the broker; never held over an await.
    pub(crate) fn broker(&self) -> std::cell::RefMut<'_, crate::broker::Broker> {
        self.conn.shared.broker.borrow_mut()
    }

    /// The error that a fault wants for the request as a whole.
    pub(crate) fn error(&self) -> Option<i16> {
        self.injected.error()
    }
}

/// The head of a request.
struct Head {
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: String,
    size: usize,
}

/// A string for the wire.
pub(crate) fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

/// A topic's name for the wire.
pub(crate) fn topic_name(s: &str) -> TopicName {
    TopicName(text(s))
}

/// Handles one request.
pub(crate) async fn handle(conn: &Conn, frame: Bytes) -> Outcome {
    let size = frame.len();
    let Some((key, version)) = peek(&frame) else {
        return Outcome::Close("no request that Kafka knows");
    };
    if !versions::serves(key, version) {
        return match key {
            ApiKey::ApiVersions => versions::downgrade(&frame),
            _ => Outcome::Close("a request or version that is not served"),
        };
    }
    let opens = matches!(key, ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate);
    if !opens && !conn.login.borrow().is_done() {
        return Outcome::Close("a request before authentication");
    }
    let mut body = frame;
    let header = RequestHeader::decode(&mut body, key.request_header_version(version));
    let Ok(header) = header else {
        return Outcome::Close("a malformed request header");
    };
    if let Err(error) = schema::check(key, version, &body) {
        tracing::warn!(api = ?key, version, %error, "malformed request");
        return Outcome::Close("a malformed request");
    }
    let head = Head {
        key,
        version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.map(|id| id.to_string()).unwrap_or_default(),
        size,
    };
    route(conn, head, body).await
}

fn peek(frame: &Bytes) -> Option<(ApiKey, i16)> {
    let mut start = frame.get(..8)?;
    let key = ApiKey::try_from(start.get_i16()).ok()?;
    Some((key, start.get_i16()))
}

macro_rules! route {
    ($conn:ident, $head:ident, $body:ident; $($key:ident $request:ty => $handler:expr $(, $wait:ident)?;)*) => {
        match $head.key {
            $(ApiKey::$key => {
                let Ok(request) = <$request>::decode(&mut $body, $head.version) else {
                    return Outcome::Close("a malformed request");
                };
                let call = match begin($conn, &$head, &request).await {
                    Ok(call) => call,
                    Err(outcome) => return outcome,
                };
                let response = $handler(&call, request)$(.$wait)?;
                finish(&call, &$head, response).await
            })*
            _ => Outcome::Close("a request that is not served"),
        }
    };
}

async fn route(conn: &Conn, head: Head, mut body: Bytes) -> Outcome {
    if head.key == ApiKey::Produce {
        return route_produce(conn, head, body).await;
    }
    route! { conn, head, body;
        Fetch FetchRequest => fetch::handle, await;
        ListOffsets ListOffsetsRequest => list_offsets::handle;
        Metadata MetadataRequest => metadata::handle;
        OffsetCommit OffsetCommitRequest => offsets::commit;
        OffsetFetch OffsetFetchRequest => offsets::fetch;
        FindCoordinator FindCoordinatorRequest => groups::find_coordinator;
        JoinGroup JoinGroupRequest => groups::join, await;
        Heartbeat HeartbeatRequest => groups::heartbeat;
        LeaveGroup LeaveGroupRequest => groups::leave;
        SyncGroup SyncGroupRequest => groups::sync, await;
        DescribeGroups DescribeGroupsRequest => group_admin::describe;
        ListGroups ListGroupsRequest => group_admin::list;
        DeleteGroups DeleteGroupsRequest => group_admin::delete;
        OffsetDelete OffsetDeleteRequest => group_admin::delete_offsets;
        ApiVersions ApiVersionsRequest => versions::handle;
        SaslHandshake SaslHandshakeRequest => sasl::handshake;
        SaslAuthenticate SaslAuthenticateRequest => sasl::authenticate;
        CreateTopics CreateTopicsRequest => topics::create;
        DeleteTopics DeleteTopicsRequest => topics::delete;
        CreatePartitions CreatePartitionsRequest => topics::create_partitions;
        DeleteRecords DeleteRecordsRequest => admin::delete_records;
        InitProducerId InitProducerIdRequest => txn::init_producer_id;
        AddPartitionsToTxn AddPartitionsToTxnRequest => txn::add_partitions;
        AddOffsetsToTxn AddOffsetsToTxnRequest => txn::add_offsets;
        TxnOffsetCommit TxnOffsetCommitRequest => txn::commit_offsets;
        EndTxn EndTxnRequest => txn::end;
        ListTransactions ListTransactionsRequest => txn::list;
        DescribeTransactions DescribeTransactionsRequest => txn::describe;
        OffsetForLeaderEpoch OffsetForLeaderEpochRequest => admin::offset_for_leader_epoch;
        DescribeConfigs DescribeConfigsRequest => configs::describe;
        AlterConfigs AlterConfigsRequest => configs::alter;
        IncrementalAlterConfigs IncrementalAlterConfigsRequest => configs::alter_incrementally;
        DescribeCluster DescribeClusterRequest => admin::describe_cluster;
        DescribeLogDirs DescribeLogDirsRequest => admin::describe_log_dirs;
        DescribeProducers DescribeProducersRequest => admin::describe_producers;
    }
}

/// Produce alone may want no answer.
async fn route_produce(conn: &Conn, head: Head, mut body: Bytes) -> Outcome {
    let Ok(request) = ProduceRequest::decode(&mut body, head.version) else {
        return Outcome::Close("a malformed request");
    };
    drop(body);
    let call = match begin(conn, &head, &request).await {
        Ok(call) => call,
        Err(outcome) => return outcome,
    };
    let acks = request.acks;
    let response = produce::handle(&call, request);
    if acks != 0 {
        return finish(&call, &head, response).await;
    }
    let failed = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses)
        .any(|partition| partition.error_code != 0);
    match failed {
        // As Kafka does: a client that wants no answers learns of an error by losing the connection.
        true => Outcome::Close("a produce request with acks=0 failed"),
        false => Outcome::NoAnswer,
    }
}

/// Applies the faults that act before a request is carried out.
async fn begin<'a, R: Targets>(conn: &'a Conn, head: &Head, request: &R) -> Result<Call<'a>, Outcome> {
    let faults = &conn.shared.faults;
    let mut injected = if faults.is_empty() {
        Injected::default()
    } else {
        let partitions = request.targets(&conn.shared.broker.borrow().topics);
        faults.take(&Target { api: head.key, client_id: &head.client_id, partitions: &partitions })
    };
    if !injected.delay.is_zero() {
        tokio::time::sleep(injected.delay).await;
    }
    if injected.disconnect {
        return Err(Outcome::Close("a fault"));
    }
    if injected.silence {
        return Err(Outcome::Silence);
    }
    let nodes = &conn.shared.broker.borrow().nodes;
    if request.coordinated().iter().any(|key| nodes.coordinator_of(key) != conn.node) {
        injected.refuse(codes::NOT_COORDINATOR);
    }
    Ok(Call { conn, version: head.version, client_id: head.client_id.clone(), injected })
}

/// Encodes the answer and applies the faults that act on it.
async fn finish<R: Encodable + HeaderVersion>(call: &Call<'_>, head: &Head, response: R) -> Outcome {
    if call.injected.applied_not_acknowledged {
        return Outcome::Close("a fault");
    }
    let Some(bytes) = encode(head.correlation_id, head.version, &response) else {
        tracing::error!(api = ?head.key, version = head.version, "an answer could not be encoded");
        return Outcome::Close("an answer could not be encoded");
    };
    if let Some(rate) = call.injected.bytes_per_sec {
        let size = (head.size + bytes.len()) as f64;
        carry_slowly(call.conn, Duration::from_secs_f64(size / rate as f64)).await;
    }
    Outcome::Answer(bytes)
}

/// Waits as long as the bytes take, or until nothing is slow any more: what is on its way then arrives at once.
async fn carry_slowly(conn: &Conn, time: Duration) {
    let until = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < until && conn.shared.faults.throttles() {
        let left = until - tokio::time::Instant::now();
        tokio::time::sleep(left.min(Duration::from_millis(50))).await;
    }
}

/// A response with its length and header.
fn encode<R: Encodable + HeaderVersion>(correlation_id: i32, version: i16, response: &R) -> Option<BytesMut> {
    let size = response.compute_size(version).ok()?;
    let mut out = BytesMut::with_capacity(size + 16);
    out.put_i32(0);
    ResponseHeader::default().with_correlation_id(correlation_id).encode(&mut out, R::header_version(version)).ok()?;
    response.encode(&mut out, version).ok()?;
    let length = i32::try_from(out.len() - 4).ok()?;
    out[..4].copy_from_slice(&length.to_be_bytes());
    Some(out)
}
