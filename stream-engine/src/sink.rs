use crate::{BoxError, PartitionIter, Time};

/// Where an output operation writes each batch, such as a Kafka topic. Used by [`DStream::save_to`](crate::DStream::save_to).
///
/// For each batch the partitions are written on the pool's threads, then [`flush`](Sink::flush) is called once on the
/// scheduler's. The batch's input is committed only after every sink has returned `Ok` from `flush`, so `flush` must not return
/// before everything is acknowledged. If anything fails, [`abort`](Sink::abort) is called instead of a commit. A panic counts as
/// an error.
pub trait Sink<T>: Send + Sync + 'static {
    /// What errors and listeners call it, such as `save_to_kafka`.
    fn name(&self) -> &'static str;

    /// Connects. An error makes `StreamingContext::start` fail.
    fn start(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Writes one partition of the batch `time`; may return before it is acknowledged. Called on several threads at once.
    fn write(
        &self,
        time: Time,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), BoxError>;

    /// Waits until everything written for the batch `time` is acknowledged.
    fn flush(&self, _time: Time) -> Result<(), BoxError> {
        Ok(())
    }

    /// The batch `time` failed, here or in another output operation: drop what can be dropped.
    fn abort(&self, _time: Time) {}

    /// Lets go of connections. Called once, if `start` was.
    fn stop(&self) {}
}

impl<T: 'static> Sink<T> for Box<dyn Sink<T>> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn start(&self) -> Result<(), BoxError> {
        (**self).start()
    }

    fn write(
        &self,
        time: Time,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), BoxError> {
        (**self).write(time, partition, records)
    }

    fn flush(&self, time: Time) -> Result<(), BoxError> {
        (**self).flush(time)
    }

    fn abort(&self, time: Time) {
        (**self).abort(time);
    }

    fn stop(&self) {
        (**self).stop();
    }
}
