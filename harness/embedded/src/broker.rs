//! The state of the broker, owned by one thread, and what passes with time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::config::BrokerConfig;
use crate::groups::{Group, GroupLimits, GroupState};
use crate::log::Log;
use crate::nodes::Nodes;
use crate::topic_config::TopicConfig;
use crate::topics::{Partition, Topics};
use crate::transactions::Transactions;

/// Everything that the broker knows.
pub(crate) struct Broker {
    pub config: BrokerConfig,
    pub cluster_id: String,
    pub nodes: Nodes,
    pub topics: Topics,
    pub groups: BTreeMap<String, Group>,
    pub transactions: Transactions,
    /// Bytes of log kept.
    pub bytes: usize,
    clock_shift_ms: Arc<AtomicI64>,
    next_producer_id: i64,
    last_retention_ms: i64,
    last_compaction_ms: i64,
}

impl Broker {
    pub(crate) fn new(config: BrokerConfig, nodes: Nodes, clock_shift_ms: Arc<AtomicI64>) -> Broker {
        let last_retention_ms = config.clock.now_ms();
        Broker {
            config,
            cluster_id: short_id(),
            nodes,
            topics: Topics::default(),
            groups: BTreeMap::new(),
            transactions: Transactions::default(),
            bytes: 0,
            clock_shift_ms,
            next_producer_id: 1000,
            last_retention_ms,
            last_compaction_ms: last_retention_ms,
        }
    }

    /// The time by which sessions and time-outs run: never shifted.
    pub(crate) fn timer_ms(&self) -> i64 {
        self.config.clock.now_ms()
    }

    /// The time that is stamped on records and by which they age: shifted by a fault.
    pub(crate) fn wall_ms(&self) -> i64 {
        self.timer_ms().saturating_add(self.clock_shift_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn new_producer_id(&mut self) -> i64 {
        self.next_producer_id += 1;
        self.next_producer_id - 1
    }

    /// So many partitions of a new topic, spread over the nodes.
    pub(crate) fn spread(&self, count: usize, factor: usize) -> Vec<Partition> {
        let start = self.topics.iter().count();
        (0..count).map(|index| Partition::on(self.nodes.replicas(start, index, factor))).collect()
    }

    pub(crate) fn topic_config(&self, set: BTreeMap<String, String>) -> TopicConfig {
        TopicConfig::new(set, self.config.max_message_bytes)
    }

    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        self.groups.get(id)
    }

    /// The group of that id, made if it is not there.
    pub(crate) fn group_or_new(&mut self, id: &str) -> &mut Group {
        let session = |d| i32::try_from(millis(d)).unwrap_or(i32::MAX);
        let limits = GroupLimits {
            min_session_timeout_ms: session(self.config.min_session_timeout),
            max_session_timeout_ms: session(self.config.max_session_timeout),
            initial_rebalance_delay_ms: millis(self.config.initial_rebalance_delay),
        };
        self.groups.entry(id.to_owned()).or_insert_with(|| Group::new(id, limits))
    }

    /// Deletes a topic with the offsets that groups committed for it.
    pub(crate) fn delete_topic(&mut self, name: &str) -> bool {
        let Some(freed) = self.topics.delete(name) else {
            return false;
        };
        self.bytes -= freed;
        for group in self.groups.values_mut() {
            group.offsets.retain(|(topic, _), _| topic != name);
        }
        true
    }

    /// Lets time pass: sessions, rebalances, transactions, retention and compaction.
    pub(crate) fn tick(&mut self) {
        let now = self.timer_ms();
        for group in self.groups.values_mut() {
            group.tick(now);
        }
        self.groups.retain(|_, group| !group.is_disposable());
        self.expire_transactions(now);
        if now - self.last_retention_ms >= millis(self.config.retention_check_interval) {
            self.last_retention_ms = now;
            self.enforce_retention();
        }
        if now - self.last_compaction_ms >= millis(self.config.compaction_interval) {
            self.last_compaction_ms = now;
            self.compact();
        }
    }

    /// Removes what the topics' retention no longer keeps; gives the bytes freed.
    pub(crate) fn enforce_retention(&mut self) -> usize {
        self.free(crate::retention::enforce)
    }

    /// Compacts what is due.
    fn compact(&mut self) -> usize {
        self.free(crate::compaction::compact)
    }

    fn free(&mut self, clean: impl Fn(&mut Log, &TopicConfig, i64) -> usize) -> usize {
        let now = self.wall_ms();
        let mut freed = 0;
        for (_, topic) in self.topics.iter_mut() {
            let config = &topic.config;
            freed += topic.partitions.iter_mut().map(|partition| clean(&mut partition.log, config, now)).sum::<usize>();
        }
        self.bytes -= freed;
        freed
    }

    /// What a crash leaves: the log and what was written to it; who was connected must come again.
    pub(crate) fn reload(&mut self) {
        let now = self.timer_ms();
        for group in self.groups.values_mut() {
            group.reload(now);
        }
        self.groups.retain(|_, group| !group.is_disposable());
    }

    /// Groups that have members or offsets, as an administrator sees them.
    pub(crate) fn listed_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().filter(|g| {
            !g.is_disposable() && (g.state != GroupState::Empty || !g.offsets.is_empty() || g.generation > 0)
        })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// 22 characters, as Kafka's cluster ids have.
fn short_id() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = uuid::Uuid::new_v4().as_u128();
    let mut id = String::with_capacity(22);
    for _ in 0..22 {
        id.push(char::from(DIGITS[(bits & 63) as usize]));
        bits >>= 6;
    }
    id
}
