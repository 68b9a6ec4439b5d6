//! Groups of which some members are ours and some are Java's, on a real Kafka, whose address is in `KAFKA_BOOTSTRAP`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::assignor::AssignmentStrategy;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tests::kafka::{bootstrap, unique};

/// A Java program takes seconds to begin.
const LIMIT: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 4;
/// Records of a round for each partition.
const MANY: i64 = 50;

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Partition and offset of each record that somebody has read.
type Seen = Arc<Mutex<Vec<(i32, i64)>>>;

/// How many records somebody of these has read, each counted once.
fn count(all: &[&Seen]) -> usize {
    let records: BTreeSet<(i32, i64)> = all
        .iter()
        .flat_map(|seen| seen.lock().unwrap().clone())
        .collect();
    records.len()
}

/// What was read more than once, and how often by each.
#[track_caller]
fn assert_read_once(ours: &Seen, javas: &Seen) {
    let mut times: BTreeMap<(i32, i64), (usize, usize)> = BTreeMap::new();
    for record in ours.lock().unwrap().iter() {
        times.entry(*record).or_default().0 += 1;
    }
    for record in javas.lock().unwrap().iter() {
        times.entry(*record).or_default().1 += 1;
    }
    times.retain(|_, (ours, javas)| *ours + *javas > 1);
    assert!(
        times.is_empty(),
        "(partition, offset): times read by (ours, Java's): {times:?}"
    );
}

/// Kafka's console consumer.
struct JavaMember {
    /// The shell around it.
    shell: Child,
    /// Ends when Java does.
    output: JoinHandle<()>,
}

impl JavaMember {
    fn start(topic: &str, group: &str, strategy: &str, seen: &Seen) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
        let mut command = Command::new(script);
        command.args(["tool", "console-consumer", "--from-beginning"]);
        command.args(["--bootstrap-server", &bootstrap()]);
        command.args(["--topic", topic, "--group", group]);
        for property in [
            &format!("partition.assignment.strategy={strategy}"),
            "group.protocol=classic",
            "heartbeat.interval.ms=200",
        ] {
            command.args(["--command-property", property]);
        }
        for property in ["print.partition=true", "print.offset=true"] {
            command.args(["--formatter-property", property]);
        }
        // A group of its own, so that a signal reaches Java, too.
        let mut shell = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tests/kafka/kafka.sh");
        let lines = BufReader::new(shell.stdout.take().expect("piped")).lines();
        let seen = seen.clone();
        let output = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut fields = line.split('\t');
                let mut number = |name: &str| {
                    let field = fields.next().and_then(|field| field.strip_prefix(name));
                    field.and_then(|number| number.parse::<i64>().ok())
                };
                if let (Some(partition), Some(offset)) = (number("Partition:"), number("Offset:")) {
                    seen.lock().unwrap().push((partition as i32, offset));
                }
            }
        });
        Self { shell, output }
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.shell.id());
        // It may be over already.
        let _ = Command::new("kill").args([signal, "--", &group]).status();
    }

    /// Lets it leave its group.
    async fn stop(self) {
        self.signal("-TERM");
        within("the end of the console consumer", async {
            while !self.output.is_finished() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

impl Drop for JavaMember {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.shell.wait();
    }
}

async fn topic() -> String {
    let name = unique("mixed");
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

/// Writes this round's records to each partition.
async fn write(topic: &str) {
    let producer = Producer::builder().bootstrap_servers(bootstrap());
    let producer = within("a producer", producer.build()).await.unwrap();
    for n in 0..MANY {
        for partition in 0..PARTITIONS {
            let value = n.to_string();
            let record = Record::to(topic).partition(partition).value(&value);
            drop(within("sending", producer.send(record)).await.unwrap());
        }
    }
    within("written records", producer.flush()).await.unwrap();
}

fn member(group: &str) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(bootstrap())
        .group_id(group)
        .heartbeat_interval(Duration::from_millis(200))
        .auto_offset_reset(OffsetReset::Earliest)
}

/// Polls until it holds.
async fn poll_until(consumer: &Consumer, seen: &Seen, what: &str, done: impl Fn() -> bool) {
    within(what, async {
        while !done() {
            let records = consumer.poll(Duration::from_millis(50)).await.unwrap();
            let read = records
                .records()
                .map(|record| (record.partition().partition, record.offset()));
            seen.lock().unwrap().extend(read);
        }
    })
    .await;
}

fn partitions_from(seen: &Seen, offset: i64) -> BTreeSet<i32> {
    let seen = seen.lock().unwrap();
    let later = seen.iter().filter(|(_, at)| *at >= offset);
    later.map(|(partition, _)| *partition).collect()
}

/// One of each, then ours alone, then one of each again, then Java's alone.
async fn shares_with_java(strategy: AssignmentStrategy, class: &str) {
    let (topic, group) = (topic().await, unique("mixed"));
    let (ours, javas): (Seen, Seen) = Default::default();
    let (half, all) = (PARTITIONS as usize / 2, PARTITIONS as usize);
    let each_round = (i64::from(PARTITIONS) * MANY) as usize;
    let total = || count(&[&ours, &javas]);

    write(&topic).await;
    let java = JavaMember::start(&topic, &group, class, &javas);
    within("the first round, by Java", async {
        while total() < each_round {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;

    let consumer = member(&group)
        .partition_assignment_strategy([strategy])
        .build();
    let consumer = within("a consumer", consumer).await.unwrap();
    consumer.subscribe([&*topic]).unwrap();
    poll_until(&consumer, &ours, "half of the partitions", || {
        consumer.assignment().len() == half
    })
    .await;
    write(&topic).await;
    poll_until(&consumer, &ours, "the second round, by both", || {
        total() >= 2 * each_round
    })
    .await;
    let (own, javas_own) = (partitions_from(&ours, MANY), partitions_from(&javas, MANY));
    assert_eq!((own.len(), javas_own.len()), (half, half));
    assert!(own.is_disjoint(&javas_own), "{own:?} and {javas_own:?}");

    assert_read_once(&ours, &javas);
    java.stop().await;
    poll_until(&consumer, &ours, "all partitions, as Java has left", || {
        consumer.assignment().len() == all
    })
    .await;
    write(&topic).await;
    poll_until(&consumer, &ours, "the third round, by ours", || {
        total() >= 3 * each_round
    })
    .await;
    assert_eq!(partitions_from(&ours, 2 * MANY).len(), all);
    assert_read_once(&ours, &javas);

    let java = JavaMember::start(&topic, &group, class, &javas);
    poll_until(&consumer, &ours, "half of them, as Java is back", || {
        consumer.assignment().len() == half
    })
    .await;
    within("leaving", consumer.close(LIMIT)).await.unwrap();
    write(&topic).await;
    within("the fourth round, by Java", async {
        while total() < 4 * each_round {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(partitions_from(&javas, 3 * MANY).len(), all);
    java.stop().await;
    assert_read_once(&ours, &javas);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn range_shares_with_java() {
    let class = "org.apache.kafka.clients.consumer.RangeAssignor";
    shares_with_java(AssignmentStrategy::Range, class).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn round_robin_shares_with_java() {
    let class = "org.apache.kafka.clients.consumer.RoundRobinAssignor";
    shares_with_java(AssignmentStrategy::RoundRobin, class).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn sticky_shares_with_java() {
    let class = "org.apache.kafka.clients.consumer.StickyAssignor";
    shares_with_java(AssignmentStrategy::Sticky, class).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn cooperative_sticky_shares_with_java() {
    let class = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
    shares_with_java(AssignmentStrategy::CooperativeSticky, class).await;
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
    let seen = Seen::default();
    let read = |topic: &str| {
        let assignment = consumer.assignment();
        assignment.iter().filter(|own| &*own.topic == topic).count()
    };
    poll_until(&consumer, &seen, "the topic that matches", || {
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
    poll_until(&consumer, &seen, "the topic that matches later", || {
        read(&later) == 2
    })
    .await;
    assert_eq!(consumer.assignment().len(), PARTITIONS as usize + 2);
    within("leaving", consumer.close(LIMIT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_static_member_that_restarts_has_what_it_had_and_nobody_rebalances() {
    let (topic, group) = (topic().await, unique("static"));
    let fixed = |name: &str| member(&group).group_instance_id(name).build();
    let one = within("a consumer", fixed("one")).await.unwrap();
    let two = within("a consumer", fixed("two")).await.unwrap();
    let seen = Seen::default();
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
    within("closing", one.close(LIMIT)).await.unwrap();
    let one = within("a consumer", fixed("one")).await.unwrap();
    one.subscribe([&*topic]).unwrap();
    poll_until(&one, &seen, "what it had", || one.assignment() == of_one).await;
    two.poll(Duration::from_millis(500)).await.unwrap();
    assert_eq!(two.assignment(), of_two);
    for consumer in [one, two] {
        within("closing", consumer.close(LIMIT)).await.unwrap();
    }
}
