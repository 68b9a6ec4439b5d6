//! Membership in a group, by one of two protocols that the setting `group.protocol` chooses from:
//!
//! - [`classic`]: the members meet for every change, and one of them shares the partitions out (JoinGroup, SyncGroup);
//! - [`consumer`]: the coordinator shares them out and tells each member in the answers to its heartbeats (KIP-848).
//!
//! Beside them stands what they share. The rest of the consumer knows only [`Membership`], and what it has to do is a
//! [`Rebalance`], whichever protocol it comes from.

mod classic;
mod consumer;
mod membership;
mod pattern;
mod place;
mod presence;
mod rebalance;
mod run;
mod subscription;
mod topics;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use classic::read_assignment;
pub(crate) use consumer::new_member_id;
pub(crate) use membership::Membership;
pub use pattern::TopicPattern;
pub(crate) use place::Place;
pub(crate) use presence::Presence;
pub(crate) use rebalance::{Identity, Rebalance};

/// The group that a consumer names, and its place in it.
#[derive(Debug)]
pub(crate) struct Group<M: ?Sized = dyn Membership> {
    pub(crate) id: String,
    /// Something has changed that the membership's task has to look at.
    pub(crate) wake: Notify,
    membership: Mutex<M>,
}

impl<M> Group<M> {
    fn new(id: String, membership: M) -> Self {
        Self {
            id,
            wake: Notify::new(),
            membership: Mutex::new(membership),
        }
    }
}

impl<M: ?Sized> Group<M> {
    pub(crate) fn membership(&self) -> MutexGuard<'_, M> {
        self.membership
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
