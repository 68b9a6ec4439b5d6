//! What a share consumer tells of itself: measures and events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;

use super::ShareConsumer;
use super::fetching::Settled;
use super::listener::Acknowledged;
use super::parcel::Key;
use super::records::ShareBatch;
use super::shared::Shared;
use crate::clock::now;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::events::{Event, EventStream};
use crate::metrics::{Haul, Metrics, Moment};
use crate::push::Source;
use crate::telemetry::Telemetry;
use crate::types::TopicPartition;

impl ShareConsumer {
    /// What the consumer measures, at this moment; see [`metrics`](crate::metrics).
    pub fn metrics(&self) -> Metrics {
        self.0.shared.metrics()
    }

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

    /// What happens to the consumer from now on; see [`events`](crate::events). Ends when the consumer is closed.
    pub fn events(&self) -> EventStream {
        self.0.shared.telemetry().events.subscribe()
    }
}

impl Source for Shared {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn metrics(&self) -> Metrics {
        let mut report = self.telemetry().metrics.report();
        self.polls
            .report_polls("consumer-share-metrics", &mut report);
        let assigned = self.state().fetching.partitions().len();
        self.meters.report(assigned, &mut report);
        report.finish()
    }

    fn labels(&self) -> Vec<(&'static str, String)> {
        let rack = self.config.client_rack.clone();
        let rack = rack.map(|rack| ("client_rack", rack));
        let group = ("group_id", self.group.to_string());
        let member = self.state().membership.member_id().to_owned();
        let member = ("group_member_id", member);
        rack.into_iter().chain([group, member]).collect()
    }
}

impl Shared {
    pub(super) fn telemetry(&self) -> &Telemetry {
        self.cluster.telemetry()
    }

    pub(super) fn moment(&self) -> Moment {
        self.telemetry().metrics.moment()
    }

    /// A fetch of a broker was answered.
    pub(super) fn count_fetch(
        &self,
        broker: i32,
        since: Instant,
        throttle_millis: i32,
        hauls: &[Haul],
    ) {
        let metrics = &self.telemetry().metrics;
        let now = now();
        let (after, moment) = (now.saturating_duration_since(since), metrics.moment_of(now));
        let throttled = Duration::from_millis(throttle_millis.max(0) as u64);
        self.meters.fetched(after, throttled, hauls, moment);
        metrics.network.node(Some(broker)).answered(after, moment);
    }

    /// A poll hands these batches out.
    pub(super) fn count_records(&self, batches: &[ShareBatch]) {
        let mut hauls = Vec::new();
        for batch in batches {
            let topic = &batch.partition().topic;
            Haul::add(&mut hauls, topic, batch.len(), batch.as_batch().size());
        }
        self.meters.consumed(&hauls, self.moment());
    }

    /// Other partitions are read from now on.
    pub(super) fn count_rebalance(
        &self,
        before: &[TopicPartition],
        after: &BTreeMap<Key, TopicPartition>,
    ) {
        let before: BTreeSet<&TopicPartition> = before.iter().collect();
        let after: BTreeSet<&TopicPartition> = after.values().collect();
        if before == after {
            return;
        }
        self.meters.rebalanced(self.moment());
        let names =
            |partitions: BTreeSet<&TopicPartition>| partitions.into_iter().cloned().collect();
        self.telemetry().events.tell(|| Event::RebalanceEnded {
            group: self.group.clone(),
            assigned: names(&after - &before),
            revoked: names(&before - &after),
            lost: Vec::new(),
            took: Duration::ZERO,
        });
    }

    /// It is known what became of acknowledgements, or it never will be.
    pub(super) fn tell_settled(&self, settled: &[Settled]) {
        if settled.is_empty() {
            return;
        }
        for Settled { parcel, error } in settled {
            let records = parcel.records();
            if records == 0 {
                continue;
            }
            self.meters
                .acknowledged(records, error.is_some(), self.moment());
            if let Some(error) = error {
                let partition = parcel.source.partition.clone();
                tracing::debug!(%partition, records, %error, "acknowledgements failed");
                self.telemetry()
                    .events
                    .tell(|| Event::AcknowledgementsFailed {
                        partition,
                        records,
                        error: error.clone(),
                    });
            }
            if let Some(listener) = &self.listener {
                listener.acknowledged(&Acknowledged::new(parcel, error.clone()));
            }
        }
        self.state().fetching.reply(settled);
    }
}
