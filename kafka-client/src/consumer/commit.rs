//! Commits, one after another: an older one never overtakes a newer one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::OffsetCommitRequest;
use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use tokio::sync::{mpsc, oneshot};

use super::assignment::Position;
use super::group::Identity;
use super::offsets::by_topic;
use super::shared::{Shared, now, sleep_until};
use super::{Consumer, closed};
use crate::cluster::Lane;
use crate::error::{Error, Result};
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// From version 10 on topics go by their ids; see `offsets`.
const OFFSET_COMMIT_WITH_NAMES: i16 = 9;

/// A position to commit: the offset of the next record to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OffsetAndMetadata {
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader's epoch of the record before, if it is known: lets a reader notice that the log was cut off.
    pub leader_epoch: Option<i32>,
    /// Anything that is to be kept beside the offset. Brokers take 4096 bytes unless told otherwise.
    pub metadata: String,
}

impl OffsetAndMetadata {
    /// An offset alone.
    pub fn new(offset: i64) -> Self {
        Self {
            offset,
            ..Self::default()
        }
    }
}

impl From<Position> for OffsetAndMetadata {
    fn from(position: Position) -> Self {
        let leader_epoch = Some(position.leader_epoch).filter(|epoch| *epoch >= 0);
        Self {
            offset: position.offset,
            leader_epoch,
            metadata: String::new(),
        }
    }
}

/// A commit on its way. Dropping it changes nothing about the commit.
#[derive(Debug)]
#[must_use = "await it to learn whether the commit went through, or drop it explicitly"]
pub struct PendingCommit(oneshot::Receiver<Result<()>>);

impl Future for PendingCommit {
    type Output = Result<()>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<()>> {
        std::pin::Pin::new(&mut self.0)
            .poll(cx)
            .map(|reply| reply.unwrap_or_else(|_| Err(closed())))
    }
}

/// Something to commit, and who wants to know how it went.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    /// Who sends it. Fixed when it is asked for: what was read in one generation is not committed in the next.
    pub(crate) identity: Identity,
    pub(crate) until: Instant,
    pub(crate) reply: oneshot::Sender<Result<()>>,
}

impl Consumer {
    /// Commits everything that polls have handed out, and waits until the group's coordinator has it.
    ///
    /// # Errors
    /// As [`commit_async`](Self::commit_async). Cancel-safe: the commit goes on by itself.
    pub async fn commit_sync(&self) -> Result<()> {
        let _spending = self.0.shared.poll_meters.commit_sync.begin();
        self.commit_async()?.await
    }

    /// Commits these positions, and waits until the group's coordinator has them.
    ///
    /// # Errors
    /// As [`commit_async`](Self::commit_async). Cancel-safe: the commit goes on by itself.
    pub async fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> Result<()> {
        let _spending = self.0.shared.poll_meters.commit_sync.begin();
        self.commit_offsets_async(offsets)?.await
    }

    /// Commits everything that polls have handed out, without waiting. Commits go out in the order of the calls: an older
    /// one never overwrites a newer one.
    ///
    /// # Errors
    /// [`Error::Config`] without a group, [`Error::Closed`]. From the [`PendingCommit`]: [`Error::Broker`] when the group
    /// has rebalanced meanwhile (poll, and what was not committed comes again), [`Error::Timeout`]. A cooperative rebalance
    /// does not refuse what is kept: the commit goes through it.
    pub fn commit_async(&self) -> Result<PendingCommit> {
        let offsets = self.0.shared.commit_all();
        self.commit(offsets, self.0.shared.config.client.api_timeout)
    }

    /// Commits these positions without waiting.
    ///
    /// # Errors
    /// As [`commit_async`](Self::commit_async).
    pub fn commit_offsets_async(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> Result<PendingCommit> {
        self.commit(
            offsets.into_iter().collect(),
            self.0.shared.config.client.api_timeout,
        )
    }

    /// Works until the very end of closing, so that a listener can commit what it is about to lose.
    pub(super) fn commit(
        &self,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        limit: Duration,
    ) -> Result<PendingCommit> {
        let group = self.0.shared.group()?;
        let (reply, answer) = oneshot::channel();
        match group.membership().committer() {
            _ if offsets.is_empty() => drop(reply.send(Ok(()))),
            Some(identity) => {
                let commit = Commit {
                    offsets,
                    identity,
                    until: now() + limit,
                    reply,
                };
                self.0.commits.send(commit).map_err(|_| closed())?;
            }
            None => {
                let what = format!("commit to group \"{}\"", group.id);
                drop(reply.send(Err(Error::broker(ErrorCode::RebalanceInProgress, what))));
            }
        }
        Ok(PendingCommit(answer))
    }
}

/// Runs until it is dropped: commits what it is sent, and by itself what earlier polls have handed out.
pub(crate) async fn run(shared: Arc<Shared>, mut commits: mpsc::UnboundedReceiver<Commit>) {
    let interval = shared
        .config
        .enable_auto_commit
        .then_some(shared.config.auto_commit_interval);
    let mut next_auto = interval.map(|interval| now() + interval);
    loop {
        tokio::select! {
            // What was asked for before goes before what is committed by itself, which may be newer.
            biased;
            commit = commits.recv() => {
                let Some(first) = commit else { return };
                perform(&shared, first, &mut commits).await;
            }
            () = sleep_until(next_auto) => {
                auto_commit(&shared).await;
                next_auto = interval.map(|interval| now() + interval);
            }
        }
    }
}

async fn auto_commit(shared: &Shared) {
    let Some(group) = &shared.group else { return };
    let Some(identity) = group.membership().committer() else {
        return;
    };
    let offsets = as_commit(shared.assignment().processed());
    if offsets.is_empty() {
        return;
    }
    // What is not through by the next interval, the next commit contains.
    let until = now()
        + shared
            .config
            .auto_commit_interval
            .max(Duration::from_secs(1));
    let result = commit_until(shared, &offsets, &identity, until).await;
    let failure = result.and_then(|refused| refused.into_values().next().map_or(Ok(()), Err));
    if let Err(error) = failure {
        tracing::warn!(group = group.id, %error, "auto-commit failed");
        shared.auto_commit_failed(error);
    }
}

pub(crate) fn as_commit(
    positions: Vec<(TopicPartition, Position)>,
) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
    positions
        .into_iter()
        .map(|(partition, position)| (partition, position.into()))
        .collect()
}

/// Commits what waits, in one request as far as it is the same member's. Of two offsets of a partition the later counts.
async fn perform(shared: &Shared, first: Commit, commits: &mut mpsc::UnboundedReceiver<Commit>) {
    let mut next = Some(first);
    while let Some(Commit {
        mut offsets,
        identity,
        mut until,
        reply,
    }) = next.take()
    {
        let partitions =
            |offsets: &BTreeMap<TopicPartition, _>| offsets.keys().cloned().collect::<Vec<_>>();
        let mut replies = vec![(reply, partitions(&offsets))];
        while let Ok(more) = commits.try_recv() {
            if more.identity != identity {
                next = Some(more);
                break;
            }
            replies.push((more.reply, partitions(&more.offsets)));
            offsets.extend(more.offsets);
            until = until.max(more.until);
        }
        let result = commit_until(shared, &offsets, &identity, until).await;
        for (reply, partitions) in replies {
            let own = match &result {
                Ok(refused) => partitions
                    .iter()
                    .find_map(|partition| refused.get(partition))
                    .cloned()
                    .map_or(Ok(()), Err),
                Err(error) => Err(error.clone()),
            };
            // Whoever asked may have gone away.
            let _ = reply.send(own);
        }
    }
}

/// Commits, trying again until the time is over. Says which partitions were refused, and why.
///
/// In a cooperative rebalance it is tried again, too, by the member that it was asked for by and of what that still owns.
#[tracing::instrument(
    level = "debug",
    target = "kafka_client::commit",
    skip_all,
    fields(generation = identity.generation, partitions = offsets.len())
)]
async fn commit_until(
    shared: &Shared,
    offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    identity: &Identity,
    until: Instant,
) -> Result<HashMap<TopicPartition, Error>> {
    let (mut offsets, mut identity) = (Cow::Borrowed(offsets), Cow::Borrowed(identity));
    let mut given_up = HashMap::new();
    let config = &shared.config.client;
    let mut backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
    let begin = now();
    let mut last = None;
    loop {
        let attempt =
            tokio::time::timeout_at(until.into(), commit_once(shared, &offsets, &identity)).await;
        let error = match attempt {
            Ok(Ok(mut refused)) => {
                shared.interceptors.on_commit(&offsets, &refused);
                refused.extend(given_up);
                return Ok(refused);
            }
            Ok(Err(error)) if error.is_retriable() => error,
            Ok(Err(error)) => {
                let group = shared.group()?;
                let mut membership = group.membership();
                let Some((next, owned)) = membership.commits_again(&identity, &error) else {
                    membership.commit_refused(&identity, error.clone(), now());
                    group.wake.notify_one();
                    return Err(error);
                };
                let owned: HashSet<TopicPartition> = owned.into_iter().collect();
                offsets.to_mut().retain(|partition, _| {
                    let is_owned = owned.contains(partition);
                    if !is_owned {
                        given_up.insert(partition.clone(), error.clone());
                    }
                    is_owned
                });
                if offsets.is_empty() {
                    return Ok(given_up);
                }
                identity = Cow::Owned(next);
                error
            }
            Err(_) => return Err(Error::timeout("commit", until - begin, last)),
        };
        tracing::debug!(%error, "commit: trying again");
        last = Some(error);
        let wait = now() + backoff.next();
        if wait >= until {
            return Err(Error::timeout("commit", until - begin, last));
        }
        tokio::time::sleep_until(wait.into()).await;
    }
}

async fn commit_once(
    shared: &Shared,
    offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    identity: &Identity,
) -> Result<HashMap<TopicPartition, Error>> {
    let topics = by_topic(
        offsets
            .iter()
            .map(|(partition, offset)| (partition.clone(), offset)),
    );
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| OffsetCommitRequestTopic {
            name: name.into(),
            partitions: partitions
                .into_iter()
                .map(|(partition_index, offset)| OffsetCommitRequestPartition {
                    partition_index,
                    committed_offset: offset.offset,
                    committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
                    committed_metadata: Some(offset.metadata.as_str().into()),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        });
    let group = shared.group()?;
    let is_member = identity.generation >= 0;
    let instance_id = shared
        .config
        .group_instance_id
        .as_deref()
        .filter(|_| is_member);
    let make = |_| OffsetCommitRequest {
        group_id: group.id.as_str().into(),
        generation_id_or_member_epoch: identity.generation,
        member_id: identity.member_id.as_str().into(),
        group_instance_id: instance_id.map(Into::into),
        topics: topics.collect(),
        ..Default::default()
    };
    let limit = shared.config.client.request_timeout;
    let (answer, _) = shared
        .ask_coordinator(Lane::Main, OFFSET_COMMIT_WITH_NAMES, limit, make)
        .await?;
    let mut refused = HashMap::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            match ErrorCode::from(partition.error_code) {
                ErrorCode::None => {}
                // These are about one partition; all others are about the whole commit.
                code @ (ErrorCode::UnknownTopicOrPartition
                | ErrorCode::TopicAuthorizationFailed
                | ErrorCode::OffsetMetadataTooLarge
                | ErrorCode::InvalidCommitOffsetSize) => {
                    let name = TopicPartition::new(&*topic.name, partition.partition_index);
                    let error = Error::broker(code, format!("commit of partition {name}"));
                    refused.insert(name, error);
                }
                _ => shared.check_coordinator(partition.error_code)?,
            }
        }
    }
    Ok(refused)
}
