//! Each event by the fault that causes it.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::ConsumerBuilder;
use kafka_client::events::{Event, EventStream, ResetReason, TransactionState};
use kafka_client::producer::{ProducerBuilder, Record};
use kafka_client::{Error, TopicPartition};

use crate::fixture::*;
use crate::wire::*;

fn member(builder: ConsumerBuilder) -> ConsumerBuilder {
    builder
        .group_id("g")
        .heartbeat_interval(Duration::from_millis(20))
}

#[tokio::test]
async fn a_leader_that_moves_is_told_of_with_both_and_the_epoch() {
    let broker = start(1, |broker| broker.nodes(2)).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 1).await;
    let mut events = producer.events();
    for (from, to) in [(1, 2), (2, 1)] {
        broker.move_leader("t", 0, to).unwrap();
        write(&producer, 0, 1).await;
        let epoch = broker.leader("t", 0).unwrap().1;
        let expected = Event::LeaderChanged {
            partition: partition(0),
            from: Some(from),
            to: Some(to),
            epoch,
        };
        next(&mut events, "the new leader", |event| {
            (*event == expected).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn connections_that_come_and_go_are_told_of_and_so_are_those_that_cannot_be_made() {
    let broker = start(1, |broker| broker.nodes(2)).await;
    let set = |builder: ProducerBuilder| {
        builder
            .properties([("reconnect.backoff.ms", "10")])
            .unwrap()
    };
    let producer = producer(&broker.bootstrap_servers(), set).await;
    let mut events = producer.events();
    write(&producer, 0, 1).await;
    let address = broker.node_addr(1).unwrap().to_string();
    let is_one = |id: &Option<i32>, at: &str| *id == Some(1) && at == address;
    next(&mut events, "the connection", |event| match event {
        Event::BrokerConnected { broker, address } => is_one(broker, address).then_some(()),
        _ => None,
    })
    .await;
    broker.stop_node(1).await.unwrap();
    next(
        &mut events,
        "the end of the connection",
        |event| match event {
            Event::BrokerDisconnected {
                broker,
                address,
                reason,
            } => (is_one(broker, address) && !reason.is_empty()).then_some(()),
            _ => None,
        },
    )
    .await;
    write(&producer, 0, 1).await;
    broker.stop_node(2).await.unwrap();
    producer.send(Record::to("t").value("v")).await.unwrap();
    next(&mut events, "the failure to connect", |event| match event {
        Event::BrokerUnreachable { error, .. } => {
            matches!(error, Error::Disconnected { .. }).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_throttles_is_told_of_with_the_time() {
    let (_broker, wire) = wired(1, |broker| broker).await;
    let producer = producer(&wire.servers, |builder| builder).await;
    let mut events = producer.events();
    wire.set(Fault::Throttle(70));
    write(&producer, 0, 1).await;
    let expected = Event::Throttled {
        broker: Some(1),
        api: "Produce",
        quiet: Duration::from_millis(70),
    };
    next(&mut events, "the throttling", |event| {
        (*event == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_coordinator_that_moves_is_told_of_with_both() {
    let broker = start(1, |broker| broker.nodes(3)).await;
    broker.move_coordinator("g", 1).unwrap();
    let consumer = consumer(&broker.bootstrap_servers(), member).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    let commit = || async {
        let offset = [(
            partition(0),
            kafka_client::consumer::OffsetAndMetadata::new(0),
        )];
        within("a commit", consumer.commit_offsets(offset))
            .await
            .unwrap();
    };
    commit().await;
    broker.move_coordinator("g", 3).unwrap();
    commit().await;
    let expected = Event::CoordinatorChanged {
        key: "g".to_owned(),
        from: 1,
        to: 3,
    };
    next(&mut events, "the new coordinator", |event| {
        (*event == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_is_learnt_anew_is_told_of() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let set =
        |builder: ProducerBuilder| builder.properties([("metadata.max.age.ms", "50")]).unwrap();
    let producer = producer(&servers, set).await;
    let mut events = producer.events();
    broker.require_rebootstrap(true);
    let address = next(&mut events, "an unreachable cluster", |event| match event {
        Event::Rebootstrapped { address } => Some(address.clone()),
        // Bootstrap addresses are told to go there, too, until the broker relents.
        Event::BrokerConnected { broker: None, .. } => {
            broker.require_rebootstrap(false);
            None
        }
        _ => None,
    })
    .await;
    assert_eq!(address, servers);
}

async fn ended(events: &mut EventStream, what: &str) -> [BTreeSet<TopicPartition>; 3] {
    next(events, what, |event| match event {
        Event::RebalanceEnded {
            group,
            assigned,
            revoked,
            lost,
            ..
        } => {
            assert_eq!(&**group, "g");
            Some([assigned, revoked, lost].map(|names| names.iter().cloned().collect()))
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_rebalance_is_told_of_from_its_begin_to_its_end_with_what_came_and_went() {
    let broker = start(2, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let first = consumer(&servers, member).await;
    let mut events = first.events();
    first.subscribe(["t"]).unwrap();
    let polling = first.clone();
    let polls =
        tokio::spawn(async move { while polling.poll(Duration::from_millis(10)).await.is_ok() {} });
    next(&mut events, "the begin", |event| match event {
        Event::RebalanceBegan { group } => (&**group == "g").then_some(()),
        _ => None,
    })
    .await;
    let both = BTreeSet::from([partition(0), partition(1)]);
    let none = BTreeSet::new();
    assert_eq!(
        ended(&mut events, "the first share").await,
        [both.clone(), none.clone(), none.clone()]
    );
    let second = consumer(&servers, member).await;
    second.subscribe(["t"]).unwrap();
    let polling = second.clone();
    let others =
        tokio::spawn(async move { while polling.poll(Duration::from_millis(10)).await.is_ok() {} });
    // Everything is given up to be shared out anew, and a half of it comes back.
    let [assigned, revoked, lost] = ended(&mut events, "the second share").await;
    assert_eq!((assigned.len(), revoked, lost), (1, both, none));
    second.close(LIMIT).await.unwrap();
    let [assigned, revoked, _] = ended(&mut events, "the third share").await;
    assert_eq!((assigned.len(), revoked.len()), (2, 1));
    first.close(LIMIT).await.unwrap();
    within("the end", async { while events.next().await.is_some() {} }).await;
    within("the polls", polls).await.unwrap();
    within("the polls", others).await.unwrap();
}

#[tokio::test]
async fn a_position_that_is_reset_is_told_of_with_both_offsets_and_the_reason() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 3).await;
    let consumer = consumer(&servers, |builder| builder).await;
    let mut events = consumer.events();
    let reset = |event: &Event| match event {
        Event::OffsetReset {
            partition,
            from,
            to,
            reason,
        } => Some((partition.clone(), *from, *to, *reason)),
        _ => None,
    };
    consumer.assign([partition(0)]).unwrap();
    read(&consumer, 3).await;
    let told = next(&mut events, "the first position", reset).await;
    assert_eq!(
        told,
        (partition(0), None, 0, ResetReason::NoCommittedOffset)
    );
    consumer.seek(&partition(0), 100).unwrap();
    read(&consumer, 3).await;
    let told = next(&mut events, "the reset", reset).await;
    assert_eq!(told, (partition(0), Some(100), 0, ResetReason::OutOfRange));
    // What the user has asked for is no news.
    consumer.seek_to_beginning(&[partition(0)]).unwrap();
    read(&consumer, 3).await;
    consumer.close(LIMIT).await.unwrap();
    while let Some(event) = events.next().await {
        assert_eq!(reset(&event), None);
    }
}

#[tokio::test]
async fn records_that_are_lost_from_the_log_are_told_of() {
    let broker = start(1, |broker| broker.nodes(3)).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 10).await;
    let consumer = consumer(&servers, |builder| builder).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    read(&consumer, 10).await;
    broker.lose_records("t", 0, 6).unwrap();
    let late = crate::fixture::producer(&servers, |builder| builder).await;
    write(&late, 0, 1).await;
    read(&consumer, 1).await;
    let expected = Event::LogTruncated {
        partition: partition(0),
        offset: 10,
        diverging_offset: 6,
    };
    next(&mut events, "the truncation", |event| {
        (*event == expected).then_some(())
    })
    .await;
    let expected = Event::OffsetReset {
        partition: partition(0),
        from: Some(10),
        to: 6,
        reason: ResetReason::Truncated,
    };
    next(&mut events, "the reset", |event| {
        (*event == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_topic_made_anew_is_told_of_as_a_reset() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let first = producer(&servers, |builder| builder).await;
    write(&first, 0, 3).await;
    let consumer = consumer(&servers, |builder| builder).await;
    consumer.assign([partition(0)]).unwrap();
    read(&consumer, 3).await;
    let mut events = consumer.events();
    let admin = Admin::builder()
        .bootstrap_servers(&servers)
        .build()
        .await
        .unwrap();
    for (_, deleted) in admin.delete_topics(["t"]).await.unwrap() {
        deleted.unwrap();
    }
    for (_, created) in admin
        .create_topics([NewTopic::new("t").partitions(1)])
        .await
        .unwrap()
    {
        created.unwrap();
    }
    let second = producer(&servers, |builder| builder).await;
    write(&second, 0, 2).await;
    read(&consumer, 2).await;
    next(&mut events, "the reset", |event| match event {
        Event::OffsetReset {
            to: 0,
            reason: ResetReason::TopicRecreated,
            ..
        } => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_given_up_is_told_of_with_its_partition_and_the_error() {
    let broker = start(1, |broker| broker).await;
    let set = |builder: ProducerBuilder| {
        let short = [
            ("request.timeout.ms", "100"),
            ("delivery.timeout.ms", "300"),
        ];
        builder.properties(short).unwrap()
    };
    let producer = producer(&broker.bootstrap_servers(), set).await;
    write(&producer, 0, 1).await;
    let mut events = producer.events();
    broker.shutdown().await;
    let records = (0..3).map(|_| Record::to("t").partition(0).value("v"));
    producer.send_all(records).await.unwrap();
    let told = next(&mut events, "the batch", |event| match event {
        Event::BatchFailed {
            partition,
            records,
            error,
        } => Some((partition.clone(), *records, error.clone())),
        _ => None,
    })
    .await;
    assert_eq!((told.0, told.1), (partition(0), 3));
    assert!(matches!(told.2, Error::Timeout { .. }), "{}", told.2);
}

#[tokio::test]
async fn a_transactional_producer_tells_each_state_it_goes_to() {
    use TransactionState::*;
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let set = |builder: ProducerBuilder| builder.transactional_id("x");
    let first = producer(&servers, set).await;
    let mut events = first.events();
    first.init_transactions().await.unwrap();
    first.begin_transaction().await.unwrap();
    first.commit_transaction().await.unwrap();
    first.begin_transaction().await.unwrap();
    first.abort_transaction().await.unwrap();
    first.begin_transaction().await.unwrap();
    let second = producer(&servers, set).await;
    second.init_transactions().await.unwrap();
    let fenced = first.send(Record::to("t").value("v")).await.unwrap();
    within("the refusal", fenced).await.unwrap_err();
    let mut states = vec![Uninitialized];
    let error = next(&mut events, "the last state", |event| match event {
        Event::TransactionChanged {
            transactional_id,
            from,
            to,
            error,
        } => {
            assert_eq!((&**transactional_id, states.last()), ("x", Some(from)));
            states.push(*to);
            error.clone()
        }
        _ => None,
    })
    .await;
    let expected = [
        Uninitialized,
        Ready,
        InTransaction,
        Committing,
        Ready,
        InTransaction,
        Aborting,
        Ready,
        InTransaction,
        FatalError,
    ];
    assert_eq!(states, expected);
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_nobody_up_and_learns_what_it_has_missed() {
    let broker = start(1, |broker| broker).await;
    let set = |builder: ProducerBuilder| builder.transactional_id("x");
    let producer = producer(&broker.bootstrap_servers(), set).await;
    producer.init_transactions().await.unwrap();
    let mut events = producer.events();
    // Three changes each: to the transaction, to its end, and back.
    let rounds = EventStream::CAPACITY / 3 + 10;
    within("the transactions", async {
        for _ in 0..rounds {
            producer.begin_transaction().await.unwrap();
            producer.commit_transaction().await.unwrap();
        }
    })
    .await;
    producer.close(LIMIT).await.unwrap();
    let Some(Event::Missed { events: missed }) = events.next().await else {
        panic!("nothing was missed");
    };
    let mut changes = 0;
    while let Some(event) = events.next().await {
        assert!(!matches!(event, Event::Missed { .. }));
        changes += 1;
    }
    assert_eq!(changes, EventStream::CAPACITY as u64);
    assert!(
        missed + changes >= 3 * rounds as u64,
        "{missed} missed, {changes} told"
    );
}
