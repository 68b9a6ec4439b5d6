use bytes::Bytes;

use super::RecordsError;
use super::batch::{RecordBatch, read_size};

/// The batches of a fetched partition or of a log segment: one after the other, of any format.
///
/// A broker cuts what it sends at a number of bytes, so the last batch may be incomplete: that ends the iteration
/// without an error, and [`truncated_tail`](Self::truncated_tail) tells. Bytes that can be no batch are an error, and
/// nothing follows it because lengths cannot be trusted any more.
///
/// Checksums are not verified here: see [`RecordBatch::verify_crc`].
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
    /// Where `rest` starts in what is walked.
    position: usize,
    tail: Option<usize>,
}

impl Batches {
    /// Reads `bytes` without copying them: batches are slices of it.
    pub fn new(bytes: Bytes) -> Self {
        Self {
            rest: bytes,
            position: 0,
            tail: None,
        }
    }

    /// After the last batch: how many bytes of an incomplete one followed, if any did.
    ///
    /// Where not a single batch was complete, the fetch has to be repeated with a higher limit.
    pub fn truncated_tail(&self) -> Option<usize> {
        self.tail
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match read_size(&self.rest, self.position) {
            Ok(size) if size <= self.rest.len() => {
                let batch = RecordBatch::from_whole(self.rest.split_to(size), self.position);
                self.position += size;
                Some(Ok(batch))
            }
            Ok(_) | Err(RecordsError::Truncated { .. }) => {
                self.tail = Some(self.rest.len());
                self.rest = Bytes::new();
                None
            }
            Err(e) => {
                self.rest = Bytes::new();
                Some(Err(e))
            }
        }
    }
}

impl std::iter::FusedIterator for Batches {}
