//! Who a member is, and what a rebalance has it do.

use std::collections::HashSet;

use crate::types::TopicPartition;

/// Who speaks, as requests to the coordinator say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) member_id: String,
    /// The generation of a classic group, the member's epoch in one of the consumer protocol; -1 outside.
    pub(crate) generation: i32,
}

impl Identity {
    /// Somebody who is no member.
    pub(crate) fn nobody() -> Self {
        Self {
            member_id: String::new(),
            generation: -1,
        }
    }
}

/// A change of what this member reads. It waits until the application is between two polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebalance {
    /// These are to be given up; positions may still be committed.
    Revoke(Vec<TopicPartition>),
    /// These are somebody else's already.
    Lost(Vec<TopicPartition>),
    /// These are to be read, and no others.
    Assign(Vec<TopicPartition>),
}

/// What is in `all` and not in `gone`.
pub(super) fn without(all: &[TopicPartition], gone: &[TopicPartition]) -> Vec<TopicPartition> {
    let gone: HashSet<&TopicPartition> = gone.iter().collect();
    let left = all.iter().filter(|partition| !gone.contains(partition));
    left.cloned().collect()
}
