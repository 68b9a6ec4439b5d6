//! Another client, as a program that does what it is told (see `tests/peers`).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use tokio::sync::mpsc;

use crate::within;

/// Whose client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Java,
    Librdkafka,
}

impl Kind {
    fn command(self) -> Command {
        match self {
            Self::Java => {
                let (classes, jars) = java();
                let mut command = Command::new("java");
                let path = format!("{}:{jars}/*", classes.display());
                // Messages for users are wanted, and nothing on standard output.
                command.args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
                command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"]);
                command.args([&path, "Peer"]);
                command
            }
            Self::Librdkafka => {
                let mut command = Command::new(python());
                command.arg(peers().join("peer.py"));
                command
            }
        }
    }

    /// The property that chooses this assignor, by the name that the protocol has for it.
    pub(crate) fn strategy(self, name: &str) -> String {
        let value = match (self, name) {
            (Self::Librdkafka, name) => name,
            (Self::Java, "range") => "org.apache.kafka.clients.consumer.RangeAssignor",
            (Self::Java, "roundrobin") => "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            (Self::Java, "sticky") => "org.apache.kafka.clients.consumer.StickyAssignor",
            (Self::Java, _) => "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        };
        format!("partition.assignment.strategy={value}")
    }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// What a script prints.
fn printed(script: &Path, arguments: &[&str]) -> String {
    let output = Command::new(script)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("bash");
    assert!(output.status.success(), "{}", script.display());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The compiled program, and the jars it takes.
fn java() -> &'static (PathBuf, String) {
    static JAVA: OnceLock<(PathBuf, String)> = OnceLock::new();
    JAVA.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
        let jars = printed(&script, &["fetch", "--version", "4.3.0"]);
        let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
        let compiled = Command::new("javac")
            .args(["-cp", &format!("{jars}/*"), "-d"])
            .args([&classes, &peers().join("Peer.java")])
            .status()
            .expect("a JDK");
        assert!(compiled.success(), "Peer.java does not compile");
        (classes, jars)
    })
}

fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| printed(&peers().join("librdkafka.sh"), &[]))
}

/// A running program of another client; ends with it.
pub(crate) struct Peer {
    program: Child,
    told: ChildStdin,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Peer {
    pub(crate) async fn start(kind: Kind, servers: &str) -> Self {
        let mut command = tokio::task::spawn_blocking(move || kind.command())
            .await
            .unwrap();
        let mut program = command
            .arg(servers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = BufReader::new(program.stdout.take().expect("piped"));
        let (line, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for read in output.lines().map_while(Result::ok) {
                if line.send(read).is_err() {
                    break;
                }
            }
        });
        let told = program.stdin.take().expect("piped");
        Self {
            program,
            told,
            lines,
        }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.told, "{line}").expect("a peer that reads");
    }

    /// A line that it prints; `None` when it says that it is done.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let line = within("what a peer says", self.lines.recv()).await;
        let line = line.expect("a peer that goes on: see its messages above");
        (line != "end").then_some(line)
    }

    /// What it has printed by now.
    pub(crate) fn try_next(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// All lines until it is done.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        lines
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
