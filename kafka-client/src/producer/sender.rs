//! Moves batches between the accumulator, which decides, and the tasks that carry requests.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_proto::messages::InitProducerIdRequest;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::CLOSED;
use super::accumulator::{Accumulator, Drained, PartitionLeader, Settled};
use super::config::ProducerConfig;
use super::identity::Identity;
use super::interceptor::Interceptors;
use super::produce::{Link, Produced, produce};
use super::transaction::add_partitions;
use crate::clock::now;
use crate::cluster::{Cluster, Lane, Metadata, Node};
use crate::error::{Error, Result};
use crate::events::{Event, TransactionState};
use crate::metrics::{Metrics, ProducerMeters};
use crate::retry::Backoff;
use crate::telemetry::Telemetry;
use crate::types::TopicPartition;

/// What the producer's handles and its sender share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ProducerConfig,
    pub(super) cluster: Cluster,
    accumulator: Mutex<Accumulator>,
    /// There is something to do for the sender.
    pub(super) wake: Notify,
    /// Batches were settled: there may be room, and a flush may be over.
    pub(super) settled: Notify,
    /// Who begins or ends a transaction, or sends positions: one at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) meters: ProducerMeters,
    /// Whether the sender has ended.
    pub(super) ended: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(
        config: ProducerConfig,
        cluster: Cluster,
        interceptors: Option<Arc<Interceptors>>,
    ) -> Self {
        let accumulator = Mutex::new(Accumulator::new(config.clone(), interceptors));
        let ended = watch::Sender::new(false);
        Self {
            config,
            cluster,
            accumulator,
            wake: Notify::new(),
            settled: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
            meters: ProducerMeters::default(),
            ended,
        }
    }

    pub(super) fn accumulator(&self) -> MutexGuard<'_, Accumulator> {
        self.accumulator
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the accumulator, and then tells those who wait for what it settled by that.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Accumulator) -> T) -> T {
        let mut accumulator = self.accumulator();
        let before = accumulator.transaction_state().map(|(state, _)| state);
        let result = change(&mut accumulator);
        let settled = accumulator.take_settled();
        let splits = accumulator.take_splits();
        let changed = before.and_then(|from| self.transaction_change(from, &accumulator));
        drop(accumulator);
        if splits > 0 {
            self.meters.split(splits, self.telemetry().metrics.moment());
        }
        self.telemetry().events.tell_all(|| changed);
        if !settled.is_empty() {
            settled.iter().for_each(|batch| self.count(batch));
            settled.into_iter().for_each(Settled::tell);
            self.settled.notify_waiters();
        }
        result
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        self.cluster.telemetry()
    }

    /// What to tell of a transaction that was in that state before.
    fn transaction_change(
        &self,
        from: TransactionState,
        accumulator: &Accumulator,
    ) -> Option<Event> {
        let (to, error) = accumulator
            .transaction_state()
            .filter(|(to, _)| *to != from)?;
        if matches!(error, Some(Error::Closed { .. })) {
            // Nothing has gone wrong: it was closed.
            return None;
        }
        let transactional_id = self.config.transactional_id.as_deref()?;
        tracing::debug!(target: "kafka_client::transaction", transactional_id, %from, %to, ?error);
        Some(Event::TransactionChanged {
            transactional_id: transactional_id.into(),
            from,
            to,
            error: error.cloned(),
        })
    }

    /// Counts a batch that was given up, and tells of it.
    fn count(&self, batch: &Settled) {
        let Some(error) = batch.error() else { return };
        let moment = self.telemetry().metrics.moment();
        let topic = &batch.partition.topic;
        self.meters.failed(topic, batch.records, moment);
        self.telemetry().events.tell(|| Event::BatchFailed {
            partition: batch.partition.clone(),
            records: batch.records,
            error: error.clone(),
        });
    }

    /// All that there is to say about the producer at this moment.
    pub(super) fn metrics(&self) -> Metrics {
        let mut report = self.telemetry().metrics.report();
        let (used, buffer) = (self.accumulator().used(), self.config.buffer_memory);
        let age = self.cluster.metadata_age();
        self.meters.report(used, buffer, age, &mut report);
        report.finish()
    }

    /// Takes over how many partitions the topics have.
    pub(super) fn update_partitions(&self) {
        let metadata = self.cluster.metadata();
        let topics: Vec<Arc<str>> = self.accumulator().topics().cloned().collect();
        for topic in topics {
            self.learn_partitions(&metadata, &topic);
        }
    }

    /// Takes over a topic's partitions. Whether it has any.
    pub(super) fn learn_partitions(&self, metadata: &Metadata, topic: &Arc<str>) -> bool {
        let info = metadata.topics.get(topic);
        let count = info.map_or(0, |info| info.partitions.len() as u32);
        let Some(count) = NonZeroU32::new(count) else {
            return false;
        };
        let mut accumulator = self.accumulator();
        accumulator.set_partitions(topic, count);
        let rack = self.config.client_rack.as_deref();
        let leaders = leaders(metadata, topic, rack);
        accumulator.set_leaders(topic, leaders, Instant::now());
        true
    }

    /// Takes no more records, sends those that there are, and lets the sender end.
    pub(super) fn close(&self, reason: Error) {
        self.accumulator().close(reason);
        self.wake.notify_one();
    }

    /// The same when nobody will use the producer any more: what is buffered for a transaction will not be committed.
    pub(super) fn leave(&self) {
        self.change(|accumulator| accumulator.leave_transaction(CLOSED));
        self.close(CLOSED);
    }
}

/// Who leads each partition of a topic.
fn leaders(
    metadata: &Metadata,
    topic: &Arc<str>,
    rack: Option<&str>,
) -> impl Iterator<Item = PartitionLeader> {
    let info = metadata.topics.get(topic);
    let partitions = info.into_iter().flat_map(|info| &info.partitions);
    partitions.map(move |partition| {
        let broker = partition
            .leader
            .and_then(|leader| metadata.brokers.get(&leader));
        PartitionLeader {
            broker: broker.map(|broker| broker.id),
            is_near: rack.is_some() && broker.and_then(|broker| broker.rack.as_deref()) == rack,
        }
    })
}

/// However the sender ends, nobody waits for it any longer.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let closed = Error::Closed {
            what: "the producer",
        };
        self.0.change(|accumulator| accumulator.abandon(closed));
        self.0.telemetry().events.close();
        self.0.ended.send_replace(true);
        self.0.settled.notify_waiters();
    }
}

/// What a task of the sender has brought.
enum Done {
    Produced(Produced),
    Identified(Result<Identity>),
    Added(Vec<TopicPartition>, Result<()>),
    Refreshed,
}

/// Sends what the accumulator has until it is closed and empty.
pub(super) async fn run(shared: Arc<Shared>) {
    // Dropped last, after the tasks.
    let _end = End(shared.clone());
    let backoff = Backoff::new(
        shared.config.client.retry_backoff,
        shared.config.client.retry_backoff_max,
    );
    let mut sender = Sender {
        tasks: JoinSet::new(),
        links: HashMap::new(),
        metadata_version: 0,
        identifying: false,
        refreshing: false,
        refresh_backoff: backoff,
        shared,
    };
    while let Some(next) = sender.send_ready() {
        let shared = sender.shared.clone();
        tokio::select! {
            biased;
            Some(done) = sender.tasks.join_next(), if !sender.tasks.is_empty() => match done {
                Ok(done) => sender.take(done),
                Err(error) => {
                    tracing::error!(%error, "a task of the producer failed");
                    let what = "the producer".to_owned();
                    shared.close(Error::Protocol { what, reason: format!("a task of it failed: {error}") });
                    return;
                }
            },
            () = sleep_until(next), if next.is_some() => {}
            () = shared.wake.notified() => {}
        }
    }
}

struct Sender {
    shared: Arc<Shared>,
    tasks: JoinSet<Done>,
    /// By broker, where its next request is linked to.
    links: HashMap<i32, Link>,
    /// The view of the cluster whose partitions the accumulator has.
    metadata_version: u64,
    identifying: bool,
    refreshing: bool,
    refresh_backoff: Backoff,
}

impl Sender {
    /// Starts all requests that can go out, and what they need. Returns when to look again, if at any time; `None` once the
    /// producer is closed and nothing is left.
    fn send_ready(&mut self) -> Option<Option<Instant>> {
        let metadata = self.shared.cluster.metadata();
        if metadata.version != self.metadata_version {
            self.metadata_version = metadata.version;
            self.shared.update_partitions();
        }
        loop {
            let (drained, is_over, needs_identity) = self.shared.change(|accumulator| {
                let drained = accumulator.drain(now(), |partition| {
                    metadata.leader(partition).map(|(leader, _)| leader)
                });
                (drained, accumulator.is_over(), accumulator.needs_identity())
            });
            let Drained {
                requests,
                next,
                leader_unknown,
                to_add,
            } = drained;
            if is_over {
                return None;
            }
            if !to_add.is_empty() {
                let shared = self.shared.clone();
                self.tasks.spawn(async move {
                    let result = add_partitions(&shared, &to_add).await;
                    Done::Added(to_add, result)
                });
            }
            if !requests.is_empty() {
                for request in requests {
                    let previous = self
                        .links
                        .remove(&request.broker)
                        .filter(|_| request.follows);
                    let (turn, link) = Link::after(previous);
                    self.links.insert(request.broker, link);
                    let shared = self.shared.clone();
                    self.tasks
                        .spawn(async move { Done::Produced(produce(shared, request, turn).await) });
                }
                continue;
            }
            if needs_identity && !self.identifying {
                self.identifying = true;
                let shared = self.shared.clone();
                self.tasks
                    .spawn(async move { Done::Identified(identify(&shared).await) });
            }
            if !leader_unknown {
                self.refresh_backoff.reset();
            } else if !self.refreshing {
                let wait = self.refresh_backoff.next();
                self.refresh_after(wait);
            }
            return Some(next);
        }
    }

    fn refresh_after(&mut self, wait: Duration) {
        if std::mem::replace(&mut self.refreshing, true) {
            return;
        }
        let cluster = self.shared.cluster.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(wait).await;
            if let Err(error) = cluster.refresh(cluster.metadata().version).await {
                tracing::warn!(%error, "the cluster cannot be asked at the moment");
            }
            Done::Refreshed
        });
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Produced(produced) => self.settle(produced),
            Done::Identified(result) => {
                self.identifying = false;
                match result {
                    Ok(identity) => self.shared.accumulator().set_identity(identity),
                    Err(error) => {
                        tracing::error!(%error, "the cluster gives no producer id");
                        self.shared.change(|accumulator| accumulator.abandon(error));
                    }
                }
            }
            Done::Added(partitions, result) => {
                self.shared
                    .change(|accumulator| accumulator.added(partitions, result));
                // A transaction may wait for that before it ends.
                self.shared.settled.notify_waiters();
            }
            Done::Refreshed => self.refreshing = false,
        }
    }

    fn settle(&mut self, produced: Produced) {
        let Produced {
            broker,
            is_lost,
            batches,
        } = produced;
        let is_outdated = batches.iter().any(|(_, outcome)| {
            outcome
                .as_ref()
                .is_err_and(|failure| failure.error.refreshes_metadata())
        });
        if is_outdated {
            self.refresh_after(Duration::ZERO);
        }
        let now = now();
        let metadata = self.shared.cluster.metadata();
        // Who has been told of another leader goes there without waiting (KIP-951).
        let moved: Vec<TopicPartition> = batches
            .iter()
            .filter(|(_, outcome)| outcome.is_err())
            .map(|(batch, _)| &batch.partition)
            .filter(|partition| {
                metadata
                    .leader(partition)
                    .is_some_and(|(leader, _)| leader != broker)
            })
            .cloned()
            .collect();
        self.shared.change(|accumulator| {
            accumulator.request_ended(broker, is_lost, now);
            for (batch, outcome) in batches {
                accumulator.returned(batch, outcome, now);
            }
            accumulator.leaders_changed(&moved);
        });
        if !moved.is_empty() {
            self.shared.update_partitions();
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}

/// Asks for a producer id until there is one.
async fn identify(shared: &Shared) -> Result<Identity> {
    let ask = || async {
        let make = |_| InitProducerIdRequest {
            transactional_id: None,
            // Only a transaction has a timeout; brokers refuse 0 all the same.
            transaction_timeout_ms: i32::MAX,
            ..Default::default()
        };
        let (answer, _) = shared.cluster.send(Node::Any, Lane::Main, make).await?;
        crate::error::check(answer.error_code, || "a producer id".to_owned())?;
        Ok(Identity {
            id: answer.producer_id,
            epoch: answer.producer_epoch,
        })
    };
    loop {
        match shared
            .cluster
            .retry(
                "getting a producer id",
                shared.config.client.api_timeout,
                ask,
            )
            .await
        {
            Err(error @ Error::Timeout { .. }) => tracing::warn!(%error, "trying on"),
            done => return done,
        }
    }
}
