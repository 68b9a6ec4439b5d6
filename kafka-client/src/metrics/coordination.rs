//! What a consumer measures of its group: Kafka's `consumer-coordinator-metrics`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_proto::codec::Request;
use kafka_proto::messages::{
    ConsumerGroupHeartbeatRequest, HeartbeatRequest, JoinGroupRequest, OffsetCommitRequest,
    SyncGroupRequest,
};

use super::meter::{Meter, Moment};
use super::snapshot::Report;
use crate::clock::now;

const GROUP: &str = "consumer-coordinator-metrics";

/// What is asked of a group's coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupRequest {
    Join,
    Sync,
    Heartbeat,
    Commit,
}

impl GroupRequest {
    /// What a request is by its API key.
    pub(crate) fn of(api_key: i16) -> Option<Self> {
        match api_key {
            JoinGroupRequest::KEY => Some(Self::Join),
            SyncGroupRequest::KEY => Some(Self::Sync),
            HeartbeatRequest::KEY | ConsumerGroupHeartbeatRequest::KEY => Some(Self::Heartbeat),
            OffsetCommitRequest::KEY => Some(Self::Commit),
            _ => None,
        }
    }
}

/// What a rebalance listener was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerCall {
    Assigned,
    Revoked,
    Lost,
}

/// What is measured of a consumer's group.
#[derive(Debug, Default)]
pub(crate) struct GroupMeters(Mutex<Coordination>);

#[derive(Debug, Default)]
struct Coordination {
    join: Meter,
    sync: Meter,
    heartbeat: Meter,
    commit: Meter,
    last_heartbeat: Option<Instant>,
    assigned: Meter,
    revoked: Meter,
    lost: Meter,
    rebalance: Meter,
    last_rebalance: Option<Instant>,
    failed: Meter,
}

impl GroupMeters {
    fn coordination(&self) -> MutexGuard<'_, Coordination> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A heartbeat goes out.
    pub(crate) fn beats(&self, now: Instant) {
        self.coordination().last_heartbeat = Some(now);
    }

    /// The coordinator has answered, whatever it said.
    pub(crate) fn answered(&self, request: GroupRequest, after: Duration, moment: Moment) {
        let mut coordination = self.coordination();
        let meter = match request {
            GroupRequest::Join => &mut coordination.join,
            GroupRequest::Sync => &mut coordination.sync,
            GroupRequest::Heartbeat => &mut coordination.heartbeat,
            GroupRequest::Commit => &mut coordination.commit,
        };
        meter.record_time(after, moment);
    }

    /// The listener has returned.
    pub(crate) fn told(&self, call: ListenerCall, after: Duration, moment: Moment) {
        let mut coordination = self.coordination();
        let meter = match call {
            ListenerCall::Assigned => &mut coordination.assigned,
            ListenerCall::Revoked => &mut coordination.revoked,
            ListenerCall::Lost => &mut coordination.lost,
        };
        meter.record_time(after, moment);
    }

    /// A rebalance has ended.
    pub(crate) fn rebalanced(&self, after: Duration, now: Instant, moment: Moment) {
        let mut coordination = self.coordination();
        coordination.rebalance.record_time(after, moment);
        coordination.last_rebalance = Some(now);
    }

    /// An attempt at a rebalance has failed.
    pub(crate) fn failed(&self, moment: Moment) {
        self.coordination().failed.record(1.0, moment);
    }

    /// Adds to what every client has to tell.
    pub(crate) fn report(&self, assigned: usize, report: &mut Report) {
        const PER_HOUR: f64 = 3600.0;
        let (moment, now) = (report.moment(), now());
        let ago = |time: Option<Instant>| {
            time.map_or(f64::NAN, |time| {
                now.saturating_duration_since(time).as_secs_f64()
            })
        };
        let coordination = self.coordination();
        let Coordination {
            join,
            sync,
            heartbeat,
            commit,
            rebalance,
            failed,
            ..
        } = &*coordination;
        report
            .group(GROUP)
            .gauge(
                "assigned-partitions",
                "Partitions that are read.",
                assigned as f64,
            )
            .times(
                ["commit-rate", "commit-total"],
                "Commits answered.",
                commit,
            )
            .spread(
                ["commit-latency-avg", "commit-latency-max"],
                "Milliseconds until a commit was answered.",
                commit,
            )
            .times(["join-rate", "join-total"], "JoinGroup answered.", join)
            .spread(
                ["join-time-avg", "join-time-max"],
                "Milliseconds until JoinGroup was answered, in which the group waits for its members.",
                join,
            )
            .times(["sync-rate", "sync-total"], "SyncGroup answered.", sync)
            .spread(
                ["sync-time-avg", "sync-time-max"],
                "Milliseconds until SyncGroup was answered.",
                sync,
            )
            .times(
                ["heartbeat-rate", "heartbeat-total"],
                "Heartbeats answered.",
                heartbeat,
            )
            .gauge(
                "heartbeat-response-time-max",
                "Milliseconds until a heartbeat was answered.",
                heartbeat.max(moment),
            )
            .gauge(
                "last-heartbeat-seconds-ago",
                "Seconds since the last heartbeat was sent.",
                ago(coordination.last_heartbeat),
            )
            .gauge(
                "rebalance-rate-per-hour",
                "Rebalances that have ended.",
                rebalance.frequency(moment) * PER_HOUR,
            )
            .counter(
                "rebalance-total",
                "Rebalances that have ended.",
                rebalance.count(),
            )
            .spread(
                ["rebalance-latency-avg", "rebalance-latency-max"],
                "Milliseconds from the begin of a rebalance until its partitions are read.",
                rebalance,
            )
            .counter(
                "rebalance-latency-total",
                "Milliseconds spent with rebalances.",
                rebalance.total(),
            )
            .gauge(
                "last-rebalance-seconds-ago",
                "Seconds since a rebalance has ended.",
                ago(coordination.last_rebalance),
            )
            .gauge(
                "failed-rebalance-rate-per-hour",
                "Attempts at a rebalance that have failed.",
                failed.frequency(moment) * PER_HOUR,
            )
            .counter(
                "failed-rebalance-total",
                "Attempts at a rebalance that have failed.",
                failed.count(),
            )
            .spread(
                ["partition-assigned-latency-avg", "partition-assigned-latency-max"],
                "Milliseconds that the rebalance listener has taken.",
                &coordination.assigned,
            )
            .spread(
                ["partition-revoked-latency-avg", "partition-revoked-latency-max"],
                "Milliseconds that the rebalance listener has taken.",
                &coordination.revoked,
            )
            .spread(
                ["partition-lost-latency-avg", "partition-lost-latency-max"],
                "Milliseconds that the rebalance listener has taken.",
                &coordination.lost,
            );
    }
}
