//! Clients that are used after they were closed.

use kafka_client::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use kafka_client::producer::Record;
use kafka_client::{Error, TopicPartition};

use crate::fixture::*;

fn is_closed(error: &Error) -> bool {
    matches!(error, Error::Closed { .. })
}

#[tokio::test]
async fn a_closed_producer_says_so() {
    let broker = start().await;
    for id in [None, Some("tx")] {
        let builder = match id {
            Some(id) => builder(&broker).transactional_id(id),
            None => builder(&broker),
        };
        let producer = producer(builder).await;
        within("closing", producer.close(LIMIT)).await.unwrap();
        let text = "the producer is closed";
        let record = || Record::to("t").value("v");
        refusal("sending", producer.send(record()))
            .await
            .is(is_closed, text, AT_ONCE);
        refusal("sending many", producer.send_all([record()]))
            .await
            .is(is_closed, text, AT_ONCE);
        refused("trying", producer.try_send(record())).is(is_closed, text, AT_ONCE);
        refusal("initializing", producer.init_transactions())
            .await
            .is(is_closed, text, AT_ONCE);
        refusal("beginning", producer.begin_transaction())
            .await
            .is(is_closed, text, AT_ONCE);
        refusal("committing", producer.commit_transaction())
            .await
            .is(is_closed, text, AT_ONCE);
        refusal("aborting", producer.abort_transaction())
            .await
            .is(is_closed, text, AT_ONCE);
        let group = ConsumerGroupMetadata::new("g");
        let offsets = [(TopicPartition::new("t", 0), OffsetAndMetadata::new(1))];
        let positions = producer.send_offsets_to_transaction(offsets, &group);
        refusal("positions", positions)
            .await
            .is(is_closed, text, AT_ONCE);
        // There is nothing to flush, and it is closed already.
        within("flushing", producer.flush()).await.unwrap();
        within("closing again", producer.close(LIMIT))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_closed_consumer_says_so() {
    let broker = start().await;
    let consumer = built(consumer(&broker).group_id("g")).await;
    let zero = TopicPartition::new("t", 0);
    let only = std::slice::from_ref(&zero);
    consumer.assign([zero.clone()]).unwrap();
    within("closing", consumer.close(LIMIT)).await.unwrap();
    let text = "the consumer is closed";
    let offsets = || [(zero.clone(), OffsetAndMetadata::new(1))];
    for (what, result) in [
        ("subscribing", consumer.subscribe(["t"])),
        ("a pattern", consumer.subscribe_pattern("t.*")),
        ("assigning", consumer.assign([zero.clone()])),
        ("assigning at", consumer.assign_at([(zero.clone(), 0)])),
        ("seeking", consumer.seek(&zero, 0)),
        ("the beginning", consumer.seek_to_beginning(only)),
        ("the end", consumer.seek_to_end(only)),
        ("pausing", consumer.pause(only)),
        ("resuming", consumer.resume(only)),
        ("lag", consumer.lag(&zero).map(|_| ())),
        (
            "unsubscribing",
            within("unsubscribing", consumer.unsubscribe()).await,
        ),
        (
            "the position",
            within("it", consumer.position(&zero)).await.map(|_| ()),
        ),
        (
            "committed",
            within("it", consumer.committed(only)).await.map(|_| ()),
        ),
        (
            "beginnings",
            within("it", consumer.beginning_offsets(only))
                .await
                .map(|_| ()),
        ),
        (
            "ends",
            within("it", consumer.end_offsets(only)).await.map(|_| ()),
        ),
        (
            "times",
            within("it", consumer.offsets_for_times([(zero.clone(), 1)]))
                .await
                .map(|_| ()),
        ),
        (
            "partitions",
            within("it", consumer.partitions_for("t")).await.map(|_| ()),
        ),
        (
            "committing",
            within("it", consumer.commit_offsets(offsets())).await,
        ),
    ] {
        refused(what, result).is(is_closed, text, AT_ONCE);
    }
    refusal("polling", consumer.poll(LIMIT))
        .await
        .is(is_closed, text, AT_ONCE);
    assert_eq!(consumer.assignment(), []);
    within("closing again", consumer.close(LIMIT))
        .await
        .unwrap();
}
