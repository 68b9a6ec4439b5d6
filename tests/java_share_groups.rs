//! Java's share consumers and tools against the embedded broker.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use kafka_broker::Broker;
use tokio::process::Command;
use tokio::time::timeout;

/// The longest that a program of Java's may take.
const WAIT: Duration = Duration::from_secs(120);

async fn run(mut command: Command) -> String {
    command.kill_on_drop(true);
    let ran = timeout(WAIT, command.output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = ran
        .unwrap_or_else(|_| panic!("waited {WAIT:?} for {command:?}"))
        .expect("a program to run");
    let (told, errors) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{command:?}: {status}\n{told}\n{errors}");
    told.into_owned()
}

fn kafka_sh() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh"))
}

/// Runs one of Kafka's tools against the broker; what it prints is returned.
async fn tool(broker: &Broker, name: &str, args: &[&str]) -> String {
    let mut command = kafka_sh();
    let servers = broker.bootstrap_servers();
    command.args(["tool", name, "--bootstrap-server", &servers]);
    command.args(args);
    run(command).await
}

/// Runs a Java program of `tests/java` with Kafka's jars; what it prints is returned.
async fn java(program: &str, args: &[&str]) -> String {
    let mut fetch = kafka_sh();
    fetch.arg("fetch");
    let jars = run(fetch).await;
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("java")
        .join(program);
    let mut command = Command::new("java");
    command.args(["-cp", &format!("{}/*", jars.trim())]);
    command.arg(source).args(args);
    run(command).await
}

/// Writes lines of text.
async fn produce(broker: &Broker, topic: &str, count: usize) {
    let records = count.to_string();
    let args = [
        ["--topic", topic],
        ["--num-records", &records],
        ["--record-size", "10"],
        ["--throughput", "-1"],
    ];
    tool(broker, "producer-perf-test", args.as_flattened()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn java_share_consumers_do_each_record_once() {
    for nodes in [1, 3] {
        let broker = Broker::builder()
            .nodes(nodes)
            .share_group_heartbeat_interval(Duration::from_millis(200))
            .start()
            .await
            .unwrap();
        broker.create_topic("jobs", 4).unwrap();
        broker
            .set_share_group_config("g", "share.auto.offset.reset", Some("earliest"))
            .unwrap();
        let args = [&broker.bootstrap_servers(), "jobs", "g", "2000"];
        let told = java("ShareGroup.java", &args).await;
        assert_eq!(
            told, "Stable with 3 members\ndone 2000 of 2000, twice 0\ntaken true, released true\n",
            "{nodes} brokers"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_console_consumer_reads_and_the_tool_shows_and_moves_share_groups() {
    let broker = Broker::builder().start().await.unwrap();
    broker.create_topic("t", 1).unwrap();
    produce(&broker, "t", 100).await;
    broker
        .set_share_group_config("g", "share.auto.offset.reset", Some("earliest"))
        .unwrap();
    let consumer = [
        ["--topic", "t"],
        ["--group", "g"],
        ["--max-messages", "60"],
        ["--timeout-ms", "30000"],
    ];
    let consumed = tool(&broker, "console-share-consumer", consumer.as_flattened()).await;
    assert_eq!(consumed.lines().count(), 60, "{consumed}");

    let groups = |args: &'static [&'static str]| tool(&broker, "share-groups", args);
    assert_eq!(groups(&["--list"]).await.trim(), "g");
    let described = groups(&["--describe", "--group", "g"]).await;
    let described = described.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        described.contains("GROUP TOPIC PARTITION START-OFFSET LAG"),
        "{described}"
    );
    let state = groups(&["--describe", "--group", "g", "--state"]).await;
    assert!(state.contains("Empty"), "{state}");
    let reset = groups(&[
        "--reset-offsets",
        "--group",
        "g",
        "--topic",
        "t",
        "--to-earliest",
        "--execute",
    ])
    .await;
    assert!(reset.contains('0'), "{reset}");
    let again = tool(&broker, "console-share-consumer", consumer.as_flattened()).await;
    assert_eq!(again.lines().count(), 60, "{again}");
    let forgotten = groups(&["--delete-offsets", "--group", "g", "--topic", "t"]).await;
    assert!(forgotten.contains("Successful"), "{forgotten}");
    let deleted = groups(&["--delete", "--group", "g"]).await;
    assert!(deleted.contains("successful"), "{deleted}");
    assert_eq!(groups(&["--list"]).await.trim(), "");
}
