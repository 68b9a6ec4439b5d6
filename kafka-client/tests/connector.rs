//! Clients that reach brokers otherwise than by TCP.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;
use kafka_client::producer::{Producer, Record};
use kafka_client::{
    ClientConfig, Connecting, Connector, Error, Network, TopicPartition, Transport,
};

/// For what should come at once.
const SOON: Duration = Duration::from_secs(10);

/// Pipes to brokers that listen nowhere.
struct Pipes(Arc<Broker>);

impl Connector for Pipes {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        let (ours, theirs) = tokio::io::duplex(64);
        let connected = match (host, port) {
            ("broker", 9092..=9093) => self.0.serve(i32::from(port) - 9091, theirs),
            _ => panic!("nobody was told of {host}:{port}"),
        };
        Box::pin(async move {
            connected.map_err(io::Error::other)?;
            Ok(Box::new(ours) as Box<dyn Transport>)
        })
    }
}

#[tokio::test]
async fn clients_reach_all_brokers_by_the_connector_they_are_given() {
    let broker = Arc::new(Broker::builder().nodes(2).start_without_listener());
    broker.create_topic("t", 2).unwrap();
    assert_eq!(broker.bootstrap_servers(), "broker:9092,broker:9093");
    let network = Network::of(Pipes(Arc::clone(&broker)));
    let work = async {
        let producer = Producer::builder()
            .bootstrap_servers("broker:9092")
            .network(network.clone());
        let producer = producer.build().await.unwrap();
        for partition in 0..2 {
            let record = Record::to("t").partition(partition).value("v");
            producer.send(record).await.unwrap().await.unwrap();
        }
        producer.close(SOON).await.unwrap();

        let consumer = Consumer::builder()
            .bootstrap_servers("broker:9092")
            .network(network.clone());
        let consumer = consumer.build().await.unwrap();
        let partitions = [0, 1].map(|partition| (TopicPartition::new("t", partition), 0));
        consumer.assign_at(partitions).unwrap();
        let mut received = 0;
        while received < 2 {
            received += consumer.poll(SOON).await.unwrap().len();
        }
        consumer.close(SOON).await.unwrap();

        // A broker that is stopped ends what it was handed, and takes nothing more.
        broker.stop_node(1).await.unwrap();
        let (_, theirs) = tokio::io::duplex(64);
        broker.serve(1, theirs).unwrap_err();
        broker.start_node(1).await.unwrap();
        let admin = Admin::builder()
            .bootstrap_servers("broker:9092")
            .network(network.clone());
        let brokers = admin.build().await.unwrap().brokers().await.unwrap();
        assert_eq!(brokers.len(), 2);
    };
    tokio::time::timeout(SOON, work)
        .await
        .expect("everything is done soon");
}

/// Leads nowhere.
struct Nowhere;

impl Connector for Nowhere {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        Box::pin(pending())
    }
}

#[tokio::test]
async fn a_connector_that_hangs_is_not_waited_for_longer_than_an_address() {
    let client = ClientConfig {
        connection_setup_timeout: Duration::from_millis(50),
        ..ClientConfig::default()
    };
    let config = kafka_client::producer::ProducerConfig {
        client,
        ..Default::default()
    };
    let producer = Producer::builder()
        .config(config)
        .bootstrap_servers("broker:9092")
        .network(Network::of(Nowhere));
    let built = tokio::time::timeout(SOON, producer.build()).await;
    let error = built.expect("it gives up by itself").unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert!(error.to_string().contains("within 50ms"), "{error}");
}
