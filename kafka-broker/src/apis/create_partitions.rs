//! CreatePartitions: gives topics more partitions, or says whether it could.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_partitions::{
    CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use kafka_proto::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::replicas::{self, Replication};
use crate::topics::CreatePartitionsError;

/// From this version on a client can be told that it has made too many changes (KIP-599).
const FIRST_STRICT_VERSION: i16 = 3;

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
    let results = results.collect();
    CreatePartitionsResponse {
        throttle_time_ms: call.throttle_millis(),
        results,
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
    call.check(Operation::Alter, Resource::topic(&topic.name))?;
    let cluster = call.cluster();
    cluster.topics.check_growth(&topic.name, topic.count)?;
    let assigned = topic
        .assignments
        .as_ref()
        .filter(|assigned| !assigned.is_empty());
    let current = cluster.topics.by_name(&topic.name);
    let first = current.as_ref().and_then(|current| current.partition(0));
    let added = topic.count
        - current
            .as_ref()
            .map_or(0, |current| current.partition_count());
    // As many replicas as the other partitions have.
    let mut replication = first.map_or(Replication::All, |first| {
        Replication::Factor(first.replicas().len())
    });
    if let Some(assigned) = assigned {
        if usize::try_from(added) != Ok(assigned.len()) {
            let message = format!(
                "{added} partitions are added, but {} are assigned",
                assigned.len()
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        let assigned: Vec<Vec<i32>> = assigned
            .iter()
            .map(|partition| partition.broker_ids.clone())
            .collect();
        for replicas in &assigned {
            replicas::check(replicas, |id| cluster.nodes.knows(id))?;
        }
        replication = Replication::Assigned(assigned);
    }
    if !validate_only {
        call.mutate(added, FIRST_STRICT_VERSION)?;
        let grown = cluster.create_partitions(&topic.name, topic.count, &replication)?;
        tracing::info!(topic = %grown.name, partitions = topic.count, "partitions created");
    }
    Ok(())
}
