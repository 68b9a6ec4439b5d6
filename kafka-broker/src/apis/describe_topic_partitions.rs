//! DescribeTopicPartitions: topics and their partitions, in pages (KIP-966).

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_proto::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::replicas::{in_sync, led};
use crate::topics::{Partition, Topic, check_name};

/// More partitions are not told at once (`max.request.partition.size.limit`).
const MAX_PARTITIONS: i32 = 2000;

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let topics = &call.cluster().topics;
    let is_of_all = request.topics.is_empty();
    let names: Vec<ByteString> = if request.topics.is_empty() {
        topics
            .all()
            .iter()
            .map(|topic| topic.name.clone())
            .collect()
    } else {
        request.topics.into_iter().map(|topic| topic.name).collect()
    };
    // Of topics that the client may not know of, those that it named are told as such.
    let (mut names, denied): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|name| call.allows(Operation::Describe, Resource::topic(name)));
    names.sort_unstable();
    names.dedup();
    let mut first_partition = 0;
    if let Some(cursor) = &request.cursor {
        names.retain(|name| *name >= cursor.topic_name);
        if names.first() == Some(&cursor.topic_name) {
            first_partition = cursor.partition_index.max(0);
        }
    }
    let up: Vec<i32> = {
        let up = call.cluster().nodes.up();
        up.iter().map(|endpoint| endpoint.id).collect()
    };
    let mut room = request.response_partition_limit.clamp(1, MAX_PARTITIONS);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names {
        let Some(topic) = topics.by_name(&name) else {
            let error = match check_name(&name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            response.topics.push(unknown(name, error));
            continue;
        };
        if room == 0 {
            response.next_cursor = Some(Cursor {
                topic_name: name,
                partition_index: 0,
                ..Default::default()
            });
            break;
        }
        let last = topic
            .partition_count()
            .min(first_partition.saturating_add(room));
        response
            .topics
            .push(describe(call, &topic, first_partition..last, &up));
        room -= (last - first_partition).max(0);
        if last < topic.partition_count() {
            response.next_cursor = Some(Cursor {
                topic_name: name,
                partition_index: last,
                ..Default::default()
            });
            break;
        }
        first_partition = 0;
    }
    if !is_of_all {
        let error = ErrorCode::TopicAuthorizationFailed;
        let denied = denied.into_iter().map(|name| unknown(name, error));
        response.topics.extend(denied);
    }
    response
}

fn unknown(name: ByteString, error: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name),
        ..Default::default()
    }
}

fn describe(
    call: &Call<'_>,
    topic: &Topic,
    partitions: std::ops::Range<i32>,
    up: &[i32],
) -> DescribeTopicPartitionsResponseTopic {
    let described = partitions.filter_map(|index| {
        let partition = topic.partition(index)?;
        Some(describe_partition(partition, index, up))
    });
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        partitions: described.collect(),
        topic_authorized_operations: call.authorized_operations(Resource::topic(&topic.name)),
        ..Default::default()
    }
}

fn describe_partition(
    partition: &Partition,
    partition_index: i32,
    up: &[i32],
) -> DescribeTopicPartitionsResponsePartition {
    let (leadership, replicas) = (partition.leadership(), partition.replicas());
    let (isr, offline) = in_sync(&replicas, up);
    DescribeTopicPartitionsResponsePartition {
        error_code: led(leadership.leader).code(),
        partition_index,
        leader_id: leadership.leader,
        leader_epoch: leadership.epoch,
        replica_nodes: (&*replicas).into(),
        isr_nodes: isr.as_slice().into(),
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: offline.as_slice().into(),
        ..Default::default()
    }
}
