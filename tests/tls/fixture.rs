//! A broker behind a listener for TLS, and clients that get there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::consumer::Consumer;
use kafka_client::producer::{Producer, ProducerBuilder, Record};
use kafka_client::security::Tls;
use kafka_client::{Connecting, Connector, Network, TopicPartition, Transport};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tests::tls::{Authority, KeyKind, TlsListener};
use tokio::net::TcpStream;

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// A refusal comes before anybody would try again.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(5);
pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Leads to one port, whatever the cluster calls it.
struct Detour(SocketAddr);

impl Connector for Detour {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        let to = self.0;
        Box::pin(async move { Ok(Box::new(TcpStream::connect(to).await?) as Box<dyn Transport>) })
    }
}

pub(crate) fn by(address: SocketAddr) -> Network {
    Network::of(Detour(address))
}

/// A broker with a topic `t` of one partition, and its listener.
pub(crate) async fn start(config: Arc<ServerConfig>) -> (Arc<Broker>, TlsListener) {
    let broker = Arc::new(Broker::builder().start_without_listener());
    broker.create_topic("t", 1).unwrap();
    let serving = broker.clone();
    let serve = move |stream| serving.serve(1, stream).expect("the broker is there");
    let listener = TlsListener::start(config, serve).await.unwrap();
    (broker, listener)
}

pub(crate) fn authority() -> Authority {
    Authority::new(KeyKind::P256)
}

pub(crate) fn trusting(authority: &Authority) -> Tls {
    Tls::new().roots_pem(authority.pem())
}

pub(crate) async fn producer(
    address: SocketAddr,
    tls: Tls,
    set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
) -> kafka_client::Result<Producer> {
    let builder = Producer::builder()
        .bootstrap_servers("broker:9092")
        .network(by(address))
        .tls(tls);
    within("a producer", set(builder).build()).await
}

pub(crate) async fn send(producer: &Producer, value: &str) {
    let delivery = producer.send(Record::to("t").value(value)).await.unwrap();
    within("a delivery", delivery).await.unwrap();
}

/// The values of so many records from the beginning on, and no more than there are.
pub(crate) async fn read(address: SocketAddr, tls: Tls, count: usize) -> Vec<String> {
    let consumer = within("a consumer", async {
        loop {
            let builder = Consumer::builder()
                .bootstrap_servers("broker:9092")
                .network(by(address))
                .tls(tls.clone());
            match builder.build().await {
                Err(error) if error.is_retriable() => {}
                built => break built.unwrap(),
            }
        }
    })
    .await;
    consumer
        .assign_at([(TopicPartition::new("t", 0), 0)])
        .unwrap();
    let mut values = Vec::new();
    within("what was written", async {
        while values.len() < count {
            let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
            for record in records.records() {
                values.push(String::from_utf8_lossy(record.value().unwrap()).into_owned());
            }
        }
    })
    .await;
    values
}
