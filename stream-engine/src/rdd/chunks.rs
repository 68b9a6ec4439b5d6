use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::operator::throw;
use crate::pool::Pool;
use crate::{BoxError, EngineError, Operator};

/// About how many records travel together between two operators.
///
/// Types are erased between operators, so each chunk costs a virtual call; a chunk of this size hides that cost and
/// still fits the first-level caches together with the next operator's chunk.
pub const CHUNK: usize = 512;

/// The records of one partition, in chunks. Made and used up by one task, on one thread.
pub(crate) trait Chunks<T> {
    /// Appends the next records (about [`CHUNK`], possibly none) to `out`. False: there are no more.
    fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError>;
}

pub(crate) type BoxChunks<T> = Box<dyn Chunks<T>>;

/// Reads the records of one partition of a source, such as one Kafka partition between two offsets.
///
/// A reader is opened, used and dropped by one task, on one thread of the pool; it may block while its data arrives.
pub trait RecordReader<T> {
    /// Appends the next records (about [`CHUNK`], possibly none) to `out`. False: there are no more.
    fn read(&mut self, out: &mut Vec<T>) -> Result<bool, BoxError>;
}

/// A source's reader as the first link of a chain of operators.
pub(crate) struct ReaderChunks<R> {
    pub(crate) operator: Operator,
    pub(crate) reader: R,
}

impl<T, R: RecordReader<T>> Chunks<T> for ReaderChunks<R> {
    fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError> {
        let reader = &mut self.reader;
        crate::operator::guard(self.operator, || reader.read(out))?
            .map_err(|cause| EngineError::failed(self.operator, cause))
    }
}

/// Records that are in memory already.
pub(crate) struct VecChunks<T> {
    records: std::vec::IntoIter<T>,
}

impl<T> VecChunks<T> {
    pub(crate) fn new(records: Vec<T>) -> Self {
        VecChunks {
            records: records.into_iter(),
        }
    }
}

impl<T> Chunks<T> for VecChunks<T> {
    fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError> {
        out.extend(self.records.by_ref().take(CHUNK));
        Ok(self.records.len() > 0)
    }
}

/// No records.
pub(crate) struct NoChunks;

impl<T> Chunks<T> for NoChunks {
    fn next_chunk(&mut self, _out: &mut Vec<T>) -> Result<bool, EngineError> {
        Ok(false)
    }
}

/// The records of one partition as an iterator, read chunk by chunk from the operators before it.
///
/// If one of those operators fails, the iterator unwinds to the engine, which fails the batch with that operator's error:
/// the code using the iterator never mistakes half of a partition for the whole.
pub struct PartitionIter<T> {
    chunks: BoxChunks<T>,
    /// The current chunk, reversed: taking from the end of a `Vec` moves nothing and keeps its buffer.
    reversed: Vec<T>,
    ended: bool,
    pool: Pool,
    /// Counts the records for somebody who cannot see this iterator any more, chunk by chunk.
    read: Option<Arc<AtomicU64>>,
}

impl<T> PartitionIter<T> {
    pub(crate) fn new(chunks: BoxChunks<T>, pool: &Pool) -> Self {
        PartitionIter {
            chunks,
            reversed: Vec::new(),
            ended: false,
            pool: pool.clone(),
            read: None,
        }
    }

    /// With the number of records that it has read.
    pub(crate) fn counted(mut self) -> (Self, Arc<AtomicU64>) {
        let read = self.read.insert(Arc::default()).clone();
        (self, read)
    }

    fn note_read(&self, records: usize) {
        if let Some(read) = &self.read {
            read.fetch_add(records as u64, Ordering::Relaxed);
        }
    }

    /// Appends the next records to `out`, up to about [`CHUNK`]; false if there were no more. For sinks that hand over
    /// many records at once.
    pub fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError> {
        let before = out.len();
        out.extend(self.reversed.drain(..).rev());
        while out.len() == before && !self.ended {
            self.ended = !self.chunks.next_chunk(out)?;
            self.note_read(out.len() - before);
            self.pool.check_cancelled()?;
        }
        Ok(out.len() > before)
    }

    #[cold]
    fn refill(&mut self) -> Option<T> {
        while self.reversed.is_empty() && !self.ended {
            let more = self.chunks.next_chunk(&mut self.reversed);
            match more.and_then(|more| self.pool.check_cancelled().map(|()| more)) {
                Ok(more) => self.ended = !more,
                Err(error) => throw(error),
            }
        }
        self.note_read(self.reversed.len());
        self.reversed.reverse();
        self.reversed.pop()
    }
}

impl<T> Iterator for PartitionIter<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self.reversed.pop() {
            Some(record) => Some(record),
            None => self.refill(),
        }
    }
}

impl<T> std::fmt::Debug for PartitionIter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionIter").finish_non_exhaustive()
    }
}
