//! How the leader of a classic group shares the partitions among its members.
//!
//! An assignor is a function of what is there: it keeps no state, and every member that became the leader would come to
//! the same result.

mod range;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use range::RangeAssignor;

use crate::types::TopicPartition;

/// A member of a group, as it presented itself when it joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMember {
    /// The id that the coordinator gave it.
    pub id: String,
    /// `group.instance.id`: what a static member is known by across restarts (KIP-345).
    pub instance_id: Option<String>,
    /// The topics it subscribes to.
    pub topics: Vec<Arc<str>>,
    /// What it owned when it joined.
    pub owned: Vec<TopicPartition>,
    /// The generation that gave it what it owns; -1 where it does not say.
    pub generation: i32,
    /// `client.rack`: where it stands (KIP-881).
    pub rack: Option<String>,
}

/// The partitions of a topic that somebody subscribes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicLayout {
    /// For each partition, the racks of its replicas; empty where they are not known.
    pub racks: Vec<Vec<String>>,
}

impl TopicLayout {
    /// A topic of which only the number of partitions is known.
    pub fn new(partitions: usize) -> Self {
        Self {
            racks: vec![Vec::new(); partitions],
        }
    }
}

/// What each member is to read, by member id. Every member has an entry.
pub type GroupAssignment = BTreeMap<String, Vec<TopicPartition>>;

/// A way to share partitions among members.
pub trait Assignor: Send + Sync + std::fmt::Debug {
    /// Its name in the group protocol. All members of a group need one in common.
    fn name(&self) -> &'static str;

    /// Shares the partitions of the topics. A topic that is not in `topics` does not exist (yet), and is passed over.
    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment;
}
