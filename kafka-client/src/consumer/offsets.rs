//! Asking brokers for offsets: of timestamps (ListOffsets), and those that a group has committed (OffsetFetch).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_proto::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_proto::messages::offset_for_leader_epoch::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_proto::messages::{
    ListOffsetsRequest, OffsetFetchRequest, OffsetFetchResponse, OffsetForLeaderEpochRequest,
};

use super::OffsetAndMetadata;
use super::assignment::{EpochEnd, Leadership, Position, Validation};
use super::config::GroupProtocol;
use super::group::Identity;
use super::shared::{Shared, leadership, now};
use crate::cluster::{Lane, Node};
use crate::error::{Error, Result};
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// From version 10 on topics go by their ids, which are of no use here: a group's positions outlive a topic's id.
const OFFSET_FETCH_WITH_NAMES: i16 = 9;

/// Partitions by topic, in the order in which topics are first met.
pub(crate) fn by_topic<T>(
    all: impl IntoIterator<Item = (TopicPartition, T)>,
) -> Vec<(String, Vec<(i32, T)>)> {
    let mut places = HashMap::new();
    let mut topics: Vec<(String, Vec<(i32, T)>)> = Vec::new();
    for (TopicPartition { topic, partition }, value) in all {
        let at = *places.entry(topic.clone()).or_insert_with(|| {
            topics.push((topic.to_string(), Vec::new()));
            topics.len() - 1
        });
        topics[at].1.push((partition, value));
    }
    topics
}

/// Asks a leader for the offsets of timestamps, given with the leader's epoch.
pub(crate) async fn ask_leader(
    shared: &Shared,
    broker: i32,
    partitions: &[(TopicPartition, i32, i64)],
) -> Result<HashMap<TopicPartition, Result<Position>>> {
    let asked = partitions
        .iter()
        .map(|(partition, epoch, timestamp)| (partition.clone(), (*epoch, *timestamp)));
    let topics = by_topic(asked)
        .into_iter()
        .map(|(name, partitions)| ListOffsetsTopic {
            name: name.into(),
            partitions: partitions
                .into_iter()
                .map(
                    |(partition_index, (current_leader_epoch, timestamp))| ListOffsetsPartition {
                        partition_index,
                        current_leader_epoch,
                        timestamp,
                        ..Default::default()
                    },
                )
                .collect(),
            ..Default::default()
        });
    let isolation = shared.config.isolation_level.level();
    let make = |version| ListOffsetsRequest {
        replica_id: -1,
        isolation_level: if version >= 2 { isolation } else { 0 },
        topics: topics.collect(),
        timeout_ms: shared.config.client.request_timeout.as_millis() as i32,
        ..Default::default()
    };
    let (answer, _) = shared
        .cluster
        .send(Node::Broker(broker), Lane::Main, make)
        .await?;
    let mut found = HashMap::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            let name = TopicPartition::new(&*topic.name, partition.partition_index);
            let position = Position {
                offset: partition.offset,
                leader_epoch: partition.leader_epoch,
            };
            let result = crate::error::check(partition.error_code, || {
                format!("offsets of partition {name}")
            });
            found.insert(name, result.map(|()| position));
        }
    }
    Ok(found)
}

/// Before this version only brokers could ask.
const FIRST_EPOCHS_FOR_READERS: i16 = 3;

/// Asks a leader where epochs ended in its logs.
pub(crate) async fn ends_of_epochs(
    shared: &Shared,
    validation: &Validation,
) -> Result<HashMap<TopicPartition, Result<EpochEnd>>> {
    let asked = validation.partitions.iter();
    let asked = asked.map(|(ticket, leader, read)| (ticket.partition.clone(), (*leader, *read)));
    let topics = by_topic(asked).into_iter().map(|(topic, partitions)| {
        let partitions =
            partitions
                .into_iter()
                .map(|(partition, (current_leader_epoch, leader_epoch))| {
                    OffsetForLeaderPartition {
                        partition,
                        current_leader_epoch,
                        leader_epoch,
                        ..Default::default()
                    }
                });
        OffsetForLeaderTopic {
            topic: topic.into(),
            partitions: partitions.collect(),
            ..Default::default()
        }
    });
    let to = Node::Broker(validation.broker);
    let connection = shared.cluster.connection(to, Lane::Main).await?;
    let version = connection.version_of::<OffsetForLeaderEpochRequest>(i16::MAX)?;
    if version < FIRST_EPOCHS_FOR_READERS {
        return Ok(HashMap::new());
    }
    let request = OffsetForLeaderEpochRequest {
        replica_id: -1,
        topics: topics.collect(),
        ..Default::default()
    };
    let limit = shared.config.client.request_timeout;
    let answer = connection.send(&request, version, limit).await?;
    let mut found = HashMap::new();
    for topic in answer.topics {
        for end in topic.partitions {
            let name = TopicPartition::new(&*topic.topic, end.partition);
            let result = crate::error::check(end.error_code, || {
                format!("the leader epochs of partition {name}")
            });
            let end = EpochEnd {
                epoch: end.leader_epoch,
                offset: end.end_offset,
            };
            found.insert(name, result.map(|()| end));
        }
    }
    Ok(found)
}

/// The offsets of timestamps, asked of whoever leads; again and again until `limit` is over.
pub(crate) async fn look_up(
    shared: &Shared,
    what: &str,
    partitions: Vec<(TopicPartition, i64)>,
    limit: Duration,
) -> Result<HashMap<TopicPartition, Position>> {
    if partitions.is_empty() {
        return Ok(HashMap::new());
    }
    let partitions = &partitions;
    shared
        .cluster
        .retry(what, limit, || look_up_once(shared, partitions))
        .await
}

async fn look_up_once(
    shared: &Shared,
    partitions: &[(TopicPartition, i64)],
) -> Result<HashMap<TopicPartition, Position>> {
    let mut metadata = shared
        .cluster
        .add_topics(
            partitions
                .iter()
                .map(|(partition, _)| partition.topic.clone()),
        )
        .await?;
    // A topic may have got more partitions since it was last asked about.
    if partitions.iter().any(|(partition, _)| {
        matches!(leadership(&metadata, partition), Leadership::NoPartition(_))
    }) {
        metadata = shared.cluster.refresh(metadata.version).await?;
    }
    let mut by_broker: BTreeMap<i32, Vec<(TopicPartition, i32, i64)>> = BTreeMap::new();
    for (partition, timestamp) in partitions {
        match leadership(&metadata, partition) {
            Leadership::Leader { broker, epoch, .. } => {
                by_broker
                    .entry(broker)
                    .or_default()
                    .push((partition.clone(), epoch, *timestamp));
            }
            Leadership::NoTopic(code) => {
                return Err(Error::broker(
                    code,
                    format!("topic \"{}\"", partition.topic),
                ));
            }
            Leadership::NoPartition(partitions) => {
                return Err(Error::NoSuchPartition {
                    partition: partition.clone(),
                    partitions,
                });
            }
            Leadership::Vacant | Leadership::Unasked => {
                return Err(Error::broker(
                    ErrorCode::LeaderNotAvailable,
                    format!("partition {partition}"),
                ));
            }
        }
    }
    let mut found = HashMap::new();
    for (broker, asked) in by_broker {
        for (partition, position) in ask_leader(shared, broker, &asked).await? {
            found.insert(partition, position?);
        }
    }
    Ok(found)
}

/// What the group has committed. Partitions that it has nothing for are `None`.
///
/// A member asks as such: what a member that the group has parted with believes to read, others may have moved on. One that
/// only has yet to hear of its new epoch asks again.
pub(crate) async fn committed(
    shared: &Shared,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, Result<Option<OffsetAndMetadata>>>> {
    let config = &shared.config.client;
    let mut backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
    let until = now() + config.request_timeout;
    loop {
        let member = match shared.config.group_protocol {
            // A classic group asks nobody who they are.
            GroupProtocol::Classic => None,
            GroupProtocol::Consumer => shared.group()?.membership().committer(),
        };
        let member = member.filter(|member| member.generation >= 0);
        let answer = committed_as(shared, member, partitions).await;
        let is_late = matches!(
            answer,
            Err(Error::Broker {
                code: ErrorCode::StaleMemberEpoch | ErrorCode::UnknownMemberId,
                ..
            })
        );
        let wait = now() + backoff.next();
        if !is_late || wait >= until {
            return answer;
        }
        tokio::time::sleep_until(wait.into()).await;
    }
}

async fn committed_as(
    shared: &Shared,
    member: Option<Identity>,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, Result<Option<OffsetAndMetadata>>>> {
    let group = shared.group()?.id.clone();
    let topics = by_topic(partitions.iter().map(|partition| (partition.clone(), ())));
    let topics = topics.into_iter().map(|(name, partitions)| {
        (
            name,
            partitions
                .into_iter()
                .map(|(number, ())| number)
                .collect::<Vec<_>>(),
        )
    });
    let make = |version: i16| {
        // An offset that a transaction may still change is worth waiting for.
        let mut request = OffsetFetchRequest {
            require_stable: version >= 7,
            ..Default::default()
        };
        if version >= 8 {
            let topics = topics.map(|(name, partition_indexes)| OffsetFetchRequestTopics {
                name: name.into(),
                partition_indexes,
                ..Default::default()
            });
            let (member_id, member_epoch) = member.map_or((None, -1), |member| {
                (Some(member.member_id.into()), member.generation)
            });
            request.groups = vec![OffsetFetchRequestGroup {
                group_id: group.into(),
                member_id,
                member_epoch,
                topics: Some(topics.collect()),
                ..Default::default()
            }];
        } else {
            request.group_id = group.into();
            let topics = topics.map(|(name, partition_indexes)| OffsetFetchRequestTopic {
                name: name.into(),
                partition_indexes,
                ..Default::default()
            });
            request.topics = Some(topics.collect());
        }
        request
    };
    let limit = shared.config.client.request_timeout;
    let (answer, _) = shared
        .ask_coordinator(Lane::Main, OFFSET_FETCH_WITH_NAMES, limit, make)
        .await?;
    read_committed(shared, answer)
}

fn read_committed(
    shared: &Shared,
    answer: OffsetFetchResponse,
) -> Result<HashMap<TopicPartition, Result<Option<OffsetAndMetadata>>>> {
    shared.check_coordinator(answer.error_code)?;
    let mut found = HashMap::new();
    let mut add = |topic: &str,
                   number: i32,
                   code: i16,
                   offset: i64,
                   leader_epoch: i32,
                   metadata: Option<&str>| {
        let name = TopicPartition::new(topic, number);
        let what = || format!("committed offset of {name}");
        let result = crate::error::check(code, what).map(|()| {
            (offset >= 0).then(|| OffsetAndMetadata {
                offset,
                leader_epoch: Some(leader_epoch).filter(|epoch| *epoch >= 0),
                metadata: metadata.unwrap_or_default().to_owned(),
            })
        });
        found.insert(name, result);
    };
    for topic in &answer.topics {
        for p in &topic.partitions {
            let (offset, epoch) = (p.committed_offset, p.committed_leader_epoch);
            add(
                &topic.name,
                p.partition_index,
                p.error_code,
                offset,
                epoch,
                p.metadata.as_deref(),
            );
        }
    }
    for group in &answer.groups {
        shared.check_coordinator(group.error_code)?;
        for topic in &group.topics {
            for p in &topic.partitions {
                let (offset, epoch) = (p.committed_offset, p.committed_leader_epoch);
                add(
                    &topic.name,
                    p.partition_index,
                    p.error_code,
                    offset,
                    epoch,
                    p.metadata.as_deref(),
                );
            }
        }
    }
    Ok(found)
}

/// What the group has committed, as positions to read from.
pub(crate) async fn committed_positions(
    shared: &Shared,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, Result<Option<Position>>>> {
    let found = committed(shared, partitions).await?;
    let position = |committed: OffsetAndMetadata| Position {
        offset: committed.offset,
        leader_epoch: committed.leader_epoch.unwrap_or(-1),
    };
    Ok(found
        .into_iter()
        .map(|(name, result)| (name, result.map(|found| found.map(position))))
        .collect())
}
