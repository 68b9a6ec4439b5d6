//! What a consumer tells of itself: measures, events, and partitions that stand still.

use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use super::Consumer;
use super::records::PartitionBatch;
use super::shared::{Shared, now};
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::events::{Event, EventStream, Stall};
use crate::metrics::{GroupRequest, Haul, ListenerCall, Metrics};
use crate::push::Source;
use crate::telemetry::Telemetry;
use crate::types::TopicPartition;

/// Something that a coordinator was asked.
#[derive(Debug)]
#[must_use]
pub(crate) struct Asked {
    request: Option<GroupRequest>,
    since: Instant,
}

impl Consumer {
    /// The assigned partitions that have made no progress for `stall_after` or longer, and why, as far as it is known: paused
    /// ones, ones without a leader, ones that a broker does not answer for, ones that wait for a seek, ones of which
    /// nobody polls the records. As of the last look, which is taken four times in that time.
    pub fn stalled(&self) -> Vec<Stall> {
        self.0.shared.assignment().stalled(now())
    }

    /// What the consumer measures, at this moment; see [`metrics`](crate::metrics).
    pub fn metrics(&self) -> Metrics {
        self.0.shared.metrics()
    }

    /// What happens to the consumer from now on; see [`events`](crate::events). Ends when the consumer is closed.
    pub fn events(&self) -> EventStream {
        self.0.shared.telemetry().events.subscribe()
    }
}

impl Consumer {
    /// What the brokers call this client where they tell of metrics that it pushed (KIP-714), for finding them there; waits
    /// until a broker has said it. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::UnsupportedVersion`] where brokers do not ask for metrics, as without a reporter that takes them;
    /// [`Error::Config`] with `enable.metrics.push=false`; [`Error::Timeout`]; [`Error::Closed`].
    pub async fn client_instance_id(&self, limit: Duration) -> Result<Uuid> {
        self.0.pushing.client_instance_id(limit).await
    }
}

impl Source for Shared {
    fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn metrics(&self) -> Metrics {
        Self::metrics(self)
    }

    fn labels(&self) -> Vec<(&'static str, String)> {
        let group = self.group.as_ref();
        let member = group.and_then(|group| group.membership().committer());
        let member = member.map(|member| member.member_id);
        [
            ("client_rack", self.config.client_rack.clone()),
            ("group_id", self.config.group_id.clone()),
            ("group_instance_id", self.config.group_instance_id.clone()),
            ("group_member_id", member.filter(|id| !id.is_empty())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}

/// What is told of a consumer while it works.
impl Shared {
    pub(crate) fn telemetry(&self) -> &Telemetry {
        self.cluster.telemetry()
    }

    /// A fetch of a broker was answered.
    pub(crate) fn count_fetch(
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
        self.fetch_meters.fetched(after, throttled, hauls, moment);
        metrics.network.node(Some(broker)).answered(after, moment);
    }

    /// A poll hands these batches out.
    pub(crate) fn count_records(&self, batches: &[PartitionBatch]) {
        let moment = self.telemetry().metrics.moment();
        let mut hauls = Vec::new();
        for batch in batches {
            let topic = &batch.partition().topic;
            Haul::add(&mut hauls, topic, batch.len(), batch.size());
        }
        self.fetch_meters.consumed(&hauls, moment);
        self.assignment().measure(batches, moment);
    }

    /// The coordinator is about to be asked that. Returns what to say when it has answered.
    pub(crate) fn group_asked(&self, request: Option<GroupRequest>) -> Asked {
        let since = now();
        match request {
            Some(GroupRequest::Heartbeat) => self.group_meters.beats(since),
            Some(GroupRequest::Join) => self.rebalance_begins(),
            _ => {}
        }
        Asked { request, since }
    }

    /// The coordinator has answered, unless it could not be asked.
    pub(crate) fn group_answered<T>(&self, asked: Asked, answer: &Result<T>) {
        let is_answered = matches!(answer, Ok(_) | Err(Error::Broker { .. }));
        if let Some(request) = asked.request.filter(|_| is_answered) {
            let now = now();
            let after = now.saturating_duration_since(asked.since);
            let moment = self.telemetry().metrics.moment_of(now);
            self.group_meters.answered(request, after, moment);
        }
    }

    /// The rebalance listener has been told.
    pub(crate) fn count_listener(&self, call: ListenerCall, since: Instant) {
        let now = now();
        let after = now.saturating_duration_since(since);
        let moment = self.telemetry().metrics.moment_of(now);
        self.group_meters.told(call, after, moment);
    }

    /// The group shares its partitions out anew, if that is not known yet.
    pub(crate) fn rebalance_begins(&self) {
        let Some(group) = &self.group else { return };
        if self.rebalancing.begin(now()) {
            tracing::debug!(target: "kafka_client::rebalance", group = group.id, "begins");
            let events = &self.telemetry().events;
            events.tell(|| Event::RebalanceBegan {
                group: group.id.as_str().into(),
            });
        }
    }

    /// The partitions of this consumer are known and read from now on.
    pub(crate) fn rebalance_ends(&self, assigned: &[TopicPartition]) {
        let (Some(group), now) = (&self.group, now()) else {
            return;
        };
        let Some(ended) = self.rebalancing.end(now) else {
            return;
        };
        let moment = self.telemetry().metrics.moment_of(now);
        self.group_meters.rebalanced(ended.took, now, moment);
        tracing::debug!(
            target: "kafka_client::rebalance",
            group = group.id,
            took = ?ended.took,
            assigned = assigned.len(),
            revoked = ended.revoked.len(),
            lost = ended.lost.len(),
            "ended"
        );
        self.telemetry().events.tell(|| Event::RebalanceEnded {
            group: group.id.as_str().into(),
            assigned: assigned.to_vec(),
            revoked: ended.revoked,
            lost: ended.lost,
            took: ended.took,
        });
    }

    /// A commit that nobody waits for has failed.
    pub(crate) fn auto_commit_failed(&self, error: Error) {
        let Some(group) = &self.group else { return };
        self.telemetry().events.tell(|| Event::AutoCommitFailed {
            group: group.id.as_str().into(),
            error,
        });
    }

    /// A step of a rebalance was answered. It may have failed; an answer that only says how to go on is no failure.
    pub(crate) fn count_rebalance_step<T>(&self, answer: &Result<T>) {
        let (Some(group), Err(error)) = (&self.group, answer) else {
            return;
        };
        if let Error::Broker { code, .. } = error
            && matches!(
                code,
                ErrorCode::MemberIdRequired | ErrorCode::RebalanceInProgress
            )
        {
            return;
        }
        self.group_meters.failed(self.telemetry().metrics.moment());
        self.telemetry().events.tell(|| Event::RebalanceFailed {
            group: group.id.as_str().into(),
            error: error.clone(),
        });
    }

    /// All that there is to say about the consumer at this moment.
    pub(crate) fn metrics(&self) -> Metrics {
        let mut report = self.telemetry().metrics.report();
        self.poll_meters.report(&mut report);
        let stands = self.assignment().stands(now());
        self.fetch_meters.report(&stands, &mut report);
        if self.group.is_some() {
            self.group_meters.report(stands.len(), &mut report);
        }
        report.finish()
    }
}
