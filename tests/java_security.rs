//! Java's own command-line tools against the embedded broker where they have to log in, and to be allowed what they do.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kafka_broker::{
    Authorizer, Broker, ClientAuth, Listener, SaslMechanism, SecurityProtocol, Tls,
};

/// A folder for the tools' settings, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("kafka-tools-{}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// A file with this content.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs one of Kafka's tools: whether it went well, and what it said.
async fn tool(name: &str, args: &[&str], input: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
    let mut command = Command::new(script);
    command.args(["tool", name]).args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = input.to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("tests/kafka/kafka.sh");
        // A tool that does not read its input may have ended before it is written.
        let _ = child
            .stdin
            .take()
            .expect("piped")
            .write_all(input.as_bytes());
        child.wait_with_output().expect("output of the tool")
    });
    let output = ran.await.expect("no panic");
    let [told, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    (output.status.success(), format!("{told}\n{errors}"))
}

async fn succeeds(name: &str, args: &[&str], input: &str) -> String {
    let (ok, told) = tool(name, args, input).await;
    assert!(ok, "{name} {args:?}: {told}");
    told
}

fn login(protocol: SecurityProtocol, mechanism: SaslMechanism, name: &str) -> String {
    let module = match mechanism {
        SaslMechanism::Plain => "plain.PlainLoginModule",
        SaslMechanism::OAuthBearer => "oauthbearer.OAuthBearerLoginModule",
        _ => "scram.ScramLoginModule",
    };
    let options = match mechanism {
        SaslMechanism::OAuthBearer => format!("unsecuredLoginStringClaim_sub=\"{name}\""),
        _ => format!("username=\"{name}\" password=\"{name}-secret\""),
    };
    format!(
        "security.protocol={protocol}\nsasl.mechanism={mechanism}\nsasl.jaas.config=org.apache.kafka.common.security.{module} required {options};\n"
    )
}

fn certificate(name: &str) -> PathBuf {
    let broker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kafka-broker");
    broker.join("tests/broker/certificates").join(name)
}

async fn secured() -> Broker {
    let tls = Tls::from_files(certificate("server.pem"), certificate("server.key"))
        .client_auth(ClientAuth::Requested)
        .trusted_file(certificate("ca.pem"));
    Broker::builder()
        .listener(Listener::new("SASL", SecurityProtocol::SaslPlaintext))
        .listener(Listener::new("SSL", SecurityProtocol::Ssl))
        .listener(Listener::new("SASLSSL", SecurityProtocol::SaslSsl))
        .sasl_mechanisms([
            SaslMechanism::Plain,
            SaslMechanism::ScramSha256,
            SaslMechanism::ScramSha512,
            SaslMechanism::OAuthBearer,
        ])
        .user("admin", "admin-secret")
        .user("alice", "alice-secret")
        .delegation_tokens("key")
        .authorizer(Authorizer::new().super_user("User:admin"))
        .tls(tls)
        .start()
        .await
        .unwrap()
}

async fn allow(servers: &str, admin: &str, principal: &str) {
    let to = ["--bootstrap-server", servers, "--command-config", admin];
    let add = ["--add", "--allow-principal", principal, "--topic", "t"];
    succeeds("acls", &[&to[..], &add, &["--producer"]].concat(), "").await;
    let consumer = ["--consumer", "--group", "g"];
    succeeds("acls", &[&to[..], &add, &consumer].concat(), "").await;
}

/// Writes a line by the console producer and reads it by the console consumer.
async fn write_and_read(servers: &str, config: &str) {
    let to = [
        "--bootstrap-server",
        servers,
        "--command-config",
        config,
        "--topic",
        "t",
    ];
    succeeds("console-producer", &to, "a line\n").await;
    let read = [
        "--from-beginning",
        "--group",
        "g",
        "--max-messages",
        "1",
        "--timeout-ms",
        "30000",
    ];
    let read = succeeds("console-consumer", &[&to[..], &read].concat(), "").await;
    assert!(read.lines().any(|line| line == "a line"), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_console_tools_log_in_and_do_what_acls_allow() {
    let (broker, folder) = (secured().await, Folder::new());
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let sasl = SecurityProtocol::SaslPlaintext;
    let admin = login(sasl, SaslMechanism::ScramSha512, "admin");
    let admin = folder.file("admin", &admin);
    let alice = login(sasl, SaslMechanism::Plain, "alice");
    let alice = folder.file("alice", &alice);
    let to = ["--bootstrap-server", &servers, "--command-config", &alice];

    let written = succeeds(
        "console-producer",
        &[&to[..], &["--topic", "t"]].concat(),
        "a\n",
    )
    .await;
    assert!(written.contains("uthorization failed"), "{written}");
    allow(&servers, &admin, "User:alice").await;
    write_and_read(&servers, &alice).await;
    let bearer = login(sasl, SaslMechanism::OAuthBearer, "alice");
    write_and_read(&servers, &folder.file("bearer", &bearer)).await;

    let wrong = login(sasl, SaslMechanism::ScramSha256, "alice").replace("alice-secret", "geheim");
    let wrong = folder.file("wrong", &wrong);
    let args = [
        "--bootstrap-server",
        &servers,
        "--command-config",
        &wrong,
        "--list",
    ];
    let (ok, told) = tool("topics", &args, "").await;
    assert!(!ok && told.contains("invalid credentials"), "{told}");
    let (ok, told) = tool("acls", &[&to[..], &["--list"]].concat(), "").await;
    assert!(
        !ok && told.contains("ClusterAuthorizationException"),
        "{told}"
    );

    let as_admin = ["--bootstrap-server", &servers, "--command-config", &admin];
    let listed = succeeds("acls", &[&as_admin[..], &["--list"]].concat(), "").await;
    assert!(listed.contains("principal=User:alice"), "{listed}");
    let remove = ["--remove", "--force", "--topic", "t"];
    succeeds("acls", &[&as_admin[..], &remove].concat(), "").await;
    let listed = succeeds("acls", &[&as_admin[..], &["--list"]].concat(), "").await;
    assert!(!listed.contains("name=t"), "{listed}");
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn users_made_by_a_tool_and_tokens_lent_to_one_log_in() {
    let (broker, folder) = (secured().await, Folder::new());
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let sasl = SecurityProtocol::SaslPlaintext;
    let admin = login(sasl, SaslMechanism::ScramSha512, "admin");
    let admin = folder.file("admin", &admin);
    allow(&servers, &admin, "User:carol").await;
    let user = [
        ["--bootstrap-server", &servers],
        ["--command-config", &admin],
        ["--entity-type", "users"],
        ["--entity-name", "carol"],
        ["--add-config", "SCRAM-SHA-256=[password=carol-secret]"],
    ];
    succeeds("configs", &[&["--alter"], user.as_flattened()].concat(), "").await;
    let carol = login(sasl, SaslMechanism::ScramSha256, "carol");
    let carol = folder.file("carol", &carol);
    write_and_read(&servers, &carol).await;

    let create = [
        ["--bootstrap-server", &servers],
        ["--command-config", &carol],
        ["--max-life-time-period", "-1"],
    ];
    let tokens = "org.apache.kafka.tools.DelegationTokenCommand";
    let created = succeeds(tokens, &[&["--create"], create.as_flattened()].concat(), "").await;
    let row = created
        .lines()
        .find(|line| line.contains("User:carol"))
        .expect("a token");
    let mut columns = row.split_whitespace();
    let (id, hmac) = (columns.next().unwrap(), columns.next().unwrap());
    let token = login(sasl, SaslMechanism::ScramSha512, "carol")
        .replace("\"carol\"", &format!("\"{id}\""))
        .replace(
            "\"carol-secret\"",
            &format!("\"{hmac}\" tokenauth=\"true\""),
        );
    write_and_read(&servers, &folder.file("token", &token)).await;
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_console_tools_speak_tls_and_show_certificates() {
    let (broker, folder) = (secured().await, Folder::new());
    let trust = format!(
        "ssl.truststore.type=PEM\nssl.truststore.location={}\n",
        certificate("ca.pem").display()
    );
    let admin = login(SecurityProtocol::SaslSsl, SaslMechanism::Plain, "admin");
    let admin = folder.file("admin", &(admin + &trust));
    let servers = broker.bootstrap_servers_of("SASLSSL").unwrap();
    // The name of a certificate that has commas is quoted by them.
    let principal = r"User:1.2.840.113549.1.9.1=#160d7a406578616d706c652e6f7267,CN=Zoë Client,OU=a\+b,O=Ex\, Inc,ST=Bayern,C=DE";
    allow(&servers, &admin, principal).await;
    write_and_read(&servers, &admin).await;

    let [key, chain] = ["client.key", "client.pem"]
        .map(|name| std::fs::read_to_string(certificate(name)).unwrap());
    let store = folder.file("client.pem", &(key + &chain));
    let shown = format!(
        "security.protocol=SSL\n{trust}ssl.keystore.type=PEM\nssl.keystore.location={store}\n"
    );
    let servers = broker.bootstrap_servers_of("SSL").unwrap();
    let shown = folder.file("shown", &shown);
    let to = [
        "--bootstrap-server",
        &servers,
        "--command-config",
        &shown,
        "--topic",
        "t",
    ];
    let written = succeeds("console-producer", &to, "a line\n").await;
    assert!(!written.contains("uthoriz"), "{written}");
    let anonymous = folder.file("anonymous", &format!("security.protocol=SSL\n{trust}"));
    let to = [
        "--bootstrap-server",
        &servers,
        "--command-config",
        &anonymous,
        "--topic",
        "t",
    ];
    let written = succeeds("console-producer", &to, "a line\n").await;
    assert!(written.contains("uthoriz"), "{written}");
    broker.shutdown().await;
}
