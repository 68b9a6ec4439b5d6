//! ListGroups: the groups that a broker coordinates.

use bytestring::ByteString;
use kafka_proto::messages::{ListGroupsRequest, ListGroupsResponse};

use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: ListGroupsRequest) -> ListGroupsResponse {
    let mut groups = call.cluster().groups.listed();
    groups.retain(|group| {
        call.check_coordinator(&group.group_id).is_ok()
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
