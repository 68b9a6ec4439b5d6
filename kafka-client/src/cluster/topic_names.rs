//! What topics are called of which only the ids are known.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::MetadataRequest;
use kafka_proto::messages::metadata::MetadataRequestTopic;

use super::{Cluster, Lane, Node};
use crate::error::Result;

impl Cluster {
    /// The names of topics, as far as brokers know them. The topics matter from now on.
    ///
    /// # Errors
    /// When no broker could be asked. Cancel-safe.
    pub(crate) async fn topic_names(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Arc<str>>> {
        let metadata = self.metadata();
        let known = metadata.topics.iter();
        let mut names: HashMap<Uuid, Arc<str>> = known
            .filter(|(_, topic)| ids.contains(&topic.id))
            .map(|(name, topic)| (topic.id, name.clone()))
            .collect();
        let unknown = ids.iter().filter(|id| !names.contains_key(id));
        let unknown: Vec<MetadataRequestTopic> = unknown
            .map(|id| MetadataRequestTopic {
                topic_id: *id,
                name: None,
                ..Default::default()
            })
            .collect();
        if unknown.is_empty() {
            return Ok(names);
        }
        let make = |_| MetadataRequest {
            topics: Some(unknown),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let (answer, _) = self.send(Node::Any, Lane::Main, make).await?;
        let mut is_outdated = false;
        for topic in answer.topics {
            let (ErrorCode::None, Some(name)) = (ErrorCode::from(topic.error_code), topic.name)
            else {
                continue;
            };
            let name: Arc<str> = Arc::from(&*name);
            // What is known of a topic of the same name that was deleted would lead astray.
            let known = metadata.topics.get(&name);
            is_outdated |= known.is_some_and(|known| known.id != topic.topic_id);
            names.insert(topic.topic_id, name);
        }
        self.add_topics(names.values().cloned()).await?;
        if is_outdated {
            self.refresh(metadata.version).await?;
        }
        Ok(names)
    }
}
