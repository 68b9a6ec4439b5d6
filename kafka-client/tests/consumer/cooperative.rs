//! Members of a cooperative group: what stays with a member is read on.

use std::time::Duration;

use kafka_client::consumer::assignor::AssignmentStrategy;
use kafka_client::consumer::{Consumer, ConsumerBuilder};

use crate::fixture::*;
use crate::groups::{Log, poll_both};

fn cooperative(fixture: &Fixture) -> ConsumerBuilder {
    fixture
        .member()
        .partition_assignment_strategy([AssignmentStrategy::CooperativeSticky])
}

fn numbers(consumer: &Consumer) -> Vec<i32> {
    let assignment = consumer.assignment();
    assignment.iter().map(|own| own.partition).collect()
}

#[tokio::test]
async fn a_new_member_takes_only_its_share_and_nothing_is_lost_or_repeated() {
    let fixture = Fixture::start(4).await;
    fixture.write(4, 0, 50).await;
    let logs = [Log::default(), Log::default()];
    let member = |log: &Log| {
        cooperative(&fixture)
            .rebalance_listener(log.clone())
            .build()
    };
    let (one, two) = (
        member(&logs[0]).await.unwrap(),
        member(&logs[1]).await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    let mut seen = poll_until(&one, "all records", |seen| seen.len() >= 200).await;
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "an even share", &mut seen, |_| {
        one.assignment().len() == 2 && two.assignment().len() == 2
    })
    .await;
    let (kept, moved) = (numbers(&one), numbers(&two));
    fixture.write(4, 50, 50).await;
    poll_both(&one, &two, "records for both", &mut seen, |seen| {
        seen.len() >= 400
    })
    .await;
    one.close(LIMIT).await.unwrap();
    fixture.write(4, 100, 50).await;
    let rest = poll_until(&two, "what the other had", |seen| seen.len() >= 200).await;
    seen.extend(rest);
    assert_whole(&seen, 4, 150);
    let expected = [
        "assigned [0, 1, 2, 3]".to_owned(),
        format!("revoked {moved:?}"),
        format!("revoked {kept:?}"),
    ];
    assert_eq!(logs[0].entries(), expected, "what stayed was never revoked");
    let expected = [format!("assigned {moved:?}"), format!("assigned {kept:?}")];
    assert_eq!(logs[1].entries(), expected);
}

#[tokio::test]
async fn what_a_member_keeps_flows_while_the_group_rebalances() {
    let fixture = Fixture::start(4).await;
    let (one, two) = (
        cooperative(&fixture).build().await.unwrap(),
        cooperative(&fixture).build().await.unwrap(),
    );
    // It hears of a rebalance late, and until then the rebalance waits for it.
    let late = cooperative(&fixture)
        .heartbeat_interval(Duration::from_millis(1500))
        .build()
        .await
        .unwrap();
    let mut seen = Vec::new();
    one.subscribe(["t"]).unwrap();
    late.subscribe(["t"]).unwrap();
    poll_both(&one, &late, "an even share", &mut seen, |_| {
        one.assignment().len() == 2 && late.assignment().len() == 2
    })
    .await;
    two.subscribe(["t"]).unwrap();
    let mut written = 0;
    let mut read = 0;
    within("an assignment for the new member", async {
        while two.assignment().is_empty() {
            fixture.write(4, written, 1).await;
            written += 1;
            read += one.poll(Duration::from_millis(50)).await.unwrap().len();
            late.poll(Duration::from_millis(10)).await.unwrap();
            two.poll(Duration::from_millis(10)).await.unwrap();
            assert!(!one.assignment().is_empty(), "it goes on with what it has");
        }
    })
    .await;
    assert!(
        read > 2,
        "{read} records while {written} were written to each partition"
    );
}

#[tokio::test]
async fn a_member_that_dies_is_replaced_and_the_others_keep_what_they_have() {
    let fixture = Fixture::start(4).await;
    let log = Log::default();
    let one = cooperative(&fixture)
        .rebalance_listener(log.clone())
        .build()
        .await
        .unwrap();
    let two = cooperative(&fixture)
        .session_timeout(Duration::from_millis(300))
        .build()
        .await
        .unwrap();
    one.subscribe(["t"]).unwrap();
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "an even share", &mut Vec::new(), |_| {
        one.assignment().len() == 2 && two.assignment().len() == 2
    })
    .await;
    let before = log.entries();
    let gone = numbers(&two);
    drop(two);
    poll_until(&one, "everything", |_| one.assignment().len() == 4).await;
    assert_eq!(
        log.entries()[before.len()..],
        [format!("assigned {gone:?}")]
    );
}

#[tokio::test]
async fn a_group_goes_from_eager_to_cooperative_one_restart_at_a_time() {
    let fixture = Fixture::start(4).await;
    let both = [
        AssignmentStrategy::CooperativeSticky,
        AssignmentStrategy::Range,
    ];
    let rounds: [&[AssignmentStrategy]; 3] = [&both[1..], &both, &both[..1]];
    let member = |strategies: &[AssignmentStrategy]| {
        fixture
            .member()
            .partition_assignment_strategy(strategies.to_vec())
            .build()
    };
    let mut members = [
        member(rounds[0]).await.unwrap(),
        member(rounds[0]).await.unwrap(),
    ];
    for member in &members {
        member.subscribe(["t"]).unwrap();
    }
    let (mut seen, mut written) = (Vec::new(), 0);
    for round in rounds {
        for at in 0..members.len() {
            let next = member(round).await.unwrap();
            next.subscribe(["t"]).unwrap();
            let before = std::mem::replace(&mut members[at], next);
            before.close(LIMIT).await.unwrap();
            let [one, two] = &members;
            poll_both(one, two, "an even share", &mut seen, |_| {
                one.assignment().len() == 2 && two.assignment().len() == 2
            })
            .await;
            fixture.write(4, written, 10).await;
            written += 10;
            poll_both(one, two, "all records", &mut seen, |seen| {
                seen.len() as i64 >= 4 * written
            })
            .await;
        }
    }
    assert_whole(&seen, 4, written);
}
