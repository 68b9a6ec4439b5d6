//! What a producer measures: Kafka's `producer-metrics` (`SenderMetricsRegistry`, `BufferPool`, `KafkaProducerMetrics`)
//! and `producer-topic-metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::meter::{Meter, Moment, Spent};
use super::registry::Registry;
use super::snapshot::Report;
use crate::clock::now;

const GROUP: &str = "producer-metrics";
const TOPIC_GROUP: &str = "producer-topic-metrics";

/// What is measured of a producer. Locked once for each request, not for each record.
#[derive(Debug, Default)]
pub(crate) struct ProducerMeters {
    sending: Mutex<Sending>,
    waiting: AtomicUsize,
    pub(crate) metadata_wait: Spent,
    pub(crate) flush: Spent,
    pub(crate) transactions: TransactionTimes,
}

/// The time that was spent with transactions.
#[derive(Debug, Default)]
pub(crate) struct TransactionTimes {
    pub(crate) init: Spent,
    pub(crate) begin: Spent,
    pub(crate) send_offsets: Spent,
    pub(crate) commit: Spent,
    pub(crate) abort: Spent,
}

#[derive(Debug, Default)]
struct Sending {
    all: Records,
    topics: BTreeMap<Arc<str>, Records>,
    batch_size: Meter,
    record_size: Meter,
    queue_time: Meter,
    per_request: Meter,
    latency: Meter,
    throttle: Meter,
    splits: Meter,
    exhausted: Meter,
    /// Seconds.
    buffer_wait: Meter,
}

/// What became of records, of all or of a topic's.
#[derive(Debug, Default, Clone, Copy)]
struct Records {
    sent: Meter,
    bytes: Meter,
    compression: Meter,
    retried: Meter,
    failed: Meter,
}

/// A batch that goes out.
#[derive(Debug, Clone)]
pub(crate) struct Shipment {
    pub(crate) topic: Arc<str>,
    pub(crate) records: u32,
    /// Bytes as they are sent.
    pub(crate) size: usize,
    /// Bytes before compression.
    pub(crate) uncompressed: usize,
    /// Bytes of the largest record.
    pub(crate) largest: usize,
    /// Since it was begun.
    pub(crate) age: Duration,
    /// Whether it was sent before.
    pub(crate) is_retry: bool,
}

/// Somebody who waits for room in the buffer.
#[derive(Debug)]
#[must_use]
pub(crate) struct Waiting<'a> {
    meters: &'a ProducerMeters,
    registry: &'a Registry,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.meters.waiting.fetch_sub(1, Ordering::Relaxed);
        let now = now();
        let waited = now.saturating_duration_since(self.since).as_secs_f64();
        let moment = self.registry.moment_of(now);
        self.meters.sending().buffer_wait.record(waited, moment);
    }
}

impl ProducerMeters {
    fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request goes out with these batches.
    pub(crate) fn sent(&self, shipments: &[Shipment], moment: Moment) {
        let sending = &mut *self.sending();
        let mut records = 0;
        for shipment in shipments {
            let topic = match sending.topics.get_mut(&shipment.topic) {
                Some(known) => known,
                None => sending.topics.entry(shipment.topic.clone()).or_default(),
            };
            sending.all.ship(shipment, moment);
            topic.ship(shipment, moment);
            let age = shipment.age;
            sending.batch_size.record(shipment.size as f64, moment);
            sending.record_size.record(shipment.largest as f64, moment);
            sending.queue_time.record_time(age, moment);
            records += shipment.records;
        }
        sending.per_request.record(f64::from(records), moment);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, after: Duration, throttled: Duration, moment: Moment) {
        let mut sending = self.sending();
        sending.latency.record_time(after, moment);
        sending.throttle.record_time(throttled, moment);
    }

    /// Records of a topic were given up.
    pub(crate) fn failed(&self, topic: &Arc<str>, records: u32, moment: Moment) {
        let mut sending = self.sending();
        let records = f64::from(records);
        sending.all.failed.record(records, moment);
        let topic = sending.topics.entry(topic.clone()).or_default();
        topic.failed.record(records, moment);
    }

    /// Batches were split.
    pub(crate) fn split(&self, batches: u32, moment: Moment) {
        self.sending().splits.record(f64::from(batches), moment);
    }

    /// A record was refused because there was no room.
    pub(crate) fn exhausted(&self, moment: Moment) {
        self.sending().exhausted.record(1.0, moment);
    }

    /// Somebody waits for room, until the returned value is dropped.
    pub(crate) fn wait_for_room<'a>(&'a self, registry: &'a Registry) -> Waiting<'a> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting {
            meters: self,
            registry,
            since: now(),
        }
    }

    /// Adds to what every client has to tell. `used` of `buffer` bytes are taken, and the cluster was last looked at that
    /// long ago.
    pub(crate) fn report(
        &self,
        used: usize,
        buffer: usize,
        metadata_age: Option<Duration>,
        report: &mut Report,
    ) {
        let sending = self.sending();
        sending.report(report);
        let seconds = |time: Duration| time.as_secs_f64();
        report
            .gauge(
                "buffer-total-bytes",
                "Bytes that may be buffered (buffer.memory).",
                buffer as f64,
            )
            .gauge(
                "buffer-available-bytes",
                "Bytes of the buffer that are free.",
                buffer.saturating_sub(used) as f64,
            )
            .gauge(
                "waiting-threads",
                "Sends that wait for room in the buffer.",
                self.waiting.load(Ordering::Relaxed) as f64,
            )
            .gauge(
                "metadata-age",
                "Seconds since the cluster was last looked at.",
                metadata_age.map_or(f64::NAN, seconds),
            );
        for (name, description, spent) in self.times() {
            report.counter(name, description, spent.nanos());
        }
        let moment = report.moment();
        for (topic, records) in &sending.topics {
            report
                .tagged(TOPIC_GROUP, vec![("topic", topic.clone())])
                .amount(
                    ["byte-rate", "byte-total"],
                    "Bytes of batches sent, compressed.",
                    &records.bytes,
                )
                .gauge(
                    "compression-rate",
                    COMPRESSION,
                    records.compression.avg(moment),
                );
            records.report(report);
        }
    }

    fn times(&self) -> [(&'static str, &'static str, &Spent); 7] {
        let transactions = &self.transactions;
        [
            (
                "metadata-wait-time-ns-total",
                "Nanoseconds spent waiting for a topic to be known.",
                &self.metadata_wait,
            ),
            (
                "flush-time-ns-total",
                "Nanoseconds spent in flush.",
                &self.flush,
            ),
            (
                "txn-init-time-ns-total",
                "Nanoseconds spent in init_transactions.",
                &transactions.init,
            ),
            (
                "txn-begin-time-ns-total",
                "Nanoseconds spent in begin_transaction.",
                &transactions.begin,
            ),
            (
                "txn-send-offsets-time-ns-total",
                "Nanoseconds spent in send_offsets_to_transaction.",
                &transactions.send_offsets,
            ),
            (
                "txn-commit-time-ns-total",
                "Nanoseconds spent in commit_transaction.",
                &transactions.commit,
            ),
            (
                "txn-abort-time-ns-total",
                "Nanoseconds spent in abort_transaction.",
                &transactions.abort,
            ),
        ]
    }
}

const COMPRESSION: &str = "Size of batches compressed over their size before.";

impl Sending {
    fn report(&self, report: &mut Report) {
        let moment = report.moment();
        report
            .group(GROUP)
            .gauge(
                "compression-rate-avg",
                COMPRESSION,
                self.all.compression.avg(moment),
            )
            .gauge(
                "records-per-request-avg",
                "Records of a request.",
                self.per_request.avg(moment),
            )
            .spread(
                ["batch-size-avg", "batch-size-max"],
                "Bytes of a batch as sent: of a request and partition.",
                &self.batch_size,
            )
            .spread(
                ["record-size-avg", "record-size-max"],
                "Bytes of the largest record of a batch, before compression; the first has the batch's header with it.",
                &self.record_size,
            )
            .spread(
                ["record-queue-time-avg", "record-queue-time-max"],
                "Milliseconds from the begin of a batch until it is sent.",
                &self.queue_time,
            )
            .spread(
                ["request-latency-avg", "request-latency-max"],
                "Milliseconds until a Produce was answered.",
                &self.latency,
            )
            .spread(
                ["produce-throttle-time-avg", "produce-throttle-time-max"],
                "Milliseconds for which a broker has throttled a Produce.",
                &self.throttle,
            )
            .amount(
                ["batch-split-rate", "batch-split-total"],
                "Batches split because they were too large for their broker.",
                &self.splits,
            )
            .gauge(
                "bufferpool-wait-ratio",
                "Share of the time in which a send has waited for room; several at once count each.",
                self.buffer_wait.rate(moment),
            )
            .counter(
                "bufferpool-wait-time-ns-total",
                "Nanoseconds spent waiting for room in the buffer.",
                self.buffer_wait.total() * 1e9,
            )
            .times(
                ["buffer-exhausted-rate", "buffer-exhausted-total"],
                "Records refused because the buffer was full.",
                &self.exhausted,
            );
        self.all.report(report);
    }
}

impl Records {
    fn ship(&mut self, shipment: &Shipment, moment: Moment) {
        let records = f64::from(shipment.records);
        self.sent.record(records, moment);
        self.bytes.record(shipment.size as f64, moment);
        let rate = shipment.size as f64 / shipment.uncompressed.max(1) as f64;
        self.compression.record(rate, moment);
        if shipment.is_retry {
            self.retried.record(records, moment);
        }
    }

    fn report(&self, report: &mut Report) {
        report
            .amount(
                ["record-send-rate", "record-send-total"],
                "Records sent, again where they were sent again.",
                &self.sent,
            )
            .amount(
                ["record-retry-rate", "record-retry-total"],
                "Records sent again.",
                &self.retried,
            )
            .amount(
                ["record-error-rate", "record-error-total"],
                "Records given up.",
                &self.failed,
            );
    }
}
