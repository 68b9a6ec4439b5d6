//! What users rely on. That every answer is Kafka's own is proven elsewhere, step by step.

use std::time::Duration;

use kafka_broker::{Broker, TransactionVersion};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::fetch::PartitionData;
use kafka_proto::messages::offset_fetch::{OffsetFetchRequestTopic, OffsetFetchResponsePartition};
use kafka_proto::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_proto::messages::*;
use kafka_proto::records::{ProducerSequence, Seal};

use crate::connection::{
    Connection, batch_at, broker, fetch_request, numbered, produce_request, records, within,
};

/// A transactional producer that speaks the second protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Producer {
    id: i64,
    epoch: i16,
}

async fn init(connection: &mut Connection, timeout_ms: i32) -> Result<Producer, ErrorCode> {
    let request = InitProducerIdRequest {
        transactional_id: Some("id".into()),
        transaction_timeout_ms: timeout_ms,
        ..Default::default()
    };
    let answer = connection.call(&request, 5).await;
    match ErrorCode::from(answer.error_code) {
        ErrorCode::None => Ok(Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        }),
        error => Err(error),
    }
}

async fn write(
    connection: &mut Connection,
    version: i16,
    producer: Producer,
    sequence: i32,
    value: &str,
) -> ErrorCode {
    let seal = Seal {
        producer: ProducerSequence {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: sequence,
        },
        transactional: true,
        ..Seal::default()
    };
    let mut request = produce_request("t", 0, batch_at(&[(value, 1_000)], &seal));
    request.transactional_id = Some("id".into());
    let answer = connection.call(&request, version).await;
    answer.responses[0].partition_responses[0].error_code.into()
}

async fn end(
    connection: &mut Connection,
    producer: Producer,
    committed: bool,
) -> Result<Producer, ErrorCode> {
    let request = EndTxnRequest {
        transactional_id: "id".into(),
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        committed,
        ..Default::default()
    };
    let answer = connection.call(&request, 5).await;
    match ErrorCode::from(answer.error_code) {
        ErrorCode::None => Ok(Producer {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        }),
        error => Err(error),
    }
}

async fn fetch_settled(connection: &mut Connection, offset: i64) -> PartitionData {
    let mut request = fetch_request("t", 0, offset);
    request.isolation_level = 1;
    request.max_wait_ms = 0;
    let answer = connection.call(&request, 12).await;
    answer.responses[0].partitions[0].clone()
}

async fn state(connection: &mut Connection) -> describe_transactions::TransactionState {
    let request = DescribeTransactionsRequest {
        transactional_ids: vec!["id".into()],
        ..Default::default()
    };
    connection
        .call(&request, 0)
        .await
        .transaction_states
        .remove(0)
}

async fn commit_position(
    connection: &mut Connection,
    producer: Producer,
    offset: i64,
) -> ErrorCode {
    let partition = TxnOffsetCommitRequestPartition {
        committed_offset: offset,
        ..Default::default()
    };
    let topic = TxnOffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = TxnOffsetCommitRequest {
        transactional_id: "id".into(),
        group_id: "g".into(),
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = connection.call(&request, 5).await;
    answer.topics[0].partitions[0].error_code.into()
}

async fn position(
    connection: &mut Connection,
    require_stable: bool,
) -> OffsetFetchResponsePartition {
    let topic = OffsetFetchRequestTopic {
        name: "t".into(),
        partition_indexes: vec![0],
        ..Default::default()
    };
    let request = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(vec![topic]),
        require_stable,
        ..Default::default()
    };
    connection.call(&request, 7).await.topics[0].partitions[0].clone()
}

#[tokio::test]
async fn settled_records_are_those_before_the_first_open_transaction() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    assert_eq!(write(c, 12, p, 0, "a").await, ErrorCode::None);
    let fetched = fetch_settled(c, 0).await;
    assert_eq!((fetched.high_watermark, fetched.last_stable_offset), (1, 0));
    assert_eq!(records(&fetched), []);
    assert_eq!(
        records(&c.fetch("t", 0, 0).await),
        numbered(&["a"], 0),
        "whoever does not mind sees it"
    );
    end(c, p, true).await.unwrap();
    let fetched = fetch_settled(c, 0).await;
    assert_eq!(fetched.last_stable_offset, 2);
    assert_eq!(records(&fetched)[0], (0, "a".to_owned()));
    assert_eq!(fetched.aborted_transactions, Some(Vec::new()));
}

#[tokio::test]
async fn readers_are_told_what_was_aborted() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    write(c, 12, p, 0, "a").await;
    let p = end(c, p, true).await.unwrap();
    write(c, 12, p, 0, "b").await;
    end(c, p, false).await.unwrap();
    let aborted = fetch_settled(c, 0).await.aborted_transactions.unwrap();
    let [aborted] = &aborted[..] else {
        panic!("{aborted:?}")
    };
    assert_eq!((aborted.producer_id, aborted.first_offset), (p.id, 2));
    let behind = fetch_settled(c, 4).await;
    assert_eq!(behind.aborted_transactions, Some(Vec::new()));
}

#[tokio::test]
async fn a_long_poll_for_settled_records_ends_when_they_are() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let mut consumer = Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    write(c, 12, p, 0, "a").await;
    let mut request = fetch_request("t", 0, 0);
    (request.max_wait_ms, request.isolation_level) = (600_000, 1);
    let id = consumer.send(&request, 12).await;
    // More of what is not settled does not end it.
    write(c, 12, p, 1, "b").await;
    end(c, p, true).await.unwrap();
    let response = consumer.receive::<FetchRequest>(id, 12).await;
    let data = &response.responses[0].partitions[0];
    assert_eq!((data.last_stable_offset, records(data).len()), (3, 3));
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 1).await.unwrap();
    assert_eq!(write(c, 12, p, 0, "a").await, ErrorCode::None);
    within("the abort", async {
        while state(c).await.transaction_state != "CompleteAbort" {}
    })
    .await;
    assert_eq!(
        write(c, 12, p, 1, "b").await,
        ErrorCode::InvalidProducerEpoch
    );
    let fetched = fetch_settled(c, 0).await;
    assert_eq!(fetched.last_stable_offset, 2, "the record and a marker");
    assert_eq!(fetched.aborted_transactions.map(|all| all.len()), Some(1));
}

#[tokio::test]
async fn whoever_takes_a_transactional_id_over_aborts_and_fences_the_one_before() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let old = init(c, 60_000).await.unwrap();
    write(c, 12, old, 0, "a").await;
    let first_try = init(c, 60_000).await;
    assert_eq!(first_try, Err(ErrorCode::ConcurrentTransactions));
    let new = init(c, 60_000).await.unwrap();
    assert_eq!((new.id, new.epoch > old.epoch), (old.id, true));
    assert_eq!(end(c, old, true).await, Err(ErrorCode::ProducerFenced));
    assert_eq!(
        write(c, 12, old, 1, "b").await,
        ErrorCode::InvalidProducerEpoch
    );
    assert_eq!(write(c, 12, new, 0, "c").await, ErrorCode::None);
    assert_eq!(end(c, new, true).await.map(|next| next.id), Ok(new.id));
}

#[tokio::test]
async fn the_end_of_a_transaction_may_be_asked_for_again() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    write(c, 12, p, 0, "a").await;
    let next = end(c, p, true).await.unwrap();
    assert_eq!(end(c, p, true).await, Ok(next));
    assert_eq!(end(c, p, false).await, Err(ErrorCode::InvalidTxnState));
    assert_eq!(fetch_settled(c, 0).await.high_watermark, 2, "one marker");
}

#[tokio::test]
async fn positions_count_when_their_transaction_commits() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let mut p = init(c, 60_000).await.unwrap();
    let mut known = -1;
    for (offset, committed) in [(5, true), (6, false), (7, true)] {
        assert_eq!(commit_position(c, p, offset).await, ErrorCode::None);
        assert_eq!(position(c, false).await.committed_offset, known);
        let unstable = position(c, true).await;
        assert_eq!(
            (
                ErrorCode::from(unstable.error_code),
                unstable.committed_offset
            ),
            (ErrorCode::UnstableOffsetCommit, -1)
        );
        p = end(c, p, committed).await.unwrap();
        if committed {
            known = offset;
        }
        let stable = position(c, true).await;
        assert_eq!((stable.error_code, stable.committed_offset), (0, known));
    }
}

#[tokio::test]
async fn until_its_markers_are_there_a_transaction_counts_as_open() {
    let broker = Broker::builder()
        .transaction_marker_delay(Duration::from_secs(600))
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    write(c, 12, p, 0, "a").await;
    commit_position(c, p, 1).await;
    let next = end(c, p, true).await.unwrap();
    assert_eq!(state(c).await.transaction_state, "PrepareCommit");
    assert_eq!(
        write(c, 12, next, 0, "b").await,
        ErrorCode::ConcurrentTransactions
    );
    assert_eq!(
        write(c, 11, next, 0, "b").await,
        ErrorCode::NotEnoughReplicas
    );
    assert_eq!(
        init(c, 60_000).await,
        Err(ErrorCode::ConcurrentTransactions)
    );
    assert_eq!(fetch_settled(c, 0).await.last_stable_offset, 0);
    let unstable = position(c, true).await.error_code;
    assert_eq!(ErrorCode::from(unstable), ErrorCode::UnstableOffsetCommit);
}

#[tokio::test]
async fn markers_come_by_themselves() {
    let broker = Broker::builder()
        .transaction_marker_delay(Duration::from_millis(1))
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    write(c, 12, p, 0, "a").await;
    end(c, p, true).await.unwrap();
    within("the marker", async {
        while fetch_settled(c, 0).await.last_stable_offset < 2 {}
    })
    .await;
}

#[tokio::test]
async fn a_transaction_ends_without_its_deleted_topic() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let p = init(c, 60_000).await.unwrap();
    write(c, 12, p, 0, "a").await;
    let delete = DeleteTopicsRequest {
        topic_names: vec!["t".into()],
        ..Default::default()
    };
    c.call(&delete, 5).await;
    assert!(end(c, p, true).await.is_ok());
    assert_eq!(state(c).await.transaction_state, "CompleteCommit");
}

#[tokio::test]
async fn the_longest_timeout_is_a_setting() {
    let broker = Broker::builder()
        .transaction_max_timeout(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    let c = &mut Connection::open(&broker).await;
    assert!(init(c, 1_000).await.is_ok());
    for timeout in [1_001, 0, -1] {
        assert_eq!(
            init(c, timeout).await,
            Err(ErrorCode::InvalidTransactionTimeout),
            "{timeout}"
        );
    }
}

/// KIP-939 is not there yet, at Kafka neither.
#[tokio::test]
async fn two_phase_commit_is_refused() {
    let broker = broker().await;
    let c = &mut Connection::open(&broker).await;
    for (enable2_pc, keep_prepared_txn, error) in [
        (true, false, ErrorCode::TransactionalIdAuthorizationFailed),
        (false, true, ErrorCode::UnsupportedVersion),
    ] {
        let request = InitProducerIdRequest {
            transactional_id: Some("id".into()),
            transaction_timeout_ms: 1_000,
            enable2_pc,
            keep_prepared_txn,
            ..Default::default()
        };
        let answer = c.call(&request, 6).await;
        assert_eq!(ErrorCode::from(answer.error_code), error);
    }
}

#[tokio::test]
async fn clients_find_the_protocol_that_is_set() {
    for (version, level) in [
        (TransactionVersion::V0, None),
        (TransactionVersion::V1, Some(1)),
        (TransactionVersion::V2, Some(2)),
    ] {
        let broker = Broker::builder().transaction_version(version);
        let broker = broker.start().await.unwrap();
        let request = ApiVersionsRequest {
            client_software_name: "test".into(),
            client_software_version: "1".into(),
            ..Default::default()
        };
        let answer = Connection::open(&broker).await.call(&request, 4).await;
        let finalized: Vec<_> = answer
            .finalized_features
            .iter()
            .map(|feature| (&*feature.name, feature.max_version_level))
            .filter(|(name, _)| name.starts_with("transaction"))
            .collect();
        let expected: Vec<_> = level
            .map(|level| ("transaction.version", level))
            .into_iter()
            .collect();
        assert_eq!(finalized, expected);
        assert!(
            answer.finalized_features_epoch >= 0,
            "else nobody believes it"
        );
    }
}
