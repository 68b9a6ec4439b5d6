//! Producers and transactions.

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::admin::{AbortTransaction, ListTransactions, TransactionState};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};

use crate::{code, only, start, within};

/// A producer with a transaction that has written to partition 0 of `t`.
async fn writing(broker: &Broker, id: &str) -> Producer {
    let producer = Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .transactional_id(id)
        .build();
    let producer = within("a producer", producer).await.unwrap();
    within("its identity", producer.init_transactions())
        .await
        .unwrap();
    within("a transaction", producer.begin_transaction())
        .await
        .unwrap();
    let record = Record::to("t").partition(0).value(b"v");
    within("sending", producer.send(record)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();
    producer
}

#[tokio::test]
async fn transactions_are_listed_described_and_ended_by_fencing() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 2).unwrap();
    let at = TopicPartition::new("t", 0);
    let producer = writing(&broker, "writer").await;

    let all = within(
        "listing",
        admin.list_transactions(ListTransactions::default()),
    );
    let all = all.await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].transactional_id, "writer");
    assert_eq!(all[0].state, TransactionState::Ongoing);
    let none = ListTransactions {
        states: vec![TransactionState::PrepareAbort],
        ..ListTransactions::default()
    };
    let none = within("listing", admin.list_transactions(none)).await;
    assert_eq!(none.unwrap(), []);
    let unknown = ListTransactions {
        states: vec![TransactionState::Unknown("Dreaming".to_owned())],
        ..ListTransactions::default()
    };
    let told = within("the refusal", admin.list_transactions(unknown)).await;
    let told = told.unwrap_err().to_string();
    assert!(told.contains("no state \"Dreaming\""), "{told}");

    let described = admin.describe_transactions(["writer", "missing"]);
    let described = within("describing", described).await.unwrap();
    assert_eq!(code(&described[1].1), ErrorCode::TransactionalIdNotFound);
    let transaction = described[0].1.as_ref().unwrap();
    assert_eq!(transaction.partitions, std::slice::from_ref(&at));
    assert_eq!(transaction.producer_id, all[0].producer_id);
    assert!(transaction.start_time.is_some());

    let producers = within("producers", admin.describe_producers([at.clone()]));
    let producers = only(producers.await.unwrap()).unwrap();
    assert_eq!(producers[0].producer_id, all[0].producer_id);
    assert_eq!(producers[0].transaction_start_offset, Some(0));

    let fenced = within("fencing", admin.fence_producers(["writer"]));
    let fenced = only(fenced.await.unwrap()).unwrap();
    assert!(fenced.producer_epoch > transaction.producer_epoch);
    let error = within("the commit", producer.commit_transaction())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    let producers = within("producers", admin.describe_producers([at]));
    let producers = only(producers.await.unwrap()).unwrap();
    assert_eq!(producers[0].transaction_start_offset, None);
}

#[tokio::test]
async fn a_hanging_transaction_is_aborted_in_its_partition() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 1).unwrap();
    let at = TopicPartition::new("t", 0);
    let _producer = writing(&broker, "writer").await;
    let producers = within("producers", admin.describe_producers([at.clone()]));
    let hanging = only(producers.await.unwrap()).unwrap().remove(0);
    let abort = |epoch: i32| AbortTransaction {
        partition: at.clone(),
        producer_id: hanging.producer_id,
        producer_epoch: epoch as i16,
        coordinator_epoch: hanging.coordinator_epoch.unwrap_or(0),
    };
    let stale = admin.abort_transactions([abort(hanging.producer_epoch - 1)]);
    let stale = only(within("the refusal", stale).await.unwrap());
    assert_eq!(code(&stale), ErrorCode::InvalidProducerEpoch);
    let aborted = admin.abort_transactions([abort(hanging.producer_epoch)]);
    only(within("aborting", aborted).await.unwrap()).unwrap();
    let producers = within("producers", admin.describe_producers([at.clone()]));
    let producers = only(producers.await.unwrap()).unwrap();
    assert_eq!(producers[0].transaction_start_offset, None);
}

#[tokio::test]
async fn partitions_that_are_not_there_are_told_one_by_one_and_quickly() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 1).unwrap();
    let asked = [("t", 0), ("t", 5), ("nowhere", 0)]
        .map(|(topic, number)| TopicPartition::new(topic, number));
    let began = std::time::Instant::now();
    let described = within("describing", admin.describe_producers(asked));
    let described = described.await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(900));
    assert!(described[0].1.is_ok());
    assert!(matches!(described[1].1, Err(Error::NoSuchPartition { .. })));
    assert_eq!(code(&described[2].1), ErrorCode::UnknownTopicOrPartition);
}
