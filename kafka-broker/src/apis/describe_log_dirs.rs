//! DescribeLogDirs: how large the logs of a broker are (KIP-113). They are in memory, which is told as one folder.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_proto::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};

use crate::authorizer::{Operation, Resource};
use crate::lock::lock;
use crate::node::Call;

/// What stands for the folder.
pub(super) const LOG_DIR: &str = "/memory";

pub(super) fn answer(call: &Call<'_>, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    if let Err(error) = call.check(Operation::Describe, Resource::CLUSTER) {
        return DescribeLogDirsResponse {
            error_code: error.code(),
            ..Default::default()
        };
    }
    let wanted: Option<BTreeMap<ByteString, Vec<i32>>> = request.topics.map(|topics| {
        let topics = topics.into_iter();
        topics
            .map(|topic| (topic.topic, topic.partitions))
            .collect()
    });
    let topics = call.cluster().topics.all().into_iter().filter_map(|topic| {
        let indexes = match &wanted {
            None => None,
            Some(wanted) => Some(wanted.get(&topic.name)?),
        };
        let partitions = topic.partitions.iter().zip(0..);
        let here = partitions.filter(|(partition, index)| {
            indexes.is_none_or(|indexes| indexes.contains(index))
                && partition.replicas().contains(&call.node.id)
        });
        let partitions: Vec<_> = here
            .map(|(partition, partition_index)| DescribeLogDirsPartition {
                partition_index,
                partition_size: i64::try_from(lock(&partition.log).size()).unwrap_or(i64::MAX),
                ..Default::default()
            })
            .collect();
        (!partitions.is_empty()).then(|| DescribeLogDirsTopic {
            name: topic.name.clone(),
            partitions,
            ..Default::default()
        })
    });
    DescribeLogDirsResponse {
        results: vec![DescribeLogDirsResult {
            log_dir: LOG_DIR.into(),
            topics: topics.collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}
