//! What a consumer measures of its fetches: Kafka's `consumer-fetch-manager-metrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::meter::{Meter, Moment};
use super::snapshot::Report;
use crate::types::TopicPartition;

const GROUP: &str = "consumer-fetch-manager-metrics";

/// What is measured of fetches and of what they brought. Locked once for each fetch and each poll, not for each record.
#[derive(Debug, Default)]
pub(crate) struct FetchMeters(Mutex<Fetching>);

#[derive(Debug, Default)]
struct Fetching {
    all: Received,
    topics: BTreeMap<Arc<str>, Received>,
    latency: Meter,
    throttle: Meter,
}

/// What was received, of all topics or of one.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Received {
    /// Bytes, by fetch.
    fetched: Meter,
    /// Records, by fetch.
    records: Meter,
    consumed: Meter,
    consumed_bytes: Meter,
}

/// What a fetch brought of one topic, or a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Haul {
    pub(crate) topic: Arc<str>,
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Haul {
    /// Adds to what there is of the topic. Hauls are of few topics at a time, and those of a topic come together.
    pub(crate) fn add(hauls: &mut Vec<Self>, topic: &Arc<str>, records: usize, bytes: usize) {
        let mut latest_first = hauls.iter_mut().rev();
        match latest_first.find(|haul| haul.topic == *topic) {
            Some(haul) => {
                haul.records += records;
                haul.bytes += bytes;
            }
            None => hauls.push(Self {
                topic: topic.clone(),
                records,
                bytes,
            }),
        }
    }
}

/// What is measured of one partition.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct PartitionMeters {
    lag: Meter,
    lead: Meter,
}

/// Where a partition stands.
#[derive(Debug, Clone)]
pub(crate) struct PartitionStand {
    pub(crate) partition: TopicPartition,
    /// Records behind the position, once a fetch has told.
    pub(crate) lag: Option<i64>,
    /// Records before it.
    pub(crate) lead: Option<i64>,
    pub(crate) replica: Option<i32>,
    /// For how long there has been no progress.
    pub(crate) stalled: Duration,
    pub(crate) meters: PartitionMeters,
}

impl PartitionMeters {
    pub(crate) fn record(&mut self, lag: Option<i64>, lead: Option<i64>, moment: Moment) {
        for (meter, value) in [(&mut self.lag, lag), (&mut self.lead, lead)] {
            if let Some(value) = value {
                meter.record(value as f64, moment);
            }
        }
    }
}

impl FetchMeters {
    fn fetching(&self) -> MutexGuard<'_, Fetching> {
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
        let fetching = &mut *self.fetching();
        fetching.latency.record_time(after, moment);
        fetching.throttle.record_time(throttled, moment);
        let (mut bytes, mut records) = (0, 0);
        for haul in hauls {
            let topic = of_topic(&mut fetching.topics, &haul.topic);
            topic.fetch(haul.bytes, haul.records, moment);
            bytes += haul.bytes;
            records += haul.records;
        }
        fetching.all.fetch(bytes, records, moment);
    }

    /// A poll hands this out.
    pub(crate) fn consumed(&self, hauls: &[Haul], moment: Moment) {
        let fetching = &mut *self.fetching();
        for haul in hauls {
            let topic = of_topic(&mut fetching.topics, &haul.topic);
            topic.consume(haul, moment);
            fetching.all.consume(haul, moment);
        }
    }

    /// Adds to what every client has to tell.
    pub(crate) fn report(&self, partitions: &[PartitionStand], report: &mut Report) {
        let moment = report.moment();
        let fetching = self.fetching();
        report
            .group(GROUP)
            .times(
                ["fetch-rate", "fetch-total"],
                "Fetches answered.",
                &fetching.latency,
            )
            .spread(
                ["fetch-latency-avg", "fetch-latency-max"],
                "Milliseconds until a fetch was answered, in which the broker may wait for records.",
                &fetching.latency,
            )
            .spread(
                ["fetch-throttle-time-avg", "fetch-throttle-time-max"],
                "Milliseconds for which a broker has throttled a fetch.",
                &fetching.throttle,
            );
        fetching.all.report(report);
        let (mut lag, mut lead) = (Meter::default(), Meter::default());
        for stand in partitions {
            lag.add(&stand.meters.lag);
            lead.add(&stand.meters.lead);
        }
        let stalled = partitions.iter().filter(|stand| !stand.stalled.is_zero());
        report
            .gauge(
                "records-lag-max",
                "Records behind the position, of the partition that has most.",
                lag.max(moment),
            )
            .gauge(
                "records-lead-min",
                "Records before the position, of the partition that has fewest.",
                lead.min(moment),
            )
            .gauge(
                "stalled-partitions",
                "Assigned partitions that make no progress. Kafka does not have it.",
                stalled.count() as f64,
            );
        for (topic, received) in &fetching.topics {
            report.tagged(GROUP, vec![("topic", topic.clone())]);
            received.report(report);
        }
        drop(fetching);
        for stand in partitions {
            stand.report(report);
        }
    }
}

fn of_topic<'a>(
    topics: &'a mut BTreeMap<Arc<str>, Received>,
    topic: &Arc<str>,
) -> &'a mut Received {
    topics.entry(topic.clone()).or_default()
}

impl Received {
    /// The most records that a fetch has brought.
    pub(super) fn most_records(&self, moment: Moment) -> f64 {
        self.records.max(moment)
    }

    pub(super) fn fetch(&mut self, bytes: usize, records: usize, moment: Moment) {
        self.fetched.record(bytes as f64, moment);
        self.records.record(records as f64, moment);
    }

    pub(super) fn consume(&mut self, haul: &Haul, moment: Moment) {
        self.consumed.record(haul.records as f64, moment);
        self.consumed_bytes.record(haul.bytes as f64, moment);
    }

    pub(super) fn report(&self, report: &mut Report) {
        let moment = report.moment();
        report
            .spread(
                ["fetch-size-avg", "fetch-size-max"],
                "Bytes of records that a fetch has brought, compressed.",
                &self.fetched,
            )
            .gauge(
                "records-per-request-avg",
                "Records that a fetch has brought, as their batches say.",
                self.records.avg(moment),
            )
            .amount(
                ["records-consumed-rate", "records-consumed-total"],
                "Records handed out.",
                &self.consumed,
            )
            .amount(
                ["bytes-consumed-rate", "bytes-consumed-total"],
                "Bytes of records handed out, decompressed.",
                &self.consumed_bytes,
            );
    }
}

impl PartitionStand {
    fn report(&self, report: &mut Report) {
        let moment = report.moment();
        let TopicPartition { topic, partition } = &self.partition;
        let tags = vec![
            ("topic", topic.clone()),
            ("partition", partition.to_string().into()),
        ];
        let known = |value: Option<i64>| value.map_or(f64::NAN, |value| value as f64);
        report
            .tagged(GROUP, tags)
            .gauge(
                "records-lag",
                "Records behind the position, as of the last fetch.",
                known(self.lag),
            )
            .gauge(
                "records-lag-avg",
                "Records behind the position.",
                self.meters.lag.avg(moment),
            )
            .gauge(
                "records-lag-max",
                "Records behind the position.",
                self.meters.lag.max(moment),
            )
            .gauge(
                "records-lead",
                "Records before the position, as of the last fetch.",
                known(self.lead),
            )
            .gauge(
                "records-lead-avg",
                "Records before the position.",
                self.meters.lead.avg(moment),
            )
            .gauge(
                "records-lead-min",
                "Records before the position.",
                self.meters.lead.min(moment),
            )
            .gauge(
                "preferred-read-replica",
                "The broker that it is read from instead of the leader; -1 for the leader.",
                f64::from(self.replica.unwrap_or(-1)),
            )
            .gauge(
                "stalled-seconds",
                "For how long it has made no progress; 0 while it does. Kafka does not have it.",
                self.stalled.as_secs_f64(),
            );
    }
}
