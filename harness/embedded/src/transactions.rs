//! The transaction coordinator: transactional producers, what their transactions touch, and how they end.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::Marker;
use crate::broker::Broker;
use crate::codes;
use crate::groups::PartitionKey;

/// State of a transactional producer, as Kafka names them. Ending is done at once, so the two states
/// of preparation are never seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TxnState {
    Empty,
    Ongoing,
    CompleteCommit,
    CompleteAbort,
}

impl TxnState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            TxnState::Empty => "Empty",
            TxnState::Ongoing => "Ongoing",
            TxnState::CompleteCommit => "CompleteCommit",
            TxnState::CompleteAbort => "CompleteAbort",
        }
    }
}

/// One transactional producer.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub producer_id: i64,
    pub epoch: i16,
    pub timeout_ms: i32,
    pub state: TxnState,
    pub started_ms: i64,
    pub partitions: BTreeSet<PartitionKey>,
    groups: BTreeSet<String>,
}

/// Every transactional producer, by transactional id.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: BTreeMap<String, Transaction>,
}

impl Transactions {
    pub(crate) fn get(&self, id: &str) -> Option<&Transaction> {
        self.by_id.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Transaction)> {
        self.by_id.iter()
    }

    /// The transaction, if the producer is the one that holds it.
    fn held(&mut self, id: &str, producer_id: i64, epoch: i16) -> Result<&mut Transaction, i16> {
        let txn = self.by_id.get_mut(id);
        let txn = txn.filter(|txn| txn.producer_id == producer_id);
        let txn = txn.ok_or(codes::INVALID_PRODUCER_ID_MAPPING)?;
        if txn.epoch != epoch {
            return Err(codes::PRODUCER_FENCED);
        }
        Ok(txn)
    }

    /// Whether a producer may write to a partition: only within a transaction that names it.
    pub(crate) fn may_write(
        &self,
        id: &str,
        producer_id: i64,
        epoch: i16,
        partition: &PartitionKey,
    ) -> Result<(), i16> {
        let txn = self.get(id).filter(|txn| txn.producer_id == producer_id);
        let txn = txn.ok_or(codes::INVALID_PRODUCER_ID_MAPPING)?;
        if txn.epoch != epoch {
            return Err(codes::INVALID_PRODUCER_EPOCH);
        }
        match txn.state == TxnState::Ongoing && txn.partitions.contains(partition) {
            true => Ok(()),
            false => Err(codes::INVALID_TXN_STATE),
        }
    }
}

impl Broker {
    /// InitProducerId of a transactional producer: ends what its predecessor left open, and fences it.
    /// `current` is the id and epoch that the producer has, if it has any.
    pub(crate) fn init_transactional(
        &mut self,
        id: &str,
        timeout_ms: i32,
        current: Option<(i64, i16)>,
    ) -> Result<(i64, i16), i16> {
        let max = i64::try_from(self.config.max_transaction_timeout.as_millis());
        if timeout_ms <= 0 || i64::from(timeout_ms) > max.unwrap_or(i64::MAX) {
            return Err(codes::INVALID_TRANSACTION_TIMEOUT);
        }
        let known = self.transactions.get(id).cloned();
        if let (Some((producer_id, epoch)), Some(txn)) = (current, &known)
            && (txn.producer_id != producer_id || txn.epoch != epoch)
        {
            return Err(codes::PRODUCER_FENCED);
        }
        if known.as_ref().is_some_and(|t| t.state == TxnState::Ongoing) {
            self.fence(id);
        }
        let (producer_id, epoch) = match self.transactions.get(id) {
            Some(txn) if txn.epoch < i16::MAX - 1 => (txn.producer_id, txn.epoch + 1),
            _ => (self.new_producer_id(), 0),
        };
        let txn = Transaction {
            producer_id,
            epoch,
            timeout_ms,
            state: TxnState::Empty,
            started_ms: -1,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
        };
        self.transactions.by_id.insert(id.to_owned(), txn);
        Ok((producer_id, epoch))
    }

    /// Aborts an open transaction under a new epoch, so that its producer can do nothing more.
    fn fence(&mut self, id: &str) {
        if let Some(txn) = self.transactions.by_id.get_mut(id) {
            txn.epoch = txn.epoch.saturating_add(1);
            self.finish(id, false);
        }
    }

    /// Adds partitions to a producer's transaction, which begins if none is open.
    pub(crate) fn add_partitions(
        &mut self,
        id: &str,
        producer: (i64, i16),
        partitions: impl IntoIterator<Item = PartitionKey>,
    ) -> Result<(), i16> {
        let now = self.timer_ms();
        let txn = self.transactions.held(id, producer.0, producer.1)?;
        begin(txn, now);
        txn.partitions.extend(partitions);
        Ok(())
    }

    /// Adds a group's offsets to a producer's transaction.
    pub(crate) fn add_offsets(&mut self, id: &str, producer: (i64, i16), group: &str) -> Result<(), i16> {
        let now = self.timer_ms();
        let txn = self.transactions.held(id, producer.0, producer.1)?;
        begin(txn, now);
        txn.groups.insert(group.to_owned());
        Ok(())
    }

    /// Whether offsets of the group may be written in the producer's transaction.
    pub(crate) fn may_commit_offsets(&mut self, id: &str, producer: (i64, i16), group: &str) -> Result<(), i16> {
        let txn = self.transactions.held(id, producer.0, producer.1);
        let txn = txn.map_err(|code| match code {
            codes::PRODUCER_FENCED => codes::INVALID_PRODUCER_EPOCH,
            other => other,
        })?;
        match txn.state == TxnState::Ongoing && txn.groups.contains(group) {
            true => Ok(()),
            false => Err(codes::INVALID_TXN_STATE),
        }
    }

    /// EndTxn. Repeating the same end is no error.
    pub(crate) fn end_transaction(&mut self, id: &str, producer: (i64, i16), commit: bool) -> Result<(), i16> {
        let txn = self.transactions.held(id, producer.0, producer.1)?;
        match (txn.state, commit) {
            (TxnState::Ongoing, _) => {
                self.finish(id, commit);
                Ok(())
            }
            (TxnState::CompleteCommit, true) | (TxnState::CompleteAbort, false) => Ok(()),
            _ => Err(codes::INVALID_TXN_STATE),
        }
    }

    /// Writes the markers, settles the offsets, and closes the transaction.
    fn finish(&mut self, id: &str, commit: bool) {
        let now = self.wall_ms();
        let Some(txn) = self.transactions.by_id.get_mut(id) else {
            return;
        };
        txn.state = match commit {
            true => TxnState::CompleteCommit,
            false => TxnState::CompleteAbort,
        };
        let marker = Marker { producer_id: txn.producer_id, producer_epoch: txn.epoch, commit };
        for (topic, index) in std::mem::take(&mut txn.partitions) {
            if let Some(partition) = self.topics.partition_mut(&topic, index) {
                let before = partition.log.bytes();
                partition.log.append_marker(marker, now);
                self.bytes += partition.log.bytes() - before;
                partition.producers.marked(marker.producer_id, marker.producer_epoch);
                partition.waiters.wake();
            }
        }
        for group in std::mem::take(&mut txn.groups) {
            if let Some(group) = self.groups.get_mut(&group) {
                group.end_transaction(marker.producer_id, commit);
            }
        }
    }

    /// Aborts transactions that are open for longer than their producer allowed.
    pub(crate) fn expire_transactions(&mut self, now_ms: i64) {
        let late: Vec<String> = self
            .transactions
            .iter()
            .filter(|(_, txn)| txn.state == TxnState::Ongoing)
            .filter(|(_, txn)| now_ms - txn.started_ms >= i64::from(txn.timeout_ms))
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            tracing::info!(transactional_id = %id, "transaction timed out");
            self.fence(&id);
        }
    }
}

fn begin(txn: &mut Transaction, now_ms: i64) {
    if txn.state != TxnState::Ongoing {
        txn.state = TxnState::Ongoing;
        txn.started_ms = now_ms;
    }
}
