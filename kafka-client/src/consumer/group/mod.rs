//! Membership in a classic group.

mod membership;
mod pattern;
pub(crate) mod protocol;
mod run;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use membership::{Action, Identity, MemberConfig, Membership, Rebalance};
pub(crate) use pattern::TopicPattern;
pub(crate) use run::{leave, run};

/// The group that a consumer names, and its place in it.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    membership: Mutex<Membership>,
    /// Something has changed that the membership's task has to look at.
    pub(crate) wake: Notify,
}

impl Group {
    pub(crate) fn new(id: String, membership: Membership) -> Self {
        Self {
            id,
            membership: Mutex::new(membership),
            wake: Notify::new(),
        }
    }

    pub(crate) fn membership(&self) -> MutexGuard<'_, Membership> {
        self.membership
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
