//! The nodes of the cluster: which are up, where each listens, who leads a partition and who coordinates a group.
//!
//! All nodes share one state, so that replicas never differ; what a client sees is that leaders and coordinators are
//! spread over the nodes, that only they answer for what is theirs, and that both move when a node dies.

use crate::broker::Broker;
use crate::codes;
use crate::topics::Partition;

/// `host:port` of every listener of a node.
pub(crate) type Addresses = Vec<(String, u16)>;

/// The nodes, numbered from 1.
#[derive(Debug)]
pub(crate) struct Nodes {
    advertised: Vec<Addresses>,
    up: Vec<bool>,
}

impl Nodes {
    pub(crate) fn new(advertised: Vec<Addresses>) -> Nodes {
        Nodes { up: vec![true; advertised.len()], advertised }
    }

    pub(crate) fn count(&self) -> usize {
        self.up.len()
    }

    /// Whether there is such a node, up or down.
    pub(crate) fn has(&self, node: i32) -> bool {
        (1..=self.count() as i32).contains(&node)
    }

    pub(crate) fn is_up(&self, node: i32) -> bool {
        self.has(node) && self.up[node as usize - 1]
    }

    /// The nodes that are up.
    pub(crate) fn alive(&self) -> impl Iterator<Item = i32> {
        (1..=self.count() as i32).filter(|node| self.is_up(*node))
    }

    /// The first that is up; a node that asks is.
    pub(crate) fn controller(&self) -> i32 {
        self.alive().next().unwrap_or(1)
    }

    /// What a listener of a node tells clients to connect to.
    pub(crate) fn address(&self, node: i32, listener: usize) -> (String, u16) {
        let node = self.advertised.get(node as usize - 1).and_then(|listeners| listeners.get(listener));
        node.cloned().unwrap_or_default()
    }

    /// The node that coordinates a group or a transactional id: by hash, or the next one that is up.
    pub(crate) fn coordinator_of(&self, key: &str) -> i32 {
        let hash = key.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let first = hash as usize % self.count();
        let ring = (0..self.count()).map(|step| ((first + step) % self.count()) as i32 + 1);
        ring.into_iter().find(|node| self.is_up(*node)).unwrap_or(1)
    }

    /// Replicas of the partition of that index of a topic whose first leader is the node after so many.
    pub(crate) fn replicas(&self, start: usize, index: usize, factor: usize) -> Vec<i32> {
        (0..factor).map(|step| ((start + index + step) % self.count()) as i32 + 1).collect()
    }
}

impl Partition {
    /// Refuses what only the leader may do.
    pub(crate) fn check_leader(&self, node: i32) -> Result<(), i16> {
        match self.leader == Some(node) {
            true => Ok(()),
            false => Err(codes::NOT_LEADER_OR_FOLLOWER),
        }
    }

    /// Refuses a client that knows another epoch of leadership; -1 knows none.
    pub(crate) fn check_epoch(&self, asked: i32) -> Result<(), i16> {
        match asked {
            asked if asked < 0 || asked == self.log.epoch() => Ok(()),
            asked if asked < self.log.epoch() => Err(codes::FENCED_LEADER_EPOCH),
            _ => Err(codes::UNKNOWN_LEADER_EPOCH),
        }
    }

    /// The replicas that are up.
    pub(crate) fn in_sync(&self, nodes: &Nodes) -> Vec<i32> {
        self.replicas.iter().copied().filter(|node| nodes.is_up(*node)).collect()
    }

    /// Another replica leads, or none. Whoever waits for the old one learns of it.
    fn led_by(&mut self, leader: Option<i32>) {
        if self.leader != leader {
            self.leader = leader;
            self.log.begin_epoch();
            self.waiters.wake();
        }
    }

    /// The replica behind the leader that is up; the leader itself if there is no other.
    fn next_leader(&self, nodes: &Nodes) -> Option<i32> {
        let at = self.replicas.iter().position(|node| Some(*node) == self.leader).map_or(0, |at| at + 1);
        let ring = self.replicas.iter().cycle().skip(at).take(self.replicas.len());
        ring.copied().find(|node| nodes.is_up(*node))
    }
}

impl Broker {
    /// A node dies: its partitions are led by their next replica, and who coordinated by it must come again.
    pub(crate) fn node_down(&mut self, node: i32) {
        let now = self.timer_ms();
        let coordinated = |nodes: &Nodes, id: &str| nodes.coordinator_of(id) == node;
        let nodes = &self.nodes;
        let groups = self.groups.values_mut().filter(|group| coordinated(nodes, &group.id));
        groups.for_each(|group| group.reload(now));
        self.groups.retain(|_, group| !group.is_disposable());
        if let Some(up) = self.nodes.up.get_mut(node as usize - 1) {
            *up = false;
        }
        for partition in partitions(&mut self.topics).filter(|partition| partition.leader == Some(node)) {
            partition.led_by(partition.next_leader(&self.nodes));
        }
    }

    /// A node is back: it leads what nobody led meanwhile.
    pub(crate) fn node_up(&mut self, node: i32) {
        if let Some(up) = self.nodes.up.get_mut(node as usize - 1) {
            *up = true;
        }
        for partition in partitions(&mut self.topics) {
            if partition.leader.is_none() && partition.replicas.contains(&node) {
                partition.led_by(Some(node));
            }
        }
    }

    /// Moves leaders to their next replica, or back to their first; of one topic or partition, or of all. Gives how
    /// many moved.
    pub(crate) fn move_leaders(&mut self, topic: Option<&str>, partition: Option<i32>, back: bool) -> u64 {
        let nodes = &self.nodes;
        let mut moved = 0;
        for (name, found) in self.topics.iter_mut() {
            let indexed = (0..).zip(&mut found.partitions);
            let meant = indexed.filter(|(index, _)| {
                topic.is_none_or(|topic| topic == name) && partition.is_none_or(|partition| partition == *index)
            });
            for (_, partition) in meant {
                let first = partition.replicas.iter().copied().find(|node| nodes.is_up(*node));
                let next = if back { first } else { partition.next_leader(nodes) };
                moved += u64::from(next != partition.leader);
                partition.led_by(next);
            }
        }
        moved
    }
}

fn partitions(topics: &mut crate::topics::Topics) -> impl Iterator<Item = &mut Partition> {
    topics.iter_mut().flat_map(|(_, topic)| &mut topic.partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: usize) -> Nodes {
        Nodes::new(vec![Vec::new(); count])
    }

    #[test]
    fn leaders_and_replicas_are_spread() {
        let nodes = nodes(3);
        let replicas: Vec<_> = (0..4).map(|index| nodes.replicas(1, index, 2)).collect();
        assert_eq!(replicas, [[2, 3], [3, 1], [1, 2], [2, 3]]);
    }

    #[test]
    fn coordinators_are_spread_and_move_on_from_a_node_that_is_down() {
        let mut nodes = nodes(3);
        let keys: Vec<String> = (0..30).map(|n| format!("group-{n}")).collect();
        for node in 1..=3 {
            assert!(keys.iter().any(|key| nodes.coordinator_of(key) == node));
        }
        nodes.up[1] = false;
        assert!(keys.iter().all(|key| nodes.coordinator_of(key) != 2));
        assert_eq!((nodes.controller(), nodes.alive().count()), (1, 2));
    }

    #[test]
    fn every_move_of_a_leader_is_an_epoch_of_its_own() {
        let mut nodes = nodes(2);
        let mut partition = Partition::on(vec![1, 2]);
        assert_eq!((partition.check_leader(1), partition.check_epoch(0)), (Ok(()), Ok(())));
        nodes.up[0] = false;
        partition.led_by(partition.next_leader(&nodes));
        assert_eq!(partition.check_leader(1), Err(codes::NOT_LEADER_OR_FOLLOWER));
        assert_eq!((partition.check_leader(2), partition.in_sync(&nodes)), (Ok(()), vec![2]));
        assert_eq!(partition.check_epoch(0), Err(codes::FENCED_LEADER_EPOCH));
        assert_eq!(partition.check_epoch(2), Err(codes::UNKNOWN_LEADER_EPOCH));
        assert_eq!(partition.check_epoch(-1), Ok(()));
        nodes.up[1] = false;
        partition.led_by(partition.next_leader(&nodes));
        assert_eq!((partition.leader, partition.log.epoch()), (None, 2));
    }
}
