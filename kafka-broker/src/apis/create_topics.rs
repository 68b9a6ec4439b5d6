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
use crate::node::Call;
use crate::refusal::Refusal;
use crate::topic_config::TopicConfig;
use crate::topics::{CreateTopicError, NewTopic};

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
    CreateTopicsResponse {
        topics: topics.collect(),
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
        config
            .set(&given.name, given.value.as_deref())
            .map_err(|error| Refusal::new(ErrorCode::InvalidConfig, error.to_string()))?;
    }
    let partitions = partitions_of(call, &topic)?;
    let wanted = NewTopic {
        name: topic.name.clone(),
        partitions,
        config: config.clone(),
    };
    let topic_id = if validate_only {
        cluster.topics.check(&wanted)?;
        Uuid::ZERO
    } else {
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
    let configs = config
        .all()
        .map(|(name, value, source)| CreatableTopicConfigs {
            name: ByteString::from_static(name),
            value: Some(value.into()),
            config_source: source as i8,
            ..Default::default()
        });
    Ok(CreatableTopicResult {
        configs: Some(configs.collect()),
        name: topic.name,
        topic_id,
        error_message: None,
        num_partitions: partitions,
        // Each broker has everything.
        replication_factor: call.cluster().nodes.count(),
        ..Default::default()
    })
}

/// How many partitions are wanted: a number, -1 for the default, or as many as are assigned by hand.
fn partitions_of(call: &Call<'_>, topic: &CreatableTopic) -> Result<i32, Refusal> {
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
                "replication factor {}: expected at most {brokers}, as there are no more brokers",
                topic.replication_factor
            ),
        ));
    }
    Ok(if topic.num_partitions == -1 {
        call.cluster().settings.num_partitions
    } else {
        topic.num_partitions
    })
}

fn check_assignments(
    call: &Call<'_>,
    assignments: &[CreatableReplicaAssignment],
) -> Result<i32, Refusal> {
    let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    let mut indexes: Vec<i32> = assignments
        .iter()
        .map(|assignment| assignment.partition_index)
        .collect();
    indexes.sort_unstable();
    if !indexes.iter().copied().eq(0..indexes.len() as i32) {
        return invalid(format!(
            "partitions {indexes:?} are assigned: expected each from 0 on once"
        ));
    }
    let brokers = call.cluster().nodes.count();
    let is_wrong = |assignment: &&CreatableReplicaAssignment| {
        let mut ids: Vec<i32> = assignment.broker_ids.clone();
        ids.sort_unstable();
        ids.dedup();
        let known = ids.iter().all(|id| (1..=i32::from(brokers)).contains(id));
        !known || ids.is_empty() || ids.len() != assignment.broker_ids.len()
    };
    match assignments.iter().find(is_wrong) {
        Some(wrong) => invalid(format!(
            "partition {} is assigned to brokers {:?}: expected some of 1..={brokers}, each once",
            wrong.partition_index, wrong.broker_ids
        )),
        None => Ok(indexes.len() as i32),
    }
}
