//! Elections, moves and losses on demand, for tests of what clients make of them.

use std::sync::atomic::Ordering;

use crate::broker::Broker;
use crate::error::BrokerError;
use crate::replicas::NO_LEADER;
use crate::topics::Leadership;

impl Broker {
    /// Has another broker lead a partition, in a new leader epoch. The records stay.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchNode`] if the broker is not there or is down, [`BrokerError::NoSuchPartition`].
    pub fn move_leader(&self, topic: &str, partition: i32, node: i32) -> Result<(), BrokerError> {
        self.check_node(node)?;
        self.elect(topic, partition, node, None)
    }

    /// Has a partition lose its records from `offset` on, as when a replica is elected that never had them (Kafka's
    /// `unclean.leader.election.enable`): the same broker leads, in a new leader epoch. A batch goes as a whole.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchPartition`].
    pub fn lose_records(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<(), BrokerError> {
        let (leader, _) = self.leader(topic, partition)?;
        self.elect(topic, partition, leader, Some(offset))
    }

    /// The broker that leads a partition, and its epoch.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchPartition`].
    pub fn leader(&self, topic: &str, partition: i32) -> Result<(i32, i32), BrokerError> {
        let found = self.cluster.topics.by_name(topic);
        let leadership = found
            .as_ref()
            .and_then(|topic| topic.partition(partition))
            .map(|partition| partition.leadership());
        let Leadership { leader, epoch } =
            leadership.ok_or_else(|| no_such_partition(topic, partition))?;
        Ok((leader, epoch))
    }

    /// Has a broker coordinate a group from now on. The group's members and positions stay.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchNode`] if the broker is not there or is down.
    pub fn move_coordinator(&self, group_id: &str, node: i32) -> Result<(), BrokerError> {
        self.check_node(node)?;
        self.cluster.nodes.move_coordinator(group_id, node);
        Ok(())
    }

    /// Has clients that ask what the cluster looks like be told to learn it anew from their bootstrap addresses
    /// (KIP-1102), as before this cluster is given up for another one. Only versions of Metadata from 13 on can say so.
    pub fn require_rebootstrap(&self, required: bool) {
        self.cluster.sends_away.store(required, Ordering::Relaxed);
    }

    fn check_node(&self, node: i32) -> Result<(), BrokerError> {
        if self.cluster.nodes.is_up(node) {
            Ok(())
        } else {
            Err(BrokerError::NoSuchNode { node })
        }
    }

    fn elect(
        &self,
        topic: &str,
        partition: i32,
        leader: i32,
        end: Option<i64>,
    ) -> Result<(), BrokerError> {
        let found = self.cluster.topics.by_name(topic);
        let elected = found
            .as_ref()
            .and_then(|topic| topic.partition(partition))
            .map(|partition| partition.elect(leader, end));
        let Leadership { leader, epoch } =
            elected.ok_or_else(|| no_such_partition(topic, partition))?;
        tracing::info!(topic, partition, leader, epoch, "leader elected");
        Ok(())
    }

    /// Gives what a broker leads to others.
    pub(crate) fn lead_elsewhere(&self, node: i32) {
        for topic in self.cluster.topics.all() {
            for (partition, index) in topic.partitions.iter().zip(0..) {
                if partition.leadership().leader == node {
                    let elected = partition.elect_first(|id| self.cluster.nodes.is_up(id));
                    tracing::debug!(topic = %topic.name, index, ?elected, "leader elected");
                }
            }
        }
    }

    /// Has a broker lead what nobody leads.
    pub(crate) fn lead_again(&self, node: i32) {
        for topic in self.cluster.topics.all() {
            for partition in &topic.partitions {
                if partition.leadership().leader == NO_LEADER
                    && partition.replicas().contains(&node)
                {
                    partition.elect(node, None);
                }
            }
        }
    }
}

fn no_such_partition(topic: &str, partition: i32) -> BrokerError {
    BrokerError::NoSuchPartition {
        topic: topic.to_owned(),
        partition,
    }
}
