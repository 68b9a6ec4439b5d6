//! DeleteGroups: deletes groups that have no members.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::delete_groups::DeletableGroupResult;
use kafka_proto::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let results = request.groups_names.into_iter().map(|group_id| {
        let allowed = call.check(Operation::Delete, Resource::group(&group_id));
        let allowed = allowed.and_then(|()| match &*group_id {
            "" => Err(ErrorCode::InvalidGroupId),
            id => call.check_coordinator(id),
        });
        let deleted = allowed.and_then(|()| call.cluster().groups.delete(&group_id));
        if deleted.is_ok() {
            call.cluster().share.forget(&group_id, |_| true);
        }
        DeletableGroupResult {
            group_id,
            error_code: deleted.err().unwrap_or(ErrorCode::None).code(),
            ..Default::default()
        }
    });
    DeleteGroupsResponse {
        results: results.collect(),
        ..Default::default()
    }
}
