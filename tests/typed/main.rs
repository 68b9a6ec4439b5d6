//! Typed records: JSON, Avro with a schema registry, and the clients without async. On the embedded broker and, with
//! `KAFKA_BOOTSTRAP`, on a real Kafka; the registry is the test kit's own.

mod avro;
mod blocking;
mod evolution;
mod golden;
mod json;
mod peer;
mod registry;

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, ConsumerRecords};
use kafka_client::producer::Producer;
use kafka_client::schema_registry::{SchemaRegistry, SchemaRegistryBuilder};
use tests::kafka::{WAIT, bootstrap, unique};
use tests::registry::Registry;

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT:?}"))
}

/// Where records are written and read.
struct Cluster {
    servers: String,
    _embedded: Option<Broker>,
}

impl Cluster {
    fn real() -> Self {
        Self {
            servers: bootstrap(),
            _embedded: None,
        }
    }

    async fn embedded() -> Self {
        let broker = Broker::builder().start().await.unwrap();
        Self {
            servers: broker.bootstrap_servers(),
            _embedded: Some(broker),
        }
    }

    async fn topic(&self, name: &str) -> String {
        let name = unique(name);
        let admin = Admin::builder().bootstrap_servers(&self.servers);
        let admin = within("an admin client", admin.build()).await.unwrap();
        let topic = NewTopic::new(&name).partitions(1).replication_factor(1);
        let created = admin.create_topics([topic]);
        for (_, result) in within("a topic", created).await.unwrap() {
            result.unwrap();
        }
        name
    }

    async fn producer(&self) -> Producer {
        let producer = Producer::builder().bootstrap_servers(&self.servers);
        within("a producer", producer.build()).await.unwrap()
    }

    /// Everything that partition 0 of a topic has.
    async fn read(&self, topic: &str, count: usize) -> Vec<ConsumerRecords> {
        let consumer = Consumer::builder().bootstrap_servers(&self.servers);
        let consumer = within("a consumer", consumer.build()).await.unwrap();
        consumer
            .assign_at([(TopicPartition::new(topic, 0), 0)])
            .unwrap();
        let mut polls = Vec::new();
        while polls.iter().map(ConsumerRecords::len).sum::<usize>() < count {
            let poll = consumer.poll(Duration::from_secs(1));
            polls.push(within("records", poll).await.unwrap());
        }
        polls
    }
}

/// A client that does not wait long before it tries again.
fn client(registry: &Registry) -> SchemaRegistry {
    quick(SchemaRegistry::builder(registry.url()))
}

fn quick(builder: SchemaRegistryBuilder) -> SchemaRegistry {
    let (first, max) = (Duration::from_millis(1), Duration::from_millis(10));
    builder.retry_backoff(first, max).build().unwrap()
}
