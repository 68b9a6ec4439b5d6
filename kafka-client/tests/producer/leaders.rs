//! Leaders that change while records are sent.

use std::time::Duration;

use kafka_client::producer::Record;

use crate::fixture::*;

/// Longer than any test waits: who goes by this wait does not go by what it was told.
const TOO_LONG: &str = "60000";

#[tokio::test]
async fn a_producer_goes_to_the_leader_that_the_old_one_names_without_waiting() {
    let broker = start_with(|broker| broker.nodes(3)).await;
    let patient = [
        ("retry.backoff.ms", TOO_LONG),
        ("retry.backoff.max.ms", TOO_LONG),
    ];
    let producer = producer(&broker, |builder| builder.properties(patient).unwrap()).await;
    for (round, leader) in [2, 3, 1, 2].into_iter().enumerate() {
        broker.move_leader("t", 0, leader).unwrap();
        let value = round.to_string();
        let record = Record::to("t").partition(0).value(&value);
        let delivery = producer.send(record).await.unwrap();
        let written = within("a delivery", delivery).await.unwrap();
        assert_eq!(written.offset, Some(round as i64));
    }
    producer.close(LIMIT).await.unwrap();
}

#[tokio::test]
async fn records_are_written_once_and_in_order_while_brokers_are_killed_in_turn() {
    let broker = start_with(|broker| broker.nodes(3)).await;
    let producer = producer(&broker, |builder| {
        builder.batch_size(200).linger(Duration::from_millis(1))
    })
    .await;
    let mut deliveries = Vec::new();
    for round in 0..6 {
        for n in 0..50 {
            let value = (50 * round + n).to_string();
            let record = Record::to("t").partition(0).value(&value);
            deliveries.push(producer.send(record).await.unwrap());
        }
        let (leader, _) = broker.leader("t", 0).unwrap();
        broker.stop_node(leader).await.unwrap();
        broker.start_node(leader).await.unwrap();
    }
    all_written(deliveries).await;
    let values: Vec<String> = read(&broker, "t", 1, 300)
        .await
        .iter()
        .map(|record| String::from_utf8(record.value().unwrap().to_vec()).unwrap())
        .collect();
    let expected: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert_eq!(values, expected);
    producer.close(LIMIT).await.unwrap();
}
