//! Producers that are idempotent: what they are told is written is written once, and in order.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kafka_client::TopicPartition;
use kafka_client::producer::{Delivery, Producer, ProducerConfig, Record};
use tokio::time::{sleep, timeout};

use crate::journal::Outcome;
use crate::plan::{REQUEST_TIMEOUT, TOPICS};
use crate::world::{Phase, World};

/// Any: a run is to be the same each time.
pub(crate) const TIMESTAMP: i64 = 1_700_000_000_000;

/// Longer than there is trouble.
const PATIENCE: Duration = Duration::from_secs(30);
const CLOSE: Duration = Duration::from_secs(8);

/// One producer after another, as long as there is trouble.
pub(crate) async fn run(world: Arc<World>, index: u32) {
    let mut rng = world.plan.rng(&format!("producer {index}"));
    for life in 0.. {
        if world.phase() != Phase::Trouble {
            return;
        }
        let name = format!("p{index}.{life}");
        // Some give up while nobody knows what became of a batch; see `Plan::late`.
        let patience = if world.plan.late {
            PATIENCE
        } else {
            Duration::from_millis(rng.u64(1_600..6_000))
        };
        let config = ProducerConfig {
            client: world.client(&name),
            batch_size: rng.usize(60..400),
            linger: Duration::from_millis(rng.u64(..10)),
            delivery_timeout: patience,
            max_block: Duration::from_secs(5),
            max_in_flight: rng.usize(1..=5),
            ..ProducerConfig::default()
        };
        match Producer::builder().config(config).build().await {
            Ok(producer) => produce(&world, &mut rng, &name, producer, patience).await,
            Err(error) => world.unreachable(&name, &error).await,
        }
    }
}

async fn produce(world: &World, rng: &mut Rng, name: &str, producer: Producer, patience: Duration) {
    let longest = patience + REQUEST_TIMEOUT;
    let mut open = Vec::new();
    for number in 0..rng.u32(5..80) {
        if world.phase() != Phase::Trouble {
            break;
        }
        let partition = rng.i32(0..world.plan.partitions);
        let value = format!("{name} {number}");
        let to = TopicPartition::new(TOPICS[0], partition);
        world.journal.sent(&value, name, number, to);
        let record = Record::to(TOPICS[0])
            .partition(partition)
            .value(&value)
            .timestamp(TIMESTAMP);
        match producer.send(record).await {
            Ok(delivery) => open.push((value, delivery)),
            Err(_) => world.journal.settled(&value, Outcome::Refused),
        }
        match rng.u8(..20) {
            0 => {
                let flush = producer.flush();
                let what = format!("a flush of {name}");
                // An error says that something was not written, and all is settled nevertheless.
                let _ = world.bounded(&what, longest, flush).await;
                settle(world, &what, &mut open).await;
            }
            1..=6 => sleep(Duration::from_millis(rng.u64(..300))).await,
            _ => {}
        }
    }
    if rng.bool() {
        let what = format!("closing {name}");
        let _ = world.bounded(&what, CLOSE, producer.close(CLOSE)).await;
        settle(world, &what, &mut open).await;
    } else {
        // What was taken is still sent.
        drop(producer);
        for (value, delivery) in open {
            let what = format!("the delivery of \"{value}\" after {name} was dropped");
            let told = world.bounded(what, longest, delivery).await;
            if let Some(Ok(written)) = told {
                let outcome = Outcome::Acknowledged(written.offset);
                world.journal.settled(&value, outcome);
            }
        }
    }
}

/// Takes note of what became of all that was sent, which has to be known.
async fn settle(world: &World, after: &str, open: &mut Vec<(String, Delivery)>) {
    for (value, delivery) in open.drain(..) {
        match timeout(Duration::ZERO, delivery).await {
            Ok(Ok(written)) => {
                let outcome = Outcome::Acknowledged(written.offset);
                world.journal.settled(&value, outcome);
            }
            Ok(Err(_)) => {}
            Err(_) => {
                let wrong = format!("\"{value}\" is not settled after {after}");
                world.journal.wrong(wrong);
            }
        }
    }
}
