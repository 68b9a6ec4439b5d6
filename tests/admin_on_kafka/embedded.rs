//! The promises that the embedded broker serves, kept on it.

use kafka_broker::Broker;

use crate::*;

/// Brokers of its own for a promise; nobody needs Java for them.
async fn embedded() -> (Broker, Kafka) {
    let builder = Broker::builder()
        .nodes(3)
        .auto_create_topics(false)
        .group_initial_rebalance_delay(Duration::ZERO);
    let broker = builder.start().await.unwrap();
    let kafka = Kafka {
        servers: broker.bootstrap_servers(),
        is_looked_at: false,
    };
    (broker, kafka)
}

#[tokio::test]
async fn many_topics_are_described_page_by_page_as_in_one_go() {
    let (_broker, kafka) = embedded().await;
    topics::many_topics_are_described_page_by_page_as_in_one_go(&kafka).await;
}

#[tokio::test]
async fn a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none() {
    let (_broker, kafka) = embedded().await;
    batches::a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none(&kafka)
        .await;
}

#[tokio::test]
async fn transactions_are_described_and_ended_by_fencing() {
    let (_broker, kafka) = embedded().await;
    transactions::transactions_are_described_and_ended_by_fencing(&kafka).await;
}
