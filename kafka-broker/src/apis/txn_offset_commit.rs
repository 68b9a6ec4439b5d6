//! TxnOffsetCommit: stores a group's positions within a transaction.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_proto::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::offset_commit::{committed_offset, is_too_large};
use crate::authorizer::{Operation, Resource};
use crate::groups::{Commit, CommittedOffset, Identity};
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::topics::TopicIdPartition;
use crate::transactions::{Entry, offsets_partition};

/// From this version on a producer can be told that it has to abort (KIP-890).
const FIRST_VERSION_WITH_ABORTABLE: i16 = 4;
/// From this version on the request adds the group to the transaction (KIP-890).
const FIRST_VERSION_WITH_IMPLICIT_ENTRY: i16 = 5;

pub(super) fn answer(call: &Call<'_>, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let id = Resource::transactional_id(&request.transactional_id);
    let allowed = call
        .check(Operation::Write, id)
        .and_then(|()| call.check(Operation::Read, Resource::group(&request.group_id)));
    let committed = allowed.and_then(|()| commit(call, &request));
    let topics = request
        .topics
        .iter()
        .map(|topic| TxnOffsetCommitResponseTopic {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| {
                    let checked = allowed.and_then(|()| check(call, &topic.name, partition));
                    let result = checked.and(committed);
                    TxnOffsetCommitResponsePartition {
                        partition_index: partition.partition_index,
                        error_code: result.err().unwrap_or(ErrorCode::None).code(),
                        ..Default::default()
                    }
                })
                .collect(),
            ..Default::default()
        });
    TxnOffsetCommitResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

fn commit(call: &Call<'_>, request: &TxnOffsetCommitRequest) -> Result<(), ErrorCode> {
    let cluster = call.cluster();
    let partitions = request.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (&topic.name, partition))
    });
    let exists = |name: &str, index| {
        let topic = cluster.topics.by_name(name);
        topic.is_some_and(|topic| topic.partition(index).is_some())
    };
    if !partitions
        .clone()
        .any(|(name, partition)| exists(name, partition.partition_index))
    {
        // The coordinator is not bothered.
        return Ok(());
    }
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    call.check_coordinator(&request.group_id)?;
    let identity = Identity {
        member_id: &request.member_id,
        group_instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id,
    };
    let producer = ProducerIdAndEpoch {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let storable = partitions.filter(|(name, partition)| check(call, name, partition).is_ok());
    let ids = storable.clone().filter_map(|(name, partition)| {
        let topic = cluster.topics.by_name(name)?;
        Some(TopicIdPartition {
            topic_id: topic.id,
            partition: partition.partition_index,
        })
    });
    let ids: Vec<_> = ids.collect();
    let commit = Commit {
        identity,
        version: None,
        partitions: &ids,
    };
    let offsets =
        storable.map(|(name, partition)| (name, partition.partition_index, committed(partition)));
    let entry = if call.version >= FIRST_VERSION_WITH_IMPLICIT_ENTRY {
        Entry::Implicit
    } else {
        Entry::Verified
    };
    let written = cluster.transactions.write_in(
        cluster,
        &request.transactional_id,
        producer,
        (offsets_partition(&request.group_id), entry),
        || {
            cluster
                .groups
                .commit_in_transaction(&request.group_id, commit, producer.id, offsets)
        },
    );
    written.map_err(|error| match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if call.version < FIRST_VERSION_WITH_ABORTABLE => {
            ErrorCode::InvalidTxnState
        }
        other => other,
    })?
}

/// Whether a position may be stored for a partition.
fn check(
    call: &Call<'_>,
    topic: &str,
    partition: &TxnOffsetCommitRequestPartition,
) -> Result<(), ErrorCode> {
    call.topic(Operation::Read, topic)?
        .partition(partition.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if is_too_large(call, &partition.committed_metadata) {
        return Err(ErrorCode::OffsetMetadataTooLarge);
    }
    Ok(())
}

fn committed(partition: &TxnOffsetCommitRequestPartition) -> CommittedOffset {
    committed_offset(
        partition.committed_offset,
        partition.committed_leader_epoch,
        &partition.committed_metadata,
    )
}
