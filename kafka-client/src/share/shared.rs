//! What a share consumer's handles and its tasks share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::config::ShareConsumerConfig;
use super::fetching::Fetching;
use super::listener::AcknowledgementListener;
use super::membership::Membership;
use crate::clock::now;
use crate::cluster::Cluster;
use crate::metrics::{PollMeters, ShareMeters};

pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) config: ShareConsumerConfig,
    pub(super) group: Arc<str>,
    pub(super) listener: Option<Arc<dyn AcknowledgementListener>>,
    state: Mutex<State>,
    /// There may be something to send.
    pub(super) wake_driver: Notify,
    /// There may be something to hand out or to tell.
    pub(super) wake_poll: Notify,
    /// A session may have ended, or the membership.
    pub(super) progress: Notify,
    pub(super) meters: ShareMeters,
    pub(super) polls: PollMeters,
    closed: AtomicBool,
}

/// What is decided.
#[derive(Debug)]
pub(super) struct State {
    pub(super) membership: Membership,
    pub(super) fetching: Fetching,
}

impl Shared {
    pub(super) fn new(
        cluster: Cluster,
        config: ShareConsumerConfig,
        listener: Option<Arc<dyn AcknowledgementListener>>,
    ) -> Self {
        let membership = Membership::new(&config, now());
        let member_id = membership.member_id().to_owned();
        let state = State {
            fetching: Fetching::new(config.clone(), member_id),
            membership,
        };
        Self {
            cluster,
            group: config.group_id.as_deref().unwrap_or_default().into(),
            config,
            listener,
            state: Mutex::new(state),
            wake_driver: Notify::new(),
            wake_poll: Notify::new(),
            progress: Notify::new(),
            meters: ShareMeters::default(),
            polls: PollMeters::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether it was this call that closed it.
    pub(super) fn close(&self) -> bool {
        let is_first = !self.closed.swap(true, Ordering::AcqRel);
        self.wake_poll.notify_one();
        is_first
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
