//! Log directories: what lies on brokers' disks.

use kafka_proto::messages::DescribeLogDirsRequest;
use kafka_proto::messages::describe_log_dirs::DescribeLogDirsResult;

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::error::{Result, check};
use crate::types::TopicPartition;

/// A folder in which a broker keeps partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct LogDirDescription {
    /// Where it is.
    pub path: String,
    /// The bytes of its volume (KIP-827); `None` where brokers do not say.
    pub total_bytes: Option<i64>,
    /// The bytes of its volume that are free; `None` where brokers do not say.
    pub usable_bytes: Option<i64>,
    /// Whether it gets no new partitions (KIP-1066); `false` before Kafka 4.3.
    pub is_cordoned: bool,
    /// What it has, or why it cannot be used: `KAFKA_STORAGE_ERROR` for one that has failed.
    pub replicas: Result<Vec<ReplicaInfo>>,
}

/// A partition in a log directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaInfo {
    /// The partition.
    pub partition: TopicPartition,
    /// Its bytes.
    pub size: i64,
    /// By how many offsets it is behind: behind the high watermark, or, for a future replica, behind the one it replaces.
    pub offset_lag: i64,
    /// Whether it takes the place of one in another directory once it has caught up.
    pub is_future: bool,
}

impl Admin {
    /// The log directories of brokers, each broker's in the order of their paths (KIP-113, `Admin.describeLogDirs`).
    /// Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single broker is told with it: `BROKER_NOT_AVAILABLE` for one
    /// that is not there.
    pub async fn describe_log_dirs(
        &self,
        brokers: impl IntoIterator<Item = i32>,
    ) -> Result<Vec<(i32, Result<Vec<LogDirDescription>>)>> {
        self.each(
            Operation::new("describing log directories").one_by_one(),
            brokers,
            |broker| To::Broker(*broker),
            |_, _| DescribeLogDirsRequest {
                topics: None,
                ..Default::default()
            },
            |answer, brokers| {
                let described = brokers.first().map(|broker| {
                    let what = || format!("log directories of broker {broker}");
                    let described = check(answer.error_code, what).map(|()| {
                        let mut all: Vec<_> = answer.results.into_iter().map(description).collect();
                        all.sort_by(|a, b| a.path.cmp(&b.path));
                        all
                    });
                    (*broker, described)
                });
                Ok(described.into_iter().collect())
            },
        )
        .await
    }
}

fn description(directory: DescribeLogDirsResult) -> LogDirDescription {
    let what = || format!("log directory {}", directory.log_dir);
    let replicas = check(directory.error_code, what).map(|()| {
        let topics = directory.topics.iter();
        let mut replicas: Vec<ReplicaInfo> = topics
            .flat_map(|topic| {
                topic.partitions.iter().map(|replica| ReplicaInfo {
                    partition: TopicPartition::new(&*topic.name, replica.partition_index),
                    size: replica.partition_size,
                    offset_lag: replica.offset_lag,
                    is_future: replica.is_future_key,
                })
            })
            .collect();
        replicas.sort_by(|a, b| a.partition.cmp(&b.partition));
        replicas
    });
    LogDirDescription {
        path: directory.log_dir.to_string(),
        total_bytes: Some(directory.total_bytes).filter(|bytes| *bytes >= 0),
        usable_bytes: Some(directory.usable_bytes).filter(|bytes| *bytes >= 0),
        is_cordoned: directory.is_cordoned,
        replicas,
    }
}
