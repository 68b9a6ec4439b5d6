//! CreatePartitions: gives topics more partitions, or says whether it could.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_partitions::{
    CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use kafka_proto::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::topics::CreatePartitionsError;

pub(super) fn answer(
    call: &Call<'_>,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let all = &request.topics;
    let results = all.iter().map(|topic| {
        let twice = all.iter().filter(|other| other.name == topic.name).count() > 1;
        let grown = if twice {
            let message = "the request has this topic more than once";
            Err(Refusal::new(ErrorCode::InvalidRequest, message))
        } else {
            grow(call, topic, request.validate_only)
        };
        let refusal = grown.err();
        CreatePartitionsTopicResult {
            name: topic.name.clone(),
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
            error_message: refusal.map(|refusal| refusal.message.into()),
            ..Default::default()
        }
    });
    CreatePartitionsResponse {
        results: results.collect(),
        ..Default::default()
    }
}

impl From<CreatePartitionsError> for Refusal {
    fn from(error: CreatePartitionsError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

fn grow(
    call: &Call<'_>,
    topic: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), Refusal> {
    call.check(Operation::Alter, Resource::topic(&topic.name))
        .map_err(|error| Refusal::new(error, error.message()))?;
    let cluster = call.cluster();
    cluster.topics.check_growth(&topic.name, topic.count)?;
    let assigned = topic
        .assignments
        .as_ref()
        .filter(|assigned| !assigned.is_empty());
    if let (Some(assigned), Some(current)) = (assigned, cluster.topics.by_name(&topic.name)) {
        let added = topic.count - current.partition_count();
        if usize::try_from(added) != Ok(assigned.len()) {
            let message = format!(
                "{added} partitions are added, but {} are assigned",
                assigned.len()
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        }
    }
    if !validate_only {
        let grown = cluster.create_partitions(&topic.name, topic.count)?;
        tracing::info!(topic = %grown.name, partitions = topic.count, "partitions created");
    }
    Ok(())
}
