//! StreamsGroupDescribe (KIP-1071): there are no groups of Kafka Streams' own protocol here, which is said of each.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::streams_group_describe::DescribedGroup;
use kafka_proto::messages::{StreamsGroupDescribeRequest, StreamsGroupDescribeResponse};

use super::share_partitions::check_group;
use crate::authorizer::Operation;
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(
    call: &Call<'_>,
    request: StreamsGroupDescribeRequest,
) -> StreamsGroupDescribeResponse {
    let groups = request.group_ids.into_iter().map(|group_id| {
        let refusal = match check_group(call, Operation::Describe, &group_id) {
            Err(error) => error.into(),
            Ok(()) => {
                let found = call.cluster().groups.look(&group_id, |_| ());
                let message = match found {
                    Some(()) => format!("Group {group_id} is not a streams group."),
                    None => format!("Group {group_id} not found."),
                };
                Refusal::new(ErrorCode::GroupIdNotFound, message)
            }
        };
        DescribedGroup {
            group_id,
            error_code: refusal.error.code(),
            error_message: Some(refusal.message.into()),
            topology: None,
            ..Default::default()
        }
    });
    StreamsGroupDescribeResponse {
        groups: groups.collect(),
        ..Default::default()
    }
}
