//! ListGroups: the groups that a broker coordinates.

use bytestring::ByteString;
use kafka_proto::messages::{ListGroupsRequest, ListGroupsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: ListGroupsRequest) -> ListGroupsResponse {
    let mut groups = call.cluster().groups.listed();
    let all = call.allows(Operation::Describe, Resource::CLUSTER);
    let is_shown = |id: &str| all || call.allows(Operation::Describe, Resource::group(id));
    groups.retain(|group| {
        is_shown(&group.group_id)
            && call.check_coordinator(&group.group_id).is_ok()
            && is_among(&request.states_filter, &group.group_state)
            && is_among(&request.types_filter, &group.group_type)
    });
    ListGroupsResponse {
        groups,
        ..Default::default()
    }
}

/// Whether it is wanted: without a filter all is.
fn is_among(filter: &[ByteString], name: &str) -> bool {
    filter.is_empty()
        || filter
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(name))
}
