//! Carries out what the membership decides.

use std::sync::Arc;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

use super::heartbeat::JOIN;
use super::membership::{Action, Membership};
use crate::cluster::{CoordinatorKind, Lane, Node};
use crate::consumer::group::topics;
use crate::consumer::shared::{Shared, now};
use crate::error::{Error, Result};
use crate::metrics::GroupRequest;

type Group = crate::consumer::group::Group<Membership>;

/// From this version on members make their own ids, and may have the brokers match topics. What Kafka had before 4.0 was a
/// preview.
const FIRST_VERSION: i16 = 1;

/// Runs until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>, group: Arc<Group>) {
    let (next, next_deadline) = (Membership::next, Membership::next_deadline);
    crate::consumer::group::run::run(shared, group, next, next_deadline, perform).await;
}

async fn perform(shared: Arc<Shared>, group: Arc<Group>, action: Action) {
    match action {
        Action::Match { pattern } => {
            let answer = topics::matching(&shared, &pattern).await;
            group.membership().matched(&pattern, answer, now());
        }
        Action::Resolve { ids } => {
            let answer = shared.cluster.topic_names(&ids).await;
            group.membership().resolved(answer, now());
        }
        Action::Heartbeat(request) => {
            if request.member_epoch == JOIN {
                shared.rebalance_begins();
                // A topic that is not there is to be told of soon.
                topics::look(&shared, &group).await;
            }
            let asked = shared.group_asked(Some(GroupRequest::Heartbeat));
            let answer = heartbeat(&shared, &request).await;
            shared.group_answered(asked, &answer);
            if request.member_epoch == JOIN {
                shared.count_rebalance_step(&answer);
            }
            group.membership().answered(answer, now());
            group.wake.notify_one();
            topics::look(&shared, &group).await;
        }
        Action::Leave(request) => {
            if let Err(error) = leave(&shared, &request).await {
                tracing::debug!(group = group.id, %error, "leaving the group; the session will end by itself");
            }
            group.membership().left();
        }
    }
}

async fn heartbeat(
    shared: &Shared,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse> {
    let answer = send(shared, request).await;
    answer.map_err(|error| match error {
        Error::UnsupportedVersion { .. } => {
            unsupported(request, "its coordinator does not know it")
        }
        Error::Broker {
            code: ErrorCode::UnsupportedVersion,
            message,
            ..
        } => unsupported(
            request,
            message.as_deref().unwrap_or("its coordinator refuses it"),
        ),
        error => error,
    })
}

fn unsupported(request: &ConsumerGroupHeartbeatRequest, reason: &str) -> Error {
    Error::GroupProtocolUnsupported {
        group: request.group_id.to_string(),
        reason: reason.to_owned(),
    }
}

async fn send(
    shared: &Shared,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse> {
    let group = &shared.group()?.id;
    let kind = CoordinatorKind::Group;
    let coordinator = Node::Broker(shared.cluster.coordinator(kind, group).await?);
    let answer = async {
        let connection = shared.cluster.connection(coordinator, Lane::Main).await?;
        let version = connection.version_of::<ConsumerGroupHeartbeatRequest>(i16::MAX)?;
        if version < FIRST_VERSION {
            return Err(unsupported(
                request,
                "its coordinator has only a preview of it",
            ));
        }
        let limit = shared.config.client.request_timeout;
        connection.send(request, version, limit).await
    };
    let answer = answer.await;
    if let Err(Error::Disconnected { .. } | Error::Timeout { .. }) = &answer {
        shared.cluster.forget_coordinator(kind, group);
    }
    let answer = answer?;
    match shared.check_coordinator(answer.error_code) {
        Ok(()) => Ok(answer),
        Err(Error::Broker { code, what, .. }) => Err(Error::Broker {
            code,
            what,
            message: answer.error_message.map(String::from),
        }),
        Err(error) => Err(error),
    }
}

/// Takes a member out of the group. That it is out already is no error.
pub(crate) async fn leave(shared: &Shared, request: &ConsumerGroupHeartbeatRequest) -> Result<()> {
    match send(shared, request).await {
        Ok(_)
        | Err(Error::Broker {
            code: ErrorCode::UnknownMemberId | ErrorCode::GroupIdNotFound,
            ..
        }) => Ok(()),
        Err(error) => Err(error),
    }
}
