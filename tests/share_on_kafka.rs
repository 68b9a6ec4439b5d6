//! Share groups (KIP-932) on a real Kafka, whose address is in `KAFKA_BOOTSTRAP`. Locks end sooner, and the suite with them,
//! on one that was started with `--conf group.share.min.record.lock.duration.ms=1000`.

mod share_promises;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use share_promises::fixture::{Queue, Site, close, within};
use share_promises::{acknowledging, sharing, workers};
use tests::kafka::bootstrap;
use tests::nodes::Nodes;

fn site(bootstrap: String) -> Site {
    Site {
        bootstrap,
        set_of_group: None,
    }
}

macro_rules! promises {
    ($($promise:ident of $module:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
        async fn $promise() {
            $module::$promise(&site(bootstrap())).await;
        }
    )*};
}

promises! {
    the_next_poll_accepts_what_was_handed_out of acknowledging;
    a_commit_accepts_what_was_handed_out of acknowledging;
    a_released_record_is_delivered_again of acknowledging;
    a_rejected_record_is_never_delivered_again of acknowledging;
    what_is_delivered_too_often_is_given_up of acknowledging;
    misuse_is_told_by_name_and_changes_nothing of acknowledging;
    a_lock_that_ends_gives_the_record_to_others of acknowledging;
    a_renewed_lock_keeps_the_record of acknowledging;
    closing_gives_back_what_was_not_acknowledged of acknowledging;
    offsets_without_a_record_are_done_with of acknowledging;
    more_members_than_partitions_share_the_records of sharing;
    a_group_begins_where_its_setting_says of sharing;
    a_subscription_is_changed_and_given_up of sharing;
    a_stream_has_all_batches_and_ends_with_the_consumer of sharing;
    a_poll_that_is_dropped_loses_nothing of sharing;
    what_happens_is_measured of sharing;
    ten_workers_that_crash_accept_every_record_once of workers;
}

/// Kafka's console consumer of share groups.
struct JavaWorker {
    /// The shell around it.
    shell: Child,
    read: Arc<Mutex<Vec<(i32, i64)>>>,
}

impl JavaWorker {
    fn start(queue: &Queue) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
        let mut command = Command::new(script);
        command.args(["tool", "console-share-consumer"]);
        command.args(["--bootstrap-server", &queue.bootstrap]);
        command.args(["--topic", &queue.topic, "--group", &queue.group]);
        for property in ["print.partition=true", "print.offset=true"] {
            command.args(["--formatter-property", property]);
        }
        // A process group of its own, so that a signal reaches Java, too.
        let mut shell = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tests/kafka/kafka.sh");
        let lines = BufReader::new(shell.stdout.take().expect("piped")).lines();
        let read = Arc::new(Mutex::new(Vec::new()));
        let reads = read.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let number = |name: &str| {
                    let mut fields = line.split('\t');
                    let field = fields.find_map(|field| field.strip_prefix(name));
                    field.and_then(|number| number.parse::<i64>().ok())
                };
                if let (Some(partition), Some(offset)) = (number("Partition:"), number("Offset:")) {
                    reads.lock().unwrap().push((partition as i32, offset));
                }
            }
        });
        Self { shell, read }
    }

    fn read(&self) -> Vec<(i32, i64)> {
        self.read.lock().unwrap().clone()
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.shell.id());
        // It may be over already.
        let _ = Command::new("kill").args([signal, "--", &group]).status();
    }
}

impl Drop for JavaWorker {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.shell.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn ours_and_javas_work_in_one_group() {
    let queue = Queue::new(&site(bootstrap()), 2).await;
    queue.write(10).await;
    let java = JavaWorker::start(&queue);
    within("the first records, by Java", async {
        while java.read().len() < 20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let ours = queue.join(|builder| builder.max_poll_records(10)).await;
    let mut seen = Vec::new();
    within("records for both", async {
        let mut before = java.read().len();
        loop {
            queue.write(10).await;
            before += 20;
            while java.read().len() + seen.len() < before {
                let records = ours.poll(Duration::from_millis(100)).await.unwrap();
                seen.extend(share_promises::fixture::places(&records));
                within("a commit", ours.commit_sync())
                    .await
                    .unwrap()
                    .all()
                    .unwrap();
            }
            if java.read().len() >= 60 && seen.len() >= 60 {
                break;
            }
            before = java.read().len() + seen.len();
        }
    })
    .await;
    let mut all: Vec<(i32, i64)> = seen
        .iter()
        .map(|(partition, offset, _)| (*partition, *offset))
        .collect();
    all.extend(java.read());
    let total = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), total, "both have worked on the same record");
    java.signal("-TERM");
    queue.until_all_is_done().await;
    close(&ours).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_broker_that_is_killed_costs_no_record() {
    let nodes = tokio::task::spawn_blocking(Nodes::start).await.unwrap();
    let nodes = Arc::new(nodes);
    let queue = Queue::replicated(&site(nodes.bootstrap.clone()), 4, 3).await;
    let trouble = async {
        for node in [1, 2] {
            let nodes = nodes.clone();
            let killing = move || {
                nodes.kill(node);
                std::thread::sleep(Duration::from_secs(3));
                nodes.restart(node);
            };
            tokio::task::spawn_blocking(killing).await.unwrap();
        }
    };
    workers::every_record_is_accepted_once(&queue, 2000, trouble).await;
}
