//! Groups on a real Kafka, whose address is in `KAFKA_BOOTSTRAP`; those with members of other clients are in
//! `interoperability`.

use std::time::Duration;

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use tests::kafka::{WAIT, bootstrap, unique};

const PARTITIONS: i32 = 4;

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT:?}"))
}

async fn topic() -> String {
    let name = unique("groups");
    let admin = Admin::builder().bootstrap_servers(bootstrap());
    let admin = within("an admin client", admin.build()).await.unwrap();
    let topic = NewTopic::new(&name).partitions(PARTITIONS);
    for (_, result) in within("a topic", admin.create_topics([topic]))
        .await
        .unwrap()
    {
        result.unwrap();
    }
    name
}

fn member(group: &str) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(bootstrap())
        .group_id(group)
        .heartbeat_interval(Duration::from_millis(200))
        .auto_offset_reset(OffsetReset::Earliest)
}

/// Polls until it holds.
async fn poll_until(consumer: &Consumer, what: &str, done: impl Fn() -> bool) {
    within(what, async {
        while !done() {
            consumer.poll(Duration::from_millis(50)).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_pattern_matches_what_users_have_made_and_not_what_kafka_keeps_for_itself() {
    let topic = topic().await;
    let consumer = member(&unique("pattern"))
        .metadata_max_age(Duration::from_millis(500))
        .build();
    let consumer = within("a consumer", consumer).await.unwrap();
    consumer.subscribe_pattern("__consumer_.*").unwrap();
    // To have joined is to have looked: a group with a member has its own topic.
    consumer.poll(Duration::from_secs(3)).await.unwrap();
    assert_eq!(consumer.assignment(), []);
    consumer
        .subscribe_pattern(&format!("(__consumer_offsets|{topic}.*)"))
        .unwrap();
    let read = |topic: &str| {
        let assignment = consumer.assignment();
        assignment.iter().filter(|own| &*own.topic == topic).count()
    };
    poll_until(&consumer, "the topic that matches", || {
        read(&topic) == PARTITIONS as usize
    })
    .await;
    let later = format!("{topic}-later");
    let admin = Admin::builder().bootstrap_servers(bootstrap());
    let admin = within("an admin client", admin.build()).await.unwrap();
    let made = admin.create_topics([NewTopic::new(&later).partitions(2)]);
    for (_, result) in within("a topic", made).await.unwrap() {
        result.unwrap();
    }
    poll_until(&consumer, "the topic that matches later", || {
        read(&later) == 2
    })
    .await;
    assert_eq!(consumer.assignment().len(), PARTITIONS as usize + 2);
    within("leaving", consumer.close(WAIT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_static_member_that_restarts_has_what_it_had_and_nobody_rebalances() {
    let (topic, group) = (topic().await, unique("static"));
    let fixed = |name: &str| member(&group).group_instance_id(name).build();
    let one = within("a consumer", fixed("one")).await.unwrap();
    let two = within("a consumer", fixed("two")).await.unwrap();
    one.subscribe([&*topic]).unwrap();
    two.subscribe([&*topic]).unwrap();
    within("an even share", async {
        while one.assignment().len() != 2 || two.assignment().len() != 2 {
            for consumer in [&one, &two] {
                consumer.poll(Duration::from_millis(20)).await.unwrap();
            }
        }
    })
    .await;
    let (of_one, of_two) = (one.assignment(), two.assignment());
    within("closing", one.close(WAIT)).await.unwrap();
    let one = within("a consumer", fixed("one")).await.unwrap();
    one.subscribe([&*topic]).unwrap();
    poll_until(&one, "what it had", || one.assignment() == of_one).await;
    two.poll(Duration::from_millis(500)).await.unwrap();
    assert_eq!(two.assignment(), of_two);
    for consumer in [one, two] {
        within("closing", consumer.close(WAIT)).await.unwrap();
    }
}
