//! The metrics for a registry that a program has already.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::families::families;
use super::text::escaped;
use crate::metrics::{MetricKind, Metrics};

type Look = Box<dyn Fn() -> Metrics + Send + Sync>;

/// Adds the metrics of clients to a registry of [`prometheus_client`]; they are looked at with each scrape.
///
/// One collector takes all clients of a program, so that each name is there once.
///
/// ```
/// use kafka_client::metrics::prometheus::KafkaCollector;
/// use prometheus_client::registry::Registry;
///
/// # fn example(producer: kafka_client::producer::Producer, consumer: kafka_client::consumer::Consumer) {
/// let collector = KafkaCollector::new()
///     .with(move || producer.metrics())
///     .with(move || consumer.metrics());
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(collector));
/// # }
/// ```
#[derive(Default)]
pub struct KafkaCollector {
    clients: Vec<Look>,
}

impl KafkaCollector {
    /// A collector of no clients.
    pub fn new() -> Self {
        Self::default()
    }

    /// And of this one.
    #[must_use]
    pub fn with(mut self, metrics: impl Fn() -> Metrics + Send + Sync + 'static) -> Self {
        self.clients.push(Box::new(metrics));
        self
    }
}

impl fmt::Debug for KafkaCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaCollector")
            .field("clients", &self.clients.len())
            .finish()
    }
}

impl Collector for KafkaCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let snapshots: Vec<Metrics> = self.clients.iter().map(|look| look()).collect();
        for (name, family) in families(&snapshots) {
            let (name, kind) = match family.kind {
                // The registry writes the suffix by itself.
                MetricKind::Counter => (
                    name.strip_suffix("_total").unwrap_or(&name),
                    MetricType::Counter,
                ),
                MetricKind::Gauge => (&*name, MetricType::Gauge),
            };
            let help = escaped(&family.help);
            let mut metric = encoder.encode_descriptor(name, &help, None, kind)?;
            for (labels, value) in &family.samples {
                let labels: Vec<(&str, &str)> = labels
                    .iter()
                    .map(|(key, value)| (&**key, &**value))
                    .collect();
                let mut metric = metric.encode_family(&labels)?;
                match family.kind {
                    MetricKind::Counter => {
                        metric.encode_counter::<NoLabelSet, _, f64>(value, None)?
                    }
                    MetricKind::Gauge => metric.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}
