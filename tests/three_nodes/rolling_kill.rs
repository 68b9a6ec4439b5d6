//! Records on their way while three Kafka nodes are killed, frozen and restarted in turn, again and again: what is
//! acknowledged is there once and in order, and what is copied in transactions is copied once.
//!
//! `RECORDS` says how many (300,000), and a release build copies them faster:
//! `RECORDS=10000000 cargo test --release -p tests --test three_nodes -- --include-ignored rolling_kill`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kafka_client::TopicPartition;
use kafka_client::consumer::assignor::AssignmentStrategy;
use kafka_client::consumer::{Consumer, Isolation, OffsetReset};
use kafka_client::producer::{Delivery, Producer, Record};
use tests::kafka::unique;
use tests::nodes::Nodes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::{DOWN, LIMIT, ONE_AT_A_TIME, admin, blocking, create, in_sync, leader, within};

const PARTITIONS: i32 = 6;
/// How many records wait for their acknowledgements.
const ON_THEIR_WAY: usize = 200_000;
/// A record's value: its number in its partition, and what fills it up.
const VALUE: usize = 100;

/// Whom to bring down.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Leader,
    /// Of groups in one round, of transactions in the next: who leads the first partition of their topic.
    Coordinator,
    Controller,
}

/// Brings nodes down in turn, until it is told to stop and each kind has been down; answers with how often.
async fn roll(
    nodes: Arc<Nodes>,
    topics: Vec<String>,
    enough: Arc<AtomicBool>,
) -> BTreeMap<String, u32> {
    let admin = admin(&nodes.bootstrap).await;
    let mut times = BTreeMap::new();
    let round = [
        (Victim::Leader, true),
        (Victim::Coordinator, true),
        (Victim::Controller, true),
        (Victim::Leader, false),
    ];
    let watched: Vec<String> = topics
        .iter()
        .cloned()
        .chain([
            "__consumer_offsets".to_owned(),
            "__transaction_state".to_owned(),
        ])
        .collect();
    for (n, (victim, dies)) in round.iter().cycle().enumerate() {
        if n >= round.len() && enough.load(Ordering::Relaxed) {
            break;
        }
        in_sync(&admin, &watched).await;
        let node = match victim {
            Victim::Leader => leader(&admin, &topics[0]).await,
            Victim::Coordinator => leader(&admin, &watched[topics.len() + n % 2]).await,
            Victim::Controller => {
                let nodes = nodes.clone();
                blocking(move || nodes.controller()).await
            }
        };
        let nodes = nodes.clone();
        let dies = *dies;
        blocking(move || {
            if dies {
                nodes.kill(node);
            } else {
                nodes.pause(node);
            }
            std::thread::sleep(DOWN);
            if dies {
                nodes.restart(node);
            } else {
                nodes.resume(node);
            }
        })
        .await;
        let fault = if dies { "killed" } else { "frozen" };
        *times.entry(format!("{victim:?} {fault}")).or_insert(0) += 1;
    }
    in_sync(&admin, &watched).await;
    times
}

/// Writes records until `count` are acknowledged, no faster than `rate` a second; answers with the longest time without an
/// acknowledgement.
async fn write(servers: &str, topic: &str, count: u64, rate: u64) -> Duration {
    let builder = Producer::builder()
        .bootstrap_servers(servers)
        .request_timeout(Duration::from_secs(3))
        .delivery_timeout(LIMIT)
        .max_block(LIMIT)
        .linger(Duration::from_millis(5));
    let producer = within("a producer", builder.build()).await.unwrap();
    let (written, mut waiting) = mpsc::channel::<(u64, Delivery)>(ON_THEIR_WAY);
    let acknowledged = tokio::spawn(async move {
        let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
        while let Some((n, delivery)) = waiting.recv().await {
            let delivered = within("an acknowledgement", delivery).await.unwrap();
            longest = longest.max(last.elapsed());
            last = Instant::now();
            // Nothing but these records is in the partition.
            let place = (n / PARTITIONS as u64) as i64;
            assert!(
                delivered.offset.is_none_or(|offset| offset == place),
                "record {n} is at {:?}",
                delivered.offset
            );
        }
        longest
    });
    let begun = Instant::now();
    let mut value = [b'.'; VALUE];
    for n in 0..count {
        value[..8].copy_from_slice(&(n / PARTITIONS as u64).to_be_bytes());
        let partition = (n % PARTITIONS as u64) as i32;
        let record = Record::to(topic).partition(partition).value(&value);
        let delivery = within("sending", producer.send(record)).await.unwrap();
        written.send((n, delivery)).await.unwrap();
        if n % 500 == 0 {
            let due = begun + Duration::from_secs_f64(n as f64 / rate as f64);
            tokio::time::sleep_until(due.into()).await;
        }
    }
    drop(written);
    let longest = acknowledged.await.unwrap();
    within("closing", producer.close(LIMIT)).await.unwrap();
    longest
}

/// What befell those who copy.
#[derive(Debug, Default)]
struct Troubles {
    aborted: AtomicU64,
    /// Commits that had to be asked for again.
    repeated: AtomicU64,
    /// Producers and consumers that were made anew.
    restarted: AtomicU64,
}

/// Copies records in transactions, as a member of a group, until `count` are copied by all together.
async fn copy(
    servers: String,
    [from, to, group, id]: [String; 4],
    count: u64,
    copied: Arc<AtomicU64>,
    troubles: Arc<Troubles>,
) {
    let is_done = || copied.load(Ordering::Relaxed) >= count;
    while !is_done() {
        let producer = Producer::builder()
            .bootstrap_servers(&servers)
            .transactional_id(&id)
            .request_timeout(Duration::from_secs(3))
            .max_block(LIMIT);
        let producer = within("a producer", producer.build()).await.unwrap();
        let consumer = Consumer::builder()
            .bootstrap_servers(&servers)
            .group_id(&group)
            .partition_assignment_strategy([AssignmentStrategy::CooperativeSticky])
            .session_timeout(Duration::from_secs(6))
            .heartbeat_interval(Duration::from_millis(500))
            .request_timeout(Duration::from_secs(3))
            .auto_offset_reset(OffsetReset::Earliest)
            .isolation_level(Isolation::ReadCommitted)
            .enable_auto_commit(false)
            .max_poll_records(5000);
        let consumer = within("a consumer", consumer.build()).await.unwrap();
        within("its id", producer.init_transactions())
            .await
            .unwrap();
        consumer.subscribe([&*from]).unwrap();
        while !is_done() {
            let polled = within("a poll", consumer.poll(Duration::from_millis(100))).await;
            let records = match polled {
                Ok(records) if records.is_empty() => continue,
                Ok(records) => records,
                Err(error) if error.is_fatal() => panic!("polling: {error}"),
                Err(_) => continue,
            };
            let metadata = consumer.group_metadata().unwrap();
            let transaction = async {
                producer.begin_transaction().await?;
                for record in records.records() {
                    let partition = record.partition().partition;
                    let value = record.value().unwrap_or_default();
                    let copy = Record::to(&to).partition(partition).value(value);
                    drop(producer.send(copy).await?);
                }
                let next = records.next_offsets();
                producer
                    .send_offsets_to_transaction(next, &metadata)
                    .await?;
                loop {
                    match producer.commit_transaction().await {
                        Err(error) if error.is_retriable() => {
                            troubles.repeated.fetch_add(1, Ordering::Relaxed);
                        }
                        result => return result,
                    }
                }
            };
            match within("a transaction", transaction).await {
                Ok(()) => {
                    copied.fetch_add(records.len() as u64, Ordering::Relaxed);
                    continue;
                }
                Err(error) if error.requires_abort() => {
                    troubles.aborted.fetch_add(1, Ordering::Relaxed);
                    println!("{id}: aborting: {error}");
                    let aborted = within("an abort", producer.abort_transaction()).await;
                    if let Err(error) = aborted {
                        println!("{id}: not aborted: {error}");
                        break;
                    }
                    // Back to what is committed, as the records that were polled are not copied.
                    let own = consumer.assignment();
                    let committed = within("positions", consumer.committed(&own)).await;
                    let Ok(committed) = committed else { break };
                    for (partition, position) in committed {
                        let offset = position.map_or(0, |position| position.offset);
                        // It may have been taken away meanwhile.
                        let _ = consumer.seek(&partition, offset);
                    }
                }
                Err(error) => {
                    println!("{id}: made anew: {error}");
                    break;
                }
            }
        }
        troubles
            .restarted
            .fetch_add(u64::from(!is_done()), Ordering::Relaxed);
        // What it leaves behind, its successor ends.
        let _ = within("closing", producer.close(Duration::from_secs(5))).await;
        let _ = within("leaving", consumer.close(Duration::from_secs(5))).await;
    }
}

/// Reads a topic to its end: each partition has the numbers from 0 on, each once and in order, `count` in all.
async fn assert_whole(servers: &str, topic: &str, isolation: Isolation, count: u64) {
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .isolation_level(isolation);
    let consumer = within("a consumer", consumer.build()).await.unwrap();
    let partitions: Vec<_> = (0..PARTITIONS)
        .map(|partition| TopicPartition::new(topic, partition))
        .collect();
    consumer
        .assign_at(partitions.iter().map(|partition| (partition.clone(), 0)))
        .unwrap();
    let ends = within("the ends", consumer.end_offsets(&partitions)).await;
    let ends = ends.unwrap();
    let mut next = [0; PARTITIONS as usize];
    loop {
        let mut is_over = true;
        for partition in &partitions {
            let position = within("a position", consumer.position(partition)).await;
            is_over &= position.unwrap() >= ends[partition];
        }
        if is_over {
            break;
        }
        let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
        for record in records.records() {
            let next = &mut next[record.partition().partition as usize];
            let number = record.value().and_then(|value| value.first_chunk());
            let number = number.map(|number| u64::from_be_bytes(*number));
            let place = (record.partition(), record.offset());
            assert_eq!(
                number,
                Some(*next),
                "{place:?}: lost, repeated or out of order"
            );
            *next += 1;
        }
    }
    assert_eq!(next.iter().sum::<u64>(), count, "{topic}: {next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn acknowledged_is_written_once_and_copied_once_through_a_rolling_kill() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let count = std::env::var("RECORDS").map_or(300_000, |count| count.parse().unwrap());
    let nodes = Arc::new(blocking(Nodes::start).await);
    let servers = nodes.bootstrap.clone();
    let (from, to, group) = (unique("from"), unique("to"), unique("group"));
    let admin = admin(&servers).await;
    for topic in [&from, &to] {
        create(&admin, topic, PARTITIONS).await;
    }
    let (copied, troubles) = (Arc::<AtomicU64>::default(), Arc::<Troubles>::default());
    let copiers: Vec<JoinHandle<()>> = (0..2)
        .map(|n| {
            let names = [
                from.clone(),
                to.clone(),
                group.clone(),
                format!("{group}-{n}"),
            ];
            let (copied, troubles) = (copied.clone(), troubles.clone());
            tokio::spawn(copy(servers.clone(), names, count, copied, troubles))
        })
        .collect();
    // A group that is there, so that it has a coordinator to kill.
    within("the group", async {
        let topics = ["__consumer_offsets", "__transaction_state"];
        while admin
            .describe_topics(topics)
            .await
            .unwrap()
            .iter()
            .any(|topic| topic.1.is_err())
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;

    let enough = Arc::new(AtomicBool::new(false));
    let rolling = tokio::spawn(roll(
        nodes.clone(),
        vec![from.clone(), to.clone()],
        enough.clone(),
    ));
    let begun = Instant::now();
    // Spread over the first round of faults at least.
    let rate = (count / 50).clamp(1, 100_000);
    let longest = write(&servers, &from, count, rate).await;
    let written = begun.elapsed();
    for copier in copiers {
        copier.await.unwrap();
    }
    let through = begun.elapsed();
    enough.store(true, Ordering::Relaxed);
    let times = rolling.await.unwrap();
    assert_whole(&servers, &from, Isolation::ReadUncommitted, count).await;
    assert_whole(&servers, &to, Isolation::ReadCommitted, count).await;
    println!(
        "{count} records acknowledged in {written:.1?} (at most {longest:.1?} without an acknowledgement), copied in \
         {through:.1?}; {times:?}; {troubles:?}; verified after {:.1?}",
        begun.elapsed()
    );
}
