//! Which topics there are, asked of a broker each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::MetadataRequest;
use kafka_proto::messages::metadata::MetadataRequestTopic;

use super::Consumer;
use crate::cluster::{Lane, Node};
use crate::error::{Error, Result};

impl Consumer {
    /// All topics, each with the number of its partitions, but for those that Kafka keeps for itself unless
    /// `exclude.internal.topics` is false (Java's `Consumer.listTopics`). Asks a broker anew. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `default.api.timeout.ms`, and whatever keeps brokers from being asked.
    pub async fn list_topics(&self) -> Result<BTreeMap<Arc<str>, usize>> {
        self.ask_for_topics("listing topics", None).await
    }

    /// Those of these topics that are there, each with the number of its partitions. Asks a broker anew, which may not yet
    /// have heard of a topic that was created a moment ago. Creates none, and none has to be read. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Broker`] names a topic that may not be described; otherwise as [`list_topics`](Self::list_topics).
    pub async fn find_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<BTreeMap<Arc<str>, usize>> {
        let topics = topics.into_iter();
        let topics: Vec<_> = topics.map(|topic| topic.as_ref().to_owned()).collect();
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.ask_for_topics("finding topics", Some(topics)).await
    }

    async fn ask_for_topics(
        &self,
        what: &str,
        wanted: Option<Vec<String>>,
    ) -> Result<BTreeMap<Arc<str>, usize>> {
        self.check_open()?;
        let shared = &self.0.shared;
        let attempt = || async {
            let make = |version: i16| MetadataRequest {
                topics: match &wanted {
                    Some(names) => {
                        let topic = |name: &String| MetadataRequestTopic {
                            name: Some(name.as_str().into()),
                            ..Default::default()
                        };
                        Some(names.iter().map(topic).collect())
                    }
                    // In version 0 an empty list meant all.
                    None => (version == 0).then(Vec::new),
                },
                allow_auto_topic_creation: version < 4,
                ..Default::default()
            };
            let (answer, _) = shared.cluster.send(Node::Any, Lane::Main, make).await?;
            let mut found = BTreeMap::new();
            for topic in answer.topics {
                let Some(name) = topic.name else { continue };
                if wanted.is_none() && topic.is_internal && shared.config.exclude_internal_topics {
                    continue;
                }
                match ErrorCode::from(topic.error_code) {
                    ErrorCode::UnknownTopicOrPartition => {}
                    // It has no leaders yet, but partitions.
                    ErrorCode::None | ErrorCode::LeaderNotAvailable => {
                        found.insert(Arc::from(&*name), topic.partitions.len());
                    }
                    code => return Err(Error::broker(code, format!("topic \"{name}\""))),
                }
            }
            found.retain(|_, partitions| *partitions > 0);
            Ok(found)
        };
        let limit = shared.config.client.api_timeout;
        shared.cluster.retry(what, limit, attempt).await
    }
}
