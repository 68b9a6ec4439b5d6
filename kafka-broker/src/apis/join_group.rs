//! JoinGroup: becomes a member of a classic group.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::join_group::JoinGroupResponseMember;
use kafka_proto::messages::{JoinGroupRequest, JoinGroupResponse};

use crate::groups::{Join, Joined, Protocol};
use crate::node::Call;

/// From this version on a new member comes back with the id that it is given (KIP-394).
const FIRST_VERSION_WITH_KNOWN_IDS: i16 = 4;
/// From this version on a protocol that has not been agreed on is null.
const FIRST_VERSION_WITH_NULL_PROTOCOL: i16 = 7;
/// From this version on a leader can be told to assign nothing (KIP-814).
const FIRST_VERSION_WITH_SKIP_ASSIGNMENT: i16 = 9;

pub(super) async fn answer(call: &Call<'_>, request: JoinGroupRequest) -> JoinGroupResponse {
    let member_id = request.member_id.clone();
    respond(
        call.version,
        match check(call, &request) {
            Err(error) => Joined::error(error, member_id),
            Ok((session_timeout, rebalance_timeout)) => {
                // What the group keeps are copies, so that they do not keep the whole request in memory.
                let protocols = request.protocols.iter().map(|protocol| Protocol {
                    name: ByteString::from(&*protocol.name),
                    metadata: Bytes::copy_from_slice(&protocol.metadata),
                });
                let join = Join {
                    member_id: ByteString::from(&*request.member_id),
                    group_instance_id: request.group_instance_id.as_deref().map(ByteString::from),
                    session_timeout,
                    rebalance_timeout,
                    protocol_type: ByteString::from(&*request.protocol_type),
                    protocols: protocols.collect(),
                    requires_known_member_id: call.version >= FIRST_VERSION_WITH_KNOWN_IDS,
                    supports_skipping_assignment: call.version
                        >= FIRST_VERSION_WITH_SKIP_ASSIGNMENT,
                    client_id: ByteString::from(call.client_id.as_deref().unwrap_or_default()),
                    client_host: call.client_host.clone(),
                };
                // A member's id tells people whose it is.
                let prefix = request
                    .group_instance_id
                    .or_else(|| call.client_id.clone())
                    .unwrap_or_default();
                let groups = &call.cluster().groups;
                let joined = groups.join(&request.group_id, &prefix, join);
                let joined = call.while_coordinator(&request.group_id, joined).await;
                joined.unwrap_or_else(|error| Joined::error(error, member_id))
            }
        },
    )
}

fn check(call: &Call<'_>, request: &JoinGroupRequest) -> Result<(Duration, Duration), ErrorCode> {
    call.check_member_of(&request.group_id)?;
    let settings = &call.cluster().settings;
    let session_timeout =
        millis(request.session_timeout_ms).ok_or(ErrorCode::InvalidSessionTimeout)?;
    if session_timeout < settings.group_min_session_timeout
        || session_timeout > settings.group_max_session_timeout
    {
        return Err(ErrorCode::InvalidSessionTimeout);
    }
    // Before version 1 one timeout was for both.
    Ok((
        session_timeout,
        millis(request.rebalance_timeout_ms).unwrap_or(session_timeout),
    ))
}

fn millis(millis: i32) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

fn respond(version: i16, joined: Joined) -> JoinGroupResponse {
    let protocol_name = match joined.protocol {
        None if version < FIRST_VERSION_WITH_NULL_PROTOCOL => Some(ByteString::new()),
        protocol => protocol,
    };
    let members = joined
        .members
        .into_iter()
        .map(|member| JoinGroupResponseMember {
            member_id: member.member_id,
            group_instance_id: member.group_instance_id,
            metadata: member.metadata,
            ..Default::default()
        });
    JoinGroupResponse {
        error_code: joined.error.code(),
        generation_id: joined.generation,
        protocol_type: joined.protocol_type,
        protocol_name,
        leader: joined.leader,
        skip_assignment: joined.skip_assignment,
        member_id: joined.member_id,
        members: members.collect(),
        ..Default::default()
    }
}
