//! What topics there are, and where their partitions are kept.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
    TopicRequest,
};
use kafka_proto::messages::metadata::{MetadataRequestTopic, MetadataResponseTopic};
use kafka_proto::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, MetadataRequest,
    MetadataResponse,
};

use super::asking::Operation;
use super::fan_out::{Item, To};
use super::{AclOperation, Admin};
use crate::error::{Error, Result, check};

/// As many partitions as brokers have on a page unless they are told otherwise (`max.request.partition.size.limit`).
const PARTITIONS_OF_A_PAGE: i32 = 2000;
/// From this version on an answer says what we may do.
const FIRST_VERSION_WITH_OPERATIONS: i16 = 8;
/// From this version on topics may be asked for by their ids alone.
const FIRST_VERSION_WITH_IDS: i16 = 12;

/// A topic in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicListing {
    /// Its name.
    pub name: String,
    /// Its id; zero where brokers give none.
    pub id: Uuid,
    /// Whether Kafka made it for itself.
    pub is_internal: bool,
}

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id; zero where brokers give none.
    pub id: Uuid,
    /// Whether Kafka made it for itself.
    pub is_internal: bool,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionDescription>,
    /// What we may do with it, if that was [asked for](Admin::with_authorized_operations).
    pub authorized_operations: Option<Vec<AclOperation>>,
}

/// A partition and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its number.
    pub partition: i32,
    /// The broker that leads it, if any does at the moment.
    pub leader: Option<i32>,
    /// The leader's epoch; -1 where brokers do not say.
    pub leader_epoch: i32,
    /// The brokers that keep it.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
    /// Those that may become leader although they are not in sync (KIP-966), if that was
    /// [asked for](Admin::with_eligible_leaders) and the broker tells it.
    pub eligible_leaders: Option<Vec<i32>>,
    /// Those that were in sync last, where nobody may become leader without losing records; `None` likewise.
    pub last_known_eligible_leaders: Option<Vec<i32>>,
}

impl Admin {
    /// The topics that there are, by name, those included that Kafka made for itself (`Admin.listTopics`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>> {
        let answer = self.metadata_of(None, false).await?;
        let mut topics: Vec<TopicListing> = answer
            .into_iter()
            .filter_map(|(topic, _)| {
                Some(TopicListing {
                    name: topic.name?.to_string(),
                    id: topic.topic_id,
                    is_internal: topic.is_internal,
                })
            })
            .collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Describes topics, however many, by one request; for each its name and its description, or why there is none, in the
    /// order in which they were asked for (`Admin.describeTopics`). Creates nothing. Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn describe_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<TopicDescription>)>> {
        let names: Vec<ByteString> = topics
            .into_iter()
            .map(|topic| topic.as_ref().into())
            .collect();
        let mut described = HashMap::new();
        if self.options.asks_for_eligible_leaders {
            match self.pages_of(&names).await {
                Ok(topics) => described = topics,
                // Before Kafka 3.8 there are no pages, and nobody is eligible who is not in sync.
                Err(Error::UnsupportedVersion { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if described.is_empty() {
            let wanted = |name: &ByteString| MetadataRequestTopic {
                name: Some(name.clone()),
                ..Default::default()
            };
            let wanted = names.iter().map(wanted).collect();
            let operations = self.options.asks_for_operations;
            for (topic, found) in self.metadata_of(Some(wanted), false).await? {
                let name = topic.name.clone().unwrap_or_default();
                let found = found.map(|()| description(name.to_string(), topic, operations));
                described.insert(name, found);
            }
        }
        let found = |name: ByteString| {
            let found = described.remove(&name);
            (name.to_string(), found.unwrap_or_else(|| lacking(&name)))
        };
        let mut seen = HashSet::new();
        let each = names.into_iter().filter(|name| seen.insert(name.clone()));
        Ok(each.map(found).collect())
    }

    /// Describes topics by their ids; for each its id and its description, or why there is none, in the order in which they
    /// were asked for (KIP-516, `Admin.describeTopics`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked, or none that knows ids (Kafka 3.1). What is wrong with a single topic is told with it:
    /// `UNKNOWN_TOPIC_ID` if there is none with that id.
    pub async fn describe_topics_by_id(
        &self,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<(Uuid, Result<TopicDescription>)>> {
        let mut seen = HashSet::new();
        let ids: Vec<Uuid> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
        let wanted = |id: &Uuid| MetadataRequestTopic {
            topic_id: *id,
            name: None,
            ..Default::default()
        };
        let wanted = ids.iter().map(wanted).collect();
        let operations = self.options.asks_for_operations;
        let answer = self.metadata_of(Some(wanted), true).await?;
        let mut described = HashMap::new();
        for (topic, found) in answer {
            let id = topic.topic_id;
            let name = topic.name.clone().unwrap_or_default().to_string();
            described.insert(id, found.map(|()| description(name, topic, operations)));
        }
        let found = |id: Uuid| {
            let found = described.remove(&id);
            (id, found.unwrap_or_else(|| lacking(&id.to_string())))
        };
        Ok(ids.into_iter().map(found).collect())
    }

    /// Asks for some topics, or for all; each comes with what is wrong with it.
    async fn metadata_of(
        &self,
        topics: Option<Vec<MetadataRequestTopic>>,
        by_id: bool,
    ) -> Result<Vec<(MetadataResponseTopic, Result<()>)>> {
        let operations = self.options.asks_for_operations && topics.is_some();
        let make = |version| MetadataRequest {
            // In version 0 an empty list meant all.
            topics: match &topics {
                None if version == 0 => Some(Vec::new()),
                topics => topics.clone(),
            },
            allow_auto_topic_creation: version < 4,
            include_topic_authorized_operations: operations,
            ..Default::default()
        };
        let describing = Operation::new("describing topics")
            .needing(FIRST_VERSION_WITH_OPERATIONS, operations)
            .needing(FIRST_VERSION_WITH_IDS, by_id);
        self.ask_each(describing, make, |answer: MetadataResponse| {
            check(answer.error_code, || "topics".to_owned())?;
            let each = answer.topics.into_iter().map(|topic| {
                let found = check(topic.error_code, || match &topic.name {
                    Some(name) if !by_id => format!("topic \"{name}\""),
                    _ => topic.topic_id.name(),
                });
                (topic, found)
            });
            Ok(each.collect())
        })
        .await
    }

    /// Asks for topics page by page (KIP-966).
    async fn pages_of(
        &self,
        names: &[ByteString],
    ) -> Result<HashMap<ByteString, Result<TopicDescription>>> {
        // Brokers answer in this order, so that what is before a page's end needs not be asked for again.
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        let operations = self.options.asks_for_operations;
        let mut described: BTreeMap<ByteString, Result<TopicDescription>> = BTreeMap::new();
        let mut next: Option<Cursor> = None;
        let mut begin = 0;
        while begin < names.len() {
            let (open, cursor) = (&names[begin..], &next);
            let make = |_| DescribeTopicPartitionsRequest {
                topics: open.iter().cloned().map(named).collect(),
                response_partition_limit: PARTITIONS_OF_A_PAGE,
                cursor: cursor.clone(),
                ..Default::default()
            };
            let read = Ok::<DescribeTopicPartitionsResponse, Error>;
            let describing = Operation::new("describing topics");
            let page = self.ask(describing, To::Any, make, read).await?;
            for topic in page.topics {
                add_page(&mut described, topic, operations);
            }
            let Some(cursor) = page.next_cursor else {
                break;
            };
            let goes_on = names.partition_point(|name| *name < cursor.topic_name);
            if next.as_ref() == Some(&cursor) || goes_on < begin {
                return Err(Error::Protocol {
                    what: "an answer about topics".to_owned(),
                    reason: format!("goes back to \"{}\"", cursor.topic_name),
                });
            }
            begin = goes_on;
            next = Some(cursor);
        }
        let told = |(name, found): (ByteString, Result<_>)| {
            (name, found.map_err(|error| self.told(error, None)))
        };
        Ok(described.into_iter().map(told).collect())
    }
}

fn lacking<T>(what: &str) -> Result<T> {
    Err(Error::Protocol {
        what: "the answer about topics".to_owned(),
        reason: format!("lacks \"{what}\""),
    })
}

fn named(name: ByteString) -> TopicRequest {
    TopicRequest {
        name,
        ..Default::default()
    }
}

fn add_page(
    described: &mut BTreeMap<ByteString, Result<TopicDescription>>,
    topic: DescribeTopicPartitionsResponseTopic,
    operations: bool,
) {
    let name = topic.name.clone().unwrap_or_default();
    let partitions = topic.partitions.into_iter().map(partition_of_page);
    if let Some(Ok(begun)) = described.get_mut(&name) {
        begun.partitions.extend(partitions);
        return;
    }
    let what = || format!("topic \"{name}\"");
    let found = check(topic.error_code, what).map(|()| {
        let may = AclOperation::from_bits(topic.topic_authorized_operations);
        TopicDescription {
            name: name.to_string(),
            id: topic.topic_id,
            is_internal: topic.is_internal,
            partitions: partitions.collect(),
            authorized_operations: may.filter(|_| operations),
        }
    });
    described.insert(name, found);
}

fn partition_of_page(partition: DescribeTopicPartitionsResponsePartition) -> PartitionDescription {
    PartitionDescription {
        partition: partition.partition_index,
        leader: Some(partition.leader_id).filter(|id| *id >= 0),
        leader_epoch: partition.leader_epoch,
        replicas: partition.replica_nodes.into_vec(),
        isr: partition.isr_nodes.into_vec(),
        eligible_leaders: partition.eligible_leader_replicas,
        last_known_eligible_leaders: partition.last_known_elr,
    }
}

fn description(name: String, topic: MetadataResponseTopic, operations: bool) -> TopicDescription {
    let mut partitions: Vec<PartitionDescription> = topic
        .partitions
        .into_iter()
        .map(|partition| PartitionDescription {
            partition: partition.partition_index,
            leader: Some(partition.leader_id).filter(|id| *id >= 0),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes.into_vec(),
            isr: partition.isr_nodes.into_vec(),
            eligible_leaders: None,
            last_known_eligible_leaders: None,
        })
        .collect();
    partitions.sort_by_key(|partition| partition.partition);
    let may = AclOperation::from_bits(topic.topic_authorized_operations);
    TopicDescription {
        name,
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
        authorized_operations: may.filter(|_| operations),
    }
}
