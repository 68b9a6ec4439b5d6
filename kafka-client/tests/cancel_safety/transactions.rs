//! Transactions: each of their methods dropped, called again, and the transaction ends as it should.

use kafka_broker::{Broker, TransactionVersion};
use kafka_client::Error;
use kafka_client::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};

use crate::dropping::*;

const VERSIONS: [TransactionVersion; 2] = [TransactionVersion::V1, TransactionVersion::V2];

async fn start_at(version: TransactionVersion) -> Broker {
    start_with(|builder| builder.transaction_version(version)).await
}

async fn producer(broker: &Broker, id: &str) -> Producer {
    let builder = Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .properties([("retry.backoff.ms", "5"), ("linger.ms", "0")])
        .unwrap()
        .transactional_id(id);
    within("a producer", builder.build()).await.unwrap()
}

async fn initialized(broker: &Broker, id: &str) -> Producer {
    let producer = producer(broker, id).await;
    within("initializing", producer.init_transactions())
        .await
        .unwrap();
    producer
}

/// Writes one value in a transaction of its own.
async fn transact(producer: &Producer, value: &str) {
    within("beginning", producer.begin_transaction())
        .await
        .unwrap();
    within("sending", producer.send(Record::to("t").value(value)))
        .await
        .unwrap();
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
}

#[tokio::test]
async fn initializing_can_be_called_again() {
    for version in VERSIONS {
        let broker = start_at(version).await;
        let mut expected = Vec::new();
        for waits in 0..POINTS {
            let producer = producer(&broker, "tx").await;
            let done = dropped_after(waits, producer.init_transactions()).await;
            within("again", producer.init_transactions()).await.unwrap();
            let value = waits.to_string();
            transact(&producer, &value).await;
            expected.push(value);
            if done.is_some() {
                break;
            }
        }
        assert_eq!(values(&broker, "t").await, expected, "{version:?}");
    }
}

#[tokio::test]
async fn a_begin_that_was_dropped_has_begun_nothing() {
    for version in VERSIONS {
        let broker = start_at(version).await;
        let producer = initialized(&broker, "tx").await;
        for waits in 0..POINTS {
            let done = dropped_after(waits, producer.begin_transaction()).await;
            if done.is_none() {
                let refused = producer.try_send(Record::to("t").value("outside"));
                let is_outside = matches!(refused, Err(Error::IllegalState { .. }));
                assert!(is_outside, "{refused:?}");
                within("beginning", producer.begin_transaction())
                    .await
                    .unwrap();
            }
            // An abort after something was written makes the next one ask for an epoch, where it can be dropped.
            let sent = within("sending", producer.send(Record::to("t").value("v"))).await;
            drop(sent.unwrap());
            within("the abort", producer.abort_transaction())
                .await
                .unwrap();
            if done.is_some() {
                break;
            }
        }
        transact(&producer, "last").await;
        assert_eq!(values(&broker, "t").await, ["last"], "{version:?}");
    }
}

#[tokio::test]
async fn positions_whose_sending_was_dropped_are_sent_again_or_aborted() {
    for version in VERSIONS {
        let broker = start_at(version).await;
        let producer = initialized(&broker, "tx").await;
        let group = ConsumerGroupMetadata::new("g");
        let reader = within("a consumer", consumer(&broker).group_id("g").build());
        let reader = reader.await.unwrap();
        let mut committed = None;
        for waits in 0..POINTS {
            let offset = OffsetAndMetadata::new(waits as i64 + 1);
            let offsets = || [(partition(), offset.clone())];
            within("beginning", producer.begin_transaction())
                .await
                .unwrap();
            let send = producer.send_offsets_to_transaction(offsets(), &group);
            let done = dropped_after(waits, send).await;
            if waits % 2 == 0 {
                let again = producer.send_offsets_to_transaction(offsets(), &group);
                within("again", again).await.unwrap();
                within("the commit", producer.commit_transaction())
                    .await
                    .unwrap();
                committed = Some(offset.offset);
            } else {
                within("the abort", producer.abort_transaction())
                    .await
                    .unwrap();
            }
            let found = within("what is committed", async {
                loop {
                    // The markers of the transaction may still be on their way.
                    let found = reader.committed(&[partition()]).await.unwrap();
                    let found = found[&partition()].as_ref().map(|found| found.offset);
                    if found == committed || waits % 2 == 1 {
                        return found;
                    }
                    tokio::task::yield_now().await;
                }
            });
            assert_eq!(found.await, committed, "{version:?}, dropped at {waits}");
            if done.is_some() && waits % 2 == 0 {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_commit_that_was_dropped_is_the_same_commit_when_it_is_called_again() {
    for version in VERSIONS {
        let broker = start_at(version).await;
        let producer = initialized(&broker, "tx").await;
        let mut expected = Vec::new();
        for waits in 0..POINTS {
            let value = waits.to_string();
            within("beginning", producer.begin_transaction())
                .await
                .unwrap();
            within("sending", producer.send(Record::to("t").value(&value)))
                .await
                .unwrap();
            expected.push(value);
            let done = dropped_after(waits, producer.commit_transaction()).await;
            match done {
                Some(done) => {
                    done.unwrap();
                    break;
                }
                None => within("again", producer.commit_transaction())
                    .await
                    .unwrap(),
            }
        }
        assert_eq!(values(&broker, "t").await, expected, "{version:?}");
    }
}

#[tokio::test]
async fn an_abort_that_was_dropped_is_gone_on_with_and_nothing_is_seen() {
    for version in VERSIONS {
        let broker = start_at(version).await;
        let producer = initialized(&broker, "tx").await;
        for waits in 0..POINTS {
            within("beginning", producer.begin_transaction())
                .await
                .unwrap();
            let delivery = within("sending", producer.send(Record::to("t").value("never"))).await;
            // It is on its way, or there already.
            let _ = within("the record", delivery.unwrap()).await;
            let done = dropped_after(waits, producer.abort_transaction()).await;
            if let Some(done) = done {
                done.unwrap();
                break;
            }
            within("again", producer.abort_transaction()).await.unwrap();
        }
        transact(&producer, "seen").await;
        assert_eq!(values(&broker, "t").await, ["seen"], "{version:?}");
    }
}

#[tokio::test]
async fn a_close_dropped_within_a_transaction_leaves_nobody_waiting() {
    for version in VERSIONS {
        let broker = start_at(version).await;
        let mut closed = false;
        for waits in 0..POINTS {
            let producer = initialized(&broker, "tx").await;
            within("beginning", producer.begin_transaction())
                .await
                .unwrap();
            let sent = within("sending", producer.send(Record::to("t").value("never"))).await;
            let delivery = sent.unwrap();
            let done = dropped_after(waits, producer.close(LIMIT)).await;
            // What it says does not matter: it ends.
            let _ = within("closing again", producer.close(LIMIT)).await;
            let _ = within("the delivery", delivery).await;
            if done.is_some() {
                closed = true;
                break;
            }
        }
        assert!(closed, "{version:?}");
        let next = initialized(&broker, "tx").await;
        transact(&next, "seen").await;
        assert_eq!(values(&broker, "t").await, ["seen"], "{version:?}");
    }
}
