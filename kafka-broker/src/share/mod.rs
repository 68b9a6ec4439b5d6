//! Share groups, as far as records go (KIP-932): what each group has done of each partition. Who is in a group is told by
//! `groups`.

mod acknowledgement;
mod acquisition;
mod builder;
mod config;
mod in_flight;
mod log_reader;
mod partition;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use tokio::sync::Notify;

pub(crate) use acknowledgement::AcknowledgementBatch;
pub(crate) use acquisition::{AcquireMode, Acquired, Wish};
pub(crate) use config::{Reset, Rules, ShareGroupConfig};
pub(crate) use partition::Progress;
pub(crate) use sessions::{CLOSE, ConnectionSessions, MemberKey, OPEN, ShareSessions};
pub(crate) use settings::ShareSettings;

use crate::clock::{Clock, Moment};
use crate::configs::Given;
use crate::lock::lock;
use crate::refusal::Refusal;
use crate::topics::{Partition, TopicIdPartition};
use partition::SharePartition;

/// What the share groups of the cluster have done, and the timers of the locks.
#[derive(Debug)]
pub(crate) struct SharePartitions {
    settings: ShareSettings,
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

/// What is known of a group. Its settings may be there before it is.
#[derive(Debug, Default)]
struct Group {
    config: ShareGroupConfig,
    partitions: BTreeMap<TopicIdPartition, SharePartition>,
}

/// Records that a member has got.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// The batches of the log that have them.
    pub(crate) records: Bytes,
    pub(crate) acquired: Vec<Acquired>,
}

impl SharePartitions {
    pub(crate) fn new(settings: &ShareSettings) -> Self {
        Self {
            settings: settings.clone(),
            table: Mutex::default(),
            hurried: Notify::new(),
        }
    }

    pub(crate) fn settings(&self) -> &ShareSettings {
        &self.settings
    }

    /// Has a group, whether it is there or not, go by the settings that it was given (`share.record.lock.duration.ms` and
    /// others, by Kafka's names), and by those of the brokers for what it was not. They hold for what is acquired from
    /// then on.
    pub(crate) fn configure(&self, group_id: &str, given: Given) {
        let groups = &mut lock(&self.table).groups;
        let group = groups.entry(ByteString::from(group_id)).or_default();
        group.config = ShareGroupConfig::new(given);
    }

    /// The settings that a group was given.
    pub(crate) fn config(&self, group_id: &str) -> ShareGroupConfig {
        let table = lock(&self.table);
        let group = table.groups.get(group_id);
        group.map_or_else(ShareGroupConfig::default, |group| group.config.clone())
    }

    pub(crate) fn rules(&self, group_id: &str) -> Rules {
        self.config(group_id).rules(&self.settings)
    }

    /// A group is going to read these partitions.
    pub(crate) fn initialize(
        &self,
        group_id: &str,
        partitions: impl Iterator<Item = TopicIdPartition>,
    ) {
        let groups = &mut lock(&self.table).groups;
        let group = groups.entry(ByteString::from(group_id)).or_default();
        for partition in partitions {
            group.partitions.entry(partition).or_default();
        }
    }

    /// Works on a partition as a group sees it, which comes into being if it is not there.
    fn with<T>(
        &self,
        group_id: &str,
        id: TopicIdPartition,
        work: impl FnOnce(&mut SharePartition, &Rules) -> T,
    ) -> T {
        let Table { groups, next_run } = &mut *lock(&self.table);
        let group = groups.entry(ByteString::from(group_id)).or_default();
        let Group { config, partitions } = group;
        let partition = partitions.entry(id).or_default();
        let result = work(partition, &config.rules(&self.settings));
        if let Some(deadline) = partition.next_deadline()
            && next_run.is_none_or(|next_run| deadline < next_run)
        {
            *next_run = Some(deadline);
            self.hurried.notify_one();
        }
        result
    }

    /// How many bytes there are to be acquired from. `waiter` is notified when there may be more.
    pub(crate) fn bytes_ahead(
        &self,
        group_id: &str,
        (id, partition): (TopicIdPartition, &Partition),
        waiter: &Arc<Notify>,
        now: Moment,
    ) -> usize {
        self.with(group_id, id, |share, rules| {
            let mut log = lock(&partition.log);
            share.look_at(&log, partition.leader_epoch(), rules, now);
            // Registered under the same locks as the look, so that nothing can fall in between.
            log.notify_on_append(waiter);
            share.notify_on_change(waiter);
            let offset = share.next_fetch_offset().filter(|_| share.has_room(rules));
            offset.map_or(0, |offset| log.readable_bytes_from(offset, rules.isolation))
        })
    }

    /// Whether a group may acquire more records of a partition, as soon as there are some.
    pub(crate) fn has_room(&self, group_id: &str, id: TopicIdPartition) -> bool {
        self.with(group_id, id, |share, rules| share.has_room(rules))
    }

    /// Acquires records of a partition for a member, in `max_bytes`; of one batch at least if `at_least_one`.
    pub(crate) fn acquire(
        &self,
        group_id: &str,
        (id, partition): (TopicIdPartition, &Partition),
        wish: &Wish,
        (max_bytes, at_least_one): (usize, bool),
        now: Moment,
    ) -> Result<Delivery, ErrorCode> {
        self.with(group_id, id, |share, rules| {
            let log = lock(&partition.log);
            share.look_at(&log, partition.leader_epoch(), rules, now);
            let Some(offset) = share.next_fetch_offset().filter(|_| share.has_room(rules)) else {
                return Ok(Delivery::default());
            };
            let read = log_reader::read(&log, offset, max_bytes, at_least_one, rules.isolation)?;
            let acquired = share.acquire(wish, &read.spans(), rules, now.instant);
            let acquired = share.archive_aborted(acquired, &read.aborted());
            Ok(read.delivery(acquired))
        })
    }

    /// Does what a member says of records that it has.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION where nobody has acquired anything, INVALID_RECORD_STATE, INVALID_REQUEST.
    pub(crate) fn acknowledge(
        &self,
        key: &MemberKey,
        (id, partition): (TopicIdPartition, &Partition),
        batches: &[AcknowledgementBatch],
        now: Instant,
    ) -> Result<(), Refusal> {
        self.with(&key.group_id, id, |share, rules| {
            let end = lock(&partition.log).end_offset();
            share.follow_leader(partition.leader_epoch(), end);
            if share.start().is_none() {
                return Err(ErrorCode::UnknownTopicOrPartition.into());
            }
            share.acknowledge(&key.member_id, batches, rules, now)
        })
    }

    /// Makes available again what a member has of these partitions.
    pub(crate) fn release(&self, key: &MemberKey, of: &[TopicIdPartition]) {
        let groups = &mut lock(&self.table).groups;
        let Some(Group { config, partitions }) = groups.get_mut(&key.group_id) else {
            return;
        };
        let rules = config.rules(&self.settings);
        for partition in of {
            let Some(partition) = partitions.get_mut(partition) else {
                continue;
            };
            partition.release_all_of(&key.member_id, &rules);
        }
    }

    /// How far a group is with the partitions that it has read, or is going to; not known where nobody has acknowledged
    /// anything.
    pub(crate) fn progress(&self, group_id: &str) -> BTreeMap<TopicIdPartition, Option<Progress>> {
        let table = lock(&self.table);
        let group = table.groups.get(group_id);
        let partitions = group.into_iter().flat_map(|group| &group.partitions);
        partitions
            .map(|(id, partition)| (*id, partition.written()))
            .collect()
    }

    /// Has a group go on at an offset of a partition, whatever it has done.
    pub(crate) fn move_start(&self, group_id: &str, id: TopicIdPartition, offset: i64) {
        let groups = &mut lock(&self.table).groups;
        let group = groups.entry(ByteString::from(group_id)).or_default();
        let moved = SharePartition::starting_at(offset);
        if let Some(mut replaced) = group.partitions.insert(id, moved) {
            replaced.wake();
        }
    }

    /// Forgets what a group has done of the partitions that are chosen; whether there was something to forget.
    pub(crate) fn forget(
        &self,
        group_id: &str,
        is_chosen: impl Fn(&TopicIdPartition) -> bool,
    ) -> bool {
        let groups = &mut lock(&self.table).groups;
        let Some(group) = groups.get_mut(group_id) else {
            return false;
        };
        let before = group.partitions.len();
        group.partitions.retain(|id, _| !is_chosen(id));
        group.partitions.len() < before
    }

    /// Forgets the partitions that are chosen, of all groups.
    pub(crate) fn forget_everywhere(&self, is_chosen: impl Fn(&TopicIdPartition) -> bool) {
        for group in lock(&self.table).groups.values_mut() {
            group.partitions.retain(|id, _| !is_chosen(id));
        }
    }

    /// Ends locks when their time has come. Runs for as long as the broker does.
    pub(crate) async fn run_timers(&self, clock: &Clock) {
        loop {
            match self.on_timeout(clock.now().instant) {
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

    fn on_timeout(&self, now: Instant) -> Option<Instant> {
        let table = &mut *lock(&self.table);
        let mut next_run = None;
        for Group { config, partitions } in table.groups.values_mut() {
            let rules = config.rules(&self.settings);
            for partition in partitions.values_mut() {
                partition.on_timeout(&rules, now);
                next_run = [next_run, partition.next_deadline()]
                    .into_iter()
                    .flatten()
                    .min();
            }
        }
        table.next_run = next_run;
        next_run
    }
}
