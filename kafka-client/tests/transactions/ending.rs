//! Commits and aborts whose answers say no, or do not come.

use std::time::Duration;

use kafka_client::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use kafka_proto::messages::*;

use crate::nodes::*;

async fn send(producer: &Producer) {
    let record = Record::to("t").partition(0).value("v");
    within("sending", producer.send(record)).await.unwrap();
    within("flushing", producer.flush()).await.unwrap();
}

/// How the transaction was asked to end.
fn ends(nodes: &Nodes) -> Vec<String> {
    let mut asked = told(&nodes.asked());
    asked.retain(|asked| asked.starts_with("EndTxn"));
    asked
}

#[tokio::test]
async fn a_commit_without_an_answer_is_repeated_and_never_followed_by_an_abort() {
    for (feature, version) in [(1, 4), (2, 5)] {
        for reaction in [
            Reaction::HangUp,
            Reaction::Refuse(ErrorCode::UnknownServerError),
            Reaction::Refuse(ErrorCode::RequestTimedOut),
            Reaction::Refuse(ErrorCode::NotCoordinator),
        ] {
            let nodes = Nodes::start(feature).await;
            let producer = nodes
                .begun(|builder| builder.max_block(Duration::from_millis(300)))
                .await;
            send(&producer).await;
            nodes.asked();
            nodes.react::<EndTxnRequest>([reaction; 1000]);
            let error = within("the commit", producer.commit_transaction())
                .await
                .unwrap_err();
            assert!(
                matches!(error, Error::Indeterminate { .. }),
                "{reaction:?}: {error}"
            );
            assert!(error.is_retriable() && !error.is_fatal() && !error.requires_abort());
            let refused = within("the abort", producer.abort_transaction())
                .await
                .unwrap_err();
            assert!(
                refused.to_string().contains("commit_transaction again"),
                "{refused}"
            );
            let record = Record::to("t").value("v");
            assert!(
                producer.try_send(record).is_err(),
                "it is not open any more"
            );
            nodes.relent();
            within("the same commit", producer.commit_transaction())
                .await
                .unwrap();
            let ends = ends(&nodes);
            assert!(ends.len() > 2, "{ends:?}");
            let expected = format!("EndTxn {version}: commit 7/0");
            assert!(ends.iter().all(|end| *end == expected), "{ends:?}");
            within("another one", producer.begin_transaction())
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_commit_that_could_not_be_sent_may_be_aborted() {
    let nodes = Nodes::start(2).await;
    let producer = nodes
        .begun(|builder| {
            // No second attempt may be on its way when the time is over.
            let builder = builder.max_block(Duration::from_millis(500));
            builder.properties([("retry.backoff.ms", "1000")]).unwrap()
        })
        .await;
    send(&producer).await;
    let loading = Reaction::Refuse(ErrorCode::CoordinatorLoadInProgress);
    nodes.react::<EndTxnRequest>([loading; 1000]);
    let error = within("the commit", producer.commit_transaction())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    nodes.relent();
    within("the abort", producer.abort_transaction())
        .await
        .unwrap();
    assert_eq!(ends(&nodes).last().unwrap(), "EndTxn 5: abort 7/0");
}

#[tokio::test]
async fn fenced_after_an_answer_was_lost_leaves_open_what_the_commit_has_done() {
    let nodes = Nodes::start(2).await;
    let producer = nodes.begun(|builder| builder).await;
    send(&producer).await;
    let fenced = Reaction::Refuse(ErrorCode::ProducerFenced);
    nodes.react::<EndTxnRequest>([Reaction::HangUp, fenced]);
    let error = within("the commit", producer.commit_transaction())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Indeterminate { .. }), "{error}");
    assert!(error.is_fatal() && !error.is_retriable(), "{error}");
    assert!(error.to_string().contains("PRODUCER_FENCED"), "{error}");
}

#[tokio::test]
async fn after_a_failed_batch_the_transaction_is_aborted_and_the_next_has_another_epoch() {
    for (feature, expected) in [
        (
            1,
            vec![
                "EndTxn 4: abort 7/0",
                "InitProducerId 5: 7/0",
                "AddPartitionsToTxn 3: t-0",
                "Produce 11: 0 7/1 0",
            ],
        ),
        (2, vec!["EndTxn 5: abort 7/0", "Produce 13: 0 7/1 0"]),
    ] {
        let nodes = Nodes::start(feature).await;
        let producer = nodes.begun(|builder| builder).await;
        let gap = Reaction::Refuse(ErrorCode::OutOfOrderSequenceNumber);
        nodes.react::<ProduceRequest>([gap]);
        let record = Record::to("t").partition(0).value("v");
        let delivery = within("sending", producer.send(record)).await.unwrap();
        let error = within("the delivery", delivery).await.unwrap_err();
        assert!(error.requires_abort() && !error.is_fatal(), "{error}");
        assert_eq!(
            within("the commit", producer.commit_transaction()).await,
            Err(error)
        );
        nodes.asked();
        nodes.state().next_identity = (7, 1);
        within("the abort", producer.abort_transaction())
            .await
            .unwrap();
        within("another one", producer.begin_transaction())
            .await
            .unwrap();
        send(&producer).await;
        assert_eq!(told(&nodes.asked()), expected);
    }
}

#[tokio::test]
async fn positions_that_are_refused_have_the_transaction_aborted() {
    for code in [
        ErrorCode::IllegalGeneration,
        ErrorCode::UnknownMemberId,
        ErrorCode::FencedInstanceId,
        ErrorCode::GroupAuthorizationFailed,
    ] {
        let nodes = Nodes::start(2).await;
        let producer = nodes.begun(|builder| builder).await;
        nodes.react::<TxnOffsetCommitRequest>([Reaction::Refuse(code)]);
        let offsets = [(TopicPartition::new("t", 0), OffsetAndMetadata::new(5))];
        let group = ConsumerGroupMetadata::new("g");
        let sending = producer.send_offsets_to_transaction(offsets, &group);
        let error = within("positions", sending).await.unwrap_err();
        assert!(error.requires_abort() && !error.is_fatal(), "{error}");
        assert!(error.to_string().contains(code.name()), "{error}");
        assert_eq!(
            within("the commit", producer.commit_transaction()).await,
            Err(error)
        );
        within("the abort", producer.abort_transaction())
            .await
            .unwrap();
        assert_eq!(ends(&nodes), ["EndTxn 5: abort 7/0"]);
    }
}

#[tokio::test]
async fn a_transaction_without_anything_ends_without_asking_anybody() {
    let nodes = Nodes::start(2).await;
    let producer = nodes.begun(|builder| builder).await;
    nodes.asked();
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
    within("another one", producer.begin_transaction())
        .await
        .unwrap();
    within("the abort", producer.abort_transaction())
        .await
        .unwrap();
    assert_eq!(nodes.asked(), []);
}
