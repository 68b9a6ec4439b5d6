//! DeleteShareGroupOffsets: forgets what a share group without members has done of topics.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::delete_share_group_offsets::DeleteShareGroupOffsetsResponseTopic;
use kafka_proto::messages::{DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse};

use super::share_partitions::{check_empty, message};
use crate::authorizer::Operation;
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(
    call: &Call<'_>,
    request: DeleteShareGroupOffsetsRequest,
) -> DeleteShareGroupOffsetsResponse {
    delete(call, &request).unwrap_or_else(|refusal| DeleteShareGroupOffsetsResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    })
}

fn delete(
    call: &Call<'_>,
    request: &DeleteShareGroupOffsetsRequest,
) -> Result<DeleteShareGroupOffsetsResponse, Refusal> {
    check_empty(call, &request.group_id)?;
    let responses = request.topics.iter().map(|wanted| {
        let mut told = DeleteShareGroupOffsetsResponseTopic {
            topic_name: wanted.topic_name.clone(),
            ..Default::default()
        };
        let nothing = ErrorCode::UnknownTopicOrPartition;
        let missing = match call.topic(Operation::Read, &wanted.topic_name) {
            Ok(topic) => {
                told.topic_id = topic.id;
                let share = &call.cluster().share;
                let forgotten = share.forget(&request.group_id, |id| id.topic_id == topic.id);
                (!forgotten).then_some((nothing, "There is no offset information to delete."))
            }
            Err(error) => Some((error, message(error))),
        };
        if let Some((error, message)) = missing {
            told.error_code = error.code();
            told.error_message = Some(message.into());
        }
        told
    });
    Ok(DeleteShareGroupOffsetsResponse {
        responses: responses.collect(),
        ..Default::default()
    })
}
