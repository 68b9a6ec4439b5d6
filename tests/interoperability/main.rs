//! What we write the Java client and librdkafka read, and the reverse; groups in which they are members beside ours. On a
//! real Kafka, whose address is in `KAFKA_BOOTSTRAP`, and on the embedded broker.

mod groups;
mod peer;
mod records;

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::admin::{Admin, NewTopic};
use tests::kafka::{bootstrap, unique};

/// A Java program takes seconds to begin, and a Python to be brought in.
const LIMIT: Duration = Duration::from_secs(90);

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Where a conversation takes place.
struct Cluster {
    servers: String,
    /// Lives as long as the conversation does.
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

    async fn topic(&self, name: &str, partitions: i32) -> String {
        let name = unique(name);
        let admin = Admin::builder().bootstrap_servers(&self.servers);
        let admin = within("an admin client", admin.build()).await.unwrap();
        let topic = NewTopic::new(&name).partitions(partitions);
        let created = admin.create_topics([topic.replication_factor(1)]);
        for (_, result) in within("a topic", created).await.unwrap() {
            result.unwrap();
        }
        name
    }
}
