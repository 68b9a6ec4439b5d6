//! Finding the partitions that are to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_client::consumer::{Consumer, TopicPattern};
use kafka_client::{ErrorCode, TopicPartition};

use super::error::KafkaSourceError;
use super::settings::Topics;

/// Which partitions are read, understood.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Topics(Vec<String>),
    Pattern(TopicPattern),
    Partitions(BTreeSet<TopicPartition>),
}

impl Wanted {
    /// # Errors
    /// What is wrong with a pattern.
    pub(super) fn new(topics: &Topics) -> Result<Self, KafkaSourceError> {
        Ok(match topics {
            Topics::Named(topics) => Self::Topics(topics.clone()),
            Topics::Matching(pattern) => Self::Pattern(TopicPattern::new(pattern)?),
            Topics::Partitions(partitions) => {
                Self::Partitions(partitions.iter().cloned().collect())
            }
        })
    }

    /// Whether topics may come and go.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Pattern(_))
    }

    /// Those partitions of a topic that are read, if it has so many.
    fn partitions_of(&self, topic: &Arc<str>, count: usize) -> Vec<TopicPartition> {
        let all = (0..count as i32).map(|number| TopicPartition::new(topic.clone(), number));
        match self {
            Self::Partitions(wanted) => all.filter(|each| wanted.contains(each)).collect(),
            _ => all.collect(),
        }
    }

    /// The partitions to begin with.
    ///
    /// # Errors
    /// A topic or a partition that is not there.
    pub(super) async fn at_the_start(
        &self,
        consumer: &Consumer,
    ) -> Result<BTreeSet<TopicPartition>, KafkaSourceError> {
        let topics: BTreeSet<&str> = match self {
            Self::Topics(topics) => topics.iter().map(String::as_str).collect(),
            Self::Partitions(wanted) => wanted.iter().map(|each| &*each.topic).collect(),
            Self::Pattern(_) => return self.now(consumer).await.map(|now| now.partitions),
        };
        let mut partitions = BTreeSet::new();
        for topic in topics {
            // One that was created a moment ago is waited for.
            let found = consumer.partitions_for(topic).await.map_err(|error| {
                if is_missing(&error) {
                    let topic = topic.to_owned();
                    return KafkaSourceError::NoSuchTopic { topic };
                }
                error.into()
            })?;
            partitions.extend(self.partitions_of(&Arc::from(topic), found.len()));
            if let Self::Partitions(wanted) = self
                && let Some(partition) = wanted
                    .iter()
                    .find(|each| &*each.topic == topic && !partitions.contains(each))
            {
                return Err(KafkaSourceError::Client(
                    kafka_client::Error::NoSuchPartition {
                        partition: partition.clone(),
                        partitions: found.len(),
                    },
                ));
            }
        }
        Ok(partitions)
    }

    /// What there is now, as far as the broker that is asked knows.
    ///
    /// # Errors
    /// When brokers cannot be asked.
    pub(super) async fn now(&self, consumer: &Consumer) -> Result<Now, KafkaSourceError> {
        let found: BTreeMap<Arc<str>, usize> = match self {
            Self::Topics(topics) => consumer.find_topics(topics).await?,
            Self::Partitions(wanted) => {
                let topics: BTreeSet<&str> = wanted.iter().map(|each| &*each.topic).collect();
                consumer.find_topics(topics).await?
            }
            Self::Pattern(pattern) => {
                let mut all = consumer.list_topics().await?;
                all.retain(|topic, _| pattern.matches(topic));
                all
            }
        };
        Ok(Now {
            partitions: found
                .iter()
                .flat_map(|(topic, count)| self.partitions_of(topic, *count))
                .collect(),
            topics: found.into_keys().collect(),
        })
    }
}

/// What there is at a moment.
#[derive(Debug)]
pub(super) struct Now {
    pub(super) topics: BTreeSet<Arc<str>>,
    pub(super) partitions: BTreeSet<TopicPartition>,
}

/// Whether it says that a topic is not there.
pub(super) fn is_missing(error: &kafka_client::Error) -> bool {
    matches!(
        error,
        kafka_client::Error::Broker { code, .. }
            if matches!(code, ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId)
    )
}
