//! Metadata: the broker and its topics.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::metadata::{
    MetadataRequestTopic, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_proto::messages::{MetadataRequest, MetadataResponse};

use crate::authorizer::{Operation, Resource};
use crate::configs::TopicConfig;
use crate::node::Call;
use crate::nodes::Endpoint;
use crate::replicas::{Replication, in_sync, led};
use crate::topics::{Leadership, NewTopic, Topic};

/// From this version on a client can be sent back to its bootstrap addresses (KIP-1102).
const FIRST_VERSION_WITH_ERROR: i16 = 13;
/// From this version on a topic may be asked for by its id, and one that is not found has no name.
const FIRST_VERSION_WITH_IDS: i16 = 12;

pub(super) fn answer(call: &Call<'_>, request: MetadataRequest) -> MetadataResponse {
    let sends_away = call.cluster().sends_away.load(Ordering::Relaxed);
    if sends_away && call.version >= FIRST_VERSION_WITH_ERROR {
        return MetadataResponse {
            error_code: ErrorCode::RebootstrapRequired.code(),
            ..Default::default()
        };
    }
    let up = call.cluster().nodes.up();
    // Before version 1 nothing could be null, so that an empty list meant all.
    let wanted = request
        .topics
        .filter(|topics| call.version > 0 || !topics.is_empty());
    let mut topics: Vec<_> = match wanted {
        None => call
            .cluster()
            .topics
            .all()
            .iter()
            .filter(|topic| call.allows(Operation::Describe, Resource::topic(&topic.name)))
            .map(|topic| describe(call, topic))
            .collect(),
        Some(mut topics) => {
            // Each is described once.
            let mut seen = HashSet::new();
            topics.retain(|wanted| seen.insert((wanted.name.clone(), wanted.topic_id)));
            topics
                .into_iter()
                .map(|wanted| find(call, wanted, request.allow_auto_topic_creation))
                .collect()
        }
    };
    if request.include_topic_authorized_operations {
        let found = topics
            .iter_mut()
            .filter(|topic| topic.error_code == ErrorCode::None.code());
        for topic in found {
            let name = topic.name.as_deref().unwrap_or_default();
            topic.topic_authorized_operations = call.authorized_operations(Resource::topic(name));
        }
    }
    let mut response = MetadataResponse {
        cluster_id: Some(call.cluster().id.clone()),
        controller_id: up.first().map_or(-1, |controller| controller.id),
        brokers: up
            .into_iter()
            .map(|endpoint| broker(call.advertised(endpoint)))
            .collect(),
        topics,
        ..Default::default()
    };
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = call.authorized_operations(Resource::CLUSTER);
    }
    response
}

fn broker(endpoint: Endpoint) -> MetadataResponseBroker {
    MetadataResponseBroker {
        node_id: endpoint.id,
        host: endpoint.host,
        port: i32::from(endpoint.port),
        rack: endpoint.rack,
        ..Default::default()
    }
}

/// The topic that was asked for. If that is by a name that nothing has yet, it may come into being.
fn find(call: &Call<'_>, wanted: MetadataRequestTopic, auto_create: bool) -> MetadataResponseTopic {
    let topics = &call.cluster().topics;
    let Some(name) = wanted.name.filter(|_| wanted.topic_id.is_zero()) else {
        if call.version < FIRST_VERSION_WITH_IDS {
            return unknown(call, None, wanted.topic_id, ErrorCode::InvalidRequest);
        }
        let is_shown =
            |topic: &Arc<Topic>| call.allows(Operation::Describe, Resource::topic(&topic.name));
        // Nor is it told that there is one which it may not know of.
        return match topics.by_id(wanted.topic_id).filter(is_shown) {
            Some(topic) => describe(call, &topic),
            None => unknown(call, None, wanted.topic_id, ErrorCode::UnknownTopicId),
        };
    };
    if let Err(error) = call.check(Operation::Describe, Resource::topic(&name)) {
        return unknown(call, Some(name), Uuid::ZERO, error);
    }
    if let Some(topic) = topics.by_name(&name) {
        return describe(call, &topic);
    }
    let settings = &call.cluster().settings;
    let new = NewTopic {
        name: name.clone(),
        partitions: settings.num_partitions,
        config: TopicConfig::default(),
        replication: Replication::All,
    };
    let missing = match topics.check(&new) {
        Err(error) if error.code() == ErrorCode::InvalidTopicException => error.code(),
        _ => ErrorCode::UnknownTopicOrPartition,
    };
    let creates = auto_create && settings.auto_create_topics;
    if creates
        && !call.allows(Operation::Create, Resource::CLUSTER)
        && let Err(error) = call.check(Operation::Create, Resource::topic(&name))
    {
        return unknown(call, Some(name), Uuid::ZERO, error);
    }
    if creates && call.cluster().create_topic(new).is_ok() {
        tracing::info!(topic = %name, "topic created, as a client asked for it");
    }
    // Somebody else may have created it at the same time.
    match topics.by_name(&name) {
        Some(topic) => describe(call, &topic),
        None => unknown(call, Some(name), Uuid::ZERO, missing),
    }
}

fn unknown(
    call: &Call<'_>,
    name: Option<ByteString>,
    topic_id: Uuid,
    error: ErrorCode,
) -> MetadataResponseTopic {
    let name = if call.version < FIRST_VERSION_WITH_IDS {
        Some(name.unwrap_or_default())
    } else {
        name
    };
    MetadataResponseTopic {
        error_code: error.code(),
        name,
        topic_id,
        ..Default::default()
    }
}

fn describe(call: &Call<'_>, topic: &Arc<Topic>) -> MetadataResponseTopic {
    let nodes = &call.cluster().nodes;
    let up: Vec<i32> = nodes.up().iter().map(|endpoint| endpoint.id).collect();
    let partitions = topic
        .partitions
        .iter()
        .zip(0..)
        .map(|(partition, partition_index)| {
            let Leadership { leader, epoch } = partition.leadership();
            let replicas = partition.replicas();
            let (isr, offline) = in_sync(&replicas, &up);
            MetadataResponsePartition {
                error_code: led(leader).code(),
                partition_index,
                leader_id: leader,
                leader_epoch: epoch,
                replica_nodes: (&*replicas).into(),
                isr_nodes: isr.as_slice().into(),
                offline_replicas: offline.as_slice().into(),
                ..Default::default()
            }
        });
    MetadataResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        partitions: partitions.collect(),
        ..Default::default()
    }
}
