//! A broker, a wire to it, and records to read.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_broker::{Broker, BrokerBuilder};
use kafka_client::consumer::{Consumer, ConsumerBuilder, GroupProtocol, OffsetReset};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Compression, TopicPartition};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Polls until the condition holds of everything that was handed out so far.
pub(crate) async fn poll_until(
    consumer: &Consumer,
    what: &str,
    enough: impl Fn(&[Seen]) -> bool,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    within(what, async {
        while !enough(&seen) {
            let records = consumer.poll(Duration::from_millis(200)).await.unwrap();
            seen.extend(records.records().map(|record| Seen {
                partition: record.partition().partition,
                offset: record.offset(),
                value: record.value_str().unwrap().unwrap_or_default().to_owned(),
            }));
        }
    })
    .await;
    seen
}

/// A record that was handed out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) value: String,
}

pub(crate) fn offsets(seen: &[Seen]) -> Vec<i64> {
    seen.iter().map(|record| record.offset).collect()
}

/// Checks that the records of each partition came in order, without gaps from 0 on, and only once.
#[track_caller]
pub(crate) fn assert_whole(seen: &[Seen], partitions: i32, each: i64) {
    for partition in 0..partitions {
        let of: Vec<i64> = seen
            .iter()
            .filter(|record| record.partition == partition)
            .map(|r| r.offset)
            .collect();
        assert_eq!(of, (0..each).collect::<Vec<_>>(), "partition {partition}");
    }
    assert_eq!(seen.len() as i64, i64::from(partitions) * each);
}

pub(crate) fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

pub(crate) fn partitions(count: i32) -> Vec<TopicPartition> {
    (0..count).map(partition).collect()
}

/// A broker with the topic `t`.
pub(crate) struct Fixture {
    pub(crate) broker: Broker,
    pub(crate) servers: String,
}

impl Fixture {
    pub(crate) async fn start(partitions: i32) -> Self {
        Self::start_with(partitions, |broker| broker).await
    }

    pub(crate) async fn start_with(
        partitions: i32,
        set: impl FnOnce(BrokerBuilder) -> BrokerBuilder,
    ) -> Self {
        let builder = Broker::builder()
            .auto_create_topics(false)
            .consumer_group_heartbeat_interval(Duration::from_millis(30))
            .group_min_session_timeout(Duration::ZERO);
        let broker = set(builder).start().await.unwrap();
        if partitions > 0 {
            broker.create_topic("t", partitions).unwrap();
        }
        Self {
            servers: broker.bootstrap_servers(),
            broker,
        }
    }

    /// Writes `count` records to each partition: their value is their place in it, from `first` on.
    pub(crate) async fn write(&self, partitions: i32, first: i64, count: i64) {
        self.write_compressed(partitions, first, count, Compression::None)
            .await;
    }

    pub(crate) async fn write_compressed(
        &self,
        partitions: i32,
        first: i64,
        count: i64,
        compression: Compression,
    ) {
        let builder = Producer::builder().bootstrap_servers(self.broker.local_addr().to_string());
        let producer = builder
            .compression(compression)
            .batch_size(1000)
            .build()
            .await
            .unwrap();
        let mut deliveries = Vec::new();
        for n in first..first + count {
            for partition in 0..partitions {
                let value = n.to_string();
                let record = Record::to("t")
                    .partition(partition)
                    .value(&value)
                    .timestamp(1_000_000 + n);
                deliveries.push(producer.send(record).await.unwrap());
            }
        }
        for delivery in deliveries {
            within("a record is written", delivery).await.unwrap();
        }
        producer.close(LIMIT).await.unwrap();
    }

    /// A consumer that begins with the oldest records.
    pub(crate) fn consumer(&self) -> ConsumerBuilder {
        Consumer::builder()
            .bootstrap_servers(&self.servers)
            .auto_offset_reset(OffsetReset::Earliest)
    }

    /// A member of a group of the consumer protocol.
    pub(crate) fn new_member(&self) -> ConsumerBuilder {
        self.consumer()
            .group_id("g")
            .group_protocol(GroupProtocol::Consumer)
    }

    /// A consumer that is quick to notice what its group does.
    pub(crate) fn member(&self) -> ConsumerBuilder {
        self.consumer()
            .group_id("g")
            .heartbeat_interval(Duration::from_millis(30))
    }
}

/// A wire between clients and a broker: it can be cut, and damage what the broker says.
pub(crate) struct Wire {
    is_up: watch::Sender<bool>,
    damage: Arc<AtomicBool>,
}

/// What a damaged wire garbles.
pub(crate) const FRAGILE: &str = "fragile-fragile-fragile";

impl Wire {
    /// Puts a wire before a broker: the fixture's clients go over it from then on.
    pub(crate) async fn before(fixture: &mut Fixture) -> Self {
        let broker = fixture.broker.local_addr();
        // The broker tells clients this address and its own port.
        let listener = TcpListener::bind((ADVERTISED, broker.port()))
            .await
            .unwrap();
        fixture.servers = listener.local_addr().unwrap().to_string();
        let (is_up, state) = watch::channel(true);
        let damage = Arc::new(AtomicBool::new(false));
        let damaged = damage.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() {
                    tokio::spawn(connection(client, broker, state.clone(), damaged.clone()));
                }
            }
        });
        Self { is_up, damage }
    }

    /// Ends every connection, and refuses new ones.
    pub(crate) async fn cut(&self) {
        self.is_up.send_replace(false);
        within("the end of all connections", async {
            // The one that accepts connections listens, too.
            while self.is_up.receiver_count() > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(crate) fn mend(&self) {
        self.is_up.send_replace(true);
        self.damage.store(false, Ordering::SeqCst);
    }

    pub(crate) fn damage(&self) {
        self.damage.store(true, Ordering::SeqCst);
    }
}

/// Where a wire listens. Another loopback address than the broker's, so that both can have the same port.
pub(crate) const ADVERTISED: &str = "127.0.0.2";

async fn connection(
    client: TcpStream,
    broker: SocketAddr,
    mut up: watch::Receiver<bool>,
    damage: Arc<AtomicBool>,
) {
    let Ok(broker) = TcpStream::connect(broker).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    let answers = async {
        loop {
            let mut frame = from_broker.read_u32().await?.to_be_bytes().to_vec();
            let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
            frame.resize(4 + length, 0);
            from_broker.read_exact(&mut frame[4..]).await?;
            if damage.load(Ordering::SeqCst) {
                garble(&mut frame);
            }
            to_client.write_all(&frame).await?;
        }
        #[allow(unreachable_code, reason = "the type of the loop's errors")]
        Ok::<(), std::io::Error>(())
    };
    tokio::select! {
        _ = copy(&mut from_client, &mut to_broker) => {}
        _ = answers => {}
        _ = up.wait_for(|up| !up) => {}
    }
}

fn garble(frame: &mut [u8]) {
    let fragile = FRAGILE.as_bytes();
    let places: Vec<usize> = frame
        .windows(fragile.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == fragile)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        frame[at] ^= 1;
    }
}
