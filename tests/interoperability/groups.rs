//! Groups of which some members are ours and some are another client's, by each assignor of the classic protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tests::kafka::unique;

use crate::peer::{Kind, Peer};
use crate::{Cluster, LIMIT, within};

const PARTITIONS: i32 = 6;
/// Records of a round for each partition.
const MANY: i64 = 50;

/// A member of the group, and what it has read.
struct Member {
    name: &'static str,
    client: Client,
    /// Partition and offset of each record.
    seen: Vec<(i32, i64)>,
}

enum Client {
    Ours(Consumer),
    Theirs(Peer),
}

impl Member {
    fn note(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1).map(|word| word.parse::<i64>());
        let (Some(Ok(partition)), Some(Ok(offset))) = (words.next(), words.next()) else {
            panic!("{}: {line}", self.name);
        };
        self.seen.push((partition as i32, offset));
    }

    /// Notes what it has read lately; ours goes on reading by that.
    async fn poll(&mut self) {
        let mut lines = Vec::new();
        match &mut self.client {
            Client::Ours(consumer) => {
                let records = consumer.poll(Duration::from_millis(20)).await.unwrap();
                let read = records
                    .records()
                    .map(|record| (record.partition().partition, record.offset()));
                self.seen.extend(read);
            }
            Client::Theirs(peer) => lines.extend(std::iter::from_fn(|| peer.try_next())),
        }
        for line in lines {
            self.note(&line);
        }
    }

    /// Lets it leave.
    async fn leave(&mut self) {
        let lines = match &mut self.client {
            Client::Ours(consumer) => {
                within("leaving", consumer.close(LIMIT)).await.unwrap();
                Vec::new()
            }
            Client::Theirs(peer) => {
                peer.tell("leave");
                peer.rest().await
            }
        };
        for line in lines {
            self.note(&line);
        }
    }

    /// The partitions of which it has read records from this offset on.
    fn partitions_from(&self, offset: i64) -> BTreeSet<i32> {
        let later = self.seen.iter().filter(|(_, at)| *at >= offset);
        later.map(|(partition, _)| *partition).collect()
    }
}

/// A group, of whose members some may have left.
struct Group {
    cluster: Cluster,
    topic: String,
    id: String,
    strategy: &'static str,
    present: Vec<Member>,
    left: Vec<Member>,
    /// How many rounds of records were written.
    rounds: i64,
}

impl Group {
    async fn new(cluster: Cluster, strategy: &'static str) -> Self {
        let topic = cluster.topic("mixed", PARTITIONS).await;
        Self {
            cluster,
            topic,
            id: unique("mixed"),
            strategy,
            present: Vec::new(),
            left: Vec::new(),
            rounds: 0,
        }
    }

    async fn ours_joins(&mut self, name: &'static str) {
        let consumer = Consumer::builder()
            .bootstrap_servers(&self.cluster.servers)
            .group_id(&self.id)
            .heartbeat_interval(Duration::from_millis(200))
            .auto_offset_reset(OffsetReset::Earliest)
            .properties([("partition.assignment.strategy", self.strategy)])
            .unwrap();
        let consumer = within("a consumer", consumer.build()).await.unwrap();
        consumer.subscribe([&*self.topic]).unwrap();
        self.joins(name, Client::Ours(consumer));
    }

    async fn peer_joins(&mut self, name: &'static str, kind: Kind) {
        let mut peer = Peer::start(kind, &self.cluster.servers).await;
        let strategy = kind.strategy(self.strategy);
        let (topic, id) = (&self.topic, &self.id);
        peer.tell(&format!(
            "member {topic} group.id={id} heartbeat.interval.ms=200 {strategy}"
        ));
        self.joins(name, Client::Theirs(peer));
    }

    fn joins(&mut self, name: &'static str, client: Client) {
        self.present.push(Member {
            name,
            client,
            seen: Vec::new(),
        });
    }

    async fn leaves(&mut self, name: &str) {
        let place = self.present.iter().position(|member| member.name == name);
        let mut member = self.present.remove(place.expect("a member"));
        member.leave().await;
        self.left.push(member);
    }

    /// Writes a round of records to each partition.
    async fn write(&mut self) {
        let producer = Producer::builder().bootstrap_servers(&self.cluster.servers);
        let producer = within("a producer", producer.build()).await.unwrap();
        for n in 0..MANY {
            for partition in 0..PARTITIONS {
                let value = n.to_string();
                let record = Record::to(&self.topic).partition(partition).value(&value);
                drop(within("sending", producer.send(record)).await.unwrap());
            }
        }
        within("written records", producer.flush()).await.unwrap();
        self.rounds += 1;
    }

    fn is_read(&self) -> bool {
        let all: BTreeSet<(i32, i64)> = self
            .present
            .iter()
            .chain(&self.left)
            .flat_map(|member| member.seen.iter().copied())
            .collect();
        all.len() as i64 == self.rounds * i64::from(PARTITIONS) * MANY
    }

    /// Rounds of records are written and read, until each who is present has had its share of one, and nobody else's.
    async fn shares(&mut self, step: &str) {
        let share = PARTITIONS as usize / self.present.len();
        within(step, async {
            loop {
                self.write().await;
                while !self.is_read() {
                    for member in &mut self.present {
                        member.poll().await;
                    }
                    tokio::task::yield_now().await;
                }
                let from = (self.rounds - 1) * MANY;
                let has_share = |member: &Member| member.partitions_from(from).len() == share;
                if self.present.iter().all(has_share) {
                    break;
                }
            }
        })
        .await;
        self.assert_each_once(step);
    }

    #[track_caller]
    fn assert_each_once(&self, step: &str) {
        let mut readers: BTreeMap<(i32, i64), Vec<&str>> = BTreeMap::new();
        for member in self.present.iter().chain(&self.left) {
            for record in &member.seen {
                readers.entry(*record).or_default().push(member.name);
            }
        }
        readers.retain(|_, names| names.len() > 1);
        assert!(
            readers.is_empty(),
            "{step}: (partition, offset): read by {readers:?}"
        );
    }
}

/// Members of both kinds come and go. Who has been in a group for longest leads it: first the other client, then ours.
async fn shares_with(kind: Kind, cluster: Cluster, strategy: &'static str) {
    let mut group = Group::new(cluster, strategy).await;
    group.peer_joins("theirs", kind).await;
    group.shares("theirs alone").await;
    group.ours_joins("ours").await;
    group.shares("both, led by theirs").await;
    group.ours_joins("ours, too").await;
    group.shares("three, led by theirs").await;
    group.leaves("theirs").await;
    group.shares("two of ours").await;
    group.leaves("ours, too").await;
    group.shares("ours alone").await;
    group.peer_joins("theirs again", kind).await;
    group.shares("both, led by ours").await;
    group.leaves("ours").await;
    group.shares("theirs alone again").await;
    group.leaves("theirs again").await;
    group.assert_each_once("in the end");
}

/// All three in one group.
async fn three_clients_share(cluster: Cluster, strategy: &'static str) {
    let mut group = Group::new(cluster, strategy).await;
    group.ours_joins("ours").await;
    group.shares("ours alone").await;
    group.peer_joins("java's", Kind::Java).await;
    group.peer_joins("librdkafka's", Kind::Librdkafka).await;
    group.shares("three, led by ours").await;
    group.leaves("ours").await;
    group.shares("two without ours").await;
    group.ours_joins("ours again").await;
    group.shares("three, ours came last").await;
    group.leaves("java's").await;
    group.leaves("librdkafka's").await;
    group.shares("ours alone again").await;
    group.leaves("ours again").await;
    group.assert_each_once("in the end");
}

/// Tests of these names: what runs in each, and where.
macro_rules! tests {
    ($cluster:expr; $($name:ident: $run:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
            async fn $name() {
                let run: fn(Cluster) -> _ = $run;
                run($cluster).await;
            }
        )*
    };
}

mod on_kafka {
    use super::*;

    tests! {
        Cluster::real();
        range_shares_with_java: |cluster| shares_with(Kind::Java, cluster, "range");
        round_robin_shares_with_java: |cluster| shares_with(Kind::Java, cluster, "roundrobin");
        sticky_shares_with_java: |cluster| shares_with(Kind::Java, cluster, "sticky");
        cooperative_sticky_shares_with_java: |cluster| shares_with(Kind::Java, cluster, "cooperative-sticky");
        range_shares_with_librdkafka: |cluster| shares_with(Kind::Librdkafka, cluster, "range");
        round_robin_shares_with_librdkafka: |cluster| shares_with(Kind::Librdkafka, cluster, "roundrobin");
        cooperative_sticky_shares_with_librdkafka: |cluster| shares_with(Kind::Librdkafka, cluster, "cooperative-sticky");
        three_clients_share_by_range: |cluster| three_clients_share(cluster, "range");
        three_clients_share_cooperatively: |cluster| three_clients_share(cluster, "cooperative-sticky");
    }
}

/// Who assigns is the same everywhere: here it is about the broker, eager and cooperative.
mod on_the_embedded_broker {
    use super::*;

    tests! {
        Cluster::embedded().await;
        three_clients_share_by_range: |cluster| three_clients_share(cluster, "range");
        three_clients_share_cooperatively: |cluster| three_clients_share(cluster, "cooperative-sticky");
    }
}
