//! Groups: of the classic protocol, and of the consumer protocol (KIP-848).

mod classic;
mod consumer;
mod group;
mod offsets;
mod share;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_groups::ListedGroup;
use tokio::sync::{Notify, oneshot};

pub(crate) use classic::{Identity, Join, Joined, Protocol, Sync, Synced};
pub use consumer::ConsumerGroupAssignor;
pub(crate) use consumer::{ConsumerGroupSettings, Heartbeat, JOIN, LEAVE, LEAVE_STATIC};
pub(crate) use group::{Commit, Group};
pub(crate) use offsets::{CommittedOffset, CommittedOffsets};
pub(crate) use share::{ShareBeaten, ShareHeartbeat};

use classic::ClassicGroup;
use consumer::Beaten;
use group::Members;

use crate::configs::Given;
use crate::lock::lock;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::topics::{TopicIdPartition, random_id};
use crate::topics_image::TopicsImage;
use crate::transactions::{TransactionResult, offsets_partition};

/// The groups of the cluster, and their timers.
#[derive(Debug)]
pub(crate) struct Groups {
    initial_delay: Duration,
    consumer_settings: Arc<ConsumerGroupSettings>,
    /// The settings of those groups that were given some of their own.
    own_settings: Mutex<BTreeMap<ByteString, Arc<ConsumerGroupSettings>>>,
    table: Mutex<Table>,
    /// A timer has become due earlier.
    hurried: Notify,
}

#[derive(Debug, Default)]
struct Table {
    groups: BTreeMap<ByteString, Group>,
    /// When the timers run next.
    next_run: Option<Instant>,
}

impl Groups {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            initial_delay: settings.group_initial_rebalance_delay,
            consumer_settings: Arc::new(settings.consumer_groups.clone()),
            own_settings: Mutex::default(),
            table: Mutex::default(),
            hurried: Notify::new(),
        }
    }

    /// Works on a group that is there.
    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Group, Instant) -> T) -> Option<T> {
        let table = &mut *lock(&self.table);
        let group = table.groups.get_mut(id)?;
        let result = work(group, now());
        self.after_work(table, id);
        Some(result)
    }

    /// Works on a group, which comes into being if it is not there.
    fn with_or_new<T>(&self, id: &str, work: impl FnOnce(&mut Group, Instant) -> T) -> T {
        let table = &mut *lock(&self.table);
        // The key is a copy, so that it does not keep a whole request in memory.
        let group = table
            .groups
            .entry(ByteString::from(id))
            .or_insert_with(|| Group::new(self.initial_delay));
        let result = work(group, now());
        self.after_work(table, id);
        result
    }

    fn after_work(&self, table: &mut Table, id: &str) {
        let Some(group) = table.groups.get(id) else {
            return;
        };
        if group.is_void() {
            table.groups.remove(id);
        } else if let Some(deadline) = group.next_deadline()
            && table.next_run.is_none_or(|next_run| deadline < next_run)
        {
            table.next_run = Some(deadline);
            self.hurried.notify_one();
        }
    }

    /// Works on a group that is there, if it is classic.
    fn with_classic<T>(
        &self,
        id: &str,
        work: impl FnOnce(&mut ClassicGroup, Instant) -> T,
    ) -> Option<T> {
        let worked = self.with(id, |group, now| match &mut group.members {
            Members::Classic(classic) => Some(work(classic, now)),
            Members::Consumer(_) | Members::Share(_) => None,
        });
        worked.flatten()
    }

    /// A member joins a classic group; answered when all have. Safe to cancel: the membership then ends by its timeout.
    pub(crate) async fn join(&self, group_id: &str, client_id: &str, join: Join) -> Joined {
        let (answer, answered) = oneshot::channel();
        let new_member_id: ByteString = format!("{client_id}-{}", random_id()).into();
        let work = |group: &mut Group, now| match group.classic_if_empty(self.initial_delay) {
            Some(classic) => {
                classic.join(&join, new_member_id, now, answer);
                Ok(())
            }
            None => Err(ErrorCode::InconsistentGroupProtocol),
        };
        let joining = if join.member_id.is_empty() {
            self.with_or_new(group_id, work)
        } else {
            let joining = self.with(group_id, work);
            joining.unwrap_or(Err(ErrorCode::UnknownMemberId))
        };
        if let Err(error) = joining {
            return Joined::error(error, join.member_id);
        }
        // The answer is only dropped when the same member asks again, over another connection.
        answered
            .await
            .unwrap_or_else(|_| Joined::error(ErrorCode::RebalanceInProgress, join.member_id))
    }

    /// A member of a classic group asks for its assignment; answered when the leader has brought it. Safe to cancel.
    pub(crate) async fn sync(&self, group_id: &str, sync: Sync<'_>) -> Result<Synced, ErrorCode> {
        let (answer, answered) = oneshot::channel();
        self.with_classic(group_id, |group, now| group.sync(sync, now, answer))
            .ok_or(ErrorCode::UnknownMemberId)?;
        answered
            .await
            .unwrap_or(Err(ErrorCode::RebalanceInProgress))
    }

    /// A member of a classic group is alive.
    pub(crate) fn heartbeat(
        &self,
        group_id: &str,
        identity: Identity<'_>,
    ) -> Result<(), ErrorCode> {
        self.with_classic(group_id, |group, now| group.heartbeat(identity, now))
            .unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    /// A member of a classic group goes.
    pub(crate) fn leave(
        &self,
        group_id: &str,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        let left = self.with_classic(group_id, |group, now| {
            group.leave(member_id, instance_id, now)
        });
        left.unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    /// A member of a consumer group joins, is alive, or leaves.
    pub(crate) fn consumer_heartbeat(
        &self,
        group_id: &str,
        beat: &Heartbeat,
        image: &TopicsImage,
    ) -> Result<Beaten, Refusal> {
        let settings = &self.settings_of(group_id);
        let work =
            |group: &mut Group, now| group.consumer_heartbeat(group_id, beat, image, settings, now);
        if beat.member_epoch == JOIN {
            return self.with_or_new(group_id, work);
        }
        let beaten = self.with(group_id, work);
        beaten.unwrap_or_else(|| Err(no_such_group(group_id)))
    }

    /// A member of a share group joins, is alive, or leaves. Also returns all partitions that the group is to read.
    pub(crate) fn share_heartbeat(
        &self,
        group_id: &str,
        beat: &ShareHeartbeat,
        image: &TopicsImage,
    ) -> Result<(ShareBeaten, Vec<TopicIdPartition>), Refusal> {
        let work = |group: &mut Group, now| group.share_heartbeat(group_id, beat, image, now);
        if beat.member_epoch == JOIN {
            return self.with_or_new(group_id, work);
        }
        let beaten = self.with(group_id, work);
        beaten.unwrap_or_else(|| {
            let message = match beat.member_epoch {
                LEAVE => format!("Group {group_id} not found."),
                _ => format!("Share group {group_id} not found."),
            };
            Err(Refusal::new(ErrorCode::GroupIdNotFound, message))
        })
    }

    /// Has a share group be there, also without members.
    ///
    /// # Errors
    /// GROUP_ID_NOT_FOUND where there is another group of that id, NON_EMPTY_GROUP.
    pub(crate) fn keep_share_group(&self, group_id: &str) -> Result<(), Refusal> {
        self.with_or_new(group_id, |group, _| group.keep_as_share(group_id))
    }

    /// Has a group, whether it is there or not, go by the settings that it was given (`consumer.session.timeout.ms` and
    /// others, by Kafka's names), and by those of the brokers for what it was not.
    pub(crate) fn configure(&self, group_id: &str, given: &Given) {
        let settings = Arc::new(self.consumer_settings.with(given));
        if given.is_empty() {
            lock(&self.own_settings).remove(group_id);
        } else {
            // The key is a copy, so that it does not keep a whole request in memory.
            lock(&self.own_settings).insert(ByteString::from(group_id), Arc::clone(&settings));
        }
        self.with(group_id, |group, _| {
            if let Members::Consumer(consumer) = &mut group.members {
                consumer.settings = settings;
            }
        });
    }

    fn settings_of(&self, group_id: &str) -> Arc<ConsumerGroupSettings> {
        let own = lock(&self.own_settings).get(group_id).cloned();
        own.unwrap_or_else(|| Arc::clone(&self.consumer_settings))
    }

    /// Looks at a group, if it is there.
    pub(crate) fn look<T>(&self, group_id: &str, look: impl FnOnce(&Group) -> T) -> Option<T> {
        lock(&self.table).groups.get(group_id).map(look)
    }

    /// All groups, as they are listed.
    pub(crate) fn listed(&self) -> Vec<ListedGroup> {
        let table = lock(&self.table);
        let listed = table.groups.iter().map(|(id, group)| group.listed(id));
        listed.collect()
    }

    /// Deletes a group without members, and its positions.
    ///
    /// # Errors
    /// GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP.
    pub(crate) fn delete(&self, group_id: &str) -> Result<(), ErrorCode> {
        let groups = &mut lock(&self.table).groups;
        match groups.get(group_id) {
            None => Err(ErrorCode::GroupIdNotFound),
            Some(group) if !group.is_empty() => Err(ErrorCode::NonEmptyGroup),
            Some(_) => {
                groups.remove(group_id);
                Ok(())
            }
        }
    }

    /// Forgets positions of a group, those that no member reads on from. Answers for each partition.
    ///
    /// # Errors
    /// GROUP_ID_NOT_FOUND, and NON_EMPTY_GROUP if nobody knows what its members read.
    pub(crate) fn delete_offsets(
        &self,
        group_id: &str,
        partitions: Vec<(&str, i32)>,
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let work = |group: &mut Group, _| {
            if group.share().is_some() {
                return Err(ErrorCode::GroupIdNotFound);
            }
            if group.is_of_strangers() {
                return Err(ErrorCode::NonEmptyGroup);
            }
            let delete = |(topic, partition): (&str, i32)| {
                if group.is_subscribed(topic) {
                    return ErrorCode::GroupSubscribedToTopic;
                }
                group.offsets.delete(topic, partition);
                ErrorCode::None
            };
            Ok(partitions.into_iter().map(delete).collect())
        };
        self.with(group_id, work)
            .unwrap_or(Err(ErrorCode::GroupIdNotFound))
    }

    /// Commits positions, if whoever asks may.
    ///
    /// # Errors
    /// Where the group is not there, and whoever asks believes in a generation of it: `without_group`.
    pub(crate) fn commit<'a>(
        &self,
        group_id: &str,
        commit: Commit<'_>,
        without_group: ErrorCode,
        offsets: impl Iterator<Item = (&'a ByteString, i32, CommittedOffset)>,
    ) -> Result<(), ErrorCode> {
        let work = |group: &mut Group, now| {
            group.check_commit(commit, now)?;
            for (topic, partition, offset) in offsets {
                group.offsets.commit(topic, partition, offset);
            }
            Ok(())
        };
        if commit.identity.generation < 0 {
            self.with_or_new(group_id, work)
        } else {
            self.with(group_id, work).unwrap_or(Err(without_group))
        }
    }

    /// Commits positions within a producer's transaction, if whoever asks may. They count when that commits.
    pub(crate) fn commit_in_transaction<'a>(
        &self,
        group_id: &str,
        commit: Commit<'_>,
        producer_id: i64,
        offsets: impl Iterator<Item = (&'a ByteString, i32, CommittedOffset)>,
    ) -> Result<(), ErrorCode> {
        let work = |group: &mut Group, now| {
            group.check_commit(commit, now)?;
            for (topic, partition, offset) in offsets {
                group
                    .offsets
                    .commit_in_transaction(producer_id, topic, partition, offset);
            }
            Ok(())
        };
        if commit.identity.generation < 0 {
            self.with_or_new(group_id, work)
        } else {
            self.with(group_id, work)
                .unwrap_or(Err(ErrorCode::IllegalGeneration))
        }
    }

    /// Ends a producer's transaction for the groups of a partition of `__consumer_offsets`.
    pub(crate) fn end_transaction(
        &self,
        partition: i32,
        producer_id: i64,
        result: TransactionResult,
    ) {
        for (id, group) in &mut lock(&self.table).groups {
            if offsets_partition(id).partition == partition {
                group.offsets.end_transaction(producer_id, result);
            }
        }
    }

    /// Looks at a group's positions, if whoever asks may; at none if there is no such group.
    pub(crate) fn offsets<T>(
        &self,
        group_id: &str,
        member: Option<(Option<&str>, i32)>,
        look: impl FnOnce(&CommittedOffsets) -> T,
    ) -> Result<T, ErrorCode> {
        match lock(&self.table).groups.get(group_id) {
            Some(group) => {
                if let Some((id, epoch)) = member {
                    group.check_fetch(id, epoch)?;
                }
                Ok(look(&group.offsets))
            }
            None => Ok(look(&CommittedOffsets::default())),
        }
    }

    /// Forgets the positions in a topic that is gone.
    pub(crate) fn forget_topic(&self, topic: &str) {
        for group in lock(&self.table).groups.values_mut() {
            group.offsets.forget_topic(topic);
        }
    }

    /// Ends sessions and rebalances when their time has come. Runs for as long as the broker does.
    pub(crate) async fn run_timers(&self) {
        loop {
            match self.on_timeout() {
                Some(next_run) => {
                    tokio::select! {
                        biased;
                        () = self.hurried.notified() => {}
                        () = tokio::time::sleep_until(next_run.into()) => {}
                    }
                }
                None => self.hurried.notified().await,
            }
        }
    }

    fn on_timeout(&self) -> Option<Instant> {
        let (table, now) = (&mut *lock(&self.table), now());
        for group in table.groups.values_mut() {
            if group
                .next_deadline()
                .is_some_and(|deadline| deadline <= now)
            {
                group.on_timeout(now);
            }
        }
        table.groups.retain(|_, group| !group.is_void());
        table.next_run = table.groups.values().filter_map(Group::next_deadline).min();
        table.next_run
    }
}

/// What a member of a group that is not there is told.
fn no_such_group(group_id: &str) -> Refusal {
    let message = format!("Group {group_id} not found.");
    Refusal::new(ErrorCode::GroupIdNotFound, message)
}

/// The moment by tokio's clock, which tests may hold.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
