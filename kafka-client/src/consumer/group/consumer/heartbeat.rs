//! What a heartbeat says: everything when a member joins, or when it is not known what the coordinator has heard; and
//! afterwards only what has changed.

use std::sync::Arc;

use kafka_proto::messages::ConsumerGroupHeartbeatRequest;

use super::MemberConfig;
use super::holdings::{ByTopicId, as_message};

/// The epoch of a member that joins.
pub(super) const JOIN: i32 = 0;
/// The epoch of a member that leaves.
pub(super) const LEAVE: i32 = -1;
/// The epoch of a static member that leaves and will be back: its partitions wait for it.
pub(super) const LEAVE_FOR_NOW: i32 = -2;

/// What may change about a member, as the coordinator is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    pub(super) topics: Vec<Arc<str>>,
    pub(super) regex: Option<Arc<str>>,
    /// `None` where it is to be said anew.
    pub(super) owned: Option<ByTopicId>,
}

impl Said {
    /// The heartbeat that tells the coordinator so, who has heard `before` if anything.
    pub(super) fn heartbeat(
        &self,
        before: Option<&Self>,
        config: &MemberConfig,
        member_id: &str,
        epoch: i32,
    ) -> ConsumerGroupHeartbeatRequest {
        let changed =
            |is_same: fn(&Self, &Self) -> bool| before.is_none_or(|before| !is_same(before, self));
        let mut request = bare(config, member_id, epoch);
        if before.is_none() {
            let timeout = config.max_poll_interval.as_millis();
            request.rebalance_timeout_ms = i32::try_from(timeout).unwrap_or(i32::MAX);
            request.rack_id = config.rack.as_deref().map(Into::into);
            request.server_assignor = config.remote_assignor.as_deref().map(Into::into);
        }
        if changed(|before, now| before.topics == now.topics) {
            let topics = self.topics.iter().map(|topic| (&**topic).into());
            request.subscribed_topic_names = Some(topics.collect());
        }
        if changed(|before, now| before.regex == now.regex) {
            // An empty one takes back what was there before.
            let regex = self.regex.as_deref().unwrap_or_default();
            request.subscribed_topic_regex = Some(regex.into());
        }
        if changed(|before, now| before.owned == now.owned) {
            request.topic_partitions = self.owned.as_ref().map(as_message);
        }
        request
    }
}

/// The last heartbeat of a member.
pub(super) fn farewell(config: &MemberConfig, member_id: &str) -> ConsumerGroupHeartbeatRequest {
    let epoch = match config.instance_id {
        Some(_) => LEAVE_FOR_NOW,
        None => LEAVE,
    };
    bare(config, member_id, epoch)
}

fn bare(config: &MemberConfig, member_id: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: config.group_id.as_str().into(),
        member_id: member_id.into(),
        member_epoch: epoch,
        instance_id: config.instance_id.as_deref().map(Into::into),
        rebalance_timeout_ms: -1,
        ..Default::default()
    }
}
