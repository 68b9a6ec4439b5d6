//! What a classic group tells of itself.

use bytes::Buf;
use bytestring::ByteString;
use kafka_proto::codec::Message;
use kafka_proto::messages::ConsumerProtocolSubscription;
use kafka_proto::messages::describe_groups::{DescribedGroup, DescribedGroupMember};

use super::group::ClassicGroup;
use super::rebalance::Phase;

impl ClassicGroup {
    /// Kafka's name of its state.
    pub(crate) fn state(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::PreparingRebalance(_) => "PreparingRebalance",
            Phase::CompletingRebalance { .. } => "CompletingRebalance",
            Phase::Stable { .. } => "Stable",
        }
    }

    /// What its members are to each other; empty if nobody has said.
    pub(crate) fn protocol_type(&self) -> ByteString {
        self.protocol_type.clone().unwrap_or_default()
    }

    /// Whether a member, being a consumer, reads a topic. While that is not settled any could.
    pub(crate) fn is_subscribed(&self, topic: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_stable = matches!(self.phase, Phase::Stable { .. });
        let Some(protocol) = self.protocol.as_ref().filter(|_| is_stable) else {
            return true;
        };
        self.members.values().any(|member| {
            let mut metadata = member.metadata(Some(protocol));
            if metadata.len() < 2 {
                return true;
            }
            let version = metadata.get_i16();
            let newest = ConsumerProtocolSubscription::VERSIONS.max;
            ConsumerProtocolSubscription::decode(metadata, version.clamp(0, newest))
                .map_or(true, |read| read.topics.iter().any(|name| name == topic))
        })
    }

    /// The group with its members. Only while it is stable is it known what they have.
    pub(crate) fn described(&self, group_id: &str) -> DescribedGroup {
        let is_stable = matches!(self.phase, Phase::Stable { .. });
        let protocol = self.protocol.as_ref().filter(|_| is_stable);
        let members = self.members.iter().map(|(id, member)| {
            let described = DescribedGroupMember {
                member_id: id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                ..Default::default()
            };
            if !is_stable {
                return described;
            }
            DescribedGroupMember {
                member_metadata: member.metadata(protocol),
                member_assignment: member.assignment.clone(),
                ..described
            }
        });
        DescribedGroup {
            group_id: group_id.into(),
            group_state: ByteString::from_static(self.state()),
            protocol_type: self.protocol_type(),
            protocol_data: protocol.cloned().unwrap_or_default(),
            members: members.collect(),
            ..Default::default()
        }
    }
}
