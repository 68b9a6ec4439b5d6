//! Futures that are dropped halfway, and producers that are closed or dropped with a transaction open.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use kafka_client::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use kafka_proto::messages::*;

use crate::nodes::*;

/// Polls a future so many times at most.
struct AtMost<F> {
    polls: usize,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for AtMost<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match self.future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The outcome of a future, unless it was dropped after so many polls.
async fn at_most<F: Future>(what: &str, polls: usize, future: F) -> Option<F::Output> {
    let future = Box::pin(future);
    within(what, AtMost { polls, future }).await
}

async fn send(producer: &Producer) {
    let record = Record::to("t").partition(0).value("v");
    within("sending", producer.send(record)).await.unwrap();
}

fn offsets() -> [(TopicPartition, OffsetAndMetadata); 1] {
    [(TopicPartition::new("t", 1), OffsetAndMetadata::new(5))]
}

/// More polls than any of the futures takes.
const POLLS: usize = 16;

#[tokio::test]
async fn whatever_is_dropped_at_whichever_point_is_done_when_it_is_called_again() {
    for feature in [1, 2] {
        for polls in 0..POLLS {
            let nodes = Nodes::start(feature).await;
            let later = Reaction::Refuse(ErrorCode::CoordinatorLoadInProgress);
            let producer = nodes.producer(|builder| builder).await;
            nodes.react::<InitProducerIdRequest>([later]);
            let done = at_most("its id", polls, producer.init_transactions()).await;
            if done.is_none() {
                let again = producer.init_transactions();
                within("its id", again).await.unwrap();
            }
            nodes.relent();
            if at_most("begin", polls, producer.begin_transaction())
                .await
                .is_none()
            {
                within("begin", producer.begin_transaction()).await.unwrap();
            }
            send(&producer).await;
            nodes.react::<AddOffsetsToTxnRequest>([later]);
            nodes.react::<TxnOffsetCommitRequest>([later]);
            let group = ConsumerGroupMetadata::new("g");
            let sending = producer.send_offsets_to_transaction(offsets(), &group);
            if at_most("positions", polls, sending).await.is_none() && polls > 0 {
                let commit = within("the commit", producer.commit_transaction()).await;
                let error = commit.unwrap_err();
                let expected = "send_offsets_to_transaction was dropped";
                assert!(error.to_string().starts_with(expected), "{polls}: {error}");
                let sending = producer.send_offsets_to_transaction(offsets(), &group);
                within("positions", sending).await.unwrap();
            }
            nodes.relent();
            nodes.asked();
            nodes.react::<EndTxnRequest>([later, Reaction::HangUp]);
            let done = at_most("the commit", polls, producer.commit_transaction()).await;
            if done.is_none() {
                let again = producer.commit_transaction();
                within("the commit", again).await.unwrap();
            }
            let asked = told(&nodes.asked());
            let ends: Vec<_> = asked
                .iter()
                .filter(|asked| asked.starts_with("EndTxn"))
                .collect();
            assert!(ends.len() >= 2, "{asked:?}");
            assert!(
                ends.iter()
                    .all(|end| **end == *ends[0] && end.contains("commit 7/0"))
            );
            nodes.relent();
            within("begin", producer.begin_transaction()).await.unwrap();
            send(&producer).await;
            if at_most("the abort", polls, producer.abort_transaction())
                .await
                .is_none()
            {
                let again = producer.abort_transaction();
                within("the abort", again).await.unwrap();
            }
            within("begin", producer.begin_transaction()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_closed_producer_leaves_no_transaction_open() {
    let nodes = Nodes::start(2).await;
    let producer = nodes.begun(|builder| builder).await;
    send(&producer).await;
    within("flushing", producer.flush()).await.unwrap();
    let unsent = {
        let record = Record::to("t").partition(1).value("v");
        producer.send(record).await.unwrap()
    };
    nodes.asked();
    within("closing", producer.close(LIMIT)).await.unwrap();
    let last = told(&nodes.asked()).pop().unwrap();
    assert_eq!(last, "EndTxn 5: abort 7/0");
    // It was on its way, or it was not: it is not to be seen in either case.
    let _ = within("the delivery", unsent).await;
    let closed = Error::Closed {
        what: "the producer",
    };
    assert_eq!(
        within("begin", producer.begin_transaction()).await,
        Err(closed.clone())
    );
    assert_eq!(
        within("the commit", producer.commit_transaction()).await,
        Err(closed)
    );
}

#[tokio::test]
async fn closing_is_bounded_whatever_becomes_of_the_transaction() {
    let nodes = Nodes::start(2).await;
    let producer = nodes.begun(|builder| builder).await;
    send(&producer).await;
    within("flushing", producer.flush()).await.unwrap();
    nodes.react::<EndTxnRequest>([Reaction::HangUp; 10_000]);
    let begun = std::time::Instant::now();
    let limit = Duration::from_millis(200);
    let _ = within("closing", producer.close(limit)).await;
    assert!(begun.elapsed() < limit * 5, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_commit_whose_outcome_is_open_is_not_aborted_by_closing() {
    let nodes = Nodes::start(2).await;
    let producer = nodes
        .begun(|builder| builder.max_block(Duration::from_millis(100)))
        .await;
    send(&producer).await;
    nodes.react::<EndTxnRequest>([Reaction::HangUp; 10_000]);
    let error = within("the commit", producer.commit_transaction())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Indeterminate { .. }), "{error}");
    nodes.relent();
    within("closing", producer.close(LIMIT)).await.unwrap();
    let asked = told(&nodes.asked());
    assert!(
        !asked.iter().any(|asked| asked.contains("abort")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn what_a_dropped_producer_has_buffered_is_not_sent() {
    let nodes = Nodes::start(2).await;
    let producer = nodes
        .begun(|builder| builder.linger(Duration::from_secs(60)))
        .await;
    let record = Record::to("t").partition(0).value("v");
    let delivery = within("sending", producer.send(record)).await.unwrap();
    nodes.asked();
    drop(producer);
    let error = within("the delivery", delivery).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert_eq!(nodes.asked(), []);
}
