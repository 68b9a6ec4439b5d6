//! The batches of one partition, in the order in which they have to be written.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::batch::{Batch, Place};
use super::identity::Identity;
use super::sequence::Sequence;
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// What a partition waits for before it can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It can send now.
    Ready,
    /// It could at that time.
    At(Instant),
    /// Something else has to happen first, or there is nothing to send.
    Waiting,
}

/// What decides whether a partition may send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Urgency {
    pub(super) linger: Duration,
    /// Batches with a lower number go out at once.
    pub(super) flush_below: u64,
    /// How many batches may be on their way. The broker remembers the last five of a producer.
    pub(super) max_in_flight: usize,
}

/// One partition's batches.
#[derive(Debug)]
pub(super) struct PartitionQueue {
    pub(super) partition: TopicPartition,
    pub(super) sequence: Sequence,
    /// Takes the next records.
    pub(super) open: Option<Batch>,
    /// Sent before, and to be sent again, ahead of all others and in their first order.
    retry: VecDeque<Batch>,
    /// Full and not sent yet.
    full: VecDeque<Batch>,
    in_flight: usize,
    /// The broker that has what is in flight.
    sent_to: i32,
    /// A batch came back while others are still on their way: they have to come back first, or the order would be lost.
    settling: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
}

impl PartitionQueue {
    pub(super) fn new(partition: TopicPartition, backoff: Backoff) -> Self {
        Self {
            partition,
            sequence: Sequence::default(),
            open: None,
            retry: VecDeque::new(),
            full: VecDeque::new(),
            in_flight: 0,
            sent_to: -1,
            settling: false,
            not_before: None,
            backoff,
        }
    }

    /// Closes the open batch.
    pub(super) fn close_open(&mut self) {
        self.full.extend(self.open.take());
    }

    pub(super) fn readiness(&self, now: Instant, urgency: Urgency) -> Readiness {
        let max_in_flight = if self.sequence.hides_gaps() {
            1
        } else {
            urgency.max_in_flight
        };
        if self.in_flight >= max_in_flight
            || (self.in_flight > 0 && (self.settling || self.sequence.is_broken()))
        {
            return Readiness::Waiting;
        }
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return if self.is_empty() {
                Readiness::Waiting
            } else {
                Readiness::At(at)
            };
        }
        if self.sequence.is_broken() {
            // Nothing but what tells how the batches that may be written have ended.
            return if self.is_unknown() {
                Readiness::Ready
            } else {
                Readiness::Waiting
            };
        }
        if !self.retry.is_empty() || !self.full.is_empty() {
            return Readiness::Ready;
        }
        match &self.open {
            None => Readiness::Waiting,
            Some(open) => {
                let due = open.created + urgency.linger;
                if open.number < urgency.flush_below || due <= now {
                    Readiness::Ready
                } else {
                    Readiness::At(due)
                }
            }
        }
    }

    /// Whether it may send to this broker: another one must not get a batch before the last one has answered for those
    /// that precede it.
    pub(super) fn may_send_to(&self, broker: i32) -> bool {
        self.in_flight == 0 || self.sent_to == broker
    }

    /// Whether a batch that is to be sent again may have been written.
    fn is_unknown(&self) -> bool {
        self.retry.iter().any(|batch| batch.maybe_written)
    }

    /// Which of the batches to be sent again is next: the first, but one that the broker will not take under its sequence
    /// is passed over to learn what became of those behind it.
    fn next_retry(&self) -> usize {
        let is_refused = self.retry.front().is_some_and(|batch| batch.refused);
        if is_refused {
            self.retry
                .iter()
                .position(|batch| batch.maybe_written)
                .unwrap_or(0)
        } else {
            0
        }
    }

    /// The size of the batch that goes next.
    pub(super) fn next_size(&self) -> usize {
        let next = self
            .retry
            .get(self.next_retry())
            .or(self.full.front())
            .or(self.open.as_ref());
        next.map_or(0, Batch::size)
    }

    /// Takes the batch that goes next, to that broker, and gives it its place in the sequence.
    pub(super) fn take(&mut self, broker: i32, identity: Option<Identity>) -> Option<Batch> {
        let retry = self.retry.remove(self.next_retry());
        let mut batch = retry
            .or_else(|| self.full.pop_front())
            .or_else(|| self.open.take())?;
        self.sequence.place(&mut batch, identity);
        batch.attempts += 1;
        self.in_flight += 1;
        self.sent_to = broker;
        Some(batch)
    }

    /// After a batch came back, whatever became of it.
    pub(super) fn returned(&mut self) {
        self.in_flight -= 1;
        self.settling &= self.in_flight > 0;
    }

    /// After a batch was written.
    pub(super) fn succeeded(&mut self, batch: &Batch) {
        self.sequence.acknowledge(batch);
        self.backoff.reset();
        self.not_before = None;
    }

    /// Another broker leads the partition now.
    pub(super) fn leader_changed(&mut self) {
        self.not_before = None;
    }

    /// Puts a batch back that has to be sent again, after a while.
    pub(super) fn put_back(&mut self, batch: Batch, now: Instant) {
        // What was on its way together fails together: that is one failure, and one step of waiting longer.
        if self.not_before.is_none_or(|at| at <= now) {
            self.not_before = Some(now + self.backoff.next());
        }
        self.put_back_at_once(batch);
    }

    /// Puts a batch back that is to be sent again then: what stood in its way is known to be short.
    pub(super) fn put_back_until(&mut self, batch: Batch, then: Instant) {
        self.not_before = Some(then);
        self.put_back_at_once(batch);
    }

    /// Puts a batch back that has to be sent again.
    pub(super) fn put_back_at_once(&mut self, batch: Batch) {
        self.settling = self.in_flight > 0;
        let place = self
            .retry
            .partition_point(|other| other.place() < batch.place());
        self.retry.insert(place, batch);
    }

    /// Whether a batch that was sent before this one may still be taken by the broker.
    pub(super) fn has_unsettled_before(&self, place: Place) -> bool {
        self.in_flight > 0
            || self
                .retry
                .iter()
                .any(|batch| batch.place() < place && !batch.refused)
    }

    /// Starts a broken sequence over, once nothing of it is on its way and all that is to be sent again is known not to be
    /// written. Whether it needs an identity that the producer does not have yet.
    pub(super) fn mend(&mut self, identity: Option<Identity>) -> bool {
        if !self.sequence.is_broken() || self.in_flight > 0 || self.is_unknown() {
            return false;
        }
        if !self.sequence.restart(identity) {
            return true;
        }
        for batch in &mut self.retry {
            batch.sequence = None;
            batch.refused = false;
        }
        false
    }

    /// Takes the batches whose time is over; with each, whether it was written for certain.
    pub(super) fn take_expired(
        &mut self,
        now: Instant,
        timeout: Duration,
        expired: &mut Vec<(Batch, bool)>,
    ) {
        let is_over = |batch: &Batch| batch.created + timeout <= now;
        for queue in [&mut self.retry, &mut self.full] {
            while let Some(batch) = queue
                .front()
                .is_some_and(is_over)
                .then(|| queue.pop_front())
                .flatten()
            {
                self.sequence.break_at(&batch);
                let is_written = self.sequence.has_written(&batch);
                expired.push((batch, is_written));
            }
        }
        expired.extend(
            self.open
                .take_if(|open| is_over(open))
                .map(|open| (open, false)),
        );
    }

    /// Takes everything that waits, and no longer expects what is on its way.
    pub(super) fn abandon(&mut self) -> Vec<Batch> {
        self.in_flight = 0;
        self.take_waiting()
    }

    /// Takes everything that waits.
    pub(super) fn take_waiting(&mut self) -> Vec<Batch> {
        self.close_open();
        self.retry.drain(..).chain(self.full.drain(..)).collect()
    }

    /// How many batches wait to be sent, or to be sent again.
    pub(super) fn waiting(&self) -> usize {
        self.retry.len() + self.full.len() + usize::from(self.open.is_some())
    }

    /// When the batch that waits longest was begun.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let queued = self
            .retry
            .front()
            .into_iter()
            .chain(self.full.front())
            .chain(&self.open);
        queued.map(|batch| batch.created).min()
    }

    fn is_empty(&self) -> bool {
        self.retry.is_empty() && self.full.is_empty() && self.open.is_none()
    }
}
