//! DescribeShareGroupOffsets: where share groups go on reading, and how much there is left.

use std::collections::BTreeMap;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition, DescribeShareGroupOffsetsResponseTopic,
};
use kafka_proto::messages::{DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse};

use super::share_partitions::{check_group, message, partition};
use crate::authorizer::{Operation, Resource};
use crate::lock::lock;
use crate::node::Call;
use crate::refusal::Refusal;
use crate::share::Progress;
use crate::topics::{Topic, TopicIdPartition};

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeShareGroupOffsetsRequest,
) -> DescribeShareGroupOffsetsResponse {
    let groups = request.groups.into_iter().map(|wanted| {
        describe(call, &wanted).unwrap_or_else(|refusal| DescribeShareGroupOffsetsResponseGroup {
            group_id: wanted.group_id.clone(),
            error_code: refusal.error.code(),
            error_message: Some(refusal.message.into()),
            ..Default::default()
        })
    });
    DescribeShareGroupOffsetsResponse {
        groups: groups.collect(),
        ..Default::default()
    }
}

fn describe(
    call: &Call<'_>,
    wanted: &DescribeShareGroupOffsetsRequestGroup,
) -> Result<DescribeShareGroupOffsetsResponseGroup, Refusal> {
    let group_id = &wanted.group_id;
    check_group(call, Operation::Describe, group_id)?;
    let is_share = call
        .cluster()
        .groups
        .look(group_id, |group| group.share().is_some());
    // As at Kafka, a group that is not there has read nothing.
    let progress = match is_share {
        Some(true) => call.cluster().share.progress(group_id),
        _ => BTreeMap::new(),
    };
    let topics = match &wanted.topics {
        Some(topics) => topics
            .iter()
            .map(|topic| {
                let found = call.topic(Operation::Describe, &topic.topic_name);
                let found = found.as_deref().map_err(|error| *error);
                let partitions = topic.partitions.iter();
                DescribeShareGroupOffsetsResponseTopic {
                    topic_name: topic.topic_name.clone(),
                    topic_id: found.map(|topic| topic.id).unwrap_or_default(),
                    partitions: partitions
                        .map(|index| described(found, *index, &progress))
                        .collect(),
                    ..Default::default()
                }
            })
            .collect(),
        None => all(call, &progress),
    };
    Ok(DescribeShareGroupOffsetsResponseGroup {
        group_id: group_id.clone(),
        topics,
        ..Default::default()
    })
}

/// All partitions that the group has read, or is going to.
fn all(
    call: &Call<'_>,
    progress: &BTreeMap<TopicIdPartition, Option<Progress>>,
) -> Vec<DescribeShareGroupOffsetsResponseTopic> {
    let mut by_topic: BTreeMap<_, Vec<i32>> = BTreeMap::new();
    for id in progress.keys() {
        by_topic.entry(id.topic_id).or_default().push(id.partition);
    }
    let topics = by_topic.into_iter().filter_map(|(topic_id, partitions)| {
        let topic = call.cluster().topics.by_id(topic_id)?;
        if !call.allows(Operation::Describe, Resource::topic(&topic.name)) {
            return None;
        }
        let partitions = partitions.into_iter();
        Some(DescribeShareGroupOffsetsResponseTopic {
            topic_name: topic.name.clone(),
            topic_id,
            partitions: partitions
                .map(|index| described(Ok(&topic), index, progress))
                .collect(),
            ..Default::default()
        })
    });
    topics.collect()
}

fn described(
    topic: Result<&Topic, ErrorCode>,
    index: i32,
    progress: &BTreeMap<TopicIdPartition, Option<Progress>>,
) -> DescribeShareGroupOffsetsResponsePartition {
    let mut described = DescribeShareGroupOffsetsResponsePartition {
        partition_index: index,
        start_offset: -1,
        lag: -1,
        ..Default::default()
    };
    let found = topic.and_then(|topic| Ok((topic.id, partition(topic, index)?)));
    let (topic_id, partition) = match found {
        Ok(found) => found,
        Err(error) => {
            described.error_code = error.code();
            described.error_message = Some(message(error).into());
            return described;
        }
    };
    let id = TopicIdPartition {
        topic_id,
        partition: index,
    };
    if let Some(Some(progress)) = progress.get(&id) {
        let end = lock(&partition.log).high_watermark();
        described.start_offset = progress.start_offset;
        described.leader_epoch = partition.leader_epoch();
        described.lag = (end - progress.start_offset - progress.done_count).max(0);
    }
    described
}
