//! The producer: gathers records into batches and writes them, idempotently by default.
//!
//! - `accumulator` decides what is sent when, and what becomes of what failed; a `queue` holds the batches of a partition,
//!   its `sequence` is what the partition's leader follows;
//! - `sender` moves batches between it and the requests, each of which is a `produce`;
//! - `transaction` decides what may be sent when, and how it ends, where the producer has a transactional id;
//! - a [`Delivery`] says what became of a record, one object for all records of a batch.

mod accumulator;
mod batch;
mod builder;
mod config;
mod delivery;
mod identity;
mod interceptor;
mod partitioner;
mod produce;
mod queue;
mod record;
mod sender;
mod sequence;
mod telemetry;
mod transaction;
mod typed;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use builder::ProducerBuilder;
pub use config::{Acks, ProducerConfig};
pub use delivery::Delivery;
pub use interceptor::{Acknowledged, OutgoingHeader, OutgoingRecord, ProducerInterceptor};
pub use kafka_proto::records::Header;
pub use partitioner::{Partitioner, Partitions};
pub use record::{Record, RecordMetadata};
use tokio::runtime::Handle as Runtime;
use tokio::task::AbortHandle;
use tokio::task::coop::consume_budget;
use tokio::time::{timeout, timeout_at};
pub use typed::{TypedProducer, TypedRecord};

use crate::clock::now;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::events::EventStream;
use crate::metrics::Metrics;
use crate::push::Pushing;
use crate::retry::Backoff;
use accumulator::{Appended, Refusal};
use interceptor::Interceptors;
use kafka_proto::error_code::ErrorCode;
use sender::Shared;

/// Writes records to Kafka. A cheap handle: clones share one buffer and one sender.
///
/// ```no_run
/// use kafka_client::producer::{Producer, Record};
///
/// # async fn example() -> kafka_client::Result<()> {
/// let producer = Producer::builder().bootstrap_servers("localhost:9092").build().await?;
/// let delivery = producer.send(Record::to("orders").key("customer-7").value("3 apples")).await?;
/// println!("written at offset {:?}", delivery.await?.offset);
/// producer.close(std::time::Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
///
/// When the last handle is dropped without [`close`](Self::close), what is buffered is still sent, in the background and
/// as long as the runtime lives.
#[derive(Debug, Clone)]
pub struct Producer(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    sender: AbortHandle,
    runtime: Runtime,
    /// Topics that [`Producer::try_send`] is having asked for.
    asked_for: Mutex<HashSet<Arc<str>>>,
    partitioner: Option<Arc<dyn Partitioner>>,
    interceptors: Option<Arc<Interceptors>>,
    pushing: Pushing,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

const CLOSED: Error = Error::Closed {
    what: "the producer",
};

/// How many records [`Producer::send_all`] takes before it lets others have their turn.
const RECORDS_AT_ONCE: usize = 256;

/// How long a topic that is not there is asked for: it may have been created a moment ago.
const TOPIC_GRACE: Duration = Duration::from_secs(2);

fn is_missing(error: &Error) -> bool {
    let missing = ErrorCode::UnknownTopicOrPartition;
    matches!(error, Error::Broker { code, .. } if *code == missing)
}

/// How long a record has waited to be taken, and what was tried for it.
#[derive(Debug, Default)]
struct Patience {
    end: Option<Instant>,
    has_looked_for_partition: bool,
}

impl Producer {
    /// Settings for a new producer.
    pub fn builder() -> ProducerBuilder {
        ProducerBuilder::default()
    }

    fn start(
        config: ProducerConfig,
        cluster: Cluster,
        partitioner: Option<Arc<dyn Partitioner>>,
        interceptors: Option<Arc<Interceptors>>,
    ) -> Self {
        let shared = Arc::new(Shared::new(config, cluster, interceptors.clone()));
        let sender = tokio::spawn(sender::run(shared.clone())).abort_handle();
        Self(Arc::new(Handle {
            pushing: Pushing::start(&shared),
            shared,
            sender,
            runtime: Runtime::current(),
            asked_for: Mutex::default(),
            partitioner,
            interceptors,
        }))
    }

    /// Hands a record over. Waits while the buffer is full or the topic is not known, for at most `max.block.ms`; the
    /// record was taken when this returns, and written when the [`Delivery`] resolves. A topic that is not there is waited
    /// for, for two seconds.
    ///
    /// # Errors
    /// [`Error::Broker`] names a topic that is not there; [`Error::RecordTooLarge`], [`Error::NoSuchPartition`], [`Error::Closed`]; [`Error::Timeout`] with the reason.
    /// Cancel-safe: a record whose `send` was dropped was not taken.
    pub async fn send(&self, record: Record<'_>) -> Result<Delivery> {
        consume_budget().await;
        match &self.0.interceptors {
            None => self.send_as_it_is(record).await,
            // Apart, so that the others need not make room for it.
            Some(interceptors) => Box::pin(self.send_intercepted(interceptors, record)).await,
        }
    }

    async fn send_intercepted(
        &self,
        interceptors: &Interceptors,
        record: Record<'_>,
    ) -> Result<Delivery> {
        let outgoing = interceptors.on_send(&record);
        let headers = outgoing.borrowed_headers();
        let record = outgoing.as_record(&headers);
        let sent = self.send_as_it_is(record).await;
        interceptors.refused(&record, sent.as_ref().err());
        sent
    }

    async fn send_as_it_is(&self, record: Record<'_>) -> Result<Delivery> {
        match self.append(&record) {
            Ok(delivery) => Ok(delivery),
            Err(Refusal::Invalid(error)) => Err(error),
            Err(_) => self.send_patiently(record).await,
        }
    }

    async fn send_patiently(&self, record: Record<'_>) -> Result<Delivery> {
        let mut patience = Patience::default();
        loop {
            let settled = self.0.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            match self.append(&record) {
                Ok(delivery) => return Ok(delivery),
                Err(refusal) => {
                    self.wait_out(refusal, record.topic, settled, &mut patience)
                        .await?
                }
            }
        }
    }

    /// Hands many records over, in order, more cheaply than one by one: for programs that learn from
    /// [`flush`](Self::flush) whether all were written. Returns how many there were.
    ///
    /// # Errors
    /// As [`send`](Self::send). The records before the one that failed were taken.
    ///
    /// Cancel-safe in so far as every record that was taken is sent, once and in order; but nobody says how many were.
    pub async fn send_all<'a>(
        &self,
        records: impl IntoIterator<Item = Record<'a>>,
    ) -> Result<usize> {
        let mut records = records.into_iter();
        let mut taken = 0;
        if self.0.interceptors.is_some() || self.0.partitioner.is_some() {
            for record in records {
                self.send(record).await?;
                taken += 1;
            }
            return Ok(taken);
        }
        let mut next = records.next();
        let mut patience = Patience::default();
        while next.is_some() {
            consume_budget().await;
            let settled = self.0.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let mut refusal = None;
            let mut wake = false;
            {
                let mut accumulator = self.0.shared.accumulator();
                for _ in 0..RECORDS_AT_ONCE {
                    let Some(record) = &next else { break };
                    match accumulator.append(record, now) {
                        Ok(appended) => {
                            wake |= appended.wake;
                            taken += 1;
                            next = records.next();
                            patience = Patience::default();
                        }
                        Err(reason) => {
                            refusal = Some(reason);
                            break;
                        }
                    }
                }
            }
            if wake {
                self.0.shared.wake.notify_one();
            }
            if let (Some(refusal), Some(record)) = (refusal, &next) {
                self.wait_out(refusal, record.topic, settled, &mut patience)
                    .await?;
            }
        }
        Ok(taken)
    }

    /// Hands a record over if that takes no waiting.
    ///
    /// # Errors
    /// [`Error::BufferFull`]; [`Error::Broker`] with `UNKNOWN_TOPIC_OR_PARTITION` while the topic is being asked for;
    /// those of [`send`](Self::send).
    pub fn try_send(&self, record: Record<'_>) -> Result<Delivery> {
        let Some(interceptors) = &self.0.interceptors else {
            return self.try_send_as_it_is(&record);
        };
        let outgoing = interceptors.on_send(&record);
        let headers = outgoing.borrowed_headers();
        let record = outgoing.as_record(&headers);
        let sent = self.try_send_as_it_is(&record);
        interceptors.refused(&record, sent.as_ref().err());
        sent
    }

    fn try_send_as_it_is(&self, record: &Record<'_>) -> Result<Delivery> {
        self.append(record).map_err(|refusal| match refusal {
            Refusal::Invalid(error) | Refusal::UnknownPartition(error) => error,
            Refusal::Full => {
                let moment = self.0.shared.telemetry().metrics.moment();
                self.0.shared.meters.exhausted(moment);
                self.0.shared.wake.notify_one();
                Error::BufferFull {
                    buffer: self.0.shared.config.buffer_memory,
                }
            }
            Refusal::UnknownTopic => {
                self.ask_for(record.topic);
                Error::broker(
                    ErrorCode::UnknownTopicOrPartition,
                    format!("topic \"{}\" is being asked for", record.topic),
                )
            }
        })
    }

    /// Has a topic asked for in the background, once at a time.
    fn ask_for(&self, topic: &str) {
        let asked_for = |handle: &Handle, topic: &Arc<str>, begins: bool| {
            let mut asked_for = handle
                .asked_for
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if begins {
                asked_for.insert(topic.clone())
            } else {
                asked_for.remove(topic)
            }
        };
        let topic: Arc<str> = topic.into();
        if !asked_for(&self.0, &topic, true) {
            return;
        }
        let producer = self.clone();
        self.0.runtime.spawn(async move {
            let end = now() + producer.0.shared.config.max_block;
            if let Err(error) = producer.know_topic(&topic, end).await {
                tracing::debug!(%topic, %error, "the topic is not to be had");
            }
            asked_for(&producer.0, &topic, false);
        });
    }

    fn append(&self, record: &Record<'_>) -> std::result::Result<Delivery, Refusal> {
        let mut record = *record;
        if let Some(partitioner) = &self.0.partitioner
            && record.partition.is_none()
        {
            let metadata = self.0.shared.cluster.metadata();
            let topic = metadata.topics.get(record.topic);
            let partitions = topic.map_or(&[][..], |topic| &topic.partitions);
            if partitions.is_empty() {
                return Err(Refusal::UnknownTopic);
            }
            record.partition = partitioner.partition(&record, &Partitions::new(partitions));
        }
        let Appended { delivery, wake } = self.0.shared.accumulator().append(&record, now)?;
        if wake {
            self.0.shared.wake.notify_one();
        }
        Ok(delivery)
    }

    /// Waits until what stood in a record's way may be gone.
    async fn wait_out(
        &self,
        refusal: Refusal,
        topic: &str,
        settled: impl Future<Output = ()>,
        patience: &mut Patience,
    ) -> Result<()> {
        let shared = &self.0.shared;
        let end = *patience
            .end
            .get_or_insert_with(|| now() + shared.config.max_block);
        match refusal {
            Refusal::Invalid(error) => Err(error),
            Refusal::UnknownTopic => self.know_topic(topic, end).await,
            Refusal::UnknownPartition(error) => {
                if std::mem::replace(&mut patience.has_looked_for_partition, true) {
                    return Err(error);
                }
                // The topic may have grown since it was looked at.
                let refresh = shared.cluster.refresh(shared.cluster.metadata().version);
                timeout_at(end.into(), refresh).await.map_err(|_| error)??;
                shared.update_partitions();
                Ok(())
            }
            Refusal::Full => {
                shared.wake.notify_one();
                let metrics = &shared.telemetry().metrics;
                let _waiting = shared.meters.wait_for_room(metrics);
                timeout_at(end.into(), settled).await.map_err(|_| {
                    shared.meters.exhausted(metrics.moment());
                    let full = Error::BufferFull {
                        buffer: shared.config.buffer_memory,
                    };
                    self.not_taken(topic, Some(full))
                })
            }
        }
    }

    fn not_taken(&self, topic: &str, last: Option<Error>) -> Error {
        Error::timeout(
            format!("sending to \"{topic}\""),
            self.0.shared.config.max_block,
            last,
        )
    }

    /// Asks for a topic until it is there.
    async fn know_topic(&self, topic: &str, end: Instant) -> Result<()> {
        let shared = &self.0.shared;
        let _waiting = shared.meters.metadata_wait.begin();
        let topic: Arc<str> = topic.into();
        let mut backoff = Backoff::new(
            shared.config.client.retry_backoff,
            shared.config.client.retry_backoff_max,
        );
        let mut last = None;
        let grace = now() + TOPIC_GRACE;
        loop {
            let ask = async {
                let metadata = shared.cluster.add_topics([topic.clone()]).await?;
                if last.is_some() {
                    shared.cluster.refresh(metadata.version).await
                } else {
                    Ok(metadata)
                }
            };
            let error = match timeout_at(end.into(), ask).await {
                Err(_) => return Err(self.not_taken(&topic, last)),
                Ok(Err(error)) => error,
                Ok(Ok(metadata)) => {
                    if shared.learn_partitions(&metadata, &topic) {
                        return Ok(());
                    }
                    let info = metadata.topics.get(&topic);
                    let code = info
                        .and_then(|info| info.error)
                        .unwrap_or(ErrorCode::UnknownTopicOrPartition);
                    Error::broker(code, format!("topic \"{topic}\""))
                }
            };
            let wait = now() + backoff.next();
            if !error.is_retriable() || (is_missing(&error) && wait >= grace) {
                shared.cluster.forget_topics([&*topic]);
                return Err(error);
            }
            if wait >= end {
                shared.cluster.forget_topics([&*topic]);
                return Err(self.not_taken(&topic, Some(error)));
            }
            last = Some(error);
            tokio::time::sleep_until(wait.into()).await;
        }
    }

    /// Sends what is buffered at once, and waits until everything handed over before is settled: for the delivery timeout,
    /// and the request timeout of what is on its way then, at the longest. Cancel-safe.
    ///
    /// # Errors
    /// The first error of a batch since the last flush; the other batches were settled all the same.
    pub async fn flush(&self) -> Result<()> {
        let _flushing = self.0.shared.meters.flush.begin();
        let below = self.0.shared.accumulator().flush();
        self.0.shared.wake.notify_one();
        loop {
            let settled = self.0.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let mut accumulator = self.0.shared.accumulator();
                if accumulator.is_flushed(below) {
                    return accumulator.take_first_error().map_or(Ok(()), Err);
                }
            }
            settled.await;
        }
    }

    /// What the producer measures, at this moment; see [`metrics`](crate::metrics).
    pub fn metrics(&self) -> Metrics {
        self.0.shared.metrics()
    }

    /// What happens to the producer from now on; see [`events`](crate::events). Ends when the producer is closed.
    pub fn events(&self) -> EventStream {
        self.0.shared.telemetry().events.subscribe()
    }

    /// How many partitions a topic has; asks for the topic if it is not known. Cancel-safe.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn partition_count(&self, topic: &str) -> Result<u32> {
        let end = now() + self.0.shared.config.max_block;
        self.know_topic(topic, end).await?;
        let metadata = self.0.shared.cluster.metadata();
        Ok(metadata
            .topics
            .get(topic)
            .map_or(0, |info| info.partitions.len() as u32))
    }

    /// Sends what is buffered and ends, within `limit`; what is not written by then fails. Other handles are closed, too.
    /// A transaction that is open is aborted first, so that nobody has to wait for its timeout; one of which it is not known
    /// whether it is committed is left to the cluster.
    ///
    /// # Errors
    /// [`Error::Timeout`] when something was not settled in time, else the first error of a batch since the last flush, or
    /// why the transaction could not be aborted.
    /// Not cancel-safe: the producer is closed as soon as this is polled, and goes on sending if this is dropped.
    pub async fn close(&self, limit: Duration) -> Result<()> {
        let shared = &self.0.shared;
        let begin = now();
        let mut ended = shared.ended.subscribe();
        let closing = async {
            let aborted = self.abort_open_transaction().await;
            shared.leave();
            let _ = ended.wait_for(|ended| *ended).await;
            aborted
        };
        let Ok(aborted) = timeout(limit, closing).await else {
            shared.leave();
            self.0.sender.abort();
            // It gives everything up as it ends; it never waits for anything else than its turn.
            let _ = ended.wait_for(|ended| *ended).await;
            let last = shared.accumulator().take_first_error();
            return Err(Error::timeout("closing the producer", limit, last));
        };
        let left = limit.saturating_sub(now() - begin);
        self.0.pushing.finish(left).await;
        let error = shared.accumulator().take_first_error();
        aborted.and(error.map_or(Ok(()), Err))
    }
}
