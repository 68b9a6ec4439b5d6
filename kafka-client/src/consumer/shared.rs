//! What a consumer's handles and its tasks share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use tokio::sync::Notify;

use super::assignment::{Assignment, Leaders, Leadership};
use super::commit::{OffsetAndMetadata, as_commit};
use super::config::ConsumerConfig;
use super::group::Group;
use super::interceptor::Interceptors;
use super::rebalancing::Rebalancing;
pub(crate) use crate::clock::now;
use crate::cluster::{Cluster, CoordinatorKind, Lane, Metadata, Node};
use crate::error::{Error, Result};
use crate::metrics::{FetchMeters, GroupMeters, GroupRequest, PollMeters};
use crate::net::Throttled;
use crate::types::TopicPartition;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) config: ConsumerConfig,
    pub(crate) group: Option<Arc<Group>>,
    pub(crate) interceptors: Interceptors,
    assignment: Mutex<Assignment>,
    /// There may be something to ask for.
    pub(crate) wake_driver: Notify,
    /// There may be something to hand out or to tell.
    pub(crate) wake_poll: Notify,
    /// A position was found, or was not.
    pub(crate) positions: Notify,
    pub(crate) fetch_meters: FetchMeters,
    pub(crate) poll_meters: PollMeters,
    pub(crate) group_meters: GroupMeters,
    pub(crate) rebalancing: Rebalancing,
    closed: AtomicBool,
}

/// Sleeps until then; without a time, for good.
pub(crate) async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    pub(crate) fn new(
        cluster: Cluster,
        config: ConsumerConfig,
        group: Option<Arc<Group>>,
        interceptors: Interceptors,
    ) -> Self {
        Self {
            cluster,
            assignment: Mutex::new(Assignment::new(config.clone())),
            config,
            group,
            interceptors,
            wake_driver: Notify::new(),
            wake_poll: Notify::new(),
            positions: Notify::new(),
            fetch_meters: FetchMeters::default(),
            poll_meters: PollMeters::default(),
            group_meters: GroupMeters::default(),
            rebalancing: Rebalancing::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn assignment(&self) -> MutexGuard<'_, Assignment> {
        self.assignment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was handed out, to be committed. It counts as dealt with from here on, so that no auto-commit goes
    /// back behind it.
    pub(crate) fn commit_all(&self) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
        let mut assignment = self.assignment();
        assignment.all_processed();
        as_commit(assignment.processed())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether it was this call that closed it.
    pub(crate) fn close(&self) -> bool {
        let is_first = !self.closed.swap(true, Ordering::AcqRel);
        self.wake_poll.notify_one();
        self.positions.notify_waiters();
        is_first
    }

    /// The group.
    ///
    /// # Errors
    /// [`Error::Config`] where none is configured.
    pub(crate) fn group(&self) -> Result<&Arc<Group>> {
        self.group.as_ref().ok_or_else(|| Error::Config {
            key: "group.id".to_owned(),
            value: String::new(),
            reason: "subscribing and committing need a group".to_owned(),
        })
    }

    /// Sends a request to the group's coordinator.
    pub(crate) async fn ask_coordinator<R>(
        &self,
        lane: Lane,
        max_version: i16,
        limit: Duration,
        make: impl FnOnce(i16) -> R + Send,
    ) -> Result<(R::Response, i16)>
    where
        R: Request,
        R::Response: Throttled,
    {
        let group = &self.group()?.id;
        let coordinator = self
            .cluster
            .coordinator(CoordinatorKind::Group, group)
            .await?;
        let asked = self.group_asked(GroupRequest::of(R::KEY));
        let answer = self
            .cluster
            .send_with(Node::Broker(coordinator), lane, max_version, limit, make)
            .await;
        self.group_answered(asked, &answer);
        if let Err(Error::Disconnected { .. } | Error::Timeout { .. }) = &answer {
            self.cluster
                .forget_coordinator(CoordinatorKind::Group, group);
        }
        answer
    }

    /// The error of a coordinator's answer, if there is one. A coordinator that says it is none is forgotten.
    pub(crate) fn check_coordinator(&self, code: i16) -> Result<()> {
        let group = &self.group()?.id;
        let code = ErrorCode::from(code);
        if matches!(
            code,
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable
        ) {
            self.cluster
                .forget_coordinator(CoordinatorKind::Group, group);
        }
        match code {
            ErrorCode::None => Ok(()),
            code => Err(Error::broker(code, format!("group \"{group}\""))),
        }
    }
}

/// What is known of a partition's leader.
pub(crate) fn leadership(metadata: &Metadata, partition: &TopicPartition) -> Leadership {
    let Some(topic) = metadata.topics.get(&partition.topic) else {
        return Leadership::Unasked;
    };
    match (metadata.partition(partition), topic.error) {
        (Some(known), _) => match known
            .leader
            .filter(|leader| metadata.brokers.contains_key(leader))
        {
            Some(broker) => Leadership::Leader {
                broker,
                epoch: known.leader_epoch,
                topic_id: topic.id,
            },
            None => Leadership::Vacant,
        },
        (None, Some(code)) => Leadership::NoTopic(code),
        (None, None) => Leadership::NoPartition(topic.partitions.len()),
    }
}

impl Leaders for Metadata {
    fn leadership(&self, partition: &TopicPartition) -> Leadership {
        leadership(self, partition)
    }

    fn is_replica(&self, partition: &TopicPartition, broker: i32) -> bool {
        let known = self.partition(partition).is_some_and(|known| {
            known.replicas.contains(&broker) && !known.offline.contains(&broker)
        });
        known && self.brokers.contains_key(&broker)
    }
}
