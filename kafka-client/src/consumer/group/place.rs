//! Takes the place in a group that the settings ask for, and gives it up.

use std::sync::Arc;

use kafka_proto::messages::ConsumerGroupHeartbeatRequest;

use super::{Group, classic, consumer};
use crate::consumer::config::{ConsumerConfig, GroupProtocol};
use crate::consumer::shared::{Shared, now};
use crate::error::Result;

/// A place in a group, by the protocol that it speaks.
#[derive(Debug)]
pub(crate) enum Place {
    Classic(Arc<Group<classic::Membership>>),
    Consumer(Arc<Group<consumer::Membership>>),
}

impl Place {
    /// The place that is configured, if there is a group.
    pub(crate) fn new(config: &ConsumerConfig) -> Option<Self> {
        let id = config.group_id.clone()?;
        Some(match config.group_protocol {
            GroupProtocol::Classic => {
                let member = classic::MemberConfig::new(config, &id);
                let membership = classic::Membership::new(member, now());
                Self::Classic(Arc::new(Group::new(id, membership)))
            }
            GroupProtocol::Consumer => {
                let member = consumer::MemberConfig::new(config, &id);
                let membership = consumer::Membership::new(member, now());
                Self::Consumer(Arc::new(Group::new(id, membership)))
            }
        })
    }

    /// The group, whatever protocol it has.
    pub(crate) fn group(&self) -> Arc<Group> {
        match self {
            Self::Classic(group) => group.clone(),
            Self::Consumer(group) => group.clone(),
        }
    }

    /// Does what the membership decides, until it is dropped.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        match self {
            Self::Classic(group) => classic::run(shared, group).await,
            Self::Consumer(group) => consumer::run(shared, group).await,
        }
    }
}

/// What a coordinator is told by a member that leaves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Farewell {
    /// LeaveGroup, of this member.
    Classic { member_id: String },
    /// The last heartbeat.
    Consumer(Box<ConsumerGroupHeartbeatRequest>),
}

impl Farewell {
    /// Takes the member out of the group. That it is out already is no error.
    pub(crate) async fn say(&self, shared: &Shared) -> Result<()> {
        match self {
            Self::Classic { member_id } => classic::leave(shared, member_id).await,
            Self::Consumer(request) => consumer::leave(shared, request).await,
        }
    }
}
