//! Looking at topics for a membership.

use std::sync::Arc;
use std::time::Duration;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::MetadataRequest;

use super::pattern::TopicPattern;
use super::{Group, Membership};
use crate::cluster::{Lane, Metadata, Node};
use crate::consumer::shared::{Shared, now};
use crate::consumer::trouble::TOPIC_GRACE;
use crate::error::{Error, Result};

/// The topics that match a pattern, of all that there are.
pub(super) async fn matching(shared: &Shared, pattern: &TopicPattern) -> Result<Vec<Arc<str>>> {
    let make = |version| MetadataRequest {
        // In version 0 an empty list meant all.
        topics: (version == 0).then(Vec::new),
        allow_auto_topic_creation: version < 4,
        ..Default::default()
    };
    let (answer, _) = shared.cluster.send(Node::Any, Lane::Main, make).await?;
    let topics = answer.topics.into_iter().filter_map(|topic| {
        let is_wanted = !(topic.is_internal && shared.config.exclude_internal_topics);
        let name = topic
            .name
            .filter(|name| is_wanted && pattern.matches(name))?;
        Some(Arc::from(&*name))
    });
    Ok(topics.collect())
}

/// Looks whether the topics that are subscribed to are there. What is known of them then is returned.
pub(super) async fn look<M: Membership>(
    shared: &Shared,
    group: &Group<M>,
) -> Option<Arc<Metadata>> {
    let topics = group.membership().topics().to_vec();
    let mut metadata = shared
        .cluster
        .add_topics(topics.iter().cloned())
        .await
        .ok()?;
    if missing(&metadata, &topics).is_some()
        && let Ok(newer) = shared.cluster.refresh(metadata.version).await
    {
        metadata = newer;
    }
    let (error, grace) = match missing(&metadata, &topics) {
        Some((topic, code)) => {
            let grace = if code.is_retriable() {
                TOPIC_GRACE
            } else {
                Duration::ZERO
            };
            (
                Some(Error::broker(code, format!("topic \"{topic}\""))),
                grace,
            )
        }
        None => (None, TOPIC_GRACE),
    };
    group.membership().missing(error, grace, now());
    Some(metadata)
}

fn missing<'a>(metadata: &Metadata, topics: &'a [Arc<str>]) -> Option<(&'a Arc<str>, ErrorCode)> {
    topics.iter().find_map(|topic| {
        let info = metadata.topics.get(topic)?;
        info.error
            .filter(|_| info.partitions.is_empty())
            .map(|code| (topic, code))
    })
}
