//! What a broker is started with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from: record timestamps, retention and session expiry are judged by it.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> i64;
}

/// The machine's clock as it was when this was made, carried on by the monotonic clock, so that a
/// step of the wall clock ends no session.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
    started_ms: i64,
}

impl SystemClock {
    /// A clock that agrees with the wall clock now.
    pub fn new() -> SystemClock {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        SystemClock {
            started: Instant::now(),
            started_ms: since_epoch.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.started_ms.saturating_add(elapsed)
    }
}

/// The most nodes that a cluster can have.
pub const MAX_NODES: usize = 9;

/// An address that the broker listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where to listen; port 0 takes a free one, which is kept over a crash and restart.
    pub bind: SocketAddr,
    /// What clients of this listener are told to connect to; port 0 stands for the port bound.
    /// Without it, the bound address (for an unspecified one, the loopback).
    pub advertised: Option<(String, u16)>,
}

impl Listener {
    /// A listener that advertises the address it is bound to.
    pub fn new(bind: SocketAddr) -> Listener {
        Listener { bind, advertised: None }
    }
}

/// Everything that can be set of a broker. The defaults are Apache Kafka's, unless said otherwise.
#[derive(Clone)]
pub struct BrokerConfig {
    /// At least one. Default: a free port of 127.0.0.1.
    pub listeners: Vec<Listener>,
    /// How many nodes the cluster has, 1 to [`MAX_NODES`]. Each has all listeners: further nodes on free ports, or where
    /// a port is given, on the ports that follow it. Default 1.
    pub nodes: usize,
    /// `num.partitions`: of topics created without a count. Default 1.
    pub default_partitions: i32,
    /// `auto.create.topics.enable`. Default true.
    pub auto_create_topics: bool,
    /// `message.max.bytes`: the largest batch. Default 1048588.
    pub max_message_bytes: usize,
    /// Bytes of log kept in total. Once reached, and retention can free nothing, a produce request
    /// is refused with POLICY_VIOLATION and a message that says why; nothing is dropped silently.
    /// Default 1 GiB.
    pub memory_limit: usize,
    /// Default: [`SystemClock`].
    pub clock: Arc<dyn Clock>,
    /// `group.min.session.timeout.ms`. Default 6 s.
    pub min_session_timeout: Duration,
    /// `group.max.session.timeout.ms`. Default 30 min.
    pub max_session_timeout: Duration,
    /// `group.initial.rebalance.delay.ms`. Default 0 (Apache Kafka: 3 s), so that groups start at once.
    pub initial_rebalance_delay: Duration,
    /// `transaction.max.timeout.ms`. Default 15 min.
    pub max_transaction_timeout: Duration,
    /// `log.retention.check.interval.ms`: how often topics are looked through for records that
    /// retention removes, beside whenever the memory limit is met. Default 5 min.
    pub retention_check_interval: Duration,
    /// `log.cleaner.backoff.ms`: how often compacted topics are looked through. Default 15 s.
    pub compaction_interval: Duration,
    /// Who may connect, by SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512). Empty, the default: everybody, without SASL.
    pub users: Vec<User>,
    /// Is told whenever somebody showed who they are, or tried to; on the broker's own thread, so it must not wait.
    pub on_login: Option<OnLogin>,
}

/// Told of a login.
pub type OnLogin = Arc<dyn Fn(&LoginOutcome) + Send + Sync>;

/// Somebody showed who they are, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginOutcome {
    /// The name that they gave.
    pub user: String,
    /// What they were answered; `None` if they were let in.
    pub refused: Option<String>,
}

/// Somebody who may connect, with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password; never printed.
    pub password: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Default for BrokerConfig {
    fn default() -> Self {
        BrokerConfig {
            listeners: vec![Listener::new(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))],
            nodes: 1,
            default_partitions: 1,
            auto_create_topics: true,
            max_message_bytes: 1_048_588,
            memory_limit: 1 << 30,
            clock: Arc::new(SystemClock::new()),
            min_session_timeout: Duration::from_secs(6),
            max_session_timeout: Duration::from_secs(30 * 60),
            initial_rebalance_delay: Duration::ZERO,
            max_transaction_timeout: Duration::from_secs(15 * 60),
            retention_check_interval: Duration::from_secs(5 * 60),
            compaction_interval: Duration::from_secs(15),
            users: Vec::new(),
            on_login: None,
        }
    }
}

impl std::fmt::Debug for BrokerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerConfig")
            .field("listeners", &self.listeners)
            .field("nodes", &self.nodes)
            .field("default_partitions", &self.default_partitions)
            .field("auto_create_topics", &self.auto_create_topics)
            .field("max_message_bytes", &self.max_message_bytes)
            .field("memory_limit", &self.memory_limit)
            .finish_non_exhaustive()
    }
}
