//! A group of one member of ours and one of Java's.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tests::kafka::unique;

use crate::fixture::*;

/// Kafka's console consumer.
struct JavaMember {
    /// The shell around it.
    shell: Child,
    read: Arc<Mutex<Vec<(i32, i64)>>>,
}

impl JavaMember {
    fn start(topic: &str, group: &str) -> Self {
        let mut command = tool(
            "console-consumer",
            &["--from-beginning", "--topic", topic, "--group", group],
        );
        for property in ["group.protocol=consumer", "client.id=java"] {
            command.args(["--command-property", property]);
        }
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
                let mut fields = line.split('\t');
                let mut number = |name: &str| {
                    let field = fields.next().and_then(|field| field.strip_prefix(name));
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

impl Drop for JavaMember {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.shell.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn ours_and_javas_share_a_group() {
    let (topic, group) = (topic(4).await, unique("group"));
    let mut seen = Seen::default();
    write(&topic, 4, 25).await;
    let java = JavaMember::start(&topic, &group);
    within("the first round, by Java", async {
        while java.read().len() < 100 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let ours = start(member(&group).client_id("ours")).await;
    ours.subscribe([&*topic]).unwrap();
    poll_until(&[&ours], &mut seen, "half", |_| shares(&[&ours]) == [2]).await;
    let described = described(&group).await;
    assert_eq!(described["ours"], owned(&ours));
    assert_eq!(described["java"].len(), 2, "{described:?}");
    write(&topic, 4, 25).await;
    poll_until(&[&ours], &mut seen, "the second round, by both", |seen| {
        seen.len() + java.read().len() >= 200
    })
    .await;
    java.signal("-TERM");
    poll_until(&[&ours], &mut seen, "everything", |_| {
        is_shared(&[&ours], &topic, 4)
    })
    .await;
    write(&topic, 4, 25).await;
    poll_until(&[&ours], &mut seen, "the third round, by us", |seen| {
        seen.len() + java.read().len() >= 300
    })
    .await;
    seen.assert_once();
    let javas = java.read();
    let distinct: BTreeSet<(i32, i64)> = javas.iter().copied().collect();
    assert_eq!(distinct.len(), javas.len(), "Java has read records twice");
    assert_eq!(seen.len() + javas.len(), 300, "both have read the same");
}
