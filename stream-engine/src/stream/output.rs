use std::sync::Arc;
use std::time::Instant;

use super::{Batch, DStream, StreamNode};
use crate::operator::guard;
use crate::stage::{self, StageInfo, StageKind};
use crate::{Data, EngineError, Operator, Outcome, Rdd, Sink, Time};

/// An output operation, as the scheduler sees it.
pub(crate) trait AnyOutput: Send {
    fn operator(&self) -> Operator;
    /// Whether it has to run after the outputs that the program asked for, of which it writes a by-product.
    fn runs_last(&self) -> bool {
        false
    }
    fn start(&mut self) -> Result<(), EngineError>;
    /// Runs for a batch; done means that everything is acknowledged.
    fn run(&mut self, batch: &Batch) -> Result<(), EngineError>;
    fn abort(&mut self, time: Time);
    fn stop(&mut self);
}

struct ForeachRdd<T, F> {
    operator: Operator,
    stream: Arc<StreamNode<T>>,
    f: F,
}

impl<T: Data, F, R> AnyOutput for ForeachRdd<T, F>
where
    F: FnMut(Rdd<T>, Time) -> R + Send,
    R: Outcome,
{
    fn operator(&self) -> Operator {
        self.operator
    }

    fn start(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn run(&mut self, batch: &Batch) -> Result<(), EngineError> {
        let Some(rdd) = self.stream.rdd(batch)? else {
            return Ok(());
        };
        guard(self.operator, || (self.f)(rdd, batch.time).into_result())?
            .map_err(|cause| EngineError::failed(self.operator, cause))
    }

    fn abort(&mut self, _time: Time) {}

    fn stop(&mut self) {}
}

struct SaveTo<T, S> {
    operator: Operator,
    stream: Arc<StreamNode<T>>,
    sink: S,
    runs_last: bool,
}

impl<T: Data, S: Sink<T>> AnyOutput for SaveTo<T, S> {
    fn operator(&self) -> Operator {
        self.operator
    }

    fn runs_last(&self) -> bool {
        self.runs_last
    }

    fn start(&mut self) -> Result<(), EngineError> {
        guard(self.operator, || self.sink.start())?
            .map_err(|cause| EngineError::failed(self.operator, cause))
    }

    fn run(&mut self, batch: &Batch) -> Result<(), EngineError> {
        let Some(rdd) = self.stream.rdd(batch)? else {
            return Ok(());
        };
        rdd.for_each_partition_at(self.operator, |partition, records| {
            self.sink.write(batch.time, partition, records)
        })?;
        let started = Instant::now();
        guard(self.operator, || self.sink.flush(batch.time))?
            .map_err(|cause| EngineError::failed(self.operator, cause))?;
        stage::record(StageInfo::new(
            self.operator,
            StageKind::Flush,
            started.elapsed(),
        ));
        Ok(())
    }

    fn abort(&mut self, time: Time) {
        if let Err(error) = guard(self.operator, || self.sink.abort(time)) {
            tracing::warn!(%error, "aborting a batch");
        }
    }

    fn stop(&mut self) {
        if let Err(error) = guard(self.operator, || self.sink.stop()) {
            tracing::warn!(%error, "stopping a sink");
        }
    }
}

/// Output operations. They run one after another, in the order of registration, in every batch; only when all of them have
/// succeeded is the batch's input committed. An error or panic in one stops the context with that error.
impl<T: Data> DStream<T> {
    /// Calls `f` with each batch's RDD, on the scheduler's thread; actions inside run on the pool. `f` may return a `Result`:
    /// an error fails the batch. The batch counts as done when `f` returns, so `f` must not leave writes unfinished.
    #[track_caller]
    pub fn foreach_rdd<R: Outcome + 'static>(
        &self,
        mut f: impl FnMut(Rdd<T>) -> R + Send + 'static,
    ) {
        self.foreach_rdd_at(Operator::here("foreach_rdd"), move |rdd, _| f(rdd));
    }

    /// As [`DStream::foreach_rdd`], with the batch's time as second argument.
    #[track_caller]
    pub fn foreach_rdd_with_time<R: Outcome + 'static>(
        &self,
        f: impl FnMut(Rdd<T>, Time) -> R + Send + 'static,
    ) {
        self.foreach_rdd_at(Operator::here("foreach_rdd_with_time"), f);
    }

    pub(crate) fn foreach_rdd_at<R: Outcome + 'static>(
        &self,
        operator: Operator,
        f: impl FnMut(Rdd<T>, Time) -> R + Send + 'static,
    ) {
        self.shared().graph().add_output(ForeachRdd {
            operator,
            stream: self.node().clone(),
            f,
        });
    }

    /// Writes each batch to a sink; the batch is done when the sink says that everything is acknowledged.
    #[track_caller]
    pub fn save_to(&self, sink: impl Sink<T>) {
        self.save_to_at(Operator::here(sink.name()), sink);
    }

    pub(crate) fn save_to_at(&self, operator: Operator, sink: impl Sink<T>) {
        self.save(operator, sink, false);
    }

    /// As `save_to`, after all outputs that are not saved last.
    pub(super) fn save_last_at(&self, operator: Operator, sink: impl Sink<T>) {
        self.save(operator, sink, true);
    }

    fn save(&self, operator: Operator, sink: impl Sink<T>, runs_last: bool) {
        self.shared().graph().add_output(SaveTo {
            operator,
            stream: self.node().clone(),
            sink,
            runs_last,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crate::testkit::TestKit;
    use crate::{BoxError, DStream, EngineError, PartitionIter, Sink, Time};

    #[derive(Clone, Default)]
    struct Recorder {
        calls: Arc<Mutex<Vec<String>>>,
        fail_flush: bool,
    }

    impl Recorder {
        fn note(&self, call: String) {
            self.calls.lock().unwrap().push(call);
        }
    }

    impl Sink<u32> for Recorder {
        fn name(&self) -> &'static str {
            "save_to_recorder"
        }
        fn start(&self) -> Result<(), BoxError> {
            self.note("start".into());
            Ok(())
        }
        fn write(
            &self,
            _: Time,
            partition: usize,
            records: PartitionIter<u32>,
        ) -> Result<(), BoxError> {
            self.note(format!(
                "write {partition} {:?}",
                records.collect::<Vec<_>>()
            ));
            Ok(())
        }
        fn flush(&self, time: Time) -> Result<(), BoxError> {
            self.note(format!("flush {time}"));
            if self.fail_flush {
                Err("broker gone".into())
            } else {
                Ok(())
            }
        }
        fn abort(&self, time: Time) {
            self.note(format!("abort {time}"));
        }
        fn stop(&self) {
            self.note("stop".into());
        }
    }

    #[test]
    fn a_sink_is_flushed_once_per_batch_after_all_partitions() {
        let sink = Recorder::default();
        let used = sink.clone();
        TestKit::default()
            .partitions(1)
            .run(&[vec![1, 2], vec![]], move |s| {
                s.save_to(used.clone());
                s.clone()
            })
            .unwrap();
        let calls = sink.calls.lock().unwrap().clone();
        assert_eq!(
            calls,
            [
                "start",
                "write 0 [1, 2]",
                "flush 1000 ms",
                "write 0 []",
                "flush 2000 ms",
                "stop"
            ]
        );
    }

    #[test]
    fn a_failed_flush_fails_the_batch_and_aborts_it() {
        let sink = Recorder {
            fail_flush: true,
            ..Recorder::default()
        };
        let used = sink.clone();
        let run = |s: &DStream<u32>| {
            s.save_to(used.clone());
            s.clone()
        };
        let error = TestKit::default()
            .partitions(1)
            .run(&[vec![1], vec![2]], run)
            .unwrap_err();
        assert!(matches!(error.root(), EngineError::Failed { .. }));
        let text = error.to_string();
        assert!(
            text.starts_with("batch 1000 ms, output operation save_to_recorder at "),
            "{text}"
        );
        assert!(text.ends_with("failed: broker gone"), "{text}");
        let calls = sink.calls.lock().unwrap().clone();
        assert_eq!(
            calls,
            [
                "start",
                "write 0 [1]",
                "flush 1000 ms",
                "abort 1000 ms",
                "stop"
            ]
        );
    }
}
