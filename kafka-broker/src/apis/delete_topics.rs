//! DeleteTopics: deletes topics by name or id.

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::delete_topics::{DeletableTopicResult, DeleteTopicState};
use kafka_proto::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

/// From this version on a client can be told that it has made too many changes (KIP-599).
const FIRST_STRICT_VERSION: i16 = 5;

pub(super) fn answer(call: &Call<'_>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    // Before version 6 the names stand in a field of their own.
    let by_name = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState {
            name: Some(name),
            ..Default::default()
        });
    let responses = by_name
        .chain(request.topics)
        .map(|wanted| delete(call, wanted));
    let responses = responses.collect();
    DeleteTopicsResponse {
        throttle_time_ms: call.throttle_millis(),
        responses,
        ..Default::default()
    }
}

fn delete(call: &Call<'_>, wanted: DeleteTopicState) -> DeletableTopicResult {
    let topics = &call.cluster().topics;
    let found = match (&wanted.name, wanted.topic_id) {
        (Some(name), Uuid::ZERO) => topics
            .by_name(name)
            .ok_or(ErrorCode::UnknownTopicOrPartition),
        (None, id) if !id.is_zero() => topics.by_id(id).ok_or(ErrorCode::UnknownTopicId),
        _ => Err(ErrorCode::InvalidRequest),
    };
    let is_by_id = wanted.name.is_none();
    let is_named = |name: &str| call.allows(Operation::Describe, Resource::topic(name));
    let denied = ErrorCode::TopicAuthorizationFailed;
    if wanted.name.as_deref().is_some_and(|name| !is_named(name)) {
        return result(wanted.name, Uuid::ZERO, denied);
    }
    match found {
        Ok(topic) if !call.allows(Operation::Delete, Resource::topic(&topic.name)) => {
            let name = Some(topic.name.clone());
            let name = name.filter(|name| !is_by_id || is_named(name));
            result(name, topic.id, denied)
        }
        Ok(topic) => {
            let error = match call.mutate(topic.partition_count(), FIRST_STRICT_VERSION) {
                Err(refusal) => refusal.error,
                Ok(()) if call.cluster().delete_topic(&topic) => ErrorCode::None,
                // Somebody else was faster.
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
            };
            if !error.is_error() {
                tracing::info!(topic = %topic.name, "topic deleted");
            }
            result(Some(topic.name.clone()), topic.id, error)
        }
        Err(error) => result(wanted.name, wanted.topic_id, error),
    }
}

fn result(name: Option<ByteString>, topic_id: Uuid, error: ErrorCode) -> DeletableTopicResult {
    let error_message = error
        .is_error()
        .then(|| ByteString::from_static(error.message()));
    DeletableTopicResult {
        name,
        topic_id,
        error_code: error.code(),
        error_message,
        ..Default::default()
    }
}
