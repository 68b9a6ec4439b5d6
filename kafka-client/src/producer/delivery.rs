//! The acknowledgement: one object for a batch, shared by all its records.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use super::interceptor::{Acknowledged, Interceptors};
use super::record::RecordMetadata;
use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// Where a batch was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) base_offset: Option<i64>,
    pub(super) log_append_time: Option<i64>,
}

impl Written {
    /// Nobody says where.
    pub(super) const SOMEWHERE: Self = Self {
        base_offset: None,
        log_append_time: None,
    };
}

/// What became of the records from `first` on, up to the next part.
#[derive(Debug)]
struct Part {
    first: u32,
    outcome: Result<Written>,
}

/// What becomes of a batch.
#[derive(Debug)]
struct Acknowledgement {
    partition: TopicPartition,
    watch: Option<Box<Watch>>,
    /// All parts, in order; there is more than one only if the batch had to be split.
    outcome: OnceLock<Vec<Part>>,
    state: Mutex<State>,
}

/// Who is told of every single record, and the records' timestamps.
#[derive(Debug)]
struct Watch {
    interceptors: Arc<Interceptors>,
    timestamps: Mutex<Vec<i64>>,
}

#[derive(Debug)]
struct State {
    /// Parts that are not settled.
    unsettled: usize,
    settled: Vec<Part>,
    waiting: Vec<Waker>,
}

impl Acknowledgement {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, part: Part) {
        let mut state = self.state();
        state.settled.push(part);
        state.unsettled -= 1;
        if state.unsettled > 0 {
            return;
        }
        let mut parts = std::mem::take(&mut state.settled);
        parts.sort_by_key(|part| part.first);
        // Set under the lock: who looks under it either finds the outcome or is woken.
        let _ = self.outcome.set(parts);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.tell_interceptors();
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Acknowledgement {
    fn tell_interceptors(&self) {
        let (Some(watch), Some(parts)) = (&self.watch, self.outcome.get()) else {
            return;
        };
        let timestamps = std::mem::take(
            &mut *watch
                .timestamps
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for (index, timestamp) in (0..).zip(timestamps) {
            let outcome = self.result(parts, index, timestamp);
            watch.interceptors.on_acknowledgement(&Acknowledged {
                topic: &self.partition.topic,
                partition: Some(self.partition.partition),
                outcome: outcome.as_ref(),
            });
        }
    }

    /// What became of a record.
    fn result(&self, parts: &[Part], index: u32, timestamp: i64) -> Result<RecordMetadata> {
        let after = parts.partition_point(|part| part.first <= index);
        let Some(part) = after.checked_sub(1).and_then(|at| parts.get(at)) else {
            return Err(Error::Closed {
                what: "the producer",
            });
        };
        let written = part.outcome.as_ref().map_err(Clone::clone)?;
        Ok(RecordMetadata {
            partition: self.partition.clone(),
            offset: written
                .base_offset
                .map(|base| base + i64::from(index - part.first)),
            timestamp: written.log_append_time.unwrap_or(timestamp),
        })
    }
}

/// The right and the duty to say, once, what became of a batch or of a part of it. Dropped without a word it says that the
/// producer has ended, so that nobody waits for a batch that was lost on the way.
#[derive(Debug)]
pub(super) struct Promise {
    acknowledgement: Arc<Acknowledgement>,
    /// The first record that it is about.
    first: u32,
    kept: bool,
}

impl Promise {
    pub(super) fn new(partition: TopicPartition, interceptors: Option<&Arc<Interceptors>>) -> Self {
        let watch = interceptors.map(|interceptors| {
            Box::new(Watch {
                interceptors: interceptors.clone(),
                timestamps: Mutex::default(),
            })
        });
        let state = Mutex::new(State {
            unsettled: 1,
            settled: Vec::new(),
            waiting: Vec::new(),
        });
        let acknowledgement = Arc::new(Acknowledgement {
            partition,
            watch,
            outcome: OnceLock::new(),
            state,
        });
        Self {
            acknowledgement,
            first: 0,
            kept: false,
        }
    }

    /// Which part of the batch it is about: its first record.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// The acknowledgement of the next record; `index` counts them.
    pub(super) fn delivery(&self, index: u32, timestamp: i64) -> Delivery {
        if let Some(watch) = &self.acknowledgement.watch {
            let timestamps = watch.timestamps.lock();
            timestamps
                .unwrap_or_else(PoisonError::into_inner)
                .push(timestamp);
        }
        Delivery {
            batch: self.acknowledgement.clone(),
            index,
            timestamp,
        }
    }

    pub(super) fn settle(mut self, outcome: Result<Written>) {
        self.keep(outcome);
    }

    /// Two promises in the place of one: the second is about the records from the `count`th on.
    pub(super) fn split(mut self, count: u32) -> (Self, Self) {
        self.acknowledgement.state().unsettled += 1;
        self.kept = true;
        let part = |first| Self {
            acknowledgement: self.acknowledgement.clone(),
            first,
            kept: false,
        };
        (part(self.first), part(self.first + count))
    }

    fn keep(&mut self, outcome: Result<Written>) {
        if !std::mem::replace(&mut self.kept, true) {
            self.acknowledgement.settle(Part {
                first: self.first,
                outcome,
            });
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.keep(Err(Error::Closed {
            what: "the producer",
        }));
    }
}

/// Resolves when a record was written, or is known not to be. If the broker took its batch only in parts, all of them are
/// waited for.
///
/// Cancel-safe, and may be dropped: the record is sent all the same.
#[derive(Debug)]
pub struct Delivery {
    batch: Arc<Acknowledgement>,
    index: u32,
    timestamp: i64,
}

impl Delivery {
    /// The partition that the record goes to.
    pub fn partition(&self) -> &TopicPartition {
        &self.batch.partition
    }

    fn result(&self, parts: &[Part]) -> Result<RecordMetadata> {
        self.batch.result(parts, self.index, self.timestamp)
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(parts) = self.batch.outcome.get() {
            return Poll::Ready(self.result(parts));
        }
        let mut state = self.batch.state();
        if let Some(parts) = self.batch.outcome.get() {
            return Poll::Ready(self.result(parts));
        }
        if !state
            .waiting
            .iter()
            .any(|waker| waker.will_wake(cx.waker()))
        {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(delivery: &mut Delivery, waker: &Arc<Counter>) -> Poll<Result<RecordMetadata>> {
        Pin::new(delivery).poll(&mut Context::from_waker(&waker.clone().into()))
    }

    fn written(offset: i64) -> Result<Written> {
        Ok(Written {
            base_offset: Some(offset),
            log_append_time: None,
        })
    }

    fn offset(outcome: Poll<Result<RecordMetadata>>) -> Option<i64> {
        match outcome {
            Poll::Ready(Ok(metadata)) => metadata.offset,
            other => panic!("not written: {other:?}"),
        }
    }

    #[test]
    fn everybody_who_waits_is_woken_once() {
        let promise = Promise::new(TopicPartition::new("t", 0), None);
        let waker = Arc::new(Counter(AtomicUsize::new(0)));
        let mut deliveries: Vec<Delivery> =
            (0..3).map(|index| promise.delivery(index, 7)).collect();
        for delivery in deliveries.iter_mut().chain([&mut promise.delivery(3, 7)]) {
            assert!(poll(delivery, &waker).is_pending());
        }
        promise.settle(written(100));
        assert_eq!(
            waker.0.load(Ordering::Relaxed),
            1,
            "one task waits for all of them"
        );
        let offsets: Vec<_> = deliveries
            .iter_mut()
            .map(|delivery| offset(poll(delivery, &waker)))
            .collect();
        assert_eq!(offsets, [Some(100), Some(101), Some(102)]);
    }

    #[test]
    fn a_batch_that_is_lost_on_the_way_leaves_nobody_waiting() {
        let promise = Promise::new(TopicPartition::new("t", 0), None);
        let waker = Arc::new(Counter(AtomicUsize::new(0)));
        let mut delivery = promise.delivery(0, 7);
        assert!(poll(&mut delivery, &waker).is_pending());
        drop(promise);
        assert_eq!(waker.0.load(Ordering::Relaxed), 1);
        assert!(matches!(
            poll(&mut delivery, &waker),
            Poll::Ready(Err(Error::Closed { .. }))
        ));
    }

    #[test]
    fn a_batch_that_was_split_is_settled_with_its_last_part() {
        let promise = Promise::new(TopicPartition::new("t", 0), None);
        let waker = Arc::new(Counter(AtomicUsize::new(0)));
        let mut deliveries: Vec<Delivery> =
            (0..4).map(|index| promise.delivery(index, 7)).collect();
        let (first, second) = promise.split(2);
        second.settle(written(50));
        assert!(
            deliveries
                .iter_mut()
                .all(|delivery| poll(delivery, &waker).is_pending())
        );
        let (first, middle) = first.split(1);
        first.settle(written(10));
        middle.settle(Err(Error::Closed { what: "the test" }));
        let outcomes: Vec<_> = deliveries
            .iter_mut()
            .map(|delivery| poll(delivery, &waker))
            .collect();
        assert!(matches!(
            &outcomes[1],
            Poll::Ready(Err(Error::Closed { .. }))
        ));
        let mut outcomes = outcomes.into_iter();
        assert_eq!(outcomes.next().map(offset), Some(Some(10)));
        assert_eq!(
            outcomes.skip(1).map(offset).collect::<Vec<_>>(),
            [Some(50), Some(51)]
        );
    }
}
