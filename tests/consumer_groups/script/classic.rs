//! Members of the classic protocol.

use bytes::Bytes;
use kafka_proto::messages::join_group::JoinGroupRequestProtocol;
use kafka_proto::messages::leave_group::MemberIdentity;
use kafka_proto::messages::sync_group::SyncGroupRequestAssignment;

use super::*;

impl Script {
    /// Joins by the classic protocol, in a version in which nobody has to come back with the id that it is given.
    pub(crate) async fn join_as_classic(
        &mut self,
        member: &str,
        protocol_type: &str,
    ) -> (String, i32) {
        let request = JoinGroupRequest {
            group_id: self.group.as_str().into(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            member_id: member.into(),
            protocol_type: protocol_type.into(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".into(),
                metadata: Bytes::from_static(&[
                    0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
                ]),
                ..Default::default()
            }],
            ..Default::default()
        };
        let joined = self
            .wire
            .call_coordinator(&request, 3, |answer| answer.error_code)
            .await;
        self.line(format!(
            "join as classic {protocol_type:?}: {} {} members {}",
            error(joined.error_code),
            joined.generation_id,
            joined.members.len()
        ));
        (joined.member_id.to_string(), joined.generation_id)
    }

    pub(crate) async fn sync_as_classic(&mut self, (member, generation): &(String, i32)) {
        let request = SyncGroupRequest {
            group_id: self.group.as_str().into(),
            generation_id: *generation,
            member_id: member.as_str().into(),
            assignments: vec![SyncGroupRequestAssignment {
                member_id: member.as_str().into(),
                assignment: Bytes::from_static(b"all"),
                ..Default::default()
            }],
            ..Default::default()
        };
        let synced = self.wire.call(&request, 3).await;
        self.line(format!(
            "sync as classic in {generation}: {} {}",
            error(synced.error_code),
            synced.assignment.len()
        ));
    }

    pub(crate) async fn beat_as_classic(&mut self, member: &str, generation: i32) {
        let request = HeartbeatRequest {
            group_id: self.group.as_str().into(),
            generation_id: generation,
            member_id: member.into(),
            ..Default::default()
        };
        let answer = self.wire.call(&request, 4).await;
        self.line(format!(
            "beat as classic in {generation}: {}",
            error(answer.error_code)
        ));
    }

    pub(crate) async fn leave_as_classic(&mut self, member: &str) {
        let request = LeaveGroupRequest {
            group_id: self.group.as_str().into(),
            members: vec![MemberIdentity {
                member_id: member.into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self.wire.call(&request, 5).await;
        let of_member = answer
            .members
            .first()
            .map(|member| error(member.error_code));
        self.line(format!(
            "leave as classic: {} {of_member:?}",
            error(answer.error_code)
        ));
    }
}
