//! Kafka nodes for one test, which may kill and freeze them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::kafka::unique;

/// What a node takes.
const PORTS: u16 = 10;

/// One node or three, each broker and controller, stopped and wiped with it.
///
/// Its calls run a script that takes seconds: within tokio, call them in `spawn_blocking`.
#[derive(Debug)]
pub struct Nodes {
    name: String,
    port: u16,
    /// Where they listen, comma-separated.
    pub bootstrap: String,
}

impl Nodes {
    /// Starts three nodes and waits until they serve.
    ///
    /// # Panics
    /// When they do not start.
    pub fn start() -> Self {
        Self::start_some(3, &[])
    }

    /// Starts one node with these options of `kafka.sh start`, and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_one(options: &[&str]) -> Self {
        Self::start_some(1, options)
    }

    fn start_some(count: u16, options: &[&str]) -> Self {
        let port = free_ports(count * PORTS);
        let addresses: Vec<String> = (0..count)
            .map(|n| format!("127.0.0.1:{}", port + n * PORTS))
            .collect();
        let nodes = Self {
            name: unique("nodes"),
            port,
            bootstrap: addresses.join(","),
        };
        let (count, port) = (count.to_string(), port.to_string());
        let start = [
            "start", "--nodes", &count, "--port", &port, "--heap", "384m",
        ];
        nodes.run(&[&start, options].concat());
        nodes
    }

    /// Where the first node listens with SASL (`--sasl`).
    pub fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.port + 1)
    }

    /// Where the first node listens with TLS (`--ssl`).
    pub fn tls(&self) -> String {
        format!("127.0.0.1:{}", self.port + 2)
    }

    /// Where the first node listens with SASL over TLS (`--sasl --ssl`).
    pub fn sasl_tls(&self) -> String {
        format!("127.0.0.1:{}", self.port + 3)
    }

    /// One of the files of certificates and keys (`--ssl`): `ca.pem`, `client.pem`, `client.key`.
    ///
    /// # Panics
    /// When the script does not say where they are.
    pub fn certificate(&self, name: &str) -> PathBuf {
        let output = self.run(&["env"]);
        let said = String::from_utf8_lossy(&output.stdout);
        let ca = said
            .lines()
            .find_map(|line| line.strip_prefix("KAFKA_SSL_CA="));
        let ca = ca.unwrap_or_else(|| panic!("no certificates in {said}"));
        Path::new(ca.trim_matches('\'')).with_file_name(name)
    }

    /// Puts new certificates of the same CA into the files.
    pub fn reissue(&self) {
        self.run(&["reissue"]);
    }

    /// Ends a node with `kill -9`.
    pub fn kill(&self, node: i32) {
        self.run(&["kill", &node.to_string()]);
    }

    /// Starts a killed node on its old data, and waits until it serves.
    pub fn restart(&self, node: i32) {
        self.run(&["restart", &node.to_string()]);
    }

    /// Freezes a node (SIGSTOP): its connections stay, and nobody answers.
    pub fn pause(&self, node: i32) {
        self.run(&["pause", &node.to_string()]);
    }

    /// Lets a frozen node go on.
    pub fn resume(&self, node: i32) {
        self.run(&["resume", &node.to_string()]);
    }

    /// The node that is the active controller.
    ///
    /// # Panics
    /// When Kafka's tool does not say.
    pub fn controller(&self) -> i32 {
        let said = self.tool(
            "metadata-quorum",
            &[
                "--bootstrap-server",
                &self.bootstrap,
                "describe",
                "--status",
            ],
        );
        let id = said.lines().find_map(|line| line.strip_prefix("LeaderId:"));
        id.and_then(|id| id.trim().parse().ok())
            .unwrap_or_else(|| panic!("no controller in {said}"))
    }

    /// Runs one of Kafka's tools; what it prints is returned.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.run(&[&["tool", name], arguments].concat());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("bash");
        assert!(
            output.status.success(),
            "kafka.sh {arguments:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
        let mut command = Command::new(script);
        command.env("KAFKA_NAME", &self.name).args(arguments);
        // What fails over and which versions are tested is said for the newest Kafka.
        command.env_remove("KAFKA_VERSION");
        command
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let _ = self.command(&["stop", "--wipe"]).status();
    }
}

/// The first of so many ports in a row that nobody listens on, below those that the system hands to
/// outgoing connections.
fn free_ports(count: u16) -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    // Runs at the same time begin to look at different places.
    let first = std::process::id() % 300;
    (0..300)
        .map(|n| 20_000 + ((first + n) % 300) as u16 * 40)
        .find(|port| (*port..port + count).all(is_free))
        .unwrap_or_else(|| panic!("no {count} free ports in a row between 20000 and 32000"))
}
