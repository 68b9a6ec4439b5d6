//! Members of a group: they join, read, commit, hang, leave and are killed.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kafka_client::TopicPartition;
use kafka_client::consumer::assignor::AssignmentStrategy;
use kafka_client::consumer::{
    Consumer, ConsumerConfig, ConsumerRecords, GroupProtocol, Isolation, ListenerFuture,
    OffsetReset, RebalanceListener,
};
use tokio::time::{Instant, sleep};

use crate::journal::Journal;
use crate::world::{Phase, World};

pub(crate) const SESSION: Duration = Duration::from_secs(6);
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(8);

/// A group, what it reads and how.
#[derive(Debug, Clone)]
pub(crate) struct GroupPlan {
    pub(crate) id: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) protocol: GroupProtocol,
    /// Of the classic protocol.
    pub(crate) strategy: AssignmentStrategy,
    pub(crate) auto_commit: bool,
    pub(crate) isolation: Isolation,
}

/// Takes note of partitions that begin anew.
struct Noting {
    journal: Arc<Journal>,
    member: String,
}

impl RebalanceListener for Noting {
    fn assigned<'a>(
        &'a self,
        _: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> ListenerFuture<'a> {
        self.journal.starts_over(&self.member, partitions);
        Box::pin(std::future::ready(()))
    }
}

/// A member of a group, if the cluster can be reached.
pub(crate) async fn join(
    world: &World,
    rng: &mut Rng,
    name: &str,
    group: &GroupPlan,
) -> kafka_client::Result<Consumer> {
    let mut config = ConsumerConfig {
        client: world.client(name),
        group_id: Some(group.id.to_owned()),
        group_protocol: group.protocol,
        // A random one would make each run another.
        member_id: Some(name.to_owned()),
        auto_offset_reset: OffsetReset::Earliest,
        enable_auto_commit: group.auto_commit,
        auto_commit_interval: Duration::from_millis(rng.u64(100..1_000)),
        max_partition_fetch_bytes: rng.i32(100..2_000),
        max_poll_records: rng.usize(1..40),
        isolation_level: group.isolation,
        max_poll_interval: MAX_POLL_INTERVAL,
        ..ConsumerConfig::default()
    };
    // With the other protocol the brokers say how it is.
    if group.protocol == GroupProtocol::Classic {
        config.partition_assignment_strategy = vec![group.strategy.clone()];
        config.session_timeout = SESSION;
        config.heartbeat_interval = HEARTBEAT;
    }
    let listener = Noting {
        journal: world.journal.clone(),
        member: name.to_owned(),
    };
    let consumer = Consumer::builder()
        .config(config)
        .rebalance_listener(listener)
        .build()
        .await?;
    consumer.subscribe([group.topic])?;
    Ok(consumer)
}

/// One member after another, until all is read.
pub(crate) async fn run(world: Arc<World>, group: GroupPlan, index: u32) {
    let mut rng = world.plan.rng(&format!("{} {index}", group.id));
    for life in 0.. {
        if world.phase() == Phase::Over {
            return;
        }
        let name = format!("{}-{index}.{life}", group.id);
        match join(&world, &mut rng, &name, &group).await {
            Ok(consumer) => read(&world, &mut rng, &name, &group, consumer).await,
            Err(error) => world.unreachable(&name, &error).await,
        }
    }
}

/// What a member was handed out, noted as delivered.
pub(crate) fn note_delivered(world: &World, name: &str, records: &ConsumerRecords) {
    for record in records.records() {
        let value = record.value().unwrap_or_default();
        let journal = &world.journal;
        journal.delivered(name, record.partition(), record.offset(), value);
    }
}

async fn read(world: &World, rng: &mut Rng, name: &str, group: &GroupPlan, consumer: Consumer) {
    let end = Instant::now() + Duration::from_millis(rng.u64(1_000..15_000));
    loop {
        match world.phase() {
            Phase::Trouble if Instant::now() >= end => break,
            Phase::Over => break,
            _ => {}
        }
        let Ok(records) = consumer.poll(Duration::from_millis(400)).await else {
            // It says what keeps it from going on, and goes on with what it can.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        note_delivered(world, name, &records);
        if world.phase() == Phase::Trouble {
            match rng.u16(..300) {
                // Killed, before anything was done with the records.
                0 => return world.trace.note(format!("{name} is killed")),
                1 => {
                    world.trace.note(format!("{name} hangs"));
                    sleep(MAX_POLL_INTERVAL + Duration::from_secs(1)).await;
                }
                _ => {}
            }
        }
        if !records.is_empty() {
            sleep(Duration::from_millis(rng.u64(..50))).await;
        }
        for record in records.records() {
            let journal = &world.journal;
            journal.processed(group.id, record.partition(), record.offset());
        }
        if !group.auto_commit && !records.is_empty() {
            match rng.u8(..4) {
                0 => drop(consumer.commit_sync().await),
                1 => drop(consumer.commit_async()),
                2 => drop(consumer.commit_offsets_async(records.next_offsets())),
                _ => {}
            }
        }
    }
    if world.phase() == Phase::Over || rng.bool() {
        let what = format!("closing {name}");
        let _ = world.bounded(what, CLOSE, consumer.close(CLOSE)).await;
    } else {
        world.trace.note(format!("{name} is killed"));
    }
}
