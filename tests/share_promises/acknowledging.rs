//! What becomes of a record by what is said of it.

use std::time::Duration;

use kafka_client::producer::{Producer, Record};
use kafka_client::share::AcknowledgeType::{Accept, Reject, Release, Renew};
use kafka_client::{Error, ErrorCode, TopicPartition};
use tests::kafka::unique;

use super::fixture::*;

pub(crate) async fn the_next_poll_accepts_what_was_handed_out(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(20).await;
    let member = queue.implicit().await;
    let records = take(&member, 20).await;
    assert!(records.records().all(|record| record.delivery_count() == 1));
    let values = records
        .records()
        .map(|record| record.value_str().unwrap().unwrap().parse());
    assert_eq!(
        values.collect::<Result<Vec<i64>, _>>(),
        Ok((0..20).collect())
    );
    assert_quiet(&member).await;
    queue.until_all_is_done().await;
    close(&member).await;
    let other = queue.implicit().await;
    assert_quiet(&other).await;
    close(&other).await;
}

pub(crate) async fn a_commit_accepts_what_was_handed_out(site: &Site) {
    let queue = Queue::new(site, 2).await;
    queue.write(10).await;
    let member = queue.implicit().await;
    let mut seen = 0;
    while seen < 20 {
        let records = take(&member, 1).await;
        seen += records.len();
        let partitions = records.batches().iter().map(|batch| batch.partition());
        let results = within("a commit", member.commit_sync()).await.unwrap();
        for partition in partitions {
            assert_eq!(results.get(partition), Some(&Ok(())));
        }
        results.all().unwrap();
    }
    assert_eq!(queue.left().await, [0, 0]);
    assert!(
        within("a commit", member.commit_sync())
            .await
            .unwrap()
            .is_empty()
    );
    close(&member).await;
}

pub(crate) async fn a_released_record_is_delivered_again(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(6).await;
    let member = queue.explicit().await;
    let records = take(&member, 6).await;
    for record in records.records() {
        let kind = if record.offset() % 2 == 0 {
            Accept
        } else {
            Release
        };
        member.acknowledge(&record, kind).unwrap();
    }
    let again = take(&member, 3).await;
    assert_eq!(places(&again), [(0, 1, 2), (0, 3, 2), (0, 5, 2)]);
    for batch in &again {
        member.acknowledge(batch, Accept).unwrap();
    }
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    assert_quiet(&member).await;
    queue.until_all_is_done().await;
    close(&member).await;
}

pub(crate) async fn a_rejected_record_is_never_delivered_again(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(4).await;
    let member = queue.explicit().await;
    for batch in &take(&member, 4).await {
        member.acknowledge(batch, Reject).unwrap();
    }
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    assert_quiet(&member).await;
    let other = queue.explicit().await;
    assert_quiet(&other).await;
    queue.until_all_is_done().await;
    close(&member).await;
    close(&other).await;
}

pub(crate) async fn what_is_delivered_too_often_is_given_up(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.set("share.delivery.count.limit", "2").await.unwrap();
    queue.write(3).await;
    let member = queue.explicit().await;
    for count in 1..=2 {
        let records = take(&member, 3).await;
        assert!(
            records
                .records()
                .all(|record| record.delivery_count() == count)
        );
        for record in records.records() {
            member.acknowledge(&record, Release).unwrap();
        }
    }
    assert_quiet(&member).await;
    queue.until_all_is_done().await;
    close(&member).await;
}

pub(crate) async fn misuse_is_told_by_name_and_changes_nothing(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(3).await;
    let member = within("a share consumer", queue.builder().build())
        .await
        .unwrap();
    let poll = member.poll(Duration::ZERO).await;
    assert!(matches!(poll, Err(Error::IllegalState { .. })), "{poll:?}");
    let empty = member.subscribe(Vec::<String>::new());
    assert!(
        matches!(empty, Err(Error::IllegalState { .. })),
        "{empty:?}"
    );
    close(&member).await;
    let closed = member.poll(Duration::ZERO).await;
    assert!(matches!(closed, Err(Error::Closed { .. })), "{closed:?}");

    let member = queue.explicit().await;
    let records = take(&member, 3).await;
    let partition = TopicPartition::new(&*queue.topic, 0);
    member.acknowledge((&partition, 0), Accept).unwrap();
    let missing = Error::NotAcknowledged {
        partition: partition.clone(),
        offset: 1,
    };
    assert_eq!(member.poll(QUIET).await.unwrap_err(), missing);
    let unknown = Error::NotAcquired {
        partition: partition.clone(),
        offset: 7,
    };
    assert_eq!(member.acknowledge((&partition, 7), Accept), Err(unknown));
    // Changing one's mind is none, as long as nothing was sent.
    member.acknowledge((&partition, 0), Release).unwrap();
    member.acknowledge(&records.batches()[0], Accept).unwrap();
    within("a commit", member.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    let sent = Error::NotAcquired {
        partition: partition.clone(),
        offset: 0,
    };
    assert_eq!(member.acknowledge((&partition, 0), Accept), Err(sent));
    assert_quiet(&member).await;
    close(&member).await;

    queue.write(1).await;
    let member = queue.implicit().await;
    let records = take(&member, 1).await;
    let implicit = member.acknowledge(&records.batches()[0], Accept);
    assert!(
        matches!(implicit, Err(Error::IllegalState { .. })),
        "{implicit:?}"
    );
    close(&member).await;
}

pub(crate) async fn a_lock_that_ends_gives_the_record_to_others(site: &Site) {
    let queue = Queue::new(site, 1).await;
    let lock = queue.short_locks().await;
    queue.write(5).await;
    let slow = queue.explicit().await;
    let records = take(&slow, 5).await;
    assert_eq!(slow.acquisition_lock_timeout(), Some(lock));
    let other = queue.explicit().await;
    let again = take(&other, 5).await;
    assert_eq!(
        again.records().map(|record| record.delivery_count()).max(),
        Some(2)
    );
    for batch in &records {
        slow.acknowledge(batch, Accept).unwrap();
    }
    let late = within("a commit", slow.commit_sync()).await.unwrap().all();
    let is_late = |error: &Error| {
        matches!(
            error,
            Error::Broker {
                code: ErrorCode::InvalidRecordState,
                ..
            }
        )
    };
    assert!(late.as_ref().is_err_and(is_late), "{late:?}");
    for batch in &again {
        other.acknowledge(batch, Accept).unwrap();
    }
    within("a commit", other.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    queue.until_all_is_done().await;
    close(&slow).await;
    close(&other).await;
}

pub(crate) async fn a_renewed_lock_keeps_the_record(site: &Site) {
    let queue = Queue::new(site, 1).await;
    let lock = queue.short_locks().await;
    queue.write(5).await;
    let (slow, other) = (queue.explicit().await, queue.explicit().await);
    let records = take(&slow, 5).await;
    let reading = async {
        for _ in 0..6 {
            tokio::time::sleep(lock / 3).await;
            for batch in &records {
                slow.acknowledge(batch, Renew).unwrap();
            }
            within("a renewal", slow.commit_sync())
                .await
                .unwrap()
                .all()
                .unwrap();
        }
    };
    let watching = async {
        let end = tokio::time::Instant::now() + lock * 2;
        while tokio::time::Instant::now() < end {
            let records = other.poll(lock / 4).await.unwrap();
            assert_eq!(places(&records), [], "the lock was renewed");
        }
    };
    tokio::join!(reading, watching);
    // What is renewed does not stand in the way of a poll, and can still be acknowledged.
    let more = slow.poll(Duration::from_millis(100)).await.unwrap();
    assert_eq!(places(&more), []);
    for batch in &records {
        slow.acknowledge(batch, Accept).unwrap();
    }
    within("a commit", slow.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    queue.until_all_is_done().await;
    close(&slow).await;
    close(&other).await;
}

pub(crate) async fn closing_gives_back_what_was_not_acknowledged(site: &Site) {
    let queue = Queue::new(site, 1).await;
    queue.write(4).await;
    let first = queue.explicit().await;
    let records = take(&first, 4).await;
    let done = records.records().next().unwrap();
    first.acknowledge(&done, Accept).unwrap();
    close(&first).await;
    let second = queue.implicit().await;
    let again = take(&second, 3).await;
    assert_eq!(places(&again), [(0, 1, 2), (0, 2, 2), (0, 3, 2)]);
    close(&second).await;
    let third = queue.implicit().await;
    let again = take(&third, 3).await;
    assert_eq!(
        places(&again),
        [(0, 1, 3), (0, 2, 3), (0, 3, 3)],
        "closing accepts nothing"
    );
    within("a commit", third.commit_sync())
        .await
        .unwrap()
        .all()
        .unwrap();
    queue.until_all_is_done().await;
    close(&third).await;
}

pub(crate) async fn offsets_without_a_record_are_done_with(site: &Site) {
    let queue = Queue::new(site, 1).await;
    let producer = Producer::builder()
        .bootstrap_servers(&site.bootstrap)
        .transactional_id(unique("transactions"));
    let producer = within("a producer", producer.build()).await.unwrap();
    within("its id", producer.init_transactions())
        .await
        .unwrap();
    for n in 0..3 {
        producer.begin_transaction().await.unwrap();
        for _ in 0..2 {
            let record = Record::to(&queue.topic).partition(0).value("v");
            let delivery = within("sending", producer.send(record)).await.unwrap();
            within("a record is written", delivery).await.unwrap();
        }
        let end = async {
            match n {
                1 => producer.abort_transaction().await,
                _ => producer.commit_transaction().await,
            }
        };
        within("the end of a transaction", end).await.unwrap();
    }
    queue
        .set("share.isolation.level", "read_committed")
        .await
        .unwrap();
    let member = queue.implicit().await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.extend(places(&take(&member, 1).await));
    }
    assert_eq!(seen, [(0, 0, 1), (0, 1, 1), (0, 6, 1), (0, 7, 1)]);
    assert_quiet(&member).await;
    close(&member).await;
    queue.until_all_is_done().await;
}
