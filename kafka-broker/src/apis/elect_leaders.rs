//! ElectLeaders: has partitions led by the brokers that are to lead them (KIP-183, KIP-460).

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::elect_leaders::{PartitionResult, ReplicaElectionResult};
use kafka_proto::messages::{ElectLeadersRequest, ElectLeadersResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::replicas::NO_LEADER;
use crate::topics::Partition;

/// Which replica is to lead: the first one, or any if there is no leader.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub(super) fn answer(call: &Call<'_>, request: ElectLeadersRequest) -> ElectLeadersResponse {
    let election = request.election_type;
    let allowed = call.check(Operation::Alter, Resource::CLUSTER);
    if ![PREFERRED, UNCLEAN].contains(&election) {
        return ElectLeadersResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..Default::default()
        };
    }
    let topics = &call.cluster().topics;
    let results = match request.topic_partitions {
        None if allowed.is_err() => Vec::new(),
        Some(wanted) => wanted
            .into_iter()
            .map(|wanted| {
                let topic = topics.by_name(&wanted.topic);
                let elect_one = |index: i32| {
                    allowed?;
                    let Some(topic) = &topic else {
                        return Err(unknown(format!("No such topic as {}", wanted.topic)));
                    };
                    let partition = topic.partition(index).ok_or_else(|| {
                        unknown(format!("No such partition as {}-{index}", wanted.topic))
                    })?;
                    elect(call, partition, election)
                };
                let partitions = wanted.partitions.iter();
                ReplicaElectionResult {
                    partition_result: partitions
                        .map(|index| result(*index, elect_one(*index)))
                        .collect(),
                    topic: wanted.topic.clone(),
                    ..Default::default()
                }
            })
            .collect(),
        // Of all partitions only those are told that were to be led by another broker.
        None => topics
            .all()
            .iter()
            .map(|topic| {
                let partitions = topic.partitions.iter().zip(0..);
                let elected = partitions.filter_map(|(partition, index)| {
                    match elect(call, partition, election) {
                        Err(refusal) if refusal.error == ErrorCode::ElectionNotNeeded => None,
                        elected => Some(result(index, elected)),
                    }
                });
                ReplicaElectionResult {
                    topic: topic.name.clone(),
                    partition_result: elected.collect(),
                    ..Default::default()
                }
            })
            .filter(|topic| !topic.partition_result.is_empty())
            .collect(),
    };
    ElectLeadersResponse {
        // Version 0 has it in each partition alone.
        error_code: match allowed {
            Err(error) if call.version > 0 => error.code(),
            _ => ErrorCode::None.code(),
        },
        replica_election_results: results,
        ..Default::default()
    }
}

fn elect(call: &Call<'_>, partition: &Partition, election: i8) -> Result<(), Refusal> {
    let (leader, replicas) = (partition.leadership().leader, partition.replicas());
    let nodes = &call.cluster().nodes;
    let preferred = replicas.first().copied().unwrap_or(NO_LEADER);
    let is_needed = match election {
        PREFERRED => leader != preferred,
        _ => leader == NO_LEADER,
    };
    if !is_needed {
        return Err(Refusal::new(
            ErrorCode::ElectionNotNeeded,
            "Leader election not needed for topic partition.",
        ));
    }
    if election == PREFERRED && !nodes.is_up(preferred) {
        return Err(Refusal::new(
            ErrorCode::PreferredLeaderNotAvailable,
            "The preferred leader was not available.",
        ));
    }
    match partition.elect_first(|id| nodes.is_up(id)).leader {
        NO_LEADER => Err(Refusal::new(
            ErrorCode::EligibleLeadersNotAvailable,
            "Eligible topic partition leaders are not available.",
        )),
        _ => Ok(()),
    }
}

fn unknown(message: String) -> Refusal {
    Refusal::new(ErrorCode::UnknownTopicOrPartition, message)
}

fn result(partition_id: i32, elected: Result<(), Refusal>) -> PartitionResult {
    let refusal = elected.err();
    PartitionResult {
        partition_id,
        error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
        error_message: refusal.map(|refusal| refusal.message.into()),
        ..Default::default()
    }
}
