//! Copies a topic: the records and the positions of the original in one transaction.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kafka_client::consumer::{Consumer, ConsumerRecords, Isolation};
use kafka_client::producer::{Producer, Record};
use tokio::time::{Instant, sleep};

use crate::consuming::{self, GroupPlan};
use crate::journal::End;
use crate::plan::TOPICS;
use crate::producing::TIMESTAMP;
use crate::transacting::{self, Ended};
use crate::world::{Phase, World};

const CLOSE: Duration = Duration::from_secs(8);

/// One copier after another, until all is copied.
pub(crate) async fn run(world: Arc<World>, index: u32) {
    let id = format!("copier-{index}");
    let mut rng = world.plan.rng(&id);
    let group = GroupPlan {
        id: "copiers",
        topic: TOPICS[0],
        protocol: world.plan.protocol,
        strategy: world.plan.strategy.clone(),
        auto_commit: false,
        isolation: Isolation::ReadCommitted,
    };
    for life in 0.. {
        if world.phase() == Phase::Over {
            return;
        }
        let name = format!("c{index}.{life}");
        let config = transacting::config(&world, &mut rng, &name, &id);
        let producer = match Producer::builder().config(config).build().await {
            Ok(producer) => producer,
            Err(error) => {
                world.unreachable(&name, &error).await;
                continue;
            }
        };
        if !transacting::initialize(&world, &name, &producer).await {
            continue;
        }
        match consuming::join(&world, &mut rng, &name, &group).await {
            Ok(consumer) => copy(&world, &mut rng, &name, &producer, &consumer).await,
            Err(error) => world.unreachable(&name, &error).await,
        }
    }
}

async fn copy(world: &World, rng: &mut Rng, name: &str, producer: &Producer, consumer: &Consumer) {
    let end = Instant::now() + Duration::from_millis(rng.u64(1_000..15_000));
    loop {
        match world.phase() {
            Phase::Trouble if Instant::now() >= end => break,
            Phase::Over => break,
            _ => {}
        }
        let records = consumer.poll(Duration::from_millis(400)).await;
        let records = match records {
            Ok(records) if !records.is_empty() => records,
            Ok(_) => continue,
            Err(_) => {
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        consuming::note_delivered(world, name, &records);
        let Some(ended) = transact(world, rng, name, producer, consumer, &records).await else {
            return;
        };
        if ended.is_last {
            return;
        }
        if ended.how == End::Aborted {
            go_back(world, name, consumer, &records);
        }
    }
    let what = format!("closing {name}");
    let _ = world.bounded(&what, CLOSE, consumer.close(CLOSE)).await;
    let _ = world.bounded(&what, CLOSE, producer.close(CLOSE)).await;
}

/// Copies records in one transaction; `None` where it was not even begun, or left in the middle.
async fn transact(
    world: &World,
    rng: &mut Rng,
    name: &str,
    producer: &Producer,
    consumer: &Consumer,
    records: &ConsumerRecords,
) -> Option<Ended> {
    // Who is being taken out of the group copies nothing: what was polled comes again, here or elsewhere.
    let group = consumer.group_metadata().ok()?;
    producer.begin_transaction().await.ok()?;
    let work = async {
        for record in records.records() {
            let value = format!("{}@{}", record.partition(), record.offset());
            let copy = Record::to(TOPICS[2])
                .partition(record.partition().partition)
                .value(&value)
                .timestamp(TIMESTAMP);
            producer.send(copy).await?;
        }
        let offsets = records.next_offsets();
        producer.send_offsets_to_transaction(offsets, &group).await
    };
    let work = work.await;
    if world.phase() == Phase::Trouble && rng.u8(..30) == 0 {
        world.trace.note(format!("{name} is killed"));
        return None;
    }
    let ended = match work {
        Ok(()) => transacting::commit(world, rng, name, producer).await,
        Err(error) if error.is_fatal() => return None,
        Err(error) => {
            world.trace.note(format!("{name}: {error}"));
            transacting::abort(world, name, producer).await
        }
    };
    Some(ended)
}

/// Reads again what was not copied after all.
fn go_back(world: &World, name: &str, consumer: &Consumer, records: &ConsumerRecords) {
    for (partition, first) in first_offsets(records) {
        world
            .journal
            .starts_over(name, std::slice::from_ref(&partition));
        // It may be somebody else's by now.
        let _ = consumer.seek(&partition, first);
    }
}

fn first_offsets(
    records: &ConsumerRecords,
) -> std::collections::BTreeMap<kafka_client::TopicPartition, i64> {
    let mut first = std::collections::BTreeMap::new();
    for batch in records.batches() {
        first
            .entry(batch.partition().clone())
            .or_insert(batch.first_offset());
    }
    first
}
