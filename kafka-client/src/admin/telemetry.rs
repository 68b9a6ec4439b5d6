//! What an admin client tells brokers that ask for metrics.

use std::sync::Arc;
use std::time::Duration;

use kafka_proto::codec::Uuid;

use super::Admin;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::push::{Pushing, Source};

/// The pushing of an admin client's metrics, and what they are of.
#[derive(Debug)]
pub(super) struct AdminTelemetry {
    pushing: Pushing,
    /// The pushing keeps it from nothing: it goes with the last handle.
    _source: Arc<Pushed>,
}

#[derive(Debug)]
struct Pushed(Cluster);

impl Source for Pushed {
    fn cluster(&self) -> &Cluster {
        &self.0
    }

    fn metrics(&self) -> Metrics {
        self.0.telemetry().metrics.report().finish()
    }

    fn labels(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

impl AdminTelemetry {
    pub(super) fn start(cluster: &Cluster) -> Arc<Self> {
        let source = Arc::new(Pushed(cluster.clone()));
        Arc::new(Self {
            pushing: Pushing::start(&source),
            _source: source,
        })
    }
}

impl Admin {
    /// What the brokers call this client where they tell of metrics that it pushed (KIP-714), for finding them there; waits
    /// until a broker has said it. Admins push only with `enable.metrics.push=true`, as Kafka's do. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::UnsupportedVersion`](crate::Error::UnsupportedVersion) where brokers do not ask for metrics, as without a
    /// reporter that takes them; [`Error::Config`](crate::Error::Config) without `enable.metrics.push=true`;
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub async fn client_instance_id(&self, limit: Duration) -> Result<Uuid> {
        self.telemetry.pushing.client_instance_id(limit).await
    }
}
