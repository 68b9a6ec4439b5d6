//! A dev broker: `cargo run -p kafka-broker -- --port 9092 --partitions 4`.

#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kafka_broker::{Authorizer, Broker, BrokerBuilder, BrokerError, Listener, SaslMechanism};
#[cfg(feature = "tls")]
use kafka_broker::{ClientAuth, Tls};
use tracing_subscriber::EnvFilter;

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

/// A Kafka-compatible broker for development: everything is in memory, and gone when it stops.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The host name or address to listen on. Nobody is asked who they are there: beware of anything but loopback.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 9092)]
    port: u16,
    /// The host that clients are told to connect to, if it is not the one that is listened on.
    #[arg(long, value_name = "HOST")]
    advertised_host: Option<String>,
    /// Partitions of a topic that is created without saying how many.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
    /// A topic to create at the start; may be given several times.
    #[arg(long = "topic", value_name = "NAME[:PARTITIONS]")]
    topics: Vec<String>,
    /// Do not create topics just because a client asks for them.
    #[arg(long)]
    no_auto_create_topics: bool,
    #[command(flatten)]
    security: Security,
    /// How many bytes a partition keeps at least before its oldest records go; all if it is not given.
    #[arg(long, value_name = "BYTES")]
    retention_bytes: Option<u64>,
}

/// Who may connect, and how.
#[derive(Debug, clap::Args)]
struct Security {
    /// Where to listen instead of --host and --port, as in Kafka's setting of that name:
    /// PLAINTEXT://127.0.0.1:9092,CLIENTS://0.0.0.0:9094.
    #[arg(long, value_name = "LIST", conflicts_with_all = ["host", "port", "advertised_host"])]
    listeners: Option<String>,
    /// Where clients are told to connect to, listener by listener, if it is not where they are.
    #[arg(long, value_name = "LIST", requires = "listeners")]
    advertised_listeners: Option<String>,
    /// What listeners speak that are not named after it: CLIENTS:SASL_PLAINTEXT.
    #[arg(long, value_name = "LIST", requires = "listeners")]
    listener_security_protocol_map: Option<String>,
    /// How clients may log in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 (these if none is given), OAUTHBEARER with unsigned
    /// tokens.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    sasl_enabled_mechanisms: Vec<SaslMechanism>,
    /// A user for PLAIN and SCRAM; may be given several times.
    #[arg(long = "user", value_name = "NAME:PASSWORD", value_parser = user)]
    users: Vec<(String, String)>,
    /// Have ACLs say who may do what; these may do everything, as User:admin. May be given several times.
    #[arg(long = "super-user", value_name = "PRINCIPAL")]
    super_users: Vec<String>,
    /// Have ACLs say who may do what, and let everybody do everything to what none of them names.
    #[arg(long)]
    allow_everyone_if_no_acl_found: bool,
    /// Lend delegation tokens, made with this key.
    #[arg(long, value_name = "KEY")]
    delegation_token_secret_key: Option<String>,
    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: TlsOptions,
    /// How long a client that has logged in may go on before it does so again; without it as long as it is connected.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    connections_max_reauth_ms: u64,
}

/// What listeners show that speak TLS.
#[cfg(feature = "tls")]
#[derive(Debug, clap::Args)]
struct TlsOptions {
    /// A file with the certificate, and those that lead to its authority, as PEM.
    #[arg(long, value_name = "FILE", requires = "ssl_keystore_key")]
    ssl_keystore_certificate_chain: Option<PathBuf>,
    /// A file with the certificate's key as PEM.
    #[arg(long, value_name = "FILE", requires = "ssl_keystore_certificate_chain")]
    ssl_keystore_key: Option<PathBuf>,
    /// A file with the authorities that clients' certificates may be of, as PEM.
    #[arg(long, value_name = "FILE", requires = "ssl_keystore_key")]
    ssl_truststore_certificates: Option<PathBuf>,
    /// Whether clients show a certificate: none, requested or required.
    #[arg(long, value_name = "WHETHER", default_value = "none")]
    ssl_client_auth: ClientAuth,
}

#[cfg(feature = "tls")]
impl TlsOptions {
    fn apply(self, builder: BrokerBuilder) -> BrokerBuilder {
        let files = (self.ssl_keystore_certificate_chain, self.ssl_keystore_key);
        let (Some(chain), Some(key)) = files else {
            return builder;
        };
        let mut tls = Tls::from_files(chain, key).client_auth(self.ssl_client_auth);
        if let Some(trusted) = self.ssl_truststore_certificates {
            tls = tls.trusted_file(trusted);
        }
        builder.tls(tls)
    }
}

fn user(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once(':').filter(|(name, _)| !name.is_empty());
    let (name, password) = parts.ok_or("expected NAME:PASSWORD")?;
    Ok((name.to_owned(), password.to_owned()))
}

impl Security {
    fn apply(self, mut builder: BrokerBuilder) -> Result<BrokerBuilder, BrokerError> {
        if let Some(listeners) = &self.listeners {
            builder = builder.listeners(Listener::parse(
                listeners,
                self.advertised_listeners.as_deref(),
                self.listener_security_protocol_map.as_deref(),
            )?);
        }
        if !self.sasl_enabled_mechanisms.is_empty() {
            builder = builder.sasl_mechanisms(self.sasl_enabled_mechanisms);
        }
        for (name, password) in self.users {
            builder = builder.user(name, password);
        }
        if !self.super_users.is_empty() || self.allow_everyone_if_no_acl_found {
            let authorizer = Authorizer::new()
                .allow_everyone_if_no_acl_found(self.allow_everyone_if_no_acl_found);
            let super_users = self.super_users.into_iter();
            builder = builder.authorizer(super_users.fold(authorizer, Authorizer::super_user));
        }
        if let Some(key) = self.delegation_token_secret_key {
            builder = builder.delegation_tokens(key);
        }
        #[cfg(feature = "tls")]
        {
            builder = self.tls.apply(builder);
        }
        let session = Duration::from_millis(self.connections_max_reauth_ms);
        Ok(builder.connections_max_reauth(session))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka-broker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), BrokerError> {
    let mut builder = Broker::builder()
        .host(options.host)
        .port(options.port)
        .default_partitions(options.partitions)
        .auto_create_topics(!options.no_auto_create_topics);
    if let Some(host) = options.advertised_host {
        builder = builder.advertised_host(host);
    }
    if let Some(bytes) = options.retention_bytes {
        builder = builder.retention_bytes(bytes);
    }
    let named = options.security.listeners.is_some();
    let broker = options.security.apply(builder)?.start().await?;
    for topic in &options.topics {
        // What is not a number belongs to the name, which is then refused by its colon.
        let named = topic
            .rsplit_once(':')
            .and_then(|(name, count)| Some((name, count.parse().ok()?)));
        let (name, partitions) = named.unwrap_or((topic, options.partitions));
        broker.create_topic(name, partitions)?;
    }
    if named {
        for listener in broker.listeners() {
            println!("{listener} on {}", broker.bootstrap_servers_of(listener)?);
        }
    } else {
        println!("listening on {}", broker.bootstrap_servers());
    }
    if let Err(error) = told_to_stop().await {
        tracing::warn!(%error, "cannot wait for a signal: stopping");
    }
    broker.shutdown().await;
    Ok(())
}

/// Waits for Ctrl-C or, where there is such a thing, for the signal that a supervisor sends.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
