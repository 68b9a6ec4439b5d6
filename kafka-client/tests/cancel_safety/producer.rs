//! Sending, flushing and closing.

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::Error;
use kafka_client::producer::{Producer, ProducerBuilder, Record};

use crate::dropping::*;

fn builder(broker: &Broker) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .linger(Duration::ZERO)
}

async fn producer(builder: ProducerBuilder) -> Producer {
    within("a producer", builder.build()).await.unwrap()
}

#[tokio::test]
async fn building_leaves_nothing_behind_that_is_in_the_way_of_the_next() {
    let broker = start().await;
    let build = async || builder(&broker).build().await;
    at_every_point("building", build, async |_, _| {
        let next = producer(builder(&broker)).await;
        assert_eq!(within("a topic", next.partition_count("t")).await, Ok(1));
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_record_whose_send_was_dropped_was_not_taken_and_the_next_one_is() {
    let broker = start().await;
    let mut expected = Vec::new();
    // A new producer each time: it knows the topic already, or has to ask for it.
    for knows_topic in [true, false] {
        for waits in 0..POINTS {
            let producer = producer(builder(&broker)).await;
            if knows_topic {
                within("the topic", producer.partition_count("t"))
                    .await
                    .unwrap();
            }
            let dropped = format!("dropped at {waits}");
            let send = producer.send(Record::to("t").value(&dropped));
            let taken = dropped_after(waits, send).await;
            let is_over = taken.is_some();
            if let Some(delivery) = taken {
                within("a delivery", delivery.unwrap()).await.unwrap();
                expected.push(dropped);
            }
            let next = format!("after {waits}");
            let sent = within("sending", producer.send(Record::to("t").value(&next))).await;
            within("a delivery", sent.unwrap()).await.unwrap();
            expected.push(next);
            within("closing", producer.close(LIMIT)).await.unwrap();
            if is_over {
                break;
            }
        }
    }
    assert_eq!(values(&broker, "t").await, expected);
}

#[tokio::test]
async fn a_send_dropped_while_it_waits_for_room_was_not_taken() {
    let broker = start().await;
    let small = || builder(&broker).buffer_memory(300).batch_size(200);
    let (mut taken, mut waited) = (0, false);
    for waits in 0..POINTS {
        let producer = producer(small()).await;
        within("the topic", producer.partition_count("t"))
            .await
            .unwrap();
        // The first one fills the buffer.
        let value = [b'x'; 250];
        within("sending", producer.send(Record::to("t").value(&value)))
            .await
            .unwrap();
        let second = dropped_after(waits, producer.send(Record::to("t").value(&value))).await;
        taken += 1 + usize::from(second.is_some());
        waited |= second.is_none();
        within("closing", producer.close(LIMIT)).await.unwrap();
        if second.is_some() && waited {
            break;
        }
    }
    assert!(waited, "it had to wait for room");
    assert_eq!(values(&broker, "t").await.len(), taken);
}

#[tokio::test]
async fn of_many_records_those_are_sent_that_were_taken_once_and_in_order() {
    let broker = start().await;
    let all: Vec<String> = (0..40).map(|n| format!("{n:050}")).collect();
    let mut whole = 0;
    for waits in 0..POINTS {
        let topic = format!("many-{waits}");
        broker.create_topic(&topic, 1).unwrap();
        let producer = producer(builder(&broker).buffer_memory(1000).batch_size(500)).await;
        let records = all.iter().map(|value| Record::to(&topic).value(value));
        let done = dropped_after(waits, producer.send_all(records)).await;
        let last = within("sending", producer.send(Record::to(&topic).value("last"))).await;
        within("a delivery", last.unwrap()).await.unwrap();
        within("closing", producer.close(LIMIT)).await.unwrap();
        let mut found = values(&broker, &topic).await;
        assert_eq!(found.pop().as_deref(), Some("last"));
        assert_eq!(found, all[..found.len()], "dropped after {waits} waits");
        if done.is_some() {
            assert_eq!(found.len(), all.len());
            whole += 1;
            break;
        }
    }
    assert_eq!(whole, 1, "it got to its end at last");
}

#[tokio::test]
async fn a_record_is_sent_although_its_delivery_is_dropped() {
    let broker = start().await;
    let producer = producer(builder(&broker)).await;
    let deliver = async || {
        let sent = producer.send(Record::to("t").value("v")).await;
        sent.unwrap().await.unwrap()
    };
    let sent = std::cell::Cell::new(0);
    at_every_point("a delivery", deliver, async |_, _| {
        sent.set(sent.get() + 1);
    })
    .await;
    within("flushing", producer.flush()).await.unwrap();
    let found = values(&broker, "t").await.len();
    // Those that were dropped while the topic was asked for were not taken.
    assert!((1..=sent.get()).contains(&found), "{found} of {sent:?}");
}

#[tokio::test]
async fn a_flush_that_was_dropped_changes_nothing_for_the_next() {
    let broker = start().await;
    let slow = builder(&broker).linger(Duration::from_secs(60));
    let producer = producer(slow).await;
    let written = std::cell::Cell::new(0);
    let flush = async || {
        written.set(written.get() + 1);
        let value = written.get().to_string();
        producer.send(Record::to("t").value(&value)).await.unwrap();
        producer.flush().await
    };
    within("a first record", producer.partition_count("t"))
        .await
        .unwrap();
    at_every_point("flushing", flush, async |_, _| {
        within("flushing again", producer.flush()).await.unwrap();
        let expected: Vec<_> = (1..=written.get()).map(|n| n.to_string()).collect();
        assert_eq!(values(&broker, "t").await, expected);
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_close_that_was_dropped_sends_on_and_can_be_waited_for_again() {
    let broker = start().await;
    let mut expected = Vec::new();
    for waits in 0..POINTS {
        let producer = producer(builder(&broker).linger(Duration::from_secs(60))).await;
        let value = waits.to_string();
        let sent = within("sending", producer.send(Record::to("t").value(&value))).await;
        let delivery = sent.unwrap();
        expected.push(value);
        let done = dropped_after(waits, producer.close(LIMIT)).await;
        let refused = producer.try_send(Record::to("t").value("too late"));
        assert!(matches!(refused, Err(Error::Closed { .. })), "{refused:?}");
        within("the delivery", delivery).await.unwrap();
        within("closing again", producer.close(LIMIT))
            .await
            .unwrap();
        if done.is_some() {
            assert_eq!(values(&broker, "t").await, expected);
            return;
        }
    }
    panic!("never closed");
}

#[tokio::test]
async fn asking_for_a_topic_can_be_dropped() {
    let broker = start().await;
    for waits in 0..POINTS {
        let producer = producer(builder(&broker)).await;
        let done = dropped_after(waits, producer.partition_count("t")).await;
        assert_eq!(
            within("the topic", producer.partition_count("t")).await,
            Ok(1)
        );
        if done.is_some() {
            return;
        }
    }
    panic!("never known");
}
