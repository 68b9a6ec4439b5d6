//! SyncGroup: hands out the assignment of a classic group.

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::messages::{SyncGroupRequest, SyncGroupResponse};

use crate::groups::{Identity, Sync};
use crate::node::Call;

pub(super) async fn answer(call: &Call<'_>, request: SyncGroupRequest) -> SyncGroupResponse {
    // Copies, so that they do not keep the whole request in memory.
    let assignments = request.assignments.iter().map(|of| {
        let member_id = ByteString::from(&*of.member_id);
        (member_id, Bytes::copy_from_slice(&of.assignment))
    });
    let sync = Sync {
        identity: Identity {
            member_id: &request.member_id,
            group_instance_id: request.group_instance_id.as_deref(),
            generation: request.generation_id,
        },
        protocol_type: request.protocol_type.as_deref(),
        protocol: request.protocol_name.as_deref(),
        assignments: assignments.collect(),
    };
    let synced = if let Err(error) = call.check_member_of(&request.group_id) {
        Err(error)
    } else {
        let synced = call.cluster().groups.sync(&request.group_id, sync);
        let synced = call.while_coordinator(&request.group_id, synced).await;
        synced.and_then(|synced| synced)
    };
    match synced {
        Ok(synced) => SyncGroupResponse {
            protocol_type: synced.protocol_type,
            protocol_name: synced.protocol,
            assignment: synced.assignment,
            ..Default::default()
        },
        Err(error) => SyncGroupResponse {
            error_code: error.code(),
            ..Default::default()
        },
    }
}
