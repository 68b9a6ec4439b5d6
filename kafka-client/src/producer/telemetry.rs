//! What a producer tells brokers that ask for metrics.

use std::time::Duration;

use kafka_proto::codec::Uuid;

use super::Producer;
use super::sender::Shared;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::push::Source;

impl Source for Shared {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn metrics(&self) -> Metrics {
        Self::metrics(self)
    }

    fn labels(&self) -> Vec<(&'static str, String)> {
        let id = self.config.transactional_id.clone();
        id.map(|id| ("transactional_id", id)).into_iter().collect()
    }
}

impl Producer {
    /// What the brokers call this client where they tell of metrics that it pushed (KIP-714), for finding them there; waits
    /// until a broker has said it. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::UnsupportedVersion`](crate::Error::UnsupportedVersion) where brokers do not ask for metrics, as without a
    /// reporter that takes them; [`Error::Config`](crate::Error::Config) with `enable.metrics.push=false`;
    /// [`Error::Timeout`](crate::Error::Timeout); [`Error::Closed`](crate::Error::Closed).
    pub async fn client_instance_id(&self, limit: Duration) -> Result<Uuid> {
        self.0.pushing.client_instance_id(limit).await
    }
}
