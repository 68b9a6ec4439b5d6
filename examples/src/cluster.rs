//! The Kafka that an example works with.

use kafka_broker::Broker;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::{Error, ErrorCode};

/// A broker in this process, or a cluster elsewhere.
#[derive(Debug)]
pub struct Cluster {
    bootstrap_servers: String,
    embedded: Option<Broker>,
}

impl Cluster {
    /// The cluster at `bootstrap_servers`, or else a broker started in this process, on a free port.
    ///
    /// # Errors
    /// When the broker cannot listen.
    pub async fn connect(
        bootstrap_servers: Option<String>,
    ) -> Result<Self, kafka_broker::BrokerError> {
        match bootstrap_servers {
            Some(bootstrap_servers) => Ok(Self {
                bootstrap_servers,
                embedded: None,
            }),
            None => {
                let broker = Broker::builder().start().await?;
                Ok(Self {
                    bootstrap_servers: broker.bootstrap_servers(),
                    embedded: Some(broker),
                })
            }
        }
    }

    /// Where it listens.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Whether it runs in this process.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Ends the broker that was started here.
    pub async fn shutdown(self) {
        if let Some(broker) = self.embedded {
            broker.shutdown().await;
        }
    }
}

/// Creates a topic unless it is there.
///
/// # Errors
/// Why it could not be created, by name.
pub async fn create_topic(admin: &Admin, topic: &str, partitions: i32) -> Result<(), Error> {
    for (_, result) in admin
        .create_topics([NewTopic::new(topic).partitions(partitions)])
        .await?
    {
        match result {
            Err(Error::Broker {
                code: ErrorCode::TopicAlreadyExists,
                ..
            }) => {}
            other => drop(other?),
        }
    }
    Ok(())
}
