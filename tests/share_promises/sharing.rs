//! Several members, and what they get.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use kafka_client::Error;
use kafka_client::share::AcquireMode;

use super::fixture::*;

pub(crate) async fn more_members_than_partitions_share_the_records(site: &Site) {
    let queue = Queue::new(site, 2).await;
    let mut members = Vec::new();
    for _ in 0..4 {
        let limited = queue.join(|builder| {
            let builder = builder.max_poll_records(5);
            builder.acquire_mode(AcquireMode::RecordLimit)
        });
        members.push(limited.await);
    }
    within("an assignment for everybody", async {
        for member in &members {
            while member.assignment().is_empty() {
                member.poll(Duration::from_millis(50)).await.unwrap();
            }
        }
    })
    .await;
    queue.write(100).await;
    let mut seen: BTreeMap<(i32, i64), usize> = BTreeMap::new();
    let mut workers = BTreeSet::new();
    within("all records", async {
        while seen.len() < 200 {
            for (n, member) in members.iter().enumerate() {
                let records = member.poll(Duration::from_millis(50)).await.unwrap();
                assert!(records.len() <= 5, "{} records", records.len());
                for (partition, offset, _) in places(&records) {
                    workers.insert(n);
                    *seen.entry((partition, offset)).or_default() += 1;
                }
            }
        }
    })
    .await;
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert_eq!(workers.len(), 4, "everybody has worked");
    for member in &members {
        within("a commit", member.commit_sync())
            .await
            .unwrap()
            .all()
            .unwrap();
        close(member).await;
    }
    queue.until_all_is_done().await;
}

pub(crate) async fn a_group_begins_where_its_setting_says(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(5).await;
    queue
        .set("share.auto.offset.reset", "latest")
        .await
        .unwrap();
    let member = queue.implicit().await;
    // The broker looks for the end when it is asked first.
    let fetches = || {
        let group = "consumer-share-fetch-manager-metrics";
        member.metrics().get(group, "fetch-total", &[]).unwrap()
    };
    within("its beginning", async {
        while fetches() < 3.0 {
            assert_quiet(&member).await;
        }
    })
    .await;
    queue.write(2).await;
    let mut seen = places(&take(&member, 1).await);
    while seen.len() < 2 {
        seen.extend(places(&take(&member, 1).await));
    }
    assert_eq!(seen, [(0, 5, 1), (0, 6, 1)]);
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    close(&member).await;
}

pub(crate) async fn a_subscription_is_changed_and_given_up(site: &Site) {
    let queue = Queue::new(site, 1).await;
    let second = Queue::new(site, 1).await;
    queue.write(2).await;
    second.write(3).await;
    let member = queue
        .join(|builder| builder.allow_auto_create_topics(false))
        .await;
    assert_eq!(take(&member, 2).await.len(), 2);
    member.subscribe([&*second.topic]).unwrap();
    let records = take(&member, 3).await;
    assert!(
        records
            .records()
            .all(|record| record.topic() == second.topic)
    );
    member.unsubscribe().unwrap();
    let poll = member.poll(Duration::ZERO).await;
    assert!(matches!(poll, Err(Error::IllegalState { .. })), "{poll:?}");
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    let missing = tests::kafka::unique("missing");
    member.subscribe([&*missing, &*queue.topic]).unwrap();
    queue.write(1).await;
    let mut errors = Vec::new();
    let seen = within("a record, and what is missing", async {
        let mut seen = Vec::new();
        while seen.is_empty() || errors.is_empty() {
            match member.poll(Duration::from_secs(1)).await {
                Ok(records) => seen.extend(places(&records)),
                Err(error) => errors.push(error.to_string()),
            }
        }
        seen
    })
    .await;
    assert_eq!(seen, [(0, 2, 1)]);
    assert!(errors[0].contains(&missing), "{errors:?}");
    close(&member).await;
}

pub(crate) async fn a_stream_has_all_batches_and_ends_with_the_consumer(site: &Site) {
    let queue = Queue::new(site, 2).await;
    queue.write(10).await;
    let member = queue.implicit().await;
    let mut stream = member.stream();
    let mut seen = 0;
    let mut next = async || {
        let next = poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(&mut stream), cx));
        within("the next batch", next).await
    };
    while seen < 20 {
        seen += next().await.expect("no end").unwrap().into_iter().count();
    }
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    let (end, ()) = tokio::join!(next(), close(&member));
    assert!(end.is_none());
    queue.until_all_is_done().await;
}

pub(crate) async fn a_poll_that_is_dropped_loses_nothing(site: &Site) {
    let queue = Queue::new(site, 1).await;
    let member = queue.implicit().await;
    // The broker may still be asked when the poll is given up.
    for _ in 0..20 {
        let poll = member.poll(Duration::from_secs(10));
        let _ = tokio::time::timeout(Duration::from_millis(30), poll).await;
    }
    queue.write(10).await;
    let mut seen = Vec::new();
    within("all records, once", async {
        while seen.len() < 10 {
            let poll = member.poll(Duration::from_secs(10));
            if let Ok(records) = tokio::time::timeout(Duration::from_millis(7), poll).await {
                seen.extend(places(&records.unwrap()));
            }
        }
    })
    .await;
    assert_eq!(
        seen,
        (0..10).map(|offset| (0, offset, 1)).collect::<Vec<_>>()
    );
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    queue.until_all_is_done().await;
    close(&member).await;
}

pub(crate) async fn what_happens_is_measured(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(10).await;
    let member = queue.implicit().await;
    take(&member, 10).await;
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    let metrics = member.metrics();
    let value = |group, name| {
        metrics
            .get(group, name, &[])
            .unwrap_or_else(|| panic!("{name}"))
    };
    let fetching = "consumer-share-fetch-manager-metrics";
    assert_eq!(value(fetching, "records-consumed-total"), 10.0);
    assert_eq!(value(fetching, "acknowledgements-send-total"), 10.0);
    assert_eq!(value(fetching, "acknowledgements-error-total"), 0.0);
    assert!(value(fetching, "fetch-total") >= 1.0);
    let coordinator = "consumer-share-coordinator-metrics";
    assert!(value(coordinator, "heartbeat-total") >= 1.0);
    assert_eq!(value(coordinator, "assigned-partitions"), 1.0);
    assert!(value("consumer-share-metrics", "last-poll-seconds-ago") < 60.0);
    close(&member).await;
}
