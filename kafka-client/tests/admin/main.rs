//! The admin client against the embedded broker.

mod group_offsets;
mod groups;
mod several_brokers;
mod topics;
mod transactions;

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::admin::Admin;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::{Error, ErrorCode};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// A broker that creates every topic that somebody asks for, and an admin client that must not make it.
async fn start() -> (Broker, Admin) {
    let builder = Broker::builder()
        .default_partitions(5)
        .group_initial_rebalance_delay(Duration::ZERO);
    let broker = builder.start().await.unwrap();
    let admin = admin(&broker, Duration::from_secs(1)).await;
    (broker, admin)
}

async fn admin(broker: &Broker, api_timeout: Duration) -> Admin {
    let admin = Admin::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .api_timeout(api_timeout);
    within("an admin client", admin.build()).await.unwrap()
}

/// A consumer of a group.
fn member(broker: &Broker, group: &str) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .group_id(group)
        .auto_offset_reset(OffsetReset::Earliest)
}

/// Polls until the consumer has so many partitions.
async fn joined(consumer: &Consumer, partitions: usize) {
    within("an assignment", async {
        while consumer.assignment().len() != partitions {
            consumer.poll(Duration::from_millis(20)).await.unwrap();
        }
    })
    .await;
}

/// The outcome of the only item that was asked about.
fn only<I, T>(outcomes: Vec<(I, Result<T, Error>)>) -> Result<T, Error> {
    let mut outcomes = outcomes.into_iter();
    let (_, outcome) = outcomes.next().expect("an outcome");
    assert!(outcomes.next().is_none(), "more than one outcome");
    outcome
}

fn code(result: &Result<impl Sized, Error>) -> ErrorCode {
    match result {
        Ok(_) => ErrorCode::None,
        Err(Error::Broker { code, .. }) => *code,
        Err(error) => panic!("no broker's answer: {error}"),
    }
}
