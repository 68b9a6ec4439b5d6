//! Requests to the coordinator of a transaction, repeated until there is an answer that tells.

use std::time::Duration;

use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::add_partitions_to_txn::AddPartitionsToTxnTopic;
use kafka_proto::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest,
};

use super::remedy::{Api, Remedy, SOON, remedy};
use super::state::{End, Transaction};
use crate::clock::now;
use crate::cluster::{CoordinatorKind, Lane, Node};
use crate::consumer::by_topic;
use crate::error::{Error, Result, check};
use crate::net::Throttled;
use crate::producer::identity::Identity;
use crate::producer::sender::Shared;
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// What looks after a transactional id, or after a group.
pub(super) struct Coordinator<'a> {
    pub(super) shared: &'a Shared,
    pub(super) kind: CoordinatorKind,
    pub(super) key: &'a str,
}

impl<'a> Coordinator<'a> {
    fn of_transactions(shared: &'a Shared) -> Self {
        let key = shared.config.transactional_id.as_deref();
        Self {
            shared,
            kind: CoordinatorKind::Transaction,
            key: key.unwrap_or_default(),
        }
    }

    fn what(&self, api: Api) -> String {
        let kind = match self.kind {
            CoordinatorKind::Transaction => "transactional id",
            CoordinatorKind::Group => "group",
        };
        format!("{api:?} of {kind} \"{}\"", self.key)
    }

    /// Asks once. `sending` is called when the request may be about to reach the coordinator.
    pub(super) async fn ask<R>(
        &self,
        max_version: i16,
        request: &R,
        sending: impl FnOnce(),
    ) -> Result<R::Response>
    where
        R: Request,
        R::Response: Throttled,
    {
        let cluster = &self.shared.cluster;
        let broker = cluster.coordinator(self.kind, self.key).await?;
        let connection = cluster.connection(Node::Broker(broker), Lane::Main).await?;
        let version = connection.version_of::<R>(max_version)?;
        sending();
        let limit = cluster.config().request_timeout;
        connection.send(request, version, limit).await
    }

    /// Asks until there is an answer, an error that asking again does not help against, or no time any more. Cancel-safe as
    /// far as the attempts are.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the last error; what no retry helps against.
    pub(super) async fn insist<T, F>(
        &self,
        api: Api,
        limit: Duration,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let config = &self.shared.config.client;
        let mut backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        let end = now() + limit;
        let mut last = None;
        loop {
            let error = match tokio::time::timeout_at(end.into(), attempt()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => return Err(Error::timeout(self.what(api), limit, last)),
            };
            let wait = match remedy(api, &error) {
                Remedy::Soon => SOON,
                Remedy::Later => backoff.next(),
                Remedy::Elsewhere => {
                    self.shared.cluster.forget_coordinator(self.kind, self.key);
                    backoff.next()
                }
                Remedy::Abort | Remedy::Fenced | Remedy::Fail => return Err(error),
            };
            tracing::debug!(what = self.what(api), %error, "trying again");
            last = Some(error);
            let next = now() + wait;
            if next >= end {
                return Err(Error::timeout(self.what(api), limit, last));
            }
            tokio::time::sleep_until(next.into()).await;
        }
    }
}

/// Gets the identity to write under. Without a present one, everybody who has the transactional id is fenced, and a
/// transaction that is left over is aborted or committed to its end; with it, only its epoch changes.
pub(super) async fn initialize(shared: &Shared, present: Option<Identity>) -> Result<Identity> {
    let coordinator = Coordinator::of_transactions(shared);
    let timeout = shared.config.transaction_timeout.as_millis();
    let request = InitProducerIdRequest {
        transactional_id: Some(coordinator.key.into()),
        transaction_timeout_ms: i32::try_from(timeout).unwrap_or(i32::MAX),
        producer_id: present.map_or(-1, |identity| identity.id),
        producer_epoch: present.map_or(-1, |identity| identity.epoch),
        ..Default::default()
    };
    let api = Api::InitProducerId;
    coordinator
        .insist(api, shared.config.max_block, || async {
            let answer = coordinator.ask(i16::MAX, &request, || {}).await?;
            check(answer.error_code, || coordinator.what(api))?;
            Ok(Identity {
                id: answer.producer_id,
                epoch: answer.producer_epoch,
            })
        })
        .await
}

/// Makes partitions part of the open transaction (first protocol).
pub(in crate::producer) async fn add_partitions(
    shared: &Shared,
    partitions: &[TopicPartition],
) -> Result<()> {
    // Clients speak version 3 at most: from 4 on it is what brokers ask each other.
    const OF_CLIENTS: i16 = 3;
    let coordinator = Coordinator::of_transactions(shared);
    let identity = shared.transact(|state| state.known_identity())??;
    let topics = by_topic(partitions.iter().map(|partition| (partition.clone(), ())));
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| AddPartitionsToTxnTopic {
            name: name.into(),
            partitions: partitions.into_iter().map(|(number, ())| number).collect(),
            ..Default::default()
        });
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: coordinator.key.into(),
        v3_and_below_producer_id: identity.id,
        v3_and_below_producer_epoch: identity.epoch,
        v3_and_below_topics: topics.collect(),
        ..Default::default()
    };
    let api = Api::AddPartitionsToTxn;
    coordinator
        .insist(api, shared.config.max_block, || async {
            let answer = coordinator.ask(OF_CLIENTS, &request, || {}).await?;
            let mut refused = Vec::new();
            for topic in &answer.results_by_topic_v3_and_below {
                for partition in &topic.results_by_partition {
                    let added = check(partition.partition_error_code, || {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        format!("adding partition {at} to the transaction")
                    });
                    refused.extend(added.err());
                }
            }
            // Most only say that they were not tried, because of one that was refused.
            let decisive = refused.into_iter().min_by_key(|error| match error {
                Error::Broker { code, .. } if *code == ErrorCode::OperationNotAttempted => 2,
                error => i32::from(error.is_retriable()),
            });
            decisive.map_or(Ok(()), Err)
        })
        .await
}

/// Makes a group's positions part of the open transaction (first protocol).
pub(super) async fn add_offsets(shared: &Shared, identity: Identity, group: &str) -> Result<()> {
    let coordinator = Coordinator::of_transactions(shared);
    let request = AddOffsetsToTxnRequest {
        transactional_id: coordinator.key.into(),
        producer_id: identity.id,
        producer_epoch: identity.epoch,
        group_id: group.into(),
        ..Default::default()
    };
    let api = Api::AddOffsetsToTxn;
    coordinator
        .insist(api, shared.config.max_block, || async {
            let answer = coordinator.ask(i16::MAX, &request, || {}).await?;
            check(answer.error_code, || coordinator.what(api))
        })
        .await
}

/// Ends the transaction. Returns the identity for the next one, where the coordinator gives one.
pub(super) async fn end(shared: &Shared, end: End) -> Result<Option<Identity>> {
    let coordinator = Coordinator::of_transactions(shared);
    let request = EndTxnRequest {
        transactional_id: coordinator.key.into(),
        producer_id: end.identity.id,
        producer_epoch: end.identity.epoch,
        committed: end.commit,
        ..Default::default()
    };
    let api = Api::EndTxn;
    let max_version = end.protocol.max_end_txn();
    coordinator
        .insist(api, shared.config.max_block, || async {
            let mut was_unknown = None;
            let sending = || was_unknown = shared.transact(Transaction::sending_end).ok();
            let answer = coordinator.ask(max_version, &request, sending).await;
            let answer = answer.and_then(|answer| {
                check(answer.error_code, || coordinator.what(api)).map(|()| answer)
            });
            if let (Err(error), Some(was_unknown)) = (&answer, was_unknown) {
                shared.transact(|state| state.end_answered(error, was_unknown))?;
            }
            let answer = answer?;
            Ok((answer.producer_id >= 0).then_some(Identity {
                id: answer.producer_id,
                epoch: answer.producer_epoch,
            }))
        })
        .await
}
