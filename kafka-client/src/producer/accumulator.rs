//! What the producer holds and what it does next, decided without a clock or a socket.
//!
//! Invariants:
//! - the batches of a partition are written in the order in which they were begun; none is sent past one that came back,
//!   nor to another broker than those before it, nor on another connection;
//! - a batch keeps its bytes and its sequence over all retries, until it is known not to have been written;
//! - when a batch is given up that took a place in its partition's sequence, nothing new is sent to the partition until
//!   every batch whose outcome is unknown has been settled under the old identity; then its sequence starts over;
//! - `used` is the sum of what every batch counted when it was filled, and goes back when it is settled;
//! - within a transaction nothing starts over: what is given up dooms the transaction, and everything not sent with it;
//! - every batch is settled: one that is dropped on the way tells so itself, and [`Accumulator::abandon`] forgets it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::CompressionRatio;

use super::batch::{Batch, Place};
use super::config::ProducerConfig;
use super::delivery::{Promise, Written};
use super::identity::Identity;
use super::interceptor::Interceptors;
use super::partitioner::StickyPartition;
use super::queue::{PartitionQueue, Readiness, Urgency};
use super::transaction::{Protocol, SOON, Transaction};
use crate::error::{Error, Result};
use crate::retry::Backoff;
use crate::types::TopicPartition;

pub(super) use append::{Appended, Refusal};
pub(super) use spread::PartitionLeader;
use spread::Silence;

/// Batches for one broker, one for a partition.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) broker: i32,
    /// Whether other requests are on their way to the broker, behind which it has to stay.
    pub(super) follows: bool,
    /// How the transaction is spoken of that the batches belong to, if they do.
    pub(super) transaction: Option<Protocol>,
    pub(super) batches: Vec<Batch>,
}

/// What there is to do.
#[derive(Debug, Default)]
pub(super) struct Drained {
    pub(super) requests: Vec<Request>,
    /// When to look again, if nothing happens before.
    pub(super) next: Option<Instant>,
    /// Whether a partition has batches and no leader.
    pub(super) leader_unknown: bool,
    /// Partitions that have to become part of the transaction before they are written to.
    pub(super) to_add: Vec<TopicPartition>,
}

impl Drained {
    fn look_again(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// Requests on their way to a broker.
#[derive(Debug, Default)]
struct Traffic {
    requests: usize,
    /// One was lost with its connection: the others have to come back before there is a new one.
    is_lost: bool,
}

/// A batch that was not written, as far as anybody knows.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether a broker may have written it all the same.
    pub(super) maybe_written: bool,
}

#[derive(Debug)]
struct Topic {
    name: Arc<str>,
    partitions: NonZeroU32,
    queues: Vec<PartitionQueue>,
    /// Who leads them, as far as that is known.
    leaders: Vec<PartitionLeader>,
    sticky: StickyPartition,
    /// How small its records get.
    ratio: CompressionRatio,
}

/// Everything that waits to be written.
#[derive(Debug)]
pub(super) struct Accumulator {
    config: ProducerConfig,
    interceptors: Option<Arc<Interceptors>>,
    topics: HashMap<Arc<str>, Topic, foldhash::fast::FixedState>,
    /// Bytes of the batches that are not settled.
    used: usize,
    spare: Vec<Vec<u8>>,
    identity: Option<Identity>,
    /// Where a transactional producer stands.
    transaction: Option<Transaction>,
    /// By broker.
    traffic: HashMap<i32, Traffic>,
    silence: Silence,
    next_number: u64,
    unsettled: BTreeSet<Place>,
    flush_below: u64,
    /// The first error since somebody asked.
    first_error: Option<Error>,
    /// Why no more records are taken.
    closed: Option<Error>,
    settled: Vec<Settled>,
    /// How many batches were split since somebody asked.
    splits: u32,
}

/// A batch whose outcome is known and not told yet: whoever is told may do anything, and must not find the accumulator
/// locked.
#[derive(Debug)]
#[must_use]
pub(super) struct Settled {
    pub(super) partition: TopicPartition,
    pub(super) records: u32,
    promise: Promise,
    outcome: Result<Written>,
}

impl Settled {
    /// Why its records are not written, if so.
    pub(super) fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }

    pub(super) fn tell(self) {
        self.promise.settle(self.outcome);
    }
}

/// Buffers that are kept for further batches.
const SPARE_BUFFERS: usize = 16;

impl Accumulator {
    pub(super) fn new(config: ProducerConfig, interceptors: Option<Arc<Interceptors>>) -> Self {
        Self {
            transaction: config.transactional_id.clone().map(Transaction::new),
            config,
            interceptors,
            topics: HashMap::default(),
            used: 0,
            spare: Vec::new(),
            identity: None,
            traffic: HashMap::new(),
            silence: Silence::default(),
            next_number: 0,
            unsettled: BTreeSet::new(),
            flush_below: 0,
            first_error: None,
            closed: None,
            settled: Vec::new(),
            splits: 0,
        }
    }

    /// Says how many partitions a topic has.
    pub(super) fn set_partitions(&mut self, topic: &Arc<str>, partitions: NonZeroU32) {
        let backoff = Backoff::new(
            self.config.client.retry_backoff,
            self.config.client.retry_backoff_max,
        );
        let topic = self.topics.entry(topic.clone()).or_insert_with(|| Topic {
            name: topic.clone(),
            partitions,
            queues: Vec::new(),
            leaders: Vec::new(),
            sticky: StickyPartition::default(),
            ratio: CompressionRatio::NONE,
        });
        topic.partitions = partitions;
        while topic.queues.len() < partitions.get() as usize {
            let partition = TopicPartition::new(topic.name.clone(), topic.queues.len() as i32);
            topic
                .queues
                .push(PartitionQueue::new(partition, backoff.clone()));
        }
    }

    /// The topics that records were sent to.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.topics.keys()
    }

    /// Whether an idempotent producer has no identity to send new sequences under. A transactional one gets it otherwise.
    pub(super) fn needs_identity(&self) -> bool {
        self.config.idempotence && self.identity.is_none() && self.transaction.is_none()
    }

    pub(super) fn set_identity(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// Takes what can be sent now, the oldest first. `leader` names a partition's leader. Called again until it yields no
    /// request.
    pub(super) fn drain(
        &mut self,
        now: Instant,
        leader: impl Fn(&TopicPartition) -> Option<i32>,
    ) -> Drained {
        let mut drained = Drained::default();
        self.weigh(now);
        let urgency = Urgency {
            linger: self.config.linger,
            flush_below: self.flush_below,
            max_in_flight: self.config.max_in_flight,
        };
        let needs_identity = self.needs_identity();
        let identity = self.identity;
        let mut expired = Vec::new();
        let mut is_held_up = false;
        let mut ready: Vec<(Option<Instant>, i32, &mut PartitionQueue)> = Vec::new();
        for queue in self.topics.values_mut().flat_map(|topic| &mut topic.queues) {
            queue.take_expired(now, self.config.delivery_timeout, &mut expired);
            if self.transaction.is_none() && queue.mend(identity) {
                self.identity = None;
            }
            let oldest = queue.oldest();
            let is_part = self.transaction.as_ref();
            let is_part = is_part.is_none_or(|transaction| transaction.may_write(&queue.partition));
            if !is_part && oldest.is_some() {
                drained.to_add.push(queue.partition.clone());
            }
            if let Some(oldest) = oldest {
                drained.look_again(oldest + self.config.delivery_timeout);
            }
            if needs_identity && !queue.sequence.has_identity() {
                continue;
            }
            match queue.readiness(now, urgency) {
                Readiness::Waiting => {}
                Readiness::At(at) => drained.look_again(at),
                Readiness::Ready if !is_part => is_held_up = true,
                Readiness::Ready => match leader(&queue.partition) {
                    Some(broker) if queue.may_send_to(broker) => {
                        ready.push((oldest, broker, queue))
                    }
                    Some(_) => {}
                    None => drained.leader_unknown = true,
                },
            }
        }
        ready.sort_by_key(|(oldest, ..)| *oldest);
        let mut requests: BTreeMap<i32, (Request, usize)> = BTreeMap::new();
        for (_, broker, queue) in ready {
            let traffic = self.traffic.entry(broker).or_default();
            if traffic.requests >= self.config.max_in_flight || traffic.is_lost {
                continue;
            }
            let (request, size) = requests.entry(broker).or_insert_with(|| {
                (
                    Request {
                        broker,
                        follows: traffic.requests > 0,
                        transaction: self.transaction.as_ref().map(Transaction::protocol),
                        batches: Vec::new(),
                    },
                    0,
                )
            });
            if *size > 0 && *size + queue.next_size() > self.config.max_request_size {
                continue;
            }
            *size += queue.next_size();
            request.batches.extend(queue.take(broker, identity));
        }
        drained.requests = requests.into_values().map(|(request, _)| request).collect();
        if let Some(transaction) = &mut self.transaction {
            if !drained.requests.is_empty() {
                transaction.writing();
            }
            // Those that wait for more records go along: that is one request for all of them.
            if !is_held_up || !transaction.start_adding() {
                drained.to_add.clear();
            }
        }
        let looks_for_silence = self.config.looks_for_silence();
        for request in &drained.requests {
            self.traffic.entry(request.broker).or_default().requests += 1;
            if looks_for_silence {
                self.silence.sent(request.broker, now);
            }
        }
        for (mut batch, is_written) in expired {
            let last = batch.last_error.take();
            let error = self.expired(&batch, last);
            self.settle(
                batch,
                if is_written {
                    Ok(Written::SOMEWHERE)
                } else {
                    Err(error)
                },
            );
        }
        drained
    }

    /// After a request to a broker ended, before its batches come back. `is_lost` says that its connection is no good.
    pub(super) fn request_ended(&mut self, broker: i32, is_lost: bool, now: Instant) {
        if let Entry::Occupied(mut traffic) = self.traffic.entry(broker) {
            traffic.get_mut().requests -= 1;
            traffic.get_mut().is_lost |= is_lost;
            if traffic.get().requests == 0 {
                traffic.remove();
            }
        }
        if !is_lost && self.config.looks_for_silence() {
            let waits = self.traffic.contains_key(&broker);
            self.silence.answered(broker, waits, now);
        }
    }

    /// Settles a batch that came back, or puts it back.
    pub(super) fn returned(
        &mut self,
        mut batch: Batch,
        outcome: std::result::Result<Written, Failure>,
        now: Instant,
    ) {
        let doom = self.transaction.as_ref().and_then(Transaction::doom);
        let compressed = batch.take_compressed();
        if let Some((built, compressed)) = compressed
            && let Some(topic) = self.topics.get_mut(&batch.partition.topic)
        {
            topic.ratio.observe(built, compressed);
        }
        let Some(queue) = queue_of(&mut self.topics, &batch.partition) else {
            return;
        };
        queue.returned();
        let Failure {
            error,
            maybe_written,
        } = match outcome {
            Ok(written) => {
                queue.succeeded(&batch);
                return self.settle(batch, Ok(written));
            }
            Err(failure) => failure,
        };
        if let Some(doom) = doom {
            return self.give_up(batch, doom);
        }
        let is_over = now.saturating_duration_since(batch.created) >= self.config.delivery_timeout;
        if queue.sequence.has_written(&batch) && (is_over || !error.is_retriable()) {
            // Where it is was said to nobody, and the broker may no longer know.
            return self.settle(batch, Ok(Written::SOMEWHERE));
        }
        let code = match &error {
            Error::Broker { code, .. } => *code,
            _ => ErrorCode::None,
        };
        let is_out_of_order = match code {
            _ if batch.sequence.is_none() => false,
            // Within a transaction nothing starts over: the broker does not take it at all.
            ErrorCode::InvalidProducerEpoch if self.transaction.is_some() => false,
            // A gap in the sequence says that this batch was not written, now or before: the broker would know it.
            ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId => {
                batch.maybe_written = false;
                true
            }
            // The broker refuses the batch without looking whether it has it.
            ErrorCode::InvalidProducerEpoch => {
                !batch.maybe_written || queue.has_unsettled_before(batch.place())
            }
            _ => false,
        };
        let is_next = !queue.has_unsettled_before(batch.place());
        if is_out_of_order && !(is_next && self.transaction.is_some()) {
            if is_next {
                // Nothing of ours is missing before it, so the broker has lost what it knew of us.
                batch.refused = true;
                queue.sequence.break_at(&batch);
            }
            return put_back(queue, batch, error, now);
        }
        if code == ErrorCode::MessageTooLarge && batch.records > 1 && !batch.maybe_written {
            return self.split(batch, error);
        }
        let error = too_large(&batch, error);
        // Any other answer leaves open what earlier sends did.
        batch.maybe_written |= maybe_written;
        if code == ErrorCode::ConcurrentTransactions && !is_over {
            batch.last_error = Some(error);
            return queue.put_back_until(batch, now + SOON);
        }
        if error.is_retriable() && !is_over {
            return put_back(queue, batch, error, now);
        }
        queue.sequence.break_at(&batch);
        let error = if is_over {
            self.expired(&batch, Some(error))
        } else {
            error
        };
        self.settle(batch, Err(error));
    }

    /// Other brokers lead these partitions now: what waits to be sent again need not wait.
    pub(super) fn leaders_changed(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(queue) = queue_of(&mut self.topics, partition) {
                queue.leader_changed();
            }
        }
    }

    /// Puts the halves of a batch back that is too large for its broker.
    fn split(&mut self, batch: Batch, error: Error) {
        let (place, counted) = (batch.place(), batch.counted());
        if let Some(topic) = self.topics.get_mut(&batch.partition.topic) {
            // More was expected of compression than it has done: it has to show anew what it can do.
            topic.ratio = CompressionRatio::NONE;
        }
        let Some(queue) = queue_of(&mut self.topics, &batch.partition) else {
            return;
        };
        tracing::debug!(partition = %batch.partition, %error, "batch will be split");
        match batch.halves() {
            Ok(halves) => {
                self.splits += 1;
                self.unsettled.remove(&place);
                self.used -= counted;
                for half in batch.split(halves) {
                    self.unsettled.insert(half.place());
                    self.used += half.counted();
                    queue.put_back_at_once(half);
                }
            }
            Err(reason) => {
                tracing::error!(%reason, "a batch of ours cannot be read");
                queue.sequence.break_at(&batch);
                self.settle(batch, Err(error));
            }
        }
    }

    /// Everything begun so far is to go out at once; what the returned number says to [`is_flushed`](Self::is_flushed).
    pub(super) fn flush(&mut self) -> u64 {
        self.flush_below = self.flush_below.max(self.next_number);
        self.next_number
    }

    /// Whether everything begun before that is settled.
    pub(super) fn is_flushed(&self, below: u64) -> bool {
        self.unsettled
            .first()
            .is_none_or(|first| first.number >= below)
    }

    /// The first error since this was asked last.
    pub(super) fn take_first_error(&mut self) -> Option<Error> {
        self.first_error.take()
    }

    /// Takes no more records, for this reason; what is held goes out at once.
    pub(super) fn close(&mut self, reason: Error) {
        self.closed.get_or_insert(reason);
        self.flush_below = u64::MAX;
    }

    /// Whether it is closed and holds nothing any more.
    pub(super) fn is_over(&self) -> bool {
        self.closed.is_some() && self.unsettled.is_empty()
    }

    /// Gives everything up. What is on its way will not come back.
    pub(super) fn abandon(&mut self, error: Error) {
        self.close(error.clone());
        if let Some(transaction) = &mut self.transaction {
            transaction.fail(error);
        }
        let error = self.closed.clone().unwrap_or(Error::Closed {
            what: "the producer",
        });
        let queues = self.topics.values_mut().flat_map(|topic| &mut topic.queues);
        let batches: Vec<Batch> = queues.flat_map(PartitionQueue::abandon).collect();
        for batch in batches {
            self.settle(batch, Err(error.clone()));
        }
        if !self.unsettled.is_empty() {
            self.first_error.get_or_insert(error);
        }
        self.unsettled.clear();
        self.traffic.clear();
        self.used = 0;
    }

    /// Settles a batch. One that has failed ends its transaction, if it belongs to one.
    fn settle(&mut self, batch: Batch, outcome: Result<Written>) {
        match outcome {
            Err(error) if self.transaction.is_some() => self.give_up(batch, error),
            outcome => self.conclude(batch, outcome),
        }
    }

    fn conclude(&mut self, batch: Batch, outcome: Result<Written>) {
        if let Err(error) = &outcome {
            tracing::debug!(partition = %batch.partition, records = batch.records, %error, "batch not written");
            self.first_error.get_or_insert_with(|| error.clone());
        }
        self.unsettled.remove(&batch.place());
        self.used -= batch.counted();
        let (partition, records) = (batch.partition.clone(), batch.records.unsigned_abs());
        let (promise, buffer) = batch.end();
        self.settled.push(Settled {
            partition,
            records,
            promise,
            outcome,
        });
        if let Some(buffer) = buffer
            && self.spare.len() < SPARE_BUFFERS
        {
            self.spare.push(buffer);
        }
    }

    /// What was settled since this was called last.
    pub(super) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// How many batches were split since this was called last.
    pub(super) fn take_splits(&mut self) -> u32 {
        std::mem::take(&mut self.splits)
    }

    /// Bytes of the buffer that are taken.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    fn expired(&self, batch: &Batch, last: Option<Error>) -> Error {
        Error::timeout(
            format!("delivery to {}", batch.partition),
            self.config.delivery_timeout,
            last,
        )
    }
}

/// A record that its topic does not take, which the broker knows by a code alone.
fn too_large(batch: &Batch, error: Error) -> Error {
    match error {
        Error::Broker {
            code: code @ ErrorCode::MessageTooLarge,
            message,
            ..
        } if batch.records == 1 => Error::Broker {
            code,
            what: format!(
                "record of {} bytes for partition {}, more than its topic takes (max.message.bytes)",
                batch.counted(),
                batch.partition
            ),
            message,
        },
        other => other,
    }
}

fn put_back(queue: &mut PartitionQueue, mut batch: Batch, error: Error, now: Instant) {
    tracing::debug!(partition = %batch.partition, %error, "batch will be sent again");
    batch.last_error = Some(error);
    queue.put_back(batch, now);
}

fn queue_of<'a>(
    topics: &'a mut HashMap<Arc<str>, Topic, foldhash::fast::FixedState>,
    partition: &TopicPartition,
) -> Option<&'a mut PartitionQueue> {
    topics
        .get_mut(&partition.topic)?
        .queues
        .get_mut(usize::try_from(partition.partition).ok()?)
}

mod append;
mod spread;
mod transactional;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
