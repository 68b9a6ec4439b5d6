//! Members that come, go, crash and come back.

use kafka_client::consumer::Consumer;
use tests::kafka::unique;

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn members_come_and_go_and_every_record_is_read_once() {
    let (topic, group) = (topic(6).await, unique("group"));
    let mut seen = Seen::default();
    let one = start(member(&group).client_id("one")).await;
    one.subscribe([&*topic]).unwrap();
    write(&topic, 6, 50).await;
    poll_until(&[&one], &mut seen, "the first round", |seen| {
        seen.len() == 300
    })
    .await;

    let two = start(member(&group).client_id("two")).await;
    let three = start(member(&group).client_id("three")).await;
    let all: [&Consumer; 3] = [&one, &two, &three];
    two.subscribe([&*topic]).unwrap();
    three.subscribe([&*topic]).unwrap();
    poll_until(&all, &mut seen, "an even share", |_| {
        shares(&all) == [2, 2, 2] && is_shared(&all, &topic, 6)
    })
    .await;
    write(&topic, 6, 50).await;
    poll_until(&all, &mut seen, "the second round", |seen| {
        seen.len() == 600
    })
    .await;
    let described = described(&group).await;
    for (name, member) in [("one", &one), ("two", &two), ("three", &three)] {
        assert_eq!(described.get(name), Some(&owned(member)), "{described:?}");
    }

    one.close(LIMIT).await.unwrap();
    let rest = [&two, &three];
    poll_until(&rest, &mut seen, "the rest shares", |_| {
        shares(&rest) == [3, 3] && is_shared(&rest, &topic, 6)
    })
    .await;
    write(&topic, 6, 50).await;
    poll_until(&rest, &mut seen, "the third round", |seen| {
        seen.len() == 900
    })
    .await;
    seen.assert_once();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_a_member_keeps_is_never_taken_from_it() {
    let (topic, group) = (topic(4).await, unique("group"));
    let log = Log::default();
    let mut seen = Seen::default();
    let one = start(member(&group).rebalance_listener(log.clone())).await;
    one.subscribe([&*topic]).unwrap();
    poll_until(&[&one], &mut seen, "everything", |_| shares(&[&one]) == [4]).await;
    let two = start(member(&group)).await;
    two.subscribe([&*topic]).unwrap();
    poll_until(&[&one, &two], &mut seen, "halves", |_| {
        shares(&[&one, &two]) == [2, 2]
    })
    .await;
    let moved: Vec<i32> = two.assignment().iter().map(|own| own.partition).collect();
    two.close(LIMIT).await.unwrap();
    poll_until(&[&one], &mut seen, "everything again", |_| {
        shares(&[&one]) == [4]
    })
    .await;
    let expected = [
        "assigned [0, 1, 2, 3]".to_owned(),
        format!("revoked {moved:?}"),
        format!("assigned {moved:?}"),
    ];
    assert_eq!(log.entries(), expected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn who_crashes_is_replaced_when_its_session_ends() {
    let (topic, group) = (topic(4).await, unique("group"));
    let mut seen = Seen::default();
    let one = start(member(&group)).await;
    let two = start(member(&group)).await;
    one.subscribe([&*topic]).unwrap();
    two.subscribe([&*topic]).unwrap();
    poll_until(&[&one, &two], &mut seen, "halves", |_| {
        shares(&[&one, &two]) == [2, 2]
    })
    .await;
    drop(two);
    poll_until(&[&one], &mut seen, "everything", |_| {
        is_shared(&[&one], &topic, 4)
    })
    .await;
    write(&topic, 4, 20).await;
    poll_until(&[&one], &mut seen, "all records", |seen| seen.len() == 80).await;
    seen.assert_once();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_static_member_that_restarts_finds_what_it_had() {
    let (topic, group) = (topic(4).await, unique("group"));
    let mut seen = Seen::default();
    let named = |id: &str| member(&group).group_instance_id(id);
    let log = Log::default();
    let one = start(named("one").rebalance_listener(log.clone())).await;
    let two = start(named("two")).await;
    one.subscribe([&*topic]).unwrap();
    two.subscribe([&*topic]).unwrap();
    poll_until(&[&one, &two], &mut seen, "halves", |_| {
        shares(&[&one, &two]) == [2, 2]
    })
    .await;
    let (had, before) = (owned(&two), log.entries());
    two.close(LIMIT).await.unwrap();
    write(&topic, 4, 20).await;
    let two = start(named("two")).await;
    two.subscribe([&*topic]).unwrap();
    poll_until(&[&one, &two], &mut seen, "all records", |seen| {
        seen.len() == 80
    })
    .await;
    assert_eq!(owned(&two), had);
    assert_eq!(log.entries(), before, "the other one has not noticed");
    seen.assert_once();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn who_does_not_poll_for_too_long_leaves_and_comes_back() {
    let (topic, group) = (topic(2).await, unique("group"));
    let mut seen = Seen::default();
    let log = Log::default();
    let slow = member(&group).max_poll_interval(std::time::Duration::from_secs(2));
    let slow = start(slow.rebalance_listener(log.clone())).await;
    slow.subscribe([&*topic]).unwrap();
    poll_until(&[&slow], &mut seen, "everything", |_| {
        shares(&[&slow]) == [2]
    })
    .await;
    let other = start(member(&group)).await;
    other.subscribe([&*topic]).unwrap();
    poll_until(&[&other], &mut seen, "everything for the other", |_| {
        shares(&[&other]) == [2]
    })
    .await;
    poll_until(&[&slow, &other], &mut seen, "halves", |_| {
        shares(&[&slow, &other]) == [1, 1]
    })
    .await;
    assert_eq!(log.entries()[..2], ["assigned [0, 1]", "lost [0, 1]"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_coordinator_shares_as_it_is_told() {
    for assignor in ["uniform", "range"] {
        let (first, second) = (topic(3).await, topic(3).await);
        let group = unique("group");
        let mut seen = Seen::default();
        let builder = member(&group).group_remote_assignor(assignor);
        let one = start(builder.clone()).await;
        let two = start(builder).await;
        let both = [&one, &two];
        for member in both {
            member.subscribe([&*first, &*second]).unwrap();
        }
        // Range gives the first member the odd partition of each topic.
        let expected = if assignor == "range" { [2, 4] } else { [3, 3] };
        poll_until(&both, &mut seen, assignor, |_| {
            let mut sizes = shares(&both);
            sizes.sort_unstable();
            sizes == expected
        })
        .await;
        let text = run_tool(
            "consumer-groups",
            &["--describe", "--state", "--group", &group],
        )
        .await;
        assert!(text.contains(assignor), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_group_goes_from_the_classic_protocol_one_restart_at_a_time() {
    let (topic, group) = (topic(4).await, unique("group"));
    let mut seen = Seen::default();
    let classic = || {
        let builder = member(&group).group_protocol(kafka_client::consumer::GroupProtocol::Classic);
        start(builder.heartbeat_interval(std::time::Duration::from_millis(200)))
    };
    let mut members = [classic().await, classic().await];
    for member in &members {
        member.subscribe([&*topic]).unwrap();
    }
    for round in 0..=members.len() {
        let [one, two] = &members;
        poll_until(&[one, two], &mut seen, "halves", |_| {
            shares(&[one, two]) == [2, 2] && is_shared(&[one, two], &topic, 4)
        })
        .await;
        write(&topic, 4, 10).await;
        poll_until(&[one, two], &mut seen, "a round", |seen| {
            seen.len() == 40 * (round + 1)
        })
        .await;
        if round < members.len() {
            let next = start(member(&group)).await;
            next.subscribe([&*topic]).unwrap();
            let before = std::mem::replace(&mut members[round], next);
            before.close(LIMIT).await.unwrap();
        }
    }
    seen.assert_once();
}
