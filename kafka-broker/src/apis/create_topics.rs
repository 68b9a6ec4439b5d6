//! CreateTopics: creates topics, or says whether it could.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_proto::messages::{CreateTopicsRequest, CreateTopicsResponse};

use crate::authorizer::{Operation, Resource};
use crate::configs::TopicConfig;
use crate::node::Call;
use crate::refusal::Refusal;
use crate::replicas::{self, Replication};
use crate::topics::{CreateTopicError, NewTopic};

/// From this version on a client can be told that it has made too many changes (KIP-599).
const FIRST_STRICT_VERSION: i16 = 6;

pub(super) fn answer(call: &Call<'_>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut by_name: BTreeMap<ByteString, Vec<CreatableTopic>> = BTreeMap::new();
    for topic in request.topics {
        by_name.entry(topic.name.clone()).or_default().push(topic);
    }
    let topics = by_name
        .into_iter()
        .map(|(name, mut wanted)| match wanted.pop() {
            Some(topic) if wanted.is_empty() => create(call, topic, request.validate_only)
                .unwrap_or_else(|refusal| refused(name, refusal)),
            _ => refused(
                name,
                Refusal::new(
                    ErrorCode::InvalidRequest,
                    "the request has this topic more than once",
                ),
            ),
        });
    let topics = topics.collect();
    CreateTopicsResponse {
        throttle_time_ms: call.throttle_millis(),
        topics,
        ..Default::default()
    }
}

fn refused(name: ByteString, refusal: Refusal) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

impl From<CreateTopicError> for Refusal {
    fn from(error: CreateTopicError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

fn create(
    call: &Call<'_>,
    topic: CreatableTopic,
    validate_only: bool,
) -> Result<CreatableTopicResult, Refusal> {
    let name = Resource::topic(&topic.name);
    if !call.allows(Operation::Create, Resource::CLUSTER) && !call.allows(Operation::Create, name) {
        let error = ErrorCode::TopicAuthorizationFailed;
        return Err(Refusal::new(error, "Authorization failed."));
    }
    let shows_configs = call.allows(Operation::DescribeConfigs, name);
    let cluster = call.cluster();
    let mut config = TopicConfig::default();
    for given in &topic.configs {
        config.set(&given.name, given.value.as_deref())?;
    }
    config.check()?;
    let (partitions, replication) = placed(call, &topic)?;
    let replication_factor = match &replication {
        Replication::All => call.cluster().nodes.count(),
        Replication::Factor(count) => i16::try_from(*count).unwrap_or(i16::MAX),
        Replication::Assigned(assigned) => assigned
            .first()
            .map_or(-1, |first| i16::try_from(first.len()).unwrap_or(i16::MAX)),
    };
    let wanted = NewTopic {
        name: topic.name.clone(),
        partitions,
        config: config.clone(),
        replication,
    };
    cluster.topics.check(&wanted)?;
    let topic_id = if validate_only {
        Uuid::ZERO
    } else {
        call.mutate(partitions, FIRST_STRICT_VERSION)?;
        let created = cluster.create_topic(wanted)?;
        tracing::info!(topic = %created.name, partitions, "topic created");
        created.id
    };
    if !shows_configs {
        return Ok(CreatableTopicResult {
            name: topic.name,
            topic_id,
            error_message: None,
            topic_config_error_code: ErrorCode::TopicAuthorizationFailed.code(),
            ..Default::default()
        });
    }
    let settings = cluster
        .configs
        .describe_topic(&config, cluster.nodes.only());
    let configs = settings.into_iter().map(|entry| CreatableTopicConfigs {
        name: entry.name.into(),
        value: entry.value.map(Into::into),
        read_only: entry.is_read_only,
        config_source: entry.source as i8,
        is_sensitive: entry.is_sensitive,
        ..Default::default()
    });
    Ok(CreatableTopicResult {
        configs: Some(configs.collect()),
        name: topic.name,
        topic_id,
        error_message: None,
        num_partitions: partitions,
        replication_factor,
        ..Default::default()
    })
}

/// How many partitions are wanted, and where: numbers, -1 for the defaults, or what is assigned by hand.
fn placed(call: &Call<'_>, topic: &CreatableTopic) -> Result<(i32, Replication), Refusal> {
    if !topic.assignments.is_empty() {
        if topic.num_partitions != -1 || topic.replication_factor != -1 {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "give either an assignment of replicas, or numbers of partitions and replicas, and -1 for the other",
            ));
        }
        return check_assignments(call, &topic.assignments);
    }
    let brokers = call.cluster().nodes.count();
    if topic.replication_factor != -1 && !(1..=brokers).contains(&topic.replication_factor) {
        return Err(Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "Unable to replicate the partition {} time(s): expected 1 to {brokers}, as there are no more brokers",
                topic.replication_factor
            ),
        ));
    }
    let partitions = match topic.num_partitions {
        -1 => call.cluster().settings.num_partitions,
        count => count,
    };
    let replication = match usize::try_from(topic.replication_factor) {
        Ok(count) => Replication::Factor(count),
        // By default each broker has everything.
        Err(_) => Replication::All,
    };
    Ok((partitions, replication))
}

fn check_assignments(
    call: &Call<'_>,
    assignments: &[CreatableReplicaAssignment],
) -> Result<(i32, Replication), Refusal> {
    let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    let by_index: BTreeMap<i32, &Vec<i32>> = assignments
        .iter()
        .map(|assignment| (assignment.partition_index, &assignment.broker_ids))
        .collect();
    let count = assignments.len() as i32;
    if !by_index.keys().copied().eq(0..count) {
        let indexes: Vec<i32> = by_index.into_keys().collect();
        return invalid(format!(
            "partitions {indexes:?} are assigned: expected each from 0 on once"
        ));
    }
    let first_len = by_index
        .first_key_value()
        .map_or(0, |(_, first)| first.len());
    for (index, replicas) in &by_index {
        replicas::check(replicas, |id| call.cluster().nodes.knows(id))?;
        if replicas.len() != first_len {
            return invalid(format!(
                "The manual partition assignment has {} replicas for partition {index}, and {first_len} for the first one.",
                replicas.len()
            ));
        }
    }
    let assigned = by_index.into_values().cloned().collect();
    Ok((count, Replication::Assigned(assigned)))
}
