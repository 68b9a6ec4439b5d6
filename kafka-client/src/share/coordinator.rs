//! Heartbeats, to the group's coordinator.

use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};

use super::shared::Shared;
use crate::clock::now;
use crate::cluster::{CoordinatorKind, Lane, Node};
use crate::consumer::TOPIC_GRACE;
use crate::error::{Error, Result};

/// Tells the coordinator that the member is there.
pub(super) async fn heartbeat(
    shared: &Shared,
    request: &ShareGroupHeartbeatRequest,
) -> Result<ShareGroupHeartbeatResponse> {
    let since = now();
    shared.meters.beats(since);
    let answer = send(shared, request).await;
    if answer.is_ok() {
        let after = now().saturating_duration_since(since);
        shared.meters.heartbeat(after, shared.moment());
    }
    answer.map_err(|error| match error {
        Error::UnsupportedVersion { .. } => unsupported(shared, "its coordinator does not know it"),
        Error::Broker {
            code: ErrorCode::UnsupportedVersion,
            message,
            ..
        } => {
            let reason = message.as_deref().unwrap_or("its coordinator refuses it");
            unsupported(shared, reason)
        }
        error => error,
    })
}

fn unsupported(shared: &Shared, reason: &str) -> Error {
    Error::ShareGroupsUnsupported {
        group: shared.group.to_string(),
        reason: reason.to_owned(),
    }
}

/// Takes the member out of the group. That it is out already is no error.
pub(super) async fn leave(shared: &Shared, request: &ShareGroupHeartbeatRequest) -> Result<()> {
    match send(shared, request).await {
        Ok(_)
        | Err(Error::Broker {
            code: ErrorCode::UnknownMemberId | ErrorCode::GroupIdNotFound,
            ..
        }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn send(
    shared: &Shared,
    request: &ShareGroupHeartbeatRequest,
) -> Result<ShareGroupHeartbeatResponse> {
    let (cluster, kind, group) = (&shared.cluster, CoordinatorKind::Group, &*shared.group);
    let coordinator = Node::Broker(cluster.coordinator(kind, group).await?);
    let answer = cluster
        .send(coordinator, Lane::Main, |_| request.clone())
        .await;
    if let Err(Error::Disconnected { .. } | Error::Timeout { .. }) = &answer {
        cluster.forget_coordinator(kind, group);
    }
    let (answer, _) = answer?;
    let code = ErrorCode::from(answer.error_code);
    if matches!(
        code,
        ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable
    ) {
        cluster.forget_coordinator(kind, group);
    }
    crate::error::check_told(answer.error_code, answer.error_message.as_deref(), || {
        format!("share group \"{group}\"")
    })?;
    Ok(answer)
}

/// Looks whether the topics that are subscribed to are there.
pub(super) async fn look_for_topics(shared: &Shared) {
    let topics = shared.state().membership.topics().to_vec();
    let Ok(mut metadata) = shared.cluster.add_topics(topics.iter().cloned()).await else {
        return;
    };
    let missing = |metadata: &crate::cluster::Metadata| {
        topics.iter().find_map(|topic| {
            let info = metadata.topics.get(topic)?;
            let code = info.error.filter(|_| info.partitions.is_empty())?;
            Some((topic.clone(), code))
        })
    };
    if missing(&metadata).is_some()
        && let Ok(newer) = shared.cluster.refresh(metadata.version).await
    {
        metadata = newer;
    }
    let found = missing(&metadata);
    let grace = match &found {
        Some((_, code)) if !code.is_retriable() => Duration::ZERO,
        _ => TOPIC_GRACE,
    };
    let error = found.map(|(topic, code)| Error::broker(code, format!("topic \"{topic}\"")));
    let at: Instant = now();
    shared.state().membership.missing(error, grace, at);
}
