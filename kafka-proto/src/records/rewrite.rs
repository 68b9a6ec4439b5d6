//! Batches written anew by a broker: without some of their records, or compressed otherwise.

use bytes::Bytes;

use super::layout as at;
use super::{BatchPlace, RecordBatch, RecordCursor, RecordRef, RecordsError, TimestampType};
use crate::compression::{Codec, Compression};
use crate::crc::crc32c;

impl RecordBatch {
    /// The batch with only those of its records that `keep` wants, as compaction leaves it: offsets, timestamps and the
    /// producer's sequence stay, and the batch still covers the offsets of the records that are gone. `None` if none is
    /// left: see [`emptied`](Self::emptied) for what may stand in its place. Compressed as it was, at the codec's default
    /// level, and the very same bytes if nothing goes.
    ///
    /// Takes memory of `limit` bytes at most for records that were compressed.
    ///
    /// ```
    /// use kafka_proto::records::{RecordBatch, RecordBatchBuilder, Seal};
    ///
    /// let mut builder = RecordBatchBuilder::new();
    /// for key in [b"a", b"b", b"a"] {
    ///     builder.append(0, Some(key), Some(b"value"), &[])?;
    /// }
    /// let batch = RecordBatch::parse(builder.finish(&Seal::default())?)?;
    /// let kept = batch.retaining(1 << 20, |record| record.offset() > 0)?.expect("two records");
    /// assert_eq!((kept.base_offset(), kept.last_offset(), kept.record_count()), (0, 2, Some(2)));
    /// # Ok::<(), kafka_proto::records::RecordsError>(())
    /// ```
    ///
    /// # Errors
    /// [`RecordsError`] if the records cannot be read, or the batch is of an old format.
    pub fn retaining(
        &self,
        limit: usize,
        mut keep: impl FnMut(&RecordRef<'_>) -> bool,
    ) -> Result<Option<Self>, RecordsError> {
        self.check_magic()?;
        let block = self.decompressed(limit)?;
        let (mut cursor, mut start) = (RecordCursor::default(), 0);
        let (mut kept, mut count, mut max_timestamp) = (Vec::new(), 0, -1);
        while let Some(record) = block.next(&mut cursor) {
            let record = record?;
            let end = cursor.position();
            if keep(&record) {
                kept.extend_from_slice(&block.data()[start..end]);
                count += 1;
                max_timestamp = record.timestamp().max(max_timestamp);
            }
            start = end;
        }
        if count == block.len() {
            return Ok(Some(self.clone()));
        }
        if count == 0 {
            return Ok(None);
        }
        let codec = Codec::new(self.compression()?);
        let batch = self.with_records(&kept, codec, |bytes| {
            bytes[at::COUNT..at::COUNT + 4].copy_from_slice(&(count as u32).to_be_bytes());
            if self.timestamp_type() == TimestampType::CreateTime {
                bytes[at::MAX_TIMESTAMP..at::MAX_TIMESTAMP + 8]
                    .copy_from_slice(&max_timestamp.to_be_bytes());
            }
        })?;
        Ok(Some(batch))
    }

    /// The batch with its records compressed by `codec`: what a broker does whose topic has a `compression.type` of its
    /// own. Takes memory of `limit` bytes at most for records that were compressed.
    ///
    /// # Errors
    /// [`RecordsError`] if the records cannot be read, or the batch is of an old format.
    pub fn recompressed(&self, codec: Codec, limit: usize) -> Result<Self, RecordsError> {
        self.check_magic()?;
        let block = self.decompressed(limit)?;
        // What cannot be read is found out about now, and not by every reader.
        for record in &block {
            record?;
        }
        self.with_records(block.data(), codec, |_| {})
    }

    fn check_magic(&self) -> Result<(), RecordsError> {
        match self.magic() {
            2 => Ok(()),
            magic => Err(RecordsError::OldMagic {
                batch: self.rewritten_place(),
                magic: magic as i8,
            }),
        }
    }

    fn rewritten_place(&self) -> BatchPlace {
        BatchPlace {
            base_offset: self.base_offset(),
            position: self.position(),
        }
    }

    fn with_records(
        &self,
        records: &[u8],
        codec: Codec,
        edit: impl FnOnce(&mut [u8]),
    ) -> Result<Self, RecordsError> {
        let batch = self.rewritten_place();
        let mut bytes = self.bytes()[..at::RECORDS].to_vec();
        codec
            .compress(records, &mut bytes)
            .map_err(|source| RecordsError::Compression {
                batch,
                at: at::RECORDS,
                source,
            })?;
        let len =
            i32::try_from(bytes.len() - at::LOG_OVERHEAD).map_err(|_| RecordsError::TooLarge {
                size: bytes.len(),
                batch: 0,
                max: i32::MAX as usize,
            })?;
        bytes[at::LENGTH..at::LENGTH + 4].copy_from_slice(&len.to_be_bytes());
        let attributes = u16::from_be_bytes(at::field(&bytes, at::ATTRIBUTES));
        let compression: Compression = codec.compression();
        let attributes = attributes & !at::COMPRESSION_MASK | u16::from(compression.id());
        bytes[at::ATTRIBUTES..at::ATTRIBUTES + 2].copy_from_slice(&attributes.to_be_bytes());
        edit(&mut bytes);
        let crc = crc32c(&bytes[at::ATTRIBUTES..]);
        bytes[at::CRC..at::CRC + 4].copy_from_slice(&crc.to_be_bytes());
        Ok(Self::from_whole(Bytes::from(bytes), self.position()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ProducerSequence, RecordBatchBuilder, Seal};
    use super::*;

    fn batch(compression: Compression) -> RecordBatch {
        let mut builder = RecordBatchBuilder::new();
        for i in 0..10i64 {
            let (key, value) = (format!("key-{i}"), "value ".repeat(20));
            builder
                .append(
                    100 + i % 7,
                    Some(key.as_bytes()),
                    Some(value.as_bytes()),
                    &[],
                )
                .unwrap();
        }
        let seal = Seal {
            codec: Codec::new(compression),
            base_offset: 50,
            partition_leader_epoch: 4,
            transactional: true,
            producer: ProducerSequence {
                producer_id: 9,
                producer_epoch: 1,
                base_sequence: 20,
            },
            ..Seal::default()
        };
        RecordBatch::parse(builder.finish(&seal).unwrap()).unwrap()
    }

    fn read(batch: &RecordBatch) -> Vec<(i64, i64, Vec<u8>)> {
        batch.verify_crc().unwrap();
        let block = batch.decompressed(1 << 20).unwrap();
        let records = block.iter().map(|record| record.unwrap());
        records
            .map(|record| {
                (
                    record.offset(),
                    record.timestamp(),
                    record.key().unwrap().to_vec(),
                )
            })
            .collect()
    }

    #[test]
    fn what_is_kept_keeps_its_place() {
        for compression in Compression::ALL {
            let whole = batch(compression);
            let kept = whole
                .retaining(1 << 20, |record| record.offset() % 3 == 0)
                .unwrap()
                .unwrap();
            let expected: Vec<_> = read(&whole)
                .into_iter()
                .filter(|(offset, ..)| offset % 3 == 0)
                .collect();
            assert_eq!(read(&kept), expected, "{compression:?}");
            assert_eq!(kept.compression(), Ok(compression));
            assert_eq!((kept.base_offset(), kept.last_offset()), (50, 59));
            assert_eq!((kept.base_sequence(), kept.last_sequence()), (20, 29));
            assert_eq!(kept.partition_leader_epoch(), 4);
            assert!(kept.is_transactional());
            assert_eq!(
                kept.max_timestamp(),
                expected
                    .iter()
                    .map(|(_, timestamp, _)| *timestamp)
                    .max()
                    .unwrap()
            );
            assert!(whole.retaining(1 << 20, |_| false).unwrap().is_none());
            let same = whole.retaining(1 << 20, |_| true).unwrap().unwrap();
            assert_eq!(same.bytes(), whole.bytes());
        }
    }

    #[test]
    fn another_compression_changes_nothing_but_the_bytes() {
        for from in Compression::ALL {
            for to in Compression::ALL {
                let whole = batch(from);
                let other = whole.recompressed(Codec::new(to), 1 << 20).unwrap();
                assert_eq!(other.compression(), Ok(to));
                assert_eq!(read(&other), read(&whole), "{from:?} to {to:?}");
                assert_eq!(other.last_sequence(), whole.last_sequence());
            }
        }
    }
}
