use super::{BoxChunks, Node, ReaderChunks, RecordReader};
use crate::operator::guard;
use crate::pool::Pool;
use crate::{BoxError, EngineError, Operator};

/// Data outside the engine whose extent is fixed: reading it twice gives the same records (a range of Kafka offsets).
///
/// ```
/// use stream_engine::{BoxError, RddContext, RddSource, RecordReader};
///
/// /// The numbers below `end`, split over the partitions.
/// struct Numbers { end: u64 }
/// struct Reader { next: u64, end: u64 }
///
/// impl RddSource<u64> for Numbers {
///     fn name(&self) -> &'static str { "numbers" }
///     fn partitions(&self) -> usize { 2 }
///     fn open(&self, partition: usize) -> Result<Box<dyn RecordReader<u64>>, BoxError> {
///         let half = self.end / 2;
///         let (next, end) = if partition == 0 { (0, half) } else { (half, self.end) };
///         Ok(Box::new(Reader { next, end }))
///     }
/// }
///
/// impl RecordReader<u64> for Reader {
///     fn read(&mut self, out: &mut Vec<u64>) -> Result<bool, BoxError> {
///         let end = self.end.min(self.next + stream_engine::CHUNK as u64);
///         out.extend(self.next..end);
///         self.next = end;
///         Ok(self.next < self.end)
///     }
/// }
///
/// let numbers = RddContext::new(2)?.read(Numbers { end: 10_000 });
/// assert_eq!(numbers.count()?, 10_000);
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
pub trait RddSource<T>: Send + Sync + 'static {
    /// What errors and listeners call it.
    fn name(&self) -> &'static str;

    /// The number of partitions. Always the same for one source.
    fn partitions(&self) -> usize;

    /// The bytes of all partitions together, if they are known before reading; for metrics.
    fn bytes(&self) -> Option<u64> {
        None
    }

    /// Starts reading a partition; called on the pool's threads, once for every action that reaches the source.
    fn open(&self, partition: usize) -> Result<Box<dyn RecordReader<T>>, BoxError>;
}

impl<T> RecordReader<T> for Box<dyn RecordReader<T>> {
    fn read(&mut self, out: &mut Vec<T>) -> Result<bool, BoxError> {
        (**self).read(out)
    }
}

pub(crate) struct SourceNode<S> {
    pub(crate) operator: Operator,
    pub(crate) source: S,
}

impl<T: 'static, S: RddSource<T>> Node<T> for SourceNode<S> {
    fn partitions(&self) -> usize {
        self.source.partitions()
    }

    fn prepare(&self, _pool: &Pool) -> Result<(), EngineError> {
        Ok(())
    }

    fn known_bytes(&self) -> Option<u64> {
        self.source.bytes()
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<T>, EngineError> {
        let reader = guard(self.operator, || self.source.open(partition))?
            .map_err(|cause| EngineError::failed(self.operator, cause))?;
        Ok(Box::new(ReaderChunks {
            operator: self.operator,
            reader,
        }))
    }
}
