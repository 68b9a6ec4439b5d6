//! Java's own command-line tools against the embedded broker.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kafka_broker::{Broker, TransactionVersion};

/// How long the console consumer waits for a record before it gives up, in milliseconds.
const PATIENCE: &str = "30000";

/// Runs one of Kafka's tools against the broker with this standard input; what it prints is returned.
async fn tool(broker: &Broker, name: &str, args: &[&str], input: String) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
    let mut command = Command::new(script);
    command
        .args([
            "tool",
            name,
            "--bootstrap-server",
            &broker.bootstrap_servers(),
        ])
        .args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("tests/kafka/kafka.sh");
        // A tool that does not read its input may have ended before it is written.
        let _ = child
            .stdin
            .take()
            .expect("piped")
            .write_all(input.as_bytes());
        (
            child.wait_with_output().expect("output of the tool"),
            command,
        )
    });
    let (output, command) = ran.await.expect("no panic");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{errors}",
        output.status
    );
    String::from_utf8(output.stdout).expect("text")
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_the_console_producer_writes_the_console_consumer_reads() {
    let broker = Broker::builder()
        .default_partitions(4)
        .start()
        .await
        .unwrap();
    let lines: String = (0..1000)
        .map(|i| format!("key-{i}\tvalue of record {i}\n"))
        .collect();
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("lines-{compression}");
        let producer = [
            "--topic",
            &topic,
            "--compression-codec",
            compression,
            "--reader-property",
            "parse.key=true",
        ];
        tool(&broker, "console-producer", &producer, lines.clone()).await;
        let consumer = [
            ["--topic", &topic],
            ["--group", &topic],
            ["--max-messages", "1000"],
            ["--timeout-ms", PATIENCE],
            ["--formatter-property", "print.key=true"],
        ];
        let args = [&["--from-beginning"], consumer.as_flattened()].concat();
        let consumed = tool(&broker, "console-consumer", &args, String::new()).await;
        assert_eq!(
            sorted_lines(&consumed),
            sorted_lines(&lines),
            "{compression}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_second_run_of_a_group_goes_on_where_the_first_one_has_stopped() {
    let broker = Broker::builder().start().await.unwrap();
    let lines: String = (0..300).map(|i| format!("{i}\n")).collect();
    tool(
        &broker,
        "console-producer",
        &["--topic", "t"],
        lines.clone(),
    )
    .await;
    let mut consumed = String::new();
    for count in ["100", "200"] {
        let args = [
            "--topic",
            "t",
            "--group",
            "g",
            "--from-beginning",
            "--max-messages",
            count,
            "--timeout-ms",
            PATIENCE,
        ];
        consumed += &tool(&broker, "console-consumer", &args, String::new()).await;
    }
    assert_eq!(consumed, lines, "one partition, so in order");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn topics_are_managed_with_the_topics_tool() {
    let broker = Broker::builder().start().await.unwrap();
    let nothing = String::new;
    let create = [
        "--create",
        "--topic",
        "t",
        "--partitions",
        "3",
        "--config",
        "retention.ms=1000",
    ];
    tool(&broker, "topics", &create, nothing()).await;
    tool(
        &broker,
        "console-producer",
        &["--topic", "t"],
        "a\nb\n".to_owned(),
    )
    .await;
    let offsets = tool(&broker, "get-offsets", &["--topic", "t"], nothing()).await;
    let ends: Vec<u64> = offsets
        .lines()
        .map(|line| line.rsplit(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!((ends.len(), ends.iter().sum::<u64>()), (3, 2), "{offsets}");
    assert_eq!(tool(&broker, "topics", &["--list"], nothing()).await, "t\n");
    tool(&broker, "topics", &["--delete", "--topic", "t"], nothing()).await;
    assert_eq!(
        tool(&broker, "topics", &["--list"], nothing()).await.trim(),
        ""
    );
}

/// Runs a Java program of `tests/java` with Kafka's jars; what it prints is returned.
async fn java(program: &str, args: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = folder.join("kafka/kafka.sh");
    let source = folder.join("java").join(program);
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let jars = Command::new(script)
            .arg("fetch")
            .output()
            .expect("kafka.sh");
        let jars = String::from_utf8(jars.stdout).expect("a path");
        let mut command = Command::new("java");
        command.args(["-cp", &format!("{}/*", jars.trim())]);
        command.arg(source).args(args).output().expect("a JDK")
    });
    let output = ran.await.expect("no panic");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_java_program_copies_exactly_once_by_each_protocol() {
    for version in [
        TransactionVersion::V0,
        TransactionVersion::V1,
        TransactionVersion::V2,
    ] {
        // Long enough that the program meets what it meets at Kafka: transactions that are still ending.
        let marker_delay = Duration::from_millis(3);
        let broker = Broker::builder()
            .transaction_version(version)
            .transaction_marker_delay(marker_delay)
            .start()
            .await
            .unwrap();
        broker.create_topic("input", 1).unwrap();
        broker.create_topic("output", 3).unwrap();
        let args = [&broker.bootstrap_servers(), "input", "output", "30"];
        let copied = java("Transactions.java", &args).await;
        let records: String = (0..30).map(|i| format!("record {i}\n")).collect();
        assert_eq!(sorted_lines(&copied), sorted_lines(&records), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_performance_tool_writes_in_transactions_and_the_admin_tool_lists_them() {
    let broker = Broker::builder().start().await.unwrap();
    broker.create_topic("t", 2).unwrap();
    let nothing = String::new;
    let written = [
        ["--topic", "t"],
        ["--num-records", "3000"],
        ["--record-size", "100"],
        ["--throughput", "3000"],
        ["--transactional-id", "perf"],
        ["--transaction-duration-ms", "20"],
    ];
    let told = tool(
        &broker,
        "producer-perf-test",
        written.as_flattened(),
        nothing(),
    )
    .await;
    assert!(told.contains("3000 records sent"), "{told}");
    let ends = tool(&broker, "get-offsets", &["--topic", "t"], nothing()).await;
    let ends: u64 = ends
        .lines()
        .filter_map(|line| line.rsplit(':').next()?.parse::<u64>().ok())
        .sum();
    assert!(
        ends > 3_010,
        "{ends} offsets: the markers of many transactions have some"
    );
    let consumer = [
        ["--topic", "t"],
        ["--isolation-level", "read_committed"],
        ["--max-messages", "3000"],
        ["--timeout-ms", PATIENCE],
    ];
    let args = [&["--from-beginning"], consumer.as_flattened()].concat();
    let consumed = tool(&broker, "console-consumer", &args, nothing()).await;
    assert_eq!(consumed.lines().count(), 3000);

    let listed = tool(&broker, "transactions", &["list"], nothing()).await;
    assert!(
        listed.contains("perf") && listed.contains("CompleteCommit"),
        "{listed}"
    );
    let describe = ["describe", "--transactional-id", "perf"];
    let described = tool(&broker, "transactions", &describe, nothing()).await;
    assert!(described.contains("CompleteCommit"), "{described}");
    let producers = ["describe-producers", "--topic", "t", "--partition", "0"];
    let described = tool(&broker, "transactions", &producers, nothing()).await;
    assert!(
        described.contains("None"),
        "no transaction is open: {described}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn java_consumers_share_by_the_consumer_protocol() {
    for (assignor, mode, read) in [
        ("uniform", "names", 1000),
        ("range", "regex", 1000),
        ("uniform", "static", 800),
    ] {
        let broker = Broker::builder()
            .consumer_group_heartbeat_interval(Duration::from_millis(200))
            .start()
            .await
            .unwrap();
        broker.create_topic("orders", 4).unwrap();
        let args = [&broker.bootstrap_servers(), "orders", assignor, mode];
        let told = java("ConsumerGroup.java", &args).await;
        let told = told.strip_prefix("a found 2\n").unwrap_or(&told);
        assert_eq!(
            told,
            format!("read {read} of {read}\n"),
            "{assignor} by {mode}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_groups_tool_shows_groups_of_both_protocols() {
    let broker = Broker::builder().start().await.unwrap();
    broker.create_topic("t", 2).unwrap();
    let nothing = String::new;
    let lines = "a\nb\nc\n".to_owned();
    tool(&broker, "console-producer", &["--topic", "t"], lines).await;
    for protocol in ["classic", "consumer"] {
        let consumer = [
            ["--topic", "t"],
            ["--group", protocol],
            ["--max-messages", "3"],
            ["--timeout-ms", PATIENCE],
            ["--command-property", &format!("group.protocol={protocol}")],
        ];
        let args = [&["--from-beginning"], consumer.as_flattened()].concat();
        let consumed = tool(&broker, "console-consumer", &args, nothing()).await;
        assert_eq!(consumed.lines().count(), 3, "{protocol}");
        let describe = ["--describe", "--group", protocol];
        let described = tool(&broker, "consumer-groups", &describe, nothing()).await;
        let lags = described.lines().filter(|line| line.contains(" t "));
        assert_eq!(lags.count(), 2, "{described}");
        let state = ["--describe", "--state", "--group", protocol];
        let state = tool(&broker, "consumer-groups", &state, nothing()).await;
        assert!(state.contains("Empty"), "{state}");
    }
    let listed = tool(&broker, "consumer-groups", &["--list"], nothing()).await;
    assert_eq!(sorted_lines(&listed), ["classic", "consumer"]);
    let delete = ["--delete", "--group", "classic", "--group", "consumer"];
    tool(&broker, "consumer-groups", &delete, nothing()).await;
    let listed = tool(&broker, "consumer-groups", &["--list"], nothing()).await;
    assert_eq!(listed.trim(), "");
}
