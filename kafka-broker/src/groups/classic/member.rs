//! A member of a classic group.

use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use tokio::sync::oneshot;

/// A new member waits this long for its first generation, whatever its session timeout: it does not know of its
/// membership yet, so it cannot send heartbeats.
const NEW_MEMBER_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// What a member asks for when it joins.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    /// Empty for a member that has no id yet.
    pub(crate) member_id: ByteString,
    pub(crate) group_instance_id: Option<ByteString>,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: ByteString,
    /// In the order of preference.
    pub(crate) protocols: Vec<Protocol>,
    /// Whether a new member has to come back with the id that it is given (KIP-394).
    pub(crate) requires_known_member_id: bool,
    /// Whether a leader can be told that there is nothing to assign (KIP-814).
    pub(crate) supports_skipping_assignment: bool,
    pub(crate) client_id: ByteString,
    pub(crate) client_host: ByteString,
}

/// A way to share out the work, and what the member has to say for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: ByteString,
    pub(crate) metadata: Bytes,
}

/// What a member that joins is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) error: ErrorCode,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<ByteString>,
    pub(crate) protocol: Option<ByteString>,
    pub(crate) leader: ByteString,
    pub(crate) skip_assignment: bool,
    pub(crate) member_id: ByteString,
    /// All members, for the leader.
    pub(crate) members: Vec<JoinedMember>,
}

impl Joined {
    /// A refusal.
    pub(crate) fn error(error: ErrorCode, member_id: ByteString) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: ByteString::new(),
            skip_assignment: false,
            member_id,
            members: Vec::new(),
        }
    }
}

/// A member, as the leader is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub(crate) member_id: ByteString,
    pub(crate) group_instance_id: Option<ByteString>,
    pub(crate) metadata: Bytes,
}

/// What a member that syncs is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: Option<ByteString>,
    pub(crate) protocol: Option<ByteString>,
    pub(crate) assignment: Bytes,
}

pub(crate) type JoinAnswer = oneshot::Sender<Joined>;
pub(crate) type SyncAnswer = oneshot::Sender<Result<Synced, ErrorCode>>;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) group_instance_id: Option<ByteString>,
    pub(super) client_id: ByteString,
    pub(super) client_host: ByteString,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Bytes,
    /// Waits for the next generation.
    pub(super) joining: Option<JoinAnswer>,
    /// Waits for the leader's assignment.
    pub(super) syncing: Option<SyncAnswer>,
    /// Has not asked for its assignment in this generation.
    pub(super) has_to_sync: bool,
    session_ends: Instant,
    /// Has not seen a generation.
    is_new: bool,
}

impl Member {
    /// A member that waits for its first generation.
    pub(super) fn new(join: &Join, now: Instant) -> Self {
        Self {
            group_instance_id: join.group_instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
            has_to_sync: false,
            session_ends: now + NEW_MEMBER_PATIENCE,
            is_new: true,
        }
    }

    /// Takes over what a member says when it joins again.
    pub(super) fn update(&mut self, join: &Join) {
        self.session_timeout = join.session_timeout;
        self.rebalance_timeout = join.rebalance_timeout;
        self.protocols.clone_from(&join.protocols);
    }

    /// It was heard of.
    pub(super) fn renew_session(&mut self, now: Instant) {
        self.session_ends = now + self.session_timeout;
    }

    /// When it counts as gone, unless it is heard of. While the broker owes it an answer it cannot be late.
    pub(super) fn session_ends(&self) -> Option<Instant> {
        let waits = (self.joining.is_some() && !self.is_new) || self.syncing.is_some();
        (!waits).then_some(self.session_ends)
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| known.name == protocol)
    }

    pub(super) fn metadata(&self, protocol: Option<&ByteString>) -> Bytes {
        let known = self
            .protocols
            .iter()
            .find(|known| Some(&known.name) == protocol);
        known
            .map(|known| known.metadata.clone())
            .unwrap_or_default()
    }

    /// Answers its join, if it waits for that.
    pub(super) fn answer_join(&mut self, joined: Joined, now: Instant) {
        self.is_new = false;
        self.renew_session(now);
        if let Some(answer) = self.joining.take() {
            // Whoever has gone away without waiting for its answer misses it.
            let _ = answer.send(joined);
        }
    }

    /// Answers its sync, if it waits for that.
    pub(super) fn answer_sync(&mut self, synced: Result<Synced, ErrorCode>, now: Instant) {
        if let Some(answer) = self.syncing.take() {
            self.renew_session(now);
            let _ = answer.send(synced);
        }
    }

    /// Refuses whatever it waits for, when it leaves.
    pub(super) fn refuse(mut self, error: ErrorCode, member_id: &ByteString) {
        if let Some(answer) = self.joining.take() {
            let _ = answer.send(Joined::error(error, member_id.clone()));
        }
        if let Some(answer) = self.syncing.take() {
            let _ = answer.send(Err(error));
        }
    }
}
