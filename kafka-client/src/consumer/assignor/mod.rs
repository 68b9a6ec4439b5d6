//! How the leader of a classic group shares the partitions among its members.
//!
//! An assignor is a function of what is there: it keeps no state, and every member that became the leader would come to
//! the same result. A consumer offers the group a list of them ([`AssignmentStrategy`]); the group takes the first that
//! all its members offer.
//!
//! - [`RangeAssignor`] and [`RoundRobinAssignor`] look at nothing but topics and members;
//! - [`StickyAssignor`] and [`CooperativeStickyAssignor`] leave with each member what it had, as far as shares stay equal;
//! - any other is a type that implements [`Assignor`].

mod racks;
mod range;
mod round_robin;
mod sharing;
mod sticky;
mod strategy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

pub use range::RangeAssignor;
pub use round_robin::RoundRobinAssignor;
pub use sticky::{CooperativeStickyAssignor, StickyAssignor};
pub use strategy::AssignmentStrategy;

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
    /// What its assignor has to say: see [`Assignor::user_data`].
    pub user_data: Bytes,
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

/// How members of a group go from one assignment to the next (KIP-429).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RebalanceProtocol {
    /// Everybody gives up everything before a new assignment is made.
    Eager,
    /// Members go on with what they have, and give up only what the new assignment takes from them; a second rebalance
    /// hands that on.
    Cooperative,
}

/// A way to share partitions among members.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Arc;
/// use kafka_client::TopicPartition;
/// use kafka_client::consumer::Consumer;
/// use kafka_client::consumer::assignor::{AssignmentStrategy, Assignor, GroupAssignment, GroupMember, TopicLayout};
///
/// /// Everything goes to the member with the smallest id; the others stand by.
/// #[derive(Debug)]
/// struct OneForAll;
///
/// impl Assignor for OneForAll {
///     fn name(&self) -> &str {
///         "one-for-all"
///     }
///
///     fn assign(&self, topics: &BTreeMap<Arc<str>, TopicLayout>, members: &[GroupMember]) -> GroupAssignment {
///         let mut assignment: GroupAssignment = members.iter().map(|member| (member.id.clone(), Vec::new())).collect();
///         if let Some(mut all) = assignment.first_entry() {
///             for (topic, layout) in topics {
///                 all.get_mut().extend((0..layout.racks.len()).map(|n| TopicPartition::new(topic.clone(), n as i32)));
///             }
///         }
///         assignment
///     }
/// }
///
/// let builder = Consumer::builder().partition_assignment_strategy([AssignmentStrategy::custom(OneForAll)]);
/// # drop(builder);
/// ```
pub trait Assignor: Send + Sync + std::fmt::Debug {
    /// Its name in the group protocol. All members of a group need one in common.
    fn name(&self) -> &str;

    /// The most that it is made for. A consumer is cooperative when all assignors that it offers are.
    ///
    /// One that is cooperative must not give a member what another one still [owns](GroupMember::owned): it leaves that
    /// out, and the group rebalances again once it was given up.
    fn protocol(&self) -> RebalanceProtocol {
        RebalanceProtocol::Eager
    }

    /// What a member tells the leader's assignor when it joins, beside its subscription: here from what it was assigned
    /// last, and in which generation (-1 if never).
    fn user_data(&self, _assigned: &[TopicPartition], _generation: i32) -> Bytes {
        Bytes::new()
    }

    /// Shares the partitions of the topics. A topic that is not in `topics` does not exist (yet), and is passed over.
    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment;
}

/// The members in the order in which they are served: static ones first and by their own names, so that a restart under a
/// new member id changes nothing.
fn in_order(members: &[GroupMember]) -> Vec<&GroupMember> {
    let mut members: Vec<&GroupMember> = members.iter().collect();
    members.sort_by_key(|member| {
        (
            member.instance_id.is_none(),
            &member.instance_id,
            &member.id,
        )
    });
    members
}

fn nothing_yet(members: &[GroupMember]) -> GroupAssignment {
    members
        .iter()
        .map(|member| (member.id.clone(), Vec::new()))
        .collect()
}
