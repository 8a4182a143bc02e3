//! Topics, their partitions, and who waits for records of a partition.

use std::collections::{BTreeMap, HashMap};
use std::rc::{Rc, Weak};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::codes;
use crate::log::Log;
use crate::producers::Producers;
use crate::topic_config::TopicConfig;

/// Fetches that wait for a partition to grow, one for each connection.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Vec<(u64, Weak<Notify>)>,
}

impl Waiters {
    const SWEEP_AT: usize = 32;

    pub(crate) fn add(&mut self, connection: u64, waiter: &Rc<Notify>) {
        if self.waiting.len() >= Self::SWEEP_AT {
            self.waiting.retain(|(_, waiter)| waiter.strong_count() > 0);
        }
        let waiter = Rc::downgrade(waiter);
        match self.waiting.iter_mut().find(|(id, _)| *id == connection) {
            Some(entry) => entry.1 = waiter,
            None => self.waiting.push((connection, waiter)),
        }
    }

    pub(crate) fn wake(&mut self) {
        for (_, waiter) in self.waiting.drain(..) {
            if let Some(waiter) = waiter.upgrade() {
                waiter.notify_one();
            }
        }
    }
}

/// One partition.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    /// The nodes that keep it; the first is the preferred leader.
    pub replicas: Vec<i32>,
    /// None while no replica is up.
    pub leader: Option<i32>,
    pub log: Log,
    pub producers: Producers,
    pub waiters: Waiters,
}

impl Partition {
    /// An empty partition, led by the first of its replicas.
    pub(crate) fn on(replicas: Vec<i32>) -> Partition {
        Partition { leader: replicas.first().copied(), replicas, ..Partition::default() }
    }
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub id: Uuid,
    pub partitions: Vec<Partition>,
    pub config: TopicConfig,
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn partition_mut(&mut self, index: i32) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::try_from(index).ok()?)
    }

    /// How many replicas each partition has.
    pub(crate) fn replication_factor(&self) -> usize {
        self.partitions.first().map_or(1, |partition| partition.replicas.len())
    }
}

/// Every topic, by name and by id.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    names: HashMap<Uuid, String>,
}

impl Topics {
    pub(crate) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.by_name.get_mut(name)
    }

    pub(crate) fn name_of(&self, id: &Uuid) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Topic)> {
        self.by_name.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Topic)> {
        self.by_name.iter_mut()
    }

    pub(crate) fn partition(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.get(topic)?.partition(index)
    }

    pub(crate) fn partition_mut(&mut self, topic: &str, index: i32) -> Option<&mut Partition> {
        self.get_mut(topic)?.partition_mut(index)
    }

    /// Creates a topic of a name that was checked.
    pub(crate) fn create(&mut self, name: &str, partitions: Vec<Partition>, config: TopicConfig) -> &Topic {
        let id = Uuid::new_v4();
        self.names.insert(id, name.to_owned());
        self.by_name.entry(name.to_owned()).or_insert(Topic { id, partitions, config })
    }

    /// Deletes a topic and gives the bytes freed. Fetches that wait on it are woken.
    pub(crate) fn delete(&mut self, name: &str) -> Option<usize> {
        let mut topic = self.by_name.remove(name)?;
        self.names.remove(&topic.id);
        topic.partitions.iter_mut().for_each(|p| p.waiters.wake());
        Some(topic.partitions.iter().map(|p| p.log.bytes()).sum())
    }

    /// Checks the name of a new topic; the error is a code and what is wrong.
    pub(crate) fn check_new_name(&self, name: &str) -> Result<(), (i16, String)> {
        check_name(name).map_err(|why| (codes::INVALID_TOPIC_EXCEPTION, why))?;
        if self.by_name.contains_key(name) {
            let why = format!("Topic '{name}' already exists.");
            return Err((codes::TOPIC_ALREADY_EXISTS, why));
        }
        let like = |other: &String| other.replace('.', "_") == name.replace('.', "_");
        match self.by_name.keys().find(|other| like(other)) {
            Some(other) => {
                let why = format!("Topic '{name}' collides with existing topic: {other}");
                Err((codes::INVALID_TOPIC_EXCEPTION, why))
            }
            None => Ok(()),
        }
    }
}

/// Kafka's rule for topic names.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Err("Topic name is invalid: the empty string is not allowed".to_owned())
    } else if name == "." || name == ".." {
        Err(format!("Topic name is invalid: '{name}' is not allowed"))
    } else if name.len() > 249 {
        Err("Topic name is invalid: it can't be longer than 249 characters".to_owned())
    } else if !name.chars().all(legal) {
        Err(format!(
            "Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ))
    } else {
        Ok(())
    }
}
