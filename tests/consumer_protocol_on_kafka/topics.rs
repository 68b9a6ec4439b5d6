//! Topics that grow, come, go and come again while they are read.

use tests::kafka::unique;

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn partitions_that_are_added_are_read() {
    let (topic, group) = (topic(2).await, unique("group"));
    let mut seen = Seen::default();
    let one = start(member(&group)).await;
    one.subscribe([&*topic]).unwrap();
    poll_until(&[&one], &mut seen, "two partitions", |_| {
        shares(&[&one]) == [2]
    })
    .await;
    run_tool(
        "topics",
        &["--alter", "--topic", &topic, "--partitions", "5"],
    )
    .await;
    poll_until(&[&one], &mut seen, "five partitions", |_| {
        is_shared(&[&one], &topic, 5)
    })
    .await;
    write(&topic, 5, 10).await;
    poll_until(&[&one], &mut seen, "all records", |seen| seen.len() == 50).await;
    seen.assert_once();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_topic_made_anew_is_read_from_its_beginning() {
    let (topic, group) = (topic(2).await, unique("group"));
    let log = Log::default();
    // Asking for it must not bring it back.
    let builder = member(&group).allow_auto_create_topics(false);
    let one = start(builder.rebalance_listener(log.clone())).await;
    one.subscribe([&*topic]).unwrap();
    let mut seen = Seen::default();
    write(&topic, 2, 30).await;
    poll_until(&[&one], &mut seen, "the old topic", |seen| seen.len() == 60).await;
    delete(&topic).await;
    within("the old topic's end", async {
        while !one.assignment().is_empty() {
            // That it is gone is told meanwhile.
            let _ = one.poll(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    create(&topic, 3).await;
    write(&topic, 3, 10).await;
    let mut seen = Seen::default();
    within("the new topic", async {
        while seen.len() < 30 {
            if let Ok(records) = one.poll(std::time::Duration::from_millis(50)).await {
                seen.add(&records);
            }
        }
    })
    .await;
    assert!(is_shared(&[&one], &topic, 3));
    seen.assert_once();
    let expected = ["assigned [0, 1]", "revoked [0, 1]", "assigned [0, 1, 2]"];
    assert_eq!(log.entries(), expected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn brokers_match_a_regular_expression() {
    let (prefix, group) = (unique("regex"), unique("group"));
    let names = ["a-1", "a-2", "b-1"].map(|end| format!("{prefix}-{end}"));
    for name in &names {
        create(name, 2).await;
    }
    let mut seen = Seen::default();
    let one = start(member(&group)).await;
    one.subscribe_regex(&format!("{prefix}-a-.*")).unwrap();
    let reads = |expected: &[&str]| {
        let topics: std::collections::BTreeSet<String> =
            owned(&one).into_iter().map(|(topic, _)| topic).collect();
        topics
            .into_iter()
            .eq(expected.iter().map(|end| format!("{prefix}-{end}")))
    };
    poll_until(&[&one], &mut seen, "what matches", |_| {
        reads(&["a-1", "a-2"])
    })
    .await;
    create(&format!("{prefix}-a-3"), 1).await;
    poll_until(&[&one], &mut seen, "what matches since", |_| {
        reads(&["a-1", "a-2", "a-3"])
    })
    .await;
    one.subscribe_regex(&format!("{prefix}-b-.*")).unwrap();
    poll_until(&[&one], &mut seen, "another expression", |_| {
        reads(&["b-1"])
    })
    .await;
    one.subscribe([&*names[0]]).unwrap();
    poll_until(&[&one], &mut seen, "a name", |_| reads(&["a-1"])).await;
    one.subscribe_pattern(&format!("{prefix}-.-1")).unwrap();
    poll_until(&[&one], &mut seen, "our own pattern", |_| {
        reads(&["a-1", "b-1"])
    })
    .await;
    write(&names[2], 2, 5).await;
    poll_until(&[&one], &mut seen, "records", |seen| seen.len() == 10).await;
}
