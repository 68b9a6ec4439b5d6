//! Topics: create, delete, list, describe.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use kafka_proto::messages::delete_topics::DeleteTopicState;
use kafka_proto::messages::metadata::{MetadataRequestTopic, MetadataResponseTopic};
use kafka_proto::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest, MetadataResponse,
};

use super::Admin;
use crate::cluster::{Lane, Node};
use crate::error::{Error, Result, check, check_told};

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    name: String,
    partitions: i32,
    replication_factor: i16,
    configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// A topic with as many partitions and replicas as the brokers give by default.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: -1,
            replication_factor: -1,
            configs: BTreeMap::new(),
        }
    }

    /// Sets the number of partitions.
    #[must_use]
    pub fn partitions(self, partitions: i32) -> Self {
        Self { partitions, ..self }
    }

    /// Sets the number of replicas of each partition.
    #[must_use]
    pub fn replication_factor(self, replication_factor: i16) -> Self {
        Self {
            replication_factor,
            ..self
        }
    }

    /// Sets a topic setting, such as `cleanup.policy`.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.insert(name.into(), value.into());
        self
    }
}

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
}

impl Admin {
    /// Creates topics; for each its name and whether it was created. Cancel-safe, except that they may be created all the
    /// same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single topic is told with the topic.
    pub async fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Result<Vec<(String, Result<()>)>> {
        let topics: Vec<NewTopic> = topics.into_iter().collect();
        let (topics, timeout_ms) = (&topics, self.timeout_ms());
        let answer = self
            .retry("creating topics", || async move {
                let make = |_| CreateTopicsRequest {
                    topics: topics.iter().map(creatable).collect(),
                    timeout_ms,
                    ..Default::default()
                };
                let (answer, _) = self
                    .cluster
                    .send(Node::Controller, Lane::Main, make)
                    .await?;
                // Without a controller nothing was done at all, and every topic says so.
                for topic in &answer.topics {
                    not_the_controller(topic.error_code)?;
                }
                Ok(answer)
            })
            .await?;
        let each = answer.topics.into_iter().map(|topic| {
            let message = topic.error_message.as_deref();
            let what = || format!("topic \"{}\"", topic.name);
            let result = check_told(topic.error_code, message, what);
            (topic.name.to_string(), result)
        });
        Ok(each.collect())
    }

    /// Deletes topics; for each its name and whether it was deleted. Cancel-safe, except that they may be deleted all the
    /// same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single topic is told with the topic.
    pub async fn delete_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<()>)>> {
        let names: Vec<ByteString> = topics
            .into_iter()
            .map(|topic| topic.as_ref().into())
            .collect();
        let (names, timeout_ms) = (&names, self.timeout_ms());
        let answer = self
            .retry("deleting topics", || async move {
                let make = |version| {
                    let mut request = DeleteTopicsRequest {
                        timeout_ms,
                        ..Default::default()
                    };
                    if version < 6 {
                        request.topic_names = names.clone();
                    } else {
                        let state = |name: &ByteString| DeleteTopicState {
                            name: Some(name.clone()),
                            ..Default::default()
                        };
                        request.topics = names.iter().map(state).collect();
                    }
                    request
                };
                let (answer, _) = self
                    .cluster
                    .send(Node::Controller, Lane::Main, make)
                    .await?;
                for topic in &answer.responses {
                    not_the_controller(topic.error_code)?;
                }
                Ok(answer)
            })
            .await?;
        let each = answer.responses.into_iter().map(|topic| {
            let name = topic.name.unwrap_or_default().to_string();
            let result = check(topic.error_code, || format!("topic \"{name}\""));
            (name, result)
        });
        Ok(each.collect())
    }

    /// The topics that there are, by name. Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>> {
        let answer = self.describe(None).await?;
        let mut topics: Vec<TopicListing> = answer
            .topics
            .into_iter()
            .filter_map(|topic| {
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

    /// Describes topics; for each its name and its description, or why there is none. Creates nothing.
    /// Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn describe_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<TopicDescription>)>> {
        let names = topics
            .into_iter()
            .map(|topic| topic.as_ref().into())
            .collect();
        let answer = self.describe(Some(names)).await?;
        let each = answer.topics.into_iter().map(|topic| {
            let name = topic.name.clone().unwrap_or_default().to_string();
            let result = check(topic.error_code, || format!("topic \"{name}\""));
            (name.clone(), result.map(|()| description(name, topic)))
        });
        Ok(each.collect())
    }

    /// Asks for some topics, or for all.
    async fn describe(&self, names: Option<Vec<ByteString>>) -> Result<MetadataResponse> {
        let names = &names;
        self.retry("describing topics", || async move {
            let topic = |name: &ByteString| MetadataRequestTopic {
                name: Some(name.clone()),
                ..Default::default()
            };
            let make = |version| MetadataRequest {
                topics: match names {
                    Some(names) => Some(names.iter().map(topic).collect()),
                    // In version 0 an empty list meant all.
                    None => (version == 0).then(Vec::new),
                },
                allow_auto_topic_creation: version < 4,
                ..Default::default()
            };
            Ok(self.cluster.send(Node::Any, Lane::Main, make).await?.0)
        })
        .await
    }

    pub(super) fn timeout_ms(&self) -> i32 {
        i32::try_from(self.cluster.config().request_timeout.as_millis()).unwrap_or(i32::MAX)
    }
}

fn not_the_controller(code: i16) -> Result<()> {
    match ErrorCode::from(code) {
        code @ ErrorCode::NotController => Err(Error::broker(code, "the controller")),
        _ => Ok(()),
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let config = |(name, value): (&String, &String)| CreatableTopicConfig {
        name: name.as_str().into(),
        value: Some(value.as_str().into()),
        ..Default::default()
    };
    CreatableTopic {
        name: topic.name.as_str().into(),
        num_partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: topic.configs.iter().map(config).collect(),
        ..Default::default()
    }
}

fn description(name: String, topic: MetadataResponseTopic) -> TopicDescription {
    let mut partitions: Vec<PartitionDescription> = topic
        .partitions
        .into_iter()
        .map(|partition| PartitionDescription {
            partition: partition.partition_index,
            leader: Some(partition.leader_id).filter(|id| *id >= 0),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replica_nodes.into_vec(),
            isr: partition.isr_nodes.into_vec(),
        })
        .collect();
    partitions.sort_by_key(|partition| partition.partition);
    TopicDescription {
        name,
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
    }
}
