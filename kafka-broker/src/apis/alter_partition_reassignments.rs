//! AlterPartitionReassignments: has partitions on other brokers (KIP-455). The brokers share their logs, so that nothing is
//! copied: a reassignment is over when it is answered, and there is never one to cancel.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::alter_partition_reassignments::{
    ReassignablePartition, ReassignablePartitionResponse, ReassignableTopic,
    ReassignableTopicResponse,
};
use kafka_proto::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::replicas;

pub(super) fn answer(
    call: &Call<'_>,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let allows_other_factor = request.allow_replication_factor_change;
    let allowed = call.check(Operation::Alter, Resource::CLUSTER);
    let responses = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let reassigned = allowed
                .map_err(Refusal::from)
                .and_then(|()| reassign(call, topic, wanted, allows_other_factor));
            let refusal = reassigned.err();
            ReassignablePartitionResponse {
                partition_index: wanted.partition_index,
                error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
                error_message: refusal.map(|refusal| refusal.message.into()),
                ..Default::default()
            }
        });
        ReassignableTopicResponse {
            partitions: partitions.collect(),
            name: topic.name.clone(),
            ..Default::default()
        }
    });
    AlterPartitionReassignmentsResponse {
        responses: responses.collect(),
        allow_replication_factor_change: allows_other_factor,
        error_code: allowed.err().unwrap_or(ErrorCode::None).code(),
        error_message: allowed.err().map(|error| error.message().into()),
        ..Default::default()
    }
}

fn reassign(
    call: &Call<'_>,
    topic: &ReassignableTopic,
    wanted: &ReassignablePartition,
    allows_other_factor: bool,
) -> Result<(), Refusal> {
    let nodes = &call.cluster().nodes;
    let (name, index) = (&topic.name, wanted.partition_index);
    let unknown = |message| Refusal::new(ErrorCode::UnknownTopicOrPartition, message);
    let found = call.cluster().topics.by_name(name);
    let found = found.ok_or_else(|| unknown(format!("Unable to find a topic named {name}.")))?;
    let partition = found
        .partition(index)
        .ok_or_else(|| unknown(format!("Unable to find partition {name}:{index}.")))?;
    let Some(target) = &wanted.replicas else {
        return Err(Refusal::new(
            ErrorCode::NoReassignmentInProgress,
            "No partition reassignment is in progress.",
        ));
    };
    replicas::check(target, |id| nodes.knows(id))?;
    let current = partition.replicas();
    if !allows_other_factor && current.len() != target.len() {
        return Err(Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "The replication factor is changed from {} to {}",
                current.len(),
                target.len()
            ),
        ));
    }
    partition.set_replicas(target.as_slice().into());
    // Who led goes on leading if it still has the partition.
    if !target.contains(&partition.leadership().leader) {
        partition.elect_first(|id| nodes.is_up(id));
    }
    tracing::info!(topic = %name, index, ?target, "partition reassigned");
    Ok(())
}
