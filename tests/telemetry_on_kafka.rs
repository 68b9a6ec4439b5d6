//! Metrics that a real Kafka asks for (KIP-714): its own classes decode them, beside those of the Java clients.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tests::nodes::Nodes;
use tokio::sync::Mutex;

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(90);
const RECORDS: usize = 100;

/// Two clusters would look for ports at the same time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// A metric that a broker was told.
#[derive(Debug, Clone)]
struct Told {
    instance_id: String,
    client_id: String,
    software: String,
    is_last: bool,
    labels: String,
    name: String,
    kind: String,
    attributes: String,
    value: f64,
}

impl Told {
    fn read(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [
            id,
            client,
            software,
            last,
            labels,
            name,
            kind,
            attributes,
            value,
        ] = fields[..]
        else {
            panic!("nine fields: {line}");
        };
        let text = str::to_owned;
        Self {
            instance_id: text(id),
            client_id: text(client),
            software: text(software),
            is_last: last == "true",
            labels: text(labels),
            name: text(name),
            kind: text(kind),
            attributes: text(attributes),
            value: value.parse().expect("a number"),
        }
    }

    /// Its name without the beginning that all have, kind, and the names of its attributes.
    fn signature(&self) -> (String, String, String) {
        let keys = self
            .attributes
            .split(',')
            .map(|pair| pair.split('=').next());
        let keys: Vec<&str> = keys.flatten().collect();
        (self.name.clone(), self.kind.clone(), keys.join(","))
    }
}

/// A node that writes down what it is told.
struct Watched {
    node: Nodes,
    file: PathBuf,
    classes: String,
    jars: String,
}

impl Watched {
    async fn start() -> Self {
        tokio::task::spawn_blocking(|| {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let fetched = Command::new(here.join("kafka/kafka.sh"))
                .args(["fetch", "--version", "4.3.0"])
                .output()
                .expect("bash");
            let jars = String::from_utf8(fetched.stdout).unwrap().trim().to_owned();
            let classes = temporary.join("telemetry");
            let sources = ["TelemetryFile.java", "MetricNames.java"];
            let compiled = Command::new("javac")
                .args(["-cp", &format!("{jars}/*"), "-d"])
                .arg(&classes)
                .args(sources.map(|name| here.join("java").join(name)))
                .status()
                .expect("a JDK");
            assert!(compiled.success(), "{sources:?} do not compile");
            let file = temporary.join(tests::kafka::unique("telemetry"));
            let classes = classes.to_str().unwrap().to_owned();
            let node = Nodes::start_one(&[
                "--classpath",
                &classes,
                "--conf",
                "metric.reporters=TelemetryFile",
                "--conf",
                &format!("telemetry.file={}", file.display()),
            ]);
            Self {
                node,
                file,
                classes,
                jars,
            }
        })
        .await
        .unwrap()
    }

    /// Runs something that waits for other processes.
    async fn run<T: Send + 'static>(
        self,
        what: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> (Self, T) {
        let run = tokio::task::spawn_blocking(move || {
            let result = what(&self);
            (self, result)
        });
        run.await.unwrap()
    }

    /// Asks for these metrics, with Kafka's own tool.
    async fn want(self, metrics: &'static str) -> Self {
        let want = move |watched: &Self| {
            let setting = format!("interval.ms=300,metrics=[{metrics}]");
            let server = ["--bootstrap-server", &watched.node.bootstrap];
            let subscription = ["--entity-type", "client-metrics", "--entity-name", "test"];
            let alter = ["--alter", "--add-config", &setting];
            watched
                .node
                .tool("configs", &[&server[..], &subscription, &alter].concat());
        };
        self.run(want).await.0
    }

    fn told(&self) -> Vec<Told> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        // The last line may not be whole yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(Told::read).collect()
    }

    /// What is told, once something holds of it.
    async fn until(&self, what: &str, enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        within(what, async {
            loop {
                let told = self.told();
                if enough(&told) {
                    return told;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
    }

    async fn topic(&self, name: &str) {
        let admin = Admin::builder().bootstrap_servers(&self.node.bootstrap);
        let admin = within("an admin", admin.build()).await.unwrap();
        let made = admin.create_topics([NewTopic::new(name).partitions(1)]);
        for (_, result) in within("a topic", made).await.unwrap() {
            result.unwrap();
        }
    }

    async fn stop(self) {
        let remove = |watched: &Self| {
            let _ = std::fs::remove_file(&watched.file);
        };
        let (watched, ()) = self.run(remove).await;
        tokio::task::spawn_blocking(|| drop(watched)).await.unwrap();
    }
}

async fn write(servers: &str, client_id: &str, topic: &str) -> Producer {
    let builder = Producer::builder()
        .bootstrap_servers(servers)
        .client_id(client_id)
        .transactional_id("tx");
    let producer = within("a producer", builder.build()).await.unwrap();
    within("a producer id", producer.init_transactions())
        .await
        .unwrap();
    producer.begin_transaction().await.unwrap();
    for _ in 0..RECORDS {
        producer
            .send(Record::to(topic).value("a value"))
            .await
            .unwrap();
    }
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
    producer
}

async fn read(servers: &str, client_id: &str, topic: &str) -> Consumer {
    let builder = Consumer::builder()
        .bootstrap_servers(servers)
        .client_id(client_id)
        .group_id("readers")
        .auto_offset_reset(OffsetReset::Earliest);
    let consumer = within("a consumer", builder.build()).await.unwrap();
    consumer.subscribe([topic]).unwrap();
    let mut seen = 0;
    within("the records", async {
        while seen < RECORDS {
            let records = consumer.poll(Duration::from_millis(200)).await.unwrap();
            seen += records.records().count();
        }
    })
    .await;
    within("a commit", consumer.commit_sync()).await.unwrap();
    consumer
}

/// What all pushes of a client together say of a sum.
fn sum(told: &[Told], client_id: &str, name: &str, attributes: &str) -> f64 {
    let of_it = told.iter().filter(|told| {
        told.client_id == client_id && told.name == name && told.attributes == attributes
    });
    of_it.map(|told| told.value).sum()
}

fn has_ended(told: &[Told], client_id: &str) -> bool {
    told.iter()
        .any(|told| told.client_id == client_id && told.is_last)
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_is_pushed_is_read_by_kafkas_own_classes_with_its_names_and_values() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let watched = Watched::start().await;
    let watched = watched
        .want("org.apache.kafka.producer.,org.apache.kafka.consumer.")
        .await;
    watched.topic("t").await;
    let servers = watched.node.bootstrap.clone();
    let producer = write(&servers, "our-producer", "t").await;
    let consumer = read(&servers, "our-consumer", "t").await;
    let written_by = within("the id", producer.client_instance_id(LIMIT))
        .await
        .unwrap();
    let read_by = within("the id", consumer.client_instance_id(LIMIT))
        .await
        .unwrap();
    watched
        .until("pushes of both", |told| {
            ["our-producer", "our-consumer"].iter().all(|id| {
                told.iter()
                    .any(|told| told.client_id == *id && !told.is_last)
            })
        })
        .await;
    within("the end", producer.close(LIMIT)).await.unwrap();
    within("the end", consumer.close(LIMIT)).await.unwrap();
    let told = watched
        .until("the last pushes", |told| {
            ["our-producer", "our-consumer"]
                .iter()
                .all(|id| has_ended(told, id))
        })
        .await;
    let records = RECORDS as f64;
    let of_producer = |name, attributes| sum(&told, "our-producer", name, attributes);
    assert_eq!(
        of_producer("org.apache.kafka.producer.record.send.total", ""),
        records
    );
    let name = "org.apache.kafka.producer.topic.record.send.total";
    assert_eq!(of_producer(name, "topic=t"), records);
    let name = "org.apache.kafka.consumer.fetch.manager.records.consumed.total";
    assert_eq!(sum(&told, "our-consumer", name, ""), records);
    assert_eq!(sum(&told, "our-consumer", name, "topic=t"), records);
    let software = format!("kafka-client-rust {}", env!("CARGO_PKG_VERSION"));
    for told in &told {
        let (id, labels) = match &*told.client_id {
            "our-producer" => (written_by.to_string(), "transactional_id=tx"),
            "our-consumer" => (read_by.to_string(), "group_id=readers"),
            other => panic!("who is {other}?"),
        };
        assert_eq!((&told.instance_id, &told.software), (&id, &software));
        assert!(told.labels.starts_with(labels), "{told:?}");
        assert_eq!(
            told.kind == "delta",
            told.name.ends_with(".total"),
            "{told:?}"
        );
        assert!(["delta", "gauge"].contains(&&*told.kind), "{told:?}");
    }
    watched.stop().await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn names_kinds_and_attributes_are_those_that_the_java_clients_push() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let watched = Watched::start().await.want("*").await;
    let java = |watched: &Watched| {
        let output = Command::new("java")
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"])
            .arg(format!("{}:{}/*", watched.classes, watched.jars))
            .args(["MetricNames", &watched.node.bootstrap])
            .output()
            .expect("java");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let (watched, ()) = watched.run(java).await;
    let servers = watched.node.bootstrap.clone();
    watched.topic("t").await;
    let producer = write(&servers, "our-producer", "t").await;
    let consumer = read(&servers, "our-consumer", "t").await;
    for id in ["our-producer", "our-consumer"] {
        let name = if id == "our-producer" {
            "batch.size.avg"
        } else {
            "records.lag"
        };
        watched
            .until("a push", |told| {
                let mut ours = told.iter().filter(|told| told.client_id == id);
                ours.any(|told| told.name.ends_with(name))
            })
            .await;
    }
    within("the end", producer.close(LIMIT)).await.unwrap();
    within("the end", consumer.close(LIMIT)).await.unwrap();
    let told = watched.told();
    let mut signatures = BTreeMap::<bool, BTreeSet<_>>::new();
    for told in told.iter().filter(|told| !told.name.contains(".stalled.")) {
        let is_ours = told.software.starts_with("kafka-client-rust ");
        signatures
            .entry(is_ours)
            .or_default()
            .insert(told.signature());
    }
    let (ours, javas) = (&signatures[&true], &signatures[&false]);
    let unknown: Vec<_> = ours.difference(javas).collect();
    assert!(
        unknown.is_empty(),
        "the Java clients do not push {unknown:?}"
    );
    assert!(ours.len() > 100, "{} of {}", ours.len(), javas.len());
    watched.stop().await;
}
