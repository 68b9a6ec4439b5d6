//! Many workers that crash: every record is accepted once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use kafka_client::Error;
use kafka_client::share::{AcknowledgeType, AcknowledgementMode, AcquireMode};

use super::fixture::*;

const WORKERS: u64 = 10;
const SEED: u64 = 932;

/// What brokers have said to the workers.
#[derive(Debug, Default)]
struct Book {
    /// How often each record was accepted, as a broker has confirmed.
    accepted: Mutex<BTreeMap<(i32, i64), usize>>,
    /// Records of which nobody knows, because the worker or the connection was gone before the answer.
    unknown: Mutex<BTreeMap<(i32, i64), usize>>,
    crashes: AtomicUsize,
    done: AtomicBool,
}

impl Book {
    fn add(&self, to: &Mutex<BTreeMap<(i32, i64), usize>>, records: &[(i32, i64)]) {
        let mut book = to.lock().unwrap();
        for record in records {
            *book.entry(*record).or_default() += 1;
        }
    }
}

/// Works until the book is closed, or it crashes; its next life is another member.
async fn work(queue: &Queue, rng: &mut Rng, book: &Book, crashes_left: &mut u32) {
    let member = queue
        .join(|builder| {
            builder
                .acknowledgement_mode(AcknowledgementMode::Explicit)
                .acquire_mode(AcquireMode::RecordLimit)
                .max_poll_records(rng.usize(1..40))
        })
        .await;
    while !book.done.load(Ordering::Relaxed) {
        let Ok(records) = member.poll(Duration::from_millis(300)).await else {
            continue;
        };
        // Most crashes hit somebody who has records.
        if !records.is_empty() && *crashes_left > 0 && rng.u8(..) < 40 {
            *crashes_left -= 1;
            book.crashes.fetch_add(1, Ordering::Relaxed);
            let mut said = Vec::new();
            for record in records.records().take(rng.usize(0..records.len() + 1)) {
                member
                    .acknowledge(&record, AcknowledgeType::Accept)
                    .unwrap();
                said.push((record.partition().partition, record.offset()));
            }
            if rng.bool() {
                // With the acknowledgements on their way: they count, or they do not.
                book.add(&book.unknown, &said);
                drop(member.commit().unwrap());
                tokio::time::sleep(Duration::from_micros(rng.u64(0..3000))).await;
            }
            return;
        }
        let mut said: BTreeMap<i32, Vec<(i32, i64)>> = BTreeMap::new();
        for record in records.records() {
            let partition = record.partition().partition;
            if rng.u8(..) < 25 {
                member
                    .acknowledge(&record, AcknowledgeType::Release)
                    .unwrap();
            } else {
                member
                    .acknowledge(&record, AcknowledgeType::Accept)
                    .unwrap();
                said.entry(partition)
                    .or_default()
                    .push((partition, record.offset()));
            }
        }
        let results = within("a commit", member.commit_sync()).await.unwrap();
        for (partition, result) in results.iter() {
            let records = said.remove(&partition.partition).unwrap_or_default();
            match result {
                Ok(()) => book.add(&book.accepted, &records),
                Err(Error::Broker { .. }) => {}
                Err(_) => book.add(&book.unknown, &records),
            }
        }
    }
    close(&member).await;
}

/// What crashes in between, beside the workers.
pub(crate) async fn every_record_is_accepted_once(
    queue: &Queue,
    count: i64,
    trouble: impl Future<Output = ()>,
) {
    let _ = queue.set("share.delivery.count.limit", "10").await;
    let book = Arc::new(Book::default());
    let mut workers = Vec::new();
    for n in 0..WORKERS {
        let (queue, book) = (queue.clone(), book.clone());
        workers.push(tokio::spawn(async move {
            let mut rng = Rng::with_seed(SEED + n);
            let mut crashes_left = 3;
            while !book.done.load(Ordering::Relaxed) {
                work(&queue, &mut rng, &book, &mut crashes_left).await;
            }
        }));
    }
    let writing = async {
        for _ in 0..10 {
            queue.write(count / 10).await;
        }
    };
    tokio::join!(writing, trouble);
    queue.until_all_is_done().await;
    book.done.store(true, Ordering::Relaxed);
    for worker in workers {
        within("the end of a worker", worker).await.unwrap();
    }
    let accepted = book.accepted.lock().unwrap();
    let unknown = book.unknown.lock().unwrap();
    let twice: Vec<_> = accepted.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "accepted more than once: {twice:?}");
    // All of the log is done with by the broker's book, and nothing was rejected or delivered too often: what nobody has
    // seen accepted was accepted on behalf of somebody who has crashed.
    for partition in 0..queue.partitions {
        for offset in 0..count / 10 * 10 {
            let record = (partition, offset);
            assert!(
                accepted.contains_key(&record) || unknown.contains_key(&record),
                "{record:?} was accepted by nobody"
            );
        }
    }
    assert!(
        book.crashes.load(Ordering::Relaxed) >= 10,
        "too few have crashed"
    );
}

pub(crate) async fn ten_workers_that_crash_accept_every_record_once(site: &Site) {
    let queue = Queue::new(site, 4).await;
    every_record_is_accepted_once(&queue, 1000, async {}).await;
}
