//! What a share consumer measures: Kafka's `consumer-share-fetch-manager-metrics` and
//! `consumer-share-coordinator-metrics`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fetching::{Haul, Received};
use super::meter::{Meter, Moment};
use super::snapshot::Report;
use crate::clock::now;

/// What is measured of a share consumer. Locked once for each request and each poll, not for each record.
#[derive(Debug, Default)]
pub(crate) struct ShareMeters(Mutex<Sharing>);

#[derive(Debug, Default)]
struct Sharing {
    received: Received,
    latency: Meter,
    throttle: Meter,
    acknowledged: Meter,
    failed: Meter,
    heartbeat: Meter,
    last_heartbeat: Option<Instant>,
    rebalance: Meter,
}

impl ShareMeters {
    fn sharing(&self) -> MutexGuard<'_, Sharing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fetch was answered.
    pub(crate) fn fetched(
        &self,
        after: Duration,
        throttled: Duration,
        hauls: &[Haul],
        moment: Moment,
    ) {
        let sharing = &mut *self.sharing();
        sharing.latency.record_time(after, moment);
        sharing.throttle.record_time(throttled, moment);
        let bytes = hauls.iter().map(|haul| haul.bytes).sum();
        let records = hauls.iter().map(|haul| haul.records).sum();
        sharing.received.fetch(bytes, records, moment);
    }

    /// A poll hands this out.
    pub(crate) fn consumed(&self, hauls: &[Haul], moment: Moment) {
        let mut sharing = self.sharing();
        for haul in hauls {
            sharing.received.consume(haul, moment);
        }
    }

    /// So many records were acknowledged, or it was tried.
    pub(crate) fn acknowledged(&self, records: u64, has_failed: bool, moment: Moment) {
        let mut sharing = self.sharing();
        sharing.acknowledged.record(records as f64, moment);
        if has_failed {
            sharing.failed.record(records as f64, moment);
        }
    }

    /// A heartbeat goes out.
    pub(crate) fn beats(&self, now: Instant) {
        self.sharing().last_heartbeat = Some(now);
    }

    /// The coordinator has answered it.
    pub(crate) fn heartbeat(&self, after: Duration, moment: Moment) {
        self.sharing().heartbeat.record_time(after, moment);
    }

    /// Other partitions are read from now on.
    pub(crate) fn rebalanced(&self, moment: Moment) {
        self.sharing().rebalance.record(1.0, moment);
    }

    /// Adds to what every client has to tell.
    pub(crate) fn report(&self, assigned: usize, report: &mut Report) {
        const PER_HOUR: f64 = 3600.0;
        let moment = report.moment();
        let sharing = self.sharing();
        report
            .group("consumer-share-fetch-manager-metrics")
            .times(
                ["fetch-rate", "fetch-total"],
                "Fetches answered.",
                &sharing.latency,
            )
            .spread(
                ["fetch-latency-avg", "fetch-latency-max"],
                "Milliseconds until a fetch was answered, in which the broker may wait for records.",
                &sharing.latency,
            )
            .spread(
                ["fetch-throttle-time-avg", "fetch-throttle-time-max"],
                "Milliseconds for which a broker has throttled a fetch.",
                &sharing.throttle,
            )
            .amount(
                ["acknowledgements-send-rate", "acknowledgements-send-total"],
                "Records acknowledged.",
                &sharing.acknowledged,
            )
            .amount(
                ["acknowledgements-error-rate", "acknowledgements-error-total"],
                "Records of which the acknowledgement does not count, or nobody knows.",
                &sharing.failed,
            );
        sharing.received.report(report);
        report.gauge(
            "records-per-request-max",
            "Records that a fetch has brought, as their batches say.",
            sharing.received.most_records(moment),
        );
        let ago = sharing.last_heartbeat.map_or(f64::NAN, |last| {
            now().saturating_duration_since(last).as_secs_f64()
        });
        report
            .group("consumer-share-coordinator-metrics")
            .gauge(
                "assigned-partitions",
                "Partitions that are read, among others. Kafka does not have it.",
                assigned as f64,
            )
            .times(
                ["heartbeat-rate", "heartbeat-total"],
                "Heartbeats answered.",
                &sharing.heartbeat,
            )
            .gauge(
                "heartbeat-response-time-max",
                "Milliseconds until a heartbeat was answered.",
                sharing.heartbeat.max(moment),
            )
            .gauge(
                "last-heartbeat-seconds-ago",
                "Seconds since the last heartbeat was sent.",
                ago,
            )
            .gauge(
                "rebalance-rate-per-hour",
                "Times that the partitions to read were others than before.",
                sharing.rebalance.frequency(moment) * PER_HOUR,
            )
            .counter(
                "rebalance-total",
                "Times that the partitions to read were others than before.",
                sharing.rebalance.count(),
            );
    }
}
