//! Faults that a test injects, and which of them a request meets.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::ApiKey;

/// Which requests a fault meets. What is `None` matches everything; a topic or partition matches a
/// request that names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// The kind of request.
    pub api: Option<Api>,
    /// A topic that the request names.
    pub topic: Option<String>,
    /// A partition that the request names, of `topic` if that is given too.
    pub partition: Option<i32>,
    /// The client's `client.id`.
    pub client_id: Option<String>,
    /// Clients whose `client.id` begins so are spared: whoever only watches must not be blinded.
    pub spared: Option<String>,
}

/// A kind of request, by Kafka's name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Api(ApiKey);

/// The name is of no request that Kafka knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is no kind of Kafka request; Produce, Fetch and Heartbeat are, for example")]
pub struct UnknownApi {
    /// The name given.
    pub name: String,
}

#[allow(missing_docs)]
impl Api {
    pub const PRODUCE: Api = Api(ApiKey::Produce);
    pub const FETCH: Api = Api(ApiKey::Fetch);
    pub const LIST_OFFSETS: Api = Api(ApiKey::ListOffsets);
    pub const METADATA: Api = Api(ApiKey::Metadata);
    pub const OFFSET_COMMIT: Api = Api(ApiKey::OffsetCommit);
    pub const OFFSET_FETCH: Api = Api(ApiKey::OffsetFetch);
    pub const FIND_COORDINATOR: Api = Api(ApiKey::FindCoordinator);
    pub const JOIN_GROUP: Api = Api(ApiKey::JoinGroup);
    pub const SYNC_GROUP: Api = Api(ApiKey::SyncGroup);
    pub const HEARTBEAT: Api = Api(ApiKey::Heartbeat);
    pub const LEAVE_GROUP: Api = Api(ApiKey::LeaveGroup);
    pub const INIT_PRODUCER_ID: Api = Api(ApiKey::InitProducerId);
    pub const END_TXN: Api = Api(ApiKey::EndTxn);
}

impl Api {
    /// The kind of request of that name, as Kafka's documentation writes it: "Produce",
    /// "OffsetCommit". Case, spaces, `-` and `_` make no difference.
    ///
    /// # Errors
    /// If Kafka has no such request.
    pub fn from_name(name: &str) -> Result<Api, UnknownApi> {
        (0..=i16::from(u8::MAX))
            .filter_map(|key| ApiKey::try_from(key).ok())
            .find(|key| plain(&format!("{key:?}")) == plain(name))
            .map(Api)
            .ok_or_else(|| UnknownApi { name: name.to_owned() })
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// The number of an error of Kafka's protocol by its name: `NOT_LEADER_OR_FOLLOWER`, in any case and writing.
#[must_use]
pub fn error_code(name: &str) -> Option<i16> {
    (1..i16::from(u8::MAX)).find(|code| code.err().is_some_and(|error| plain(&format!("{error:?}")) == plain(name)))
}

/// A name as it is compared: `NotLeaderOrFollower`, `NOT_LEADER_OR_FOLLOWER` and `not leader or follower` are one.
fn plain(name: &str) -> String {
    name.replace(['-', '_', ' '], "").to_ascii_lowercase()
}

/// What happens to a request that a fault meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The request is not carried out and answered with this Kafka error code: for the partitions
    /// that match, or for the request as a whole where it names none.
    Error(i16),
    /// The request is carried out after this time; later requests of the connection wait too.
    Delay(Duration),
    /// The connection is closed before the request is carried out.
    Disconnect,
    /// The request is not carried out and never answered; the connection stays open.
    Silence,
    /// The request is carried out, and the connection closed before the answer: the client cannot
    /// know that, say, its record was written.
    AppliedNotAcknowledged,
    /// Batches in the answer to a fetch have a byte changed, so that their checksum is wrong.
    CorruptBatch,
    /// Produced batches are acknowledged, and something else is kept than what was sent: the client cannot know.
    Keep(Kept),
    /// The answer is held back so long that the connection carries no more than this, request and
    /// answer counted.
    Throttle {
        /// Bytes a second; 0 counts as 1.
        bytes_per_sec: u64,
    },
}

/// What is kept of a batch that is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing.
    Nothing,
    /// The batch, one behind the other.
    Twice,
    /// The batch with a character of each value changed, and a checksum that is right.
    Altered,
}

/// A fault: whom it meets, how often, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which requests.
    pub matcher: Match,
    /// How many requests it meets before it is spent; `None` for all until it is cleared.
    pub times: Option<u32>,
    /// What it does.
    pub effect: Effect,
}

/// Names an injected fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

#[derive(Debug)]
struct Active {
    id: u64,
    fault: Fault,
    met: u64,
}

/// The faults in force; shared by the broker's thread and whoever injects them.
#[derive(Debug, Default)]
pub(crate) struct FaultTable {
    active: Mutex<Vec<Active>>,
    count: AtomicUsize,
    next: AtomicU64,
    /// A bit for each node that listens.
    up: AtomicU64,
    /// Connections accepted so far; numbers them.
    pub(crate) connections: AtomicU64,
    pub(crate) clock_shift_ms: Arc<AtomicI64>,
}

/// What a request is, as far as faults tell requests apart.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub api: ApiKey,
    pub client_id: &'a str,
    /// Topic and partitions that the request names.
    pub partitions: &'a [(String, Vec<i32>)],
}

impl FaultTable {
    fn lock(&self) -> MutexGuard<'_, Vec<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn inject(&self, fault: Fault) -> FaultId {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut active = self.lock();
        active.push(Active { id, fault, met: 0 });
        self.count.store(active.len(), Ordering::Release);
        FaultId(id)
    }

    /// Removes the faults that `which` picks; gives how many requests they met.
    pub(crate) fn clear(&self, which: impl Fn(FaultId) -> bool) -> u64 {
        let mut active = self.lock();
        let met = active.iter().filter(|a| which(FaultId(a.id)));
        let met = met.map(|a| a.met).sum();
        active.retain(|a| !which(FaultId(a.id)));
        self.count.store(active.len(), Ordering::Release);
        met
    }

    /// How many requests a fault has met, if it is still in force.
    pub(crate) fn met(&self, id: FaultId) -> Option<u64> {
        self.lock().iter().find(|a| a.id == id.0).map(|a| a.met)
    }

    pub(crate) fn set_up(&self, node: i32, up: bool) {
        let bit = 1 << node;
        match up {
            true => self.up.fetch_or(bit, Ordering::AcqRel),
            false => self.up.fetch_and(!bit, Ordering::AcqRel),
        };
    }

    /// Whether a node listens.
    pub(crate) fn is_up(&self, node: i32) -> bool {
        self.up.load(Ordering::Acquire) & (1 << node) != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Whether any fault still makes connections slow.
    pub(crate) fn throttles(&self) -> bool {
        self.lock().iter().any(|active| matches!(active.fault.effect, Effect::Throttle { .. }))
    }

    /// The faults that a request meets; counts it against them.
    pub(crate) fn take(&self, target: &Target<'_>) -> Injected {
        let mut injected = Injected::default();
        for active in self.lock().iter_mut() {
            let spent = active.fault.times.is_some_and(|times| active.met >= u64::from(times));
            if !spent && matches(&active.fault.matcher, target) {
                active.met += 1;
                injected.add(&active.fault);
            }
        }
        injected
    }
}

fn matches(matcher: &Match, target: &Target<'_>) -> bool {
    let api = matcher.api.is_none_or(|api| api.0 == target.api);
    let client = matcher.client_id.as_deref();
    let spared = matcher.spared.as_deref().is_some_and(|prefix| target.client_id.starts_with(prefix));
    let client = client.is_none_or(|id| id == target.client_id) && !spared;
    let names_partition = matcher.topic.is_some() || matcher.partition.is_some();
    let partition = !names_partition
        || target.partitions.iter().any(|(topic, partitions)| {
            matcher.topic.as_ref().is_none_or(|t| t == topic)
                && matcher.partition.is_none_or(|p| partitions.contains(&p))
        });
    api && client && partition
}

/// All that the faults do to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Injected {
    pub delay: Duration,
    pub disconnect: bool,
    pub silence: bool,
    pub applied_not_acknowledged: bool,
    pub corrupt: Vec<Match>,
    pub errors: Vec<(Match, i16)>,
    pub kept: Vec<(Match, Kept)>,
    pub bytes_per_sec: Option<u64>,
}

impl Injected {
    fn add(&mut self, fault: &Fault) {
        match fault.effect {
            Effect::Error(code) => self.errors.push((fault.matcher.clone(), code)),
            Effect::Delay(time) => self.delay += time,
            Effect::Disconnect => self.disconnect = true,
            Effect::Silence => self.silence = true,
            Effect::AppliedNotAcknowledged => self.applied_not_acknowledged = true,
            Effect::CorruptBatch => self.corrupt.push(fault.matcher.clone()),
            Effect::Keep(kept) => self.kept.push((fault.matcher.clone(), kept)),
            Effect::Throttle { bytes_per_sec } => {
                let rate = bytes_per_sec.max(1);
                self.bytes_per_sec = Some(self.bytes_per_sec.map_or(rate, |r| r.min(rate)));
            }
        }
    }

    /// The request as a whole is refused.
    pub(crate) fn refuse(&mut self, code: i16) {
        self.errors.push((Match::default(), code));
    }

    /// The error that a request without partitions is answered with.
    pub(crate) fn error(&self) -> Option<i16> {
        self.errors.first().map(|(_, code)| *code)
    }

    /// The error that is about no partition of its own.
    pub(crate) fn error_of_all(&self) -> Option<i16> {
        let all = |(matcher, _): &&(Match, i16)| matcher.topic.is_none() && matcher.partition.is_none();
        self.errors.iter().find(all).map(|(_, code)| *code)
    }

    /// The error that one partition of a request is answered with.
    pub(crate) fn error_for(&self, topic: &str, partition: i32) -> Option<i16> {
        let hit = |(m, _): &&(Match, i16)| covers(m, topic, partition);
        self.errors.iter().find(hit).map(|(_, code)| *code)
    }

    /// What is kept of a batch produced to the partition, if that is not the batch.
    pub(crate) fn kept(&self, topic: &str, partition: i32) -> Option<Kept> {
        self.kept.iter().find(|(matcher, _)| covers(matcher, topic, partition)).map(|(_, kept)| *kept)
    }

    /// Whether batches of the partition are to be corrupted.
    pub(crate) fn corrupts(&self, topic: &str, partition: i32) -> bool {
        self.corrupt.iter().any(|m| covers(m, topic, partition))
    }
}

fn covers(matcher: &Match, topic: &str, partition: i32) -> bool {
    matcher.topic.as_ref().is_none_or(|t| t == topic) && matcher.partition.is_none_or(|p| p == partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(matcher: Match, times: Option<u32>, effect: Effect) -> Fault {
        Fault { matcher, times, effect }
    }

    fn take(table: &FaultTable, api: ApiKey, partitions: &[(String, Vec<i32>)]) -> Injected {
        table.take(&Target { api, client_id: "me", partitions })
    }

    #[test]
    fn a_fault_meets_only_what_it_matches() {
        let table = FaultTable::default();
        let matcher = Match {
            api: Some(Api::PRODUCE),
            topic: Some("a".to_owned()),
            partition: Some(1),
            client_id: Some("me".to_owned()),
            spared: None,
        };
        let id = table.inject(fault(matcher, None, Effect::Error(7)));
        let named = |topic: &str, partition| vec![(topic.to_owned(), vec![0, partition])];
        let hit = take(&table, ApiKey::Produce, &named("a", 1));
        assert_eq!((hit.error_for("a", 1), hit.error_for("a", 0), hit.error_for("b", 1)), (Some(7), None, None));
        for (api, partitions) in [
            (ApiKey::Fetch, named("a", 1)),
            (ApiKey::Produce, named("a", 2)),
            (ApiKey::Produce, named("b", 1)),
            (ApiKey::Produce, Vec::new()),
        ] {
            assert_eq!(take(&table, api, &partitions), Injected::default());
        }
        assert_eq!(table.met(id), Some(1));
    }

    #[test]
    fn a_fault_is_spent_after_its_times_and_gone_once_cleared() {
        let table = FaultTable::default();
        let spent = table.inject(fault(Match::default(), Some(2), Effect::Silence));
        let stays = table.inject(fault(Match::default(), None, Effect::Delay(Duration::from_secs(1))));
        let silences = (0..4).map(|_| take(&table, ApiKey::Fetch, &[]).silence);
        assert_eq!(silences.collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!((table.clear(|id| id == spent), table.clear(|id| id == stays)), (2, 4));
        assert!(table.is_empty());
        assert_eq!(take(&table, ApiKey::Fetch, &[]), Injected::default());
    }

    #[test]
    fn delays_add_up_and_the_narrowest_throttle_holds() {
        let table = FaultTable::default();
        for bytes_per_sec in [500, 100, 900] {
            table.inject(fault(Match::default(), None, Effect::Throttle { bytes_per_sec }));
            table.inject(fault(Match::default(), None, Effect::Delay(Duration::from_secs(1))));
        }
        let injected = take(&table, ApiKey::Fetch, &[]);
        assert_eq!((injected.bytes_per_sec, injected.delay), (Some(100), Duration::from_secs(3)));
    }

    #[test]
    fn who_is_spared_meets_nothing_and_errors_have_names() {
        let table = FaultTable::default();
        let spared = Some("m".to_owned());
        table.inject(fault(Match { spared, ..Match::default() }, None, Effect::Silence));
        assert_eq!(take(&table, ApiKey::Fetch, &[]), Injected::default());
        assert_eq!((error_code("NOT_LEADER_OR_FOLLOWER"), error_code("record-list-too-large")), (Some(6), Some(18)));
        assert_eq!(error_code("NO_SUCH_ERROR"), None);
    }

    #[test]
    fn requests_are_found_by_their_names_however_written() {
        for name in ["OffsetCommit", "offset-commit", "OFFSET_COMMIT", "offset commit"] {
            assert_eq!(Api::from_name(name), Ok(Api::OFFSET_COMMIT));
        }
        assert_eq!(Api::OFFSET_COMMIT.to_string(), "OffsetCommit");
        assert!(Api::from_name("Publish").is_err());
    }
}
