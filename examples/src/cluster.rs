//! The Kafka that an example works with.

use kafka_broker::Broker;
use kafka_client::admin::{Admin, AlterConfig, ConfigResource, NewTopic};
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

    /// Gives a share group a setting of its own; the group need not be there yet.
    ///
    /// # Errors
    /// Why it does not have it now.
    pub async fn set_of_share_group(
        &self,
        admin: &Admin,
        group: &str,
        name: &str,
        value: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        if let Some(broker) = &self.embedded {
            return Ok(broker.set_share_group_config(group, name, Some(value))?);
        }
        let group = ConfigResource::Group(group.to_owned());
        let change = AlterConfig::Set(name.to_owned(), value.to_owned());
        for (_, result) in admin
            .incremental_alter_configs([(group, vec![change])])
            .await?
        {
            result?;
        }
        Ok(())
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
    create(admin, NewTopic::new(topic).partitions(partitions)).await
}

/// Creates a topic that keeps the newest value of each key, unless it is there.
///
/// # Errors
/// Why it could not be created, by name.
pub async fn create_compacted_topic(
    admin: &Admin,
    topic: &str,
    partitions: i32,
) -> Result<(), Error> {
    let topic = NewTopic::new(topic).partitions(partitions);
    create(admin, topic.config("cleanup.policy", "compact")).await
}

async fn create(admin: &Admin, topic: NewTopic) -> Result<(), Error> {
    for (_, result) in admin.create_topics([topic]).await? {
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
