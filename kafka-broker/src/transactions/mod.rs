//! Transactions: the coordinator, which decides, and the markers, which make its decisions known to logs and groups.

mod coordinator;
#[cfg(test)]
mod tests;
mod transaction;
mod version;

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Instant;

use bytestring::ByteString;
use kafka_proto::coordinator::partition_for_id;
use kafka_proto::error_code::ErrorCode;
use tokio::sync::Notify;

pub(crate) use coordinator::{Coordinator, InitProducerId};
pub(crate) use transaction::{End, State, TopicPartition, TransactionResult};
pub use version::TransactionVersion;

use crate::clock::Moment;
use crate::lock::lock;
use crate::log::EndTransaction;
use crate::node::Cluster;
use crate::producers::ProducerIdAndEpoch;
use crate::settings::Settings;

/// The topic that groups keep their positions in at Kafka. Here they are kept without it, but a transaction with
/// positions has a partition of it, by which they are told apart as at Kafka.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// `offsets.topic.num.partitions`.
const OFFSETS_PARTITIONS: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// The partition that a group's positions would be in.
pub(crate) fn offsets_partition(group_id: &str) -> TopicPartition {
    TopicPartition {
        topic: ByteString::from_static(OFFSETS_TOPIC),
        partition: partition_for_id(group_id, OFFSETS_PARTITIONS) as i32,
    }
}

/// How something that is written comes into its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// By being written, with the second version of the protocol.
    Implicit,
    /// It has to be there already.
    Verified,
}

/// The coordinator of a cluster's transactions, and its timers.
#[derive(Debug)]
pub(crate) struct Transactions {
    table: Mutex<Table>,
    /// A timer has become due earlier.
    hurried: Notify,
}

#[derive(Debug)]
struct Table {
    coordinator: Coordinator,
    /// When the timers run next.
    next_run: Option<Instant>,
}

impl Transactions {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            table: Mutex::new(Table {
                coordinator: Coordinator::new(settings),
                next_run: None,
            }),
            hurried: Notify::new(),
        }
    }

    /// Asks the coordinator for something, and writes the markers that come of it before anybody else is heard.
    ///
    /// Logs and groups may be locked by `work`, but whoever has locked one of them must not come here.
    pub(crate) fn with<T>(
        &self,
        cluster: &Cluster,
        work: impl FnOnce(&mut Coordinator, Moment) -> T,
    ) -> T {
        let table = &mut *lock(&self.table);
        let now = cluster.clock.now();
        let result = work(&mut table.coordinator, now);
        write_due(cluster, &mut table.coordinator, now);
        if let Some(deadline) = table.coordinator.next_deadline()
            && table.next_run.is_none_or(|next_run| deadline < next_run)
        {
            table.next_run = Some(deadline);
            self.hurried.notify_one();
        }
        result
    }

    /// Writes something that belongs into a producer's transaction, if that is open and has the partition. It cannot end
    /// before `write` has.
    pub(crate) fn write_in<T>(
        &self,
        cluster: &Cluster,
        id: &str,
        producer: ProducerIdAndEpoch,
        (partition, entry): (TopicPartition, Entry),
        write: impl FnOnce() -> T,
    ) -> Result<T, ErrorCode> {
        self.with(cluster, |coordinator, now| {
            match entry {
                Entry::Implicit => coordinator.add_partitions(id, producer, [partition], now)?,
                Entry::Verified => coordinator.verify_partition(id, producer, &partition)?,
            }
            Ok(write())
        })
    }

    /// Ends transactions when their time has come. Runs for as long as the broker does.
    pub(crate) async fn run_timers(&self, cluster: &Cluster) {
        loop {
            match self.on_timeout(cluster) {
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

    fn on_timeout(&self, cluster: &Cluster) -> Option<Instant> {
        let (table, now) = (&mut *lock(&self.table), cluster.clock.now());
        table.coordinator.on_timeout(&cluster.producer_ids, now);
        write_due(cluster, &mut table.coordinator, now);
        table.next_run = table.coordinator.next_deadline();
        table.next_run
    }
}

fn write_due(cluster: &Cluster, coordinator: &mut Coordinator, now: Moment) {
    for marker in coordinator.take_markers() {
        let end = EndTransaction {
            producer: marker.producer,
            result: marker.result,
            coordinator_epoch: 0,
            // What this coordinator decides needs no second check.
            needs_new_epoch: false,
            unix_millis: now.unix_millis,
        };
        for partition in &marker.partitions {
            if let Err(error) = write_marker(cluster, partition, end) {
                tracing::info!(topic = %partition.topic, partition = partition.partition, %error, "marker not written");
            }
        }
    }
}

/// Ends a producer's transaction in a partition.
pub(crate) fn write_marker(
    cluster: &Cluster,
    partition: &TopicPartition,
    end: EndTransaction,
) -> Result<(), ErrorCode> {
    if partition.topic == OFFSETS_TOPIC {
        cluster
            .groups
            .end_transaction(partition.partition, end.producer.id, end.result);
        return Ok(());
    }
    let topic = cluster.topics.by_name(&partition.topic);
    let found = topic
        .as_ref()
        .and_then(|topic| topic.partition(partition.partition))
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    lock(&found.log)
        .append_marker(end, found.leader_epoch())
        .map_err(|refusal| refusal.error)
}
