//! What a classic group tells of itself.

use bytestring::ByteString;
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
