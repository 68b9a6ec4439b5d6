//! In which log directories replicas lie, and moving them to others.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use kafka_proto::messages::alter_replica_log_dirs::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use kafka_proto::messages::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsResult};
use kafka_proto::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest};

use super::Admin;
use super::asking::Operation;
use super::fan_out::{Item, To};
use crate::consumer::by_topic;
use crate::error::{Result, check};
use crate::types::TopicPartition;

/// A partition's replica on a broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Replica {
    /// The partition.
    pub partition: TopicPartition,
    /// The broker that keeps it.
    pub broker: i32,
}

impl Replica {
    /// Names a replica.
    pub fn new(partition: TopicPartition, broker: i32) -> Self {
        Self { partition, broker }
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on broker {}", self.partition, self.broker)
    }
}

impl Item for Replica {
    fn name(&self) -> String {
        format!("replica {self}")
    }
}

/// Where a replica lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplicaLogDir {
    /// The log directory that it is in; `None` if the broker has no such replica.
    pub current: Option<ReplicaPlace>,
    /// The one that it is being moved to, if it is being moved.
    pub future: Option<ReplicaPlace>,
}

/// A log directory and how far a replica in it has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaPlace {
    /// The log directory's path.
    pub path: String,
    /// By how many offsets the replica is behind: behind the high watermark, or, for a future one, behind the current one.
    pub offset_lag: i64,
}

impl Admin {
    /// Begins to move replicas to other log directories of their brokers, or says where those go that are not there yet; for
    /// each whether that was begun: the move itself takes as long as copying does (KIP-113,
    /// `Admin.alterReplicaLogDirs`). Cancel-safe, except that it may be begun all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single replica is told with it: `LOG_DIR_NOT_FOUND` for a path
    /// that is none of the broker's, `REPLICA_NOT_AVAILABLE` for a replica that it will get there, and does not have yet.
    pub async fn alter_replica_log_dirs(
        &self,
        moves: impl IntoIterator<Item = (Replica, String)>,
    ) -> Result<Vec<(Replica, Result<()>)>> {
        let moves: HashMap<Replica, String> = moves.into_iter().collect();
        let moves = &moves;
        self.each(
            Operation::new("moving replicas"),
            moves.keys().cloned(),
            |replica| To::Broker(replica.broker),
            |_, replicas| {
                let mut paths: BTreeMap<&str, Vec<(TopicPartition, ())>> = BTreeMap::new();
                for replica in replicas {
                    let same = paths.entry(&moves[replica]).or_default();
                    same.push((replica.partition.clone(), ()));
                }
                AlterReplicaLogDirsRequest {
                    dirs: paths.into_iter().map(moved).collect(),
                    ..Default::default()
                }
            },
            |answer, replicas| {
                let Some(broker) = replicas.first().map(|replica| replica.broker) else {
                    return Ok(Vec::new());
                };
                let mut each = Vec::new();
                for topic in answer.results {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.topic_name, partition.partition_index);
                        let replica = Replica::new(at, broker);
                        let path = moves.get(&replica).map_or("", String::as_str);
                        let what = || format!("{} in {path}", replica.name());
                        let begun = check(partition.error_code, what);
                        each.push((replica, begun));
                    }
                }
                Ok(each)
            },
        )
        .await
    }

    /// In which log directories replicas lie (KIP-113, `Admin.describeReplicaLogDirs`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single replica's broker is told with the replica.
    pub async fn describe_replica_log_dirs(
        &self,
        replicas: impl IntoIterator<Item = Replica>,
    ) -> Result<Vec<(Replica, Result<ReplicaLogDir>)>> {
        self.each(
            Operation::new("describing log directories"),
            replicas,
            |replica| To::Broker(replica.broker),
            |_, replicas| {
                let wanted = replicas
                    .iter()
                    .map(|replica| (replica.partition.clone(), ()));
                let topic =
                    |(topic, partitions): (String, Vec<(i32, ())>)| DescribableLogDirTopic {
                        topic: topic.into(),
                        partitions: partitions.into_iter().map(|(number, ())| number).collect(),
                        ..Default::default()
                    };
                DescribeLogDirsRequest {
                    topics: Some(by_topic(wanted).into_iter().map(topic).collect()),
                    ..Default::default()
                }
            },
            |answer, replicas| {
                check(answer.error_code, || "log directories".to_owned())?;
                let found = places(answer.results);
                let each = replicas.iter().map(|replica| {
                    let place = found.get(&replica.partition).cloned().unwrap_or_default();
                    (replica.clone(), Ok(place))
                });
                Ok(each.collect())
            },
        )
        .await
    }
}

fn moved((path, partitions): (&str, Vec<(TopicPartition, ())>)) -> AlterReplicaLogDir {
    let topic = |(name, partitions): (String, Vec<(i32, ())>)| AlterReplicaLogDirTopic {
        name: name.into(),
        partitions: partitions.into_iter().map(|(number, ())| number).collect(),
        ..Default::default()
    };
    AlterReplicaLogDir {
        path: path.into(),
        topics: by_topic(partitions).into_iter().map(topic).collect(),
        ..Default::default()
    }
}

/// A directory that has failed says nothing of what it has.
fn places(directories: Vec<DescribeLogDirsResult>) -> HashMap<TopicPartition, ReplicaLogDir> {
    let mut found: HashMap<TopicPartition, ReplicaLogDir> = HashMap::new();
    for directory in directories {
        for topic in directory.topics {
            for replica in topic.partitions {
                let at = TopicPartition::new(&*topic.name, replica.partition_index);
                let place = Some(ReplicaPlace {
                    path: directory.log_dir.to_string(),
                    offset_lag: replica.offset_lag,
                });
                let of = found.entry(at).or_default();
                if replica.is_future_key {
                    of.future = place;
                } else {
                    of.current = place;
                }
            }
        }
    }
    found
}
