//! Topics: create, delete.

use std::collections::{BTreeMap, HashMap};

use kafka_proto::codec::Uuid;
use kafka_proto::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicConfigs,
    CreatableTopicResult,
};
use kafka_proto::messages::delete_topics::DeleteTopicState;
use kafka_proto::messages::{CreateTopicsRequest, DeleteTopicsRequest};

use super::asking::Operation;
use super::fan_out::{Item, To};
use super::{Admin, ConfigEntry};
use crate::error::{Result, check, check_told};

/// From this version on topics are deleted by name or by id.
const FIRST_VERSION_WITH_IDS: i16 = 6;

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    name: String,
    partitions: i32,
    replication_factor: i16,
    assignments: Vec<Vec<i32>>,
    configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// A topic with as many partitions and replicas as the brokers give by default.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: -1,
            replication_factor: -1,
            assignments: Vec::new(),
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

    /// The brokers that keep each partition, the preferred leader first, instead of numbers of partitions and replicas.
    #[must_use]
    pub fn assignments(self, assignments: Vec<Vec<i32>>) -> Self {
        Self {
            assignments,
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

/// A topic that was created, or could be (KIP-525).
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedTopic {
    /// Its id; zero where brokers give none. That of one that was only validated is nobody's.
    pub id: Uuid,
    /// How many partitions it has; `None` before Kafka 2.4, or if we may not see its settings.
    pub partitions: Option<i32>,
    /// How many replicas each of them has; `None` likewise.
    pub replication_factor: Option<i16>,
    /// Its settings, or why they are not told: `TOPIC_AUTHORIZATION_FAILED` if we may not see them. Empty before Kafka 2.4.
    pub configs: Result<Vec<ConfigEntry>>,
}

impl Item for Uuid {
    fn name(&self) -> String {
        format!("topic with id {self}")
    }
}

impl Admin {
    /// Creates topics; for each its name and what was created (`Admin.createTopics`). Cancel-safe, except that they may be
    /// created all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single topic is told with the topic.
    pub async fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Result<Vec<(String, Result<CreatedTopic>)>> {
        let topics = topics.into_iter().collect();
        self.create("creating topics", topics, false).await
    }

    /// Says whether topics could be created, and creates none. Cancel-safe.
    ///
    /// # Errors
    /// As [`create_topics`](Self::create_topics).
    pub async fn validate_create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Result<Vec<(String, Result<CreatedTopic>)>> {
        let topics = topics.into_iter().collect();
        self.create("validating topics", topics, true).await
    }

    async fn create(
        &self,
        what: &str,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Vec<(String, Result<CreatedTopic>)>> {
        let timeout_ms = self.timeout_ms();
        // A name that is there twice is for the broker to refuse.
        let mut wanted: HashMap<&str, Vec<&NewTopic>> = HashMap::new();
        for topic in &topics {
            wanted.entry(&topic.name).or_default().push(topic);
        }
        let wanted = &wanted;
        self.each(
            Operation::new(what),
            topics.iter().map(|topic| topic.name.clone()),
            |_| To::Controller,
            |_, names| {
                let of_name = |name: &String| wanted[name.as_str()].iter().copied();
                CreateTopicsRequest {
                    topics: names.iter().flat_map(of_name).map(creatable).collect(),
                    timeout_ms,
                    validate_only,
                    ..Default::default()
                }
            },
            |answer, _| Ok(answer.topics.into_iter().map(created).collect()),
        )
        .await
    }

    /// Deletes topics; for each its name and whether it was deleted (`Admin.deleteTopics`). Cancel-safe, except that they may
    /// be deleted all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single topic is told with the topic.
    pub async fn delete_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<()>)>> {
        let timeout_ms = self.timeout_ms();
        self.each(
            Operation::new("deleting topics"),
            topics.into_iter().map(|topic| topic.as_ref().to_owned()),
            |_: &String| To::Controller,
            |version, names| {
                let mut request = DeleteTopicsRequest {
                    timeout_ms,
                    ..Default::default()
                };
                if version < FIRST_VERSION_WITH_IDS {
                    request.topic_names = names.iter().map(|name| name.as_str().into()).collect();
                } else {
                    let state = |name: &String| DeleteTopicState {
                        name: Some(name.as_str().into()),
                        ..Default::default()
                    };
                    request.topics = names.iter().map(state).collect();
                }
                request
            },
            |answer, _| {
                let each = answer.responses.into_iter().map(|topic| {
                    let name = topic.name.unwrap_or_default().to_string();
                    let message = topic.error_message.as_deref();
                    let what = || format!("topic \"{name}\"");
                    let deleted = check_told(topic.error_code, message, what);
                    (name, deleted)
                });
                Ok(each.collect())
            },
        )
        .await
    }

    /// Deletes topics by their ids, so that none is deleted that was created anew by the same name; for each whether it was
    /// deleted (KIP-516, `Admin.deleteTopics`). Cancel-safe, except that they may be deleted all the same.
    ///
    /// # Errors
    /// When no broker could be asked, or none that knows ids (Kafka 2.8). What is wrong with a single topic is told with it:
    /// `UNKNOWN_TOPIC_ID` if there is none with that id.
    pub async fn delete_topics_by_id(
        &self,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<(Uuid, Result<()>)>> {
        let timeout_ms = self.timeout_ms();
        self.each(
            Operation::new("deleting topics").needing(FIRST_VERSION_WITH_IDS, true),
            ids,
            |_| To::Controller,
            |_, ids| {
                let state = |id: &Uuid| DeleteTopicState {
                    topic_id: *id,
                    ..Default::default()
                };
                DeleteTopicsRequest {
                    topics: ids.iter().map(state).collect(),
                    timeout_ms,
                    ..Default::default()
                }
            },
            |answer, _| {
                let each = answer.responses.into_iter().map(|topic| {
                    let message = topic.error_message.as_deref();
                    let deleted = check_told(topic.error_code, message, || topic.topic_id.name());
                    (topic.topic_id, deleted)
                });
                Ok(each.collect())
            },
        )
        .await
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let config = |(name, value): (&String, &String)| CreatableTopicConfig {
        name: name.as_str().into(),
        value: Some(value.as_str().into()),
        ..Default::default()
    };
    let assignment = |(partition_index, brokers): (i32, &Vec<i32>)| CreatableReplicaAssignment {
        partition_index,
        broker_ids: brokers.clone(),
        ..Default::default()
    };
    CreatableTopic {
        name: topic.name.as_str().into(),
        num_partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        assignments: (0..).zip(&topic.assignments).map(assignment).collect(),
        configs: topic.configs.iter().map(config).collect(),
        ..Default::default()
    }
}

fn created(topic: CreatableTopicResult) -> (String, Result<CreatedTopic>) {
    let what = || format!("topic \"{}\"", topic.name);
    let created = check_told(topic.error_code, topic.error_message.as_deref(), what);
    let created = created.map(|()| {
        let what = || format!("configs of topic \"{}\"", topic.name);
        let configs = check(topic.topic_config_error_code, what).map(|()| {
            let configs = topic.configs.unwrap_or_default().into_iter();
            configs.map(config_of_new).collect()
        });
        CreatedTopic {
            id: topic.topic_id,
            partitions: Some(topic.num_partitions).filter(|count| *count >= 0),
            replication_factor: Some(topic.replication_factor).filter(|count| *count >= 0),
            configs,
        }
    });
    (topic.name.to_string(), created)
}

fn config_of_new(config: CreatableTopicConfigs) -> ConfigEntry {
    ConfigEntry {
        name: config.name.to_string(),
        value: config.value.map(String::from),
        source: config.config_source.into(),
        is_read_only: config.read_only,
        is_sensitive: config.is_sensitive,
        synonyms: Vec::new(),
        config_type: 0.into(),
        documentation: None,
    }
}
