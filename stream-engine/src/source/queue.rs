use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{BatchInput, InputSource, SourceContext};
use crate::{BoxError, DStream, Data, EngineError, Operator, Rdd, StreamingContext, Time, Wakeup};

/// RDDs waiting to be batches of a queue stream. Clones share the queue; RDDs may be pushed at any time, by any thread.
pub struct RddQueue<T> {
    shared: Arc<Mutex<Waiting<T>>>,
}

struct Waiting<T> {
    rdds: VecDeque<Rdd<T>>,
    wakeups: Vec<Wakeup>,
}

impl<T: Data> RddQueue<T> {
    /// An empty queue.
    pub fn new() -> Self {
        RddQueue {
            shared: Arc::new(Mutex::new(Waiting {
                rdds: VecDeque::new(),
                wakeups: Vec::new(),
            })),
        }
    }

    /// Appends an RDD.
    pub fn push(&self, rdd: Rdd<T>) {
        let mut waiting = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.rdds.push_back(rdd);
        waiting.wakeups.iter().for_each(Wakeup::notify);
    }

    /// The number of RDDs that no batch has taken yet.
    pub fn len(&self) -> usize {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rdds
            .len()
    }

    /// Whether batches have taken all RDDs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Data> Default for RddQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for RddQueue<T> {
    fn clone(&self) -> Self {
        RddQueue {
            shared: self.shared.clone(),
        }
    }
}

impl<T> std::fmt::Debug for RddQueue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RddQueue").finish_non_exhaustive()
    }
}

/// How a queue stream makes batches of its queue.
#[derive(Debug)]
pub struct QueueOptions<T> {
    /// One RDD a batch (the default), or all that wait; of these only as many as [`Backpressure`](crate::Backpressure) allows,
    /// but always one.
    pub one_at_a_time: bool,
    /// What a batch gets when the queue is empty; without it, an RDD without records.
    pub default: Option<Rdd<T>>,
}

impl<T> Default for QueueOptions<T> {
    fn default() -> Self {
        QueueOptions {
            one_at_a_time: true,
            default: None,
        }
    }
}

struct QueueSource<T> {
    queue: RddQueue<T>,
    options: QueueOptions<T>,
    context: Option<SourceContext>,
    /// Records a second.
    rate_limit: Option<f64>,
}

impl<T: Data> InputSource<T> for QueueSource<T> {
    fn name(&self) -> &'static str {
        "queue_stream"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.context = Some(context.clone());
        let mut waiting = self
            .queue
            .shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.wakeups.push(context.wakeup().clone());
        Ok(())
    }

    fn limit_rate(&mut self, records_per_second: f64) {
        self.rate_limit = Some(records_per_second);
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let Some(context) = &self.context else {
            return Ok(None);
        };
        let mut waiting = self
            .queue
            .shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = if self.options.one_at_a_time {
            waiting.rdds.len().min(1)
        } else {
            let seconds = context.batch_duration().as_secs_f64();
            within(&waiting.rdds, self.rate_limit.map(|rate| rate * seconds))
        };
        let taken: Vec<Rdd<T>> = waiting.rdds.drain(..count).collect();
        drop(waiting);
        if taken.is_empty() {
            return Ok(self.options.default.clone().map(|rdd| BatchInput {
                records: rdd.known_count().unwrap_or(0),
                description: "the queue's default".to_owned(),
                rdd,
            }));
        }
        let records = taken.iter().filter_map(Rdd::known_count).sum();
        let description = format!("{count} RDDs of the queue");
        Ok(Some(BatchInput {
            rdd: context.rdd_context().union(taken),
            records,
            description,
        }))
    }

    fn stop(&mut self) {
        if let Some(context) = self.context.take() {
            let mut waiting = self
                .queue
                .shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiting
                .wakeups
                .retain(|wakeup| !wakeup.is_same(context.wakeup()));
        }
    }
}

/// How many RDDs have so many records together, at least one.
fn within<T: Data>(rdds: &VecDeque<Rdd<T>>, records: Option<f64>) -> usize {
    let Some(mut left) = records else {
        return rdds.len();
    };
    let fit = |rdd: &&Rdd<T>| {
        left -= rdd.known_count().unwrap_or(0) as f64;
        left >= 0.0
    };
    rdds.iter().take_while(fit).count().max(rdds.len().min(1))
}

impl StreamingContext {
    /// A stream that takes one RDD from `queue` per batch; an empty queue gives batches without records.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    #[track_caller]
    pub fn queue_stream<T: Data>(&self, queue: &RddQueue<T>) -> Result<DStream<T>, EngineError> {
        self.input_stream_at(
            Operator::here("queue_stream"),
            queue_source(queue, QueueOptions::default()),
        )
    }

    /// As [`StreamingContext::queue_stream`], with options. With [`Trigger::Continuous`](crate::Trigger::Continuous) and a
    /// default RDD there is always something new, so batches follow one another without a pause.
    #[track_caller]
    pub fn queue_stream_with<T: Data>(
        &self,
        queue: &RddQueue<T>,
        options: QueueOptions<T>,
    ) -> Result<DStream<T>, EngineError> {
        self.input_stream_at(Operator::here("queue_stream"), queue_source(queue, options))
    }
}

fn queue_source<T: Data>(queue: &RddQueue<T>, options: QueueOptions<T>) -> QueueSource<T> {
    QueueSource {
        queue: queue.clone(),
        options,
        context: None,
        rate_limit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RddContext;

    #[test]
    fn a_rate_takes_whole_rdds_and_always_one() {
        let context = RddContext::new(1).unwrap();
        let rdds: VecDeque<_> = [5, 3, 4].map(|n| context.parallelize(0..n, 2)).into();
        for (records, expected) in [
            (None, 3),
            (Some(2.0), 1),
            (Some(5.0), 1),
            (Some(8.0), 2),
            (Some(11.9), 2),
            (Some(12.0), 3),
        ] {
            assert_eq!(within(&rdds, records), expected, "{records:?}");
        }
        assert_eq!(within(&VecDeque::<Rdd<u8>>::new(), Some(2.0)), 0);
    }
}
