//! Which requests go out, in which versions: the cluster's feature decides.

use std::time::{Duration, Instant};

use kafka_client::consumer::{Consumer, ConsumerGroupMetadata, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use kafka_proto::codec::Request;
use kafka_proto::messages::*;

use crate::nodes::*;

/// One transaction with records in two partitions and a position.
async fn transact(producer: &Producer) {
    let records = (0..2).map(|partition| Record::to("t").partition(partition).value("v"));
    within("sending", producer.send_all(records)).await.unwrap();
    within("flushing", producer.flush()).await.unwrap();
    let offsets = [(TopicPartition::new("t", 2), OffsetAndMetadata::new(5))];
    let group = ConsumerGroupMetadata::new("g");
    within(
        "positions",
        producer.send_offsets_to_transaction(offsets, &group),
    )
    .await
    .unwrap();
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_first_protocol_adds_what_it_writes_to_by_requests_in_old_versions() {
    let nodes = Nodes::start(1).await;
    let producer = nodes
        .begun(|builder| builder.linger(Duration::from_millis(20)))
        .await;
    transact(&producer).await;
    let asked = nodes.asked();
    assert_eq!(
        told(&asked),
        [
            "FindCoordinator 6: 1 tx",
            "InitProducerId 5: -1/-1",
            "AddPartitionsToTxn 3: t-0 t-1",
            "Produce 11: 0 7/0 0, 1 7/0 0",
            "AddOffsetsToTxn 4: g",
            "FindCoordinator 6: 0 g",
            "TxnOffsetCommit 4: g -1 \"\": t-2@5",
            "EndTxn 4: commit 7/0",
        ]
    );
    within("another one", producer.begin_transaction())
        .await
        .unwrap();
    transact(&producer).await;
    let again = told(&nodes.asked());
    assert_eq!(again[0], "AddPartitionsToTxn 3: t-0 t-1");
    assert_eq!(again[1], "Produce 11: 0 7/0 1, 1 7/0 1");
}

#[tokio::test]
async fn the_second_protocol_adds_nothing_and_has_an_epoch_for_each_transaction() {
    let nodes = Nodes::start(2).await;
    let producer = nodes
        .begun(|builder| builder.linger(Duration::from_millis(20)))
        .await;
    nodes.asked();
    for (present, next) in [((7, 0), (7, 1)), ((7, 1), (9, 0)), ((9, 0), (9, 1))] {
        nodes.state().next_identity = next;
        transact(&producer).await;
        let identity = format!("{}/{}", present.0, present.1);
        let mut asked = told(&nodes.asked());
        asked.retain(|asked| !asked.starts_with("FindCoordinator"));
        assert_eq!(
            asked,
            [
                format!("Produce 13: 0 {identity} 0, 1 {identity} 0"),
                "TxnOffsetCommit 5: g -1 \"\": t-2@5".to_owned(),
                format!("EndTxn 5: commit {identity}"),
            ]
        );
        within("another one", producer.begin_transaction())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_cluster_that_goes_over_to_the_other_protocol_is_followed_with_the_next_transaction() {
    let nodes = Nodes::start(1).await;
    let producer = nodes.begun(|builder| builder).await;
    transact(&producer).await;
    nodes.set_feature(2);
    nodes.state().next_identity = (7, 1);
    // Until a connection is made anew nobody hears of it: the transaction in between is one of the first protocol.
    for _ in 0..2 {
        within("another one", producer.begin_transaction())
            .await
            .unwrap();
        nodes.asked();
        transact(&producer).await;
    }
    let asked = told(&nodes.asked());
    assert!(asked[0].starts_with("Produce 13: 0 7/1 0"), "{asked:?}");
    assert!(
        asked.iter().any(|asked| asked == "EndTxn 5: commit 7/1"),
        "{asked:?}"
    );
    nodes.set_feature(1);
    for _ in 0..2 {
        within("another one", producer.begin_transaction())
            .await
            .unwrap();
        nodes.asked();
        transact(&producer).await;
    }
    let asked = told(&nodes.asked());
    assert!(asked[0].starts_with("AddPartitionsToTxn 3"), "{asked:?}");
    assert!(
        asked
            .iter()
            .any(|asked| asked.starts_with("EndTxn 4: commit")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn what_is_about_to_be_finished_is_asked_for_again_in_a_moment() {
    let nodes = Nodes::start(1).await;
    let concurrent = || [Reaction::Refuse(ErrorCode::ConcurrentTransactions); 5];
    let begun = Instant::now();
    // Any other error would be waited out for a minute.
    let producer = nodes
        .producer(|builder| {
            let slow = [
                ("retry.backoff.ms", "60000"),
                ("retry.backoff.max.ms", "60000"),
            ];
            builder.properties(slow).unwrap()
        })
        .await;
    nodes.react::<InitProducerIdRequest>(concurrent());
    within("its id", producer.init_transactions())
        .await
        .unwrap();
    within("a transaction", producer.begin_transaction())
        .await
        .unwrap();
    nodes.react::<AddPartitionsToTxnRequest>(concurrent());
    nodes.react::<ProduceRequest>(concurrent());
    nodes.react::<EndTxnRequest>(concurrent());
    let record = Record::to("t").partition(0).value("v");
    within("sending", producer.send(record)).await.unwrap();
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(20 * 20), "{took:?}");
    let asked = told(&nodes.asked());
    for api in ["InitProducerId", "AddPartitionsToTxn", "Produce", "EndTxn"] {
        let count = asked.iter().filter(|asked| asked.starts_with(api)).count();
        assert_eq!(count, 6, "{api}");
    }
}

#[tokio::test]
async fn a_coordinator_that_moves_is_found_again() {
    let nodes = Nodes::start(1).await;
    let producer = nodes.begun(|builder| builder).await;
    for (code, coordinator) in [
        (ErrorCode::NotCoordinator, 2),
        (ErrorCode::CoordinatorNotAvailable, 1),
    ] {
        nodes.state().coordinator = coordinator;
        nodes.asked();
        nodes.react::<AddPartitionsToTxnRequest>([Reaction::Refuse(code)]);
        nodes.react::<AddOffsetsToTxnRequest>([Reaction::HangUp]);
        nodes.react::<TxnOffsetCommitRequest>([Reaction::Refuse(code)]);
        nodes.react::<EndTxnRequest>([Reaction::Refuse(code)]);
        transact(&producer).await;
        let asked = nodes.asked();
        let ended: Vec<_> = asked
            .iter()
            .filter(|asked| asked.key == EndTxnRequest::KEY)
            .map(|asked| asked.node)
            .collect();
        assert_eq!(ended, [coordinator; 2], "{:?}", told(&asked));
        within("another one", producer.begin_transaction())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_producer_that_may_not_is_told_at_once() {
    for code in [
        ErrorCode::TransactionalIdAuthorizationFailed,
        ErrorCode::InvalidTransactionTimeout,
        ErrorCode::ProducerFenced,
    ] {
        let nodes = Nodes::start(2).await;
        let producer = nodes.producer(|builder| builder).await;
        nodes.react::<InitProducerIdRequest>([Reaction::Refuse(code)]);
        let error = within("the refusal", producer.init_transactions())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(code.name()), "{error}");
        assert!(!error.is_retriable(), "{error}");
        assert_eq!(
            within("the same", producer.begin_transaction()).await,
            Err(error)
        );
    }
}

#[tokio::test]
async fn without_a_transactional_id_there_are_no_transactions() {
    let nodes = Nodes::start(2).await;
    let builder = Producer::builder().bootstrap_servers(nodes.servers());
    let producer = within("a producer", builder.build()).await.unwrap();
    for error in [
        within("init", producer.init_transactions()).await,
        within("begin", producer.begin_transaction()).await,
        within("commit", producer.commit_transaction()).await,
        within("abort", producer.abort_transaction()).await,
    ] {
        let expected = "setting \"transactional.id\" = \"\": transactions need a name";
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn records_outside_of_a_transaction_are_refused() {
    let nodes = Nodes::start(2).await;
    let producer = nodes.producer(|builder| builder).await;
    let refused = |result: Result<(), Error>| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::IllegalState { .. }), "{error}");
    };
    refused(within("begin", producer.begin_transaction()).await);
    within("its id", producer.init_transactions())
        .await
        .unwrap();
    let record = Record::to("t").value("v");
    refused(producer.try_send(record).map(drop));
    refused(within("sending", producer.send(record)).await.map(drop));
    refused(
        within("sending", producer.send_all([record]))
            .await
            .map(drop),
    );
    refused(within("commit", producer.commit_transaction()).await);
    refused(within("abort", producer.abort_transaction()).await);
    within("begin", producer.begin_transaction()).await.unwrap();
    refused(within("begin", producer.begin_transaction()).await);
}

#[tokio::test]
async fn a_position_that_is_not_settled_is_waited_for() {
    let nodes = Nodes::start(2).await;
    let consumer = Consumer::builder()
        .bootstrap_servers(nodes.servers())
        .group_id("g")
        .properties([("retry.backoff.ms", "5")])
        .unwrap();
    let consumer = within("a consumer", consumer.build()).await.unwrap();
    let partition = TopicPartition::new("t", 0);
    nodes.react::<OffsetFetchRequest>([Reaction::Refuse(ErrorCode::UnstableOffsetCommit); 3]);
    let found = within(
        "the position",
        consumer.committed(std::slice::from_ref(&partition)),
    )
    .await
    .unwrap();
    assert_eq!(found[&partition], Some(OffsetAndMetadata::new(5)));
    let mut asked = told(&nodes.asked());
    asked.retain(|asked| asked.starts_with("OffsetFetch"));
    assert_eq!(asked, ["OffsetFetch 9: stable: true"; 4]);
}
