//! Record batches of magic 2, with a length and a checksum that are right.

use bytes::Bytes;
use kafka_proto::compression::{Codec, Compression};
use kafka_proto::crc::crc32c;
use kafka_proto::records::{
    Batches, Header, ProducerSequence, RecordBatch, RecordBatchBuilder, RecordBlock, RecordRef,
    RecordsError, Seal,
};
use tests::allocation;

use crate::LIMIT;

/// Where the fields of a batch are.
const LENGTH: usize = 8;
const MAGIC: usize = 16;
const CRC: usize = 17;
const ATTRIBUTES: usize = 21;
const RECORDS: usize = 61;

/// What reading takes at most beyond what records decompress to: the decompressors' working memory.
pub(crate) const WORKING_MEMORY: usize = 512 * 1024;

/// The first byte is 0 for a log of batches, of which the lengths and checksums are put right, and otherwise says how the
/// records of a batch are to be compressed: of a section that nobody has compressed nothing is ever seen.
pub fn check(data: &[u8]) {
    let &[form, ref rest @ ..] = data else {
        return;
    };
    let mut log = rest.to_vec();
    match form {
        0 => {
            put_right(&mut log);
            walk(log.into());
        }
        codec => {
            if let Some(batch) = compressed(log, codec) {
                walk(batch.into());
            }
        }
    }
    // The same with nothing put right.
    for batch in Batches::new(Bytes::copy_from_slice(rest)).flatten() {
        let _ = batch.verify_crc();
    }
}

/// Gives each of the batches a magic, a length and a checksum as they have to be.
fn put_right(mut log: &mut [u8]) {
    while log.len() >= RECORDS {
        let claimed = i32::from_be_bytes([log[LENGTH], log[9], log[10], log[11]]);
        let size = usize::try_from(claimed).unwrap_or(0).saturating_add(12);
        let size = if (RECORDS..log.len()).contains(&size) {
            size
        } else {
            log.len()
        };
        let (batch, rest) = log.split_at_mut(size);
        seal(batch);
        log = rest;
    }
}

fn seal(batch: &mut [u8]) {
    let length = batch.len() as i32 - 12;
    batch[LENGTH..LENGTH + 4].copy_from_slice(&length.to_be_bytes());
    batch[MAGIC] = 2;
    let crc = crc32c(&batch[ATTRIBUTES..]);
    batch[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
}

/// The batch with its records compressed by the codec of this number.
fn compressed(mut batch: Vec<u8>, codec: u8) -> Option<Vec<u8>> {
    let compression = Compression::ALL[usize::from(codec) % Compression::ALL.len()];
    let records = batch.get(RECORDS..)?.to_vec();
    batch.truncate(RECORDS);
    Codec::from(compression)
        .compress(&records, &mut batch)
        .expect("compresses");
    batch[ATTRIBUTES + 1] = batch[ATTRIBUTES + 1] & !0b111 | compression.id();
    seal(&mut batch);
    Some(batch)
}

fn walk(log: Bytes) {
    let mut batches = Batches::new(log.clone());
    let mut position = 0;
    for batch in &mut batches {
        let Ok(batch) = batch else { return };
        assert_eq!(batch.position(), position);
        position += batch.bytes().len();
        if batch.magic() == 2 {
            batch.verify_crc().expect("it was put right");
            whole(&batch);
            changed(&batch);
        }
    }
    assert_eq!(batches.truncated_tail().unwrap_or(0), log.len() - position);
}

/// Reads what there is in a batch.
fn whole(batch: &RecordBatch) {
    let again = RecordBatch::parse(batch.bytes().clone()).expect("a batch alone");
    assert_eq!(again.next_offset(), batch.last_offset().wrapping_add(1));
    let _ = (
        batch.last_sequence(),
        batch.timestamp_type(),
        batch.delete_horizon(),
    );
    let (block, peak) = allocation::peak(|| batch.decompressed(LIMIT));
    let most = match batch.compression() {
        Ok(Compression::None) | Err(_) => 1024,
        Ok(_) => LIMIT + WORKING_MEMORY,
    };
    assert!(peak <= most, "{peak} bytes of memory for {batch:?}");
    let Ok(block) = block else { return };
    let (whole, peak) = allocation::peak(|| records(&block));
    assert!(peak <= 1024, "{peak} bytes of memory to walk {batch:?}");
    if whole {
        rebuilt(batch, &block);
    }
}

/// Walks all records; whether there was no error.
pub(crate) fn records(block: &RecordBlock) -> bool {
    let (mut count, mut errors) = (0, 0);
    for record in block {
        assert_eq!(errors, 0, "nothing comes after an error");
        match record {
            Ok(record) => {
                count += 1;
                errors += usize::from(!headers(&record));
                assert_eq!(
                    record.value_range().map(|range| &block.data()[range]),
                    record.value()
                );
                assert_eq!(
                    record.key_range().map(|range| &block.data()[range]),
                    record.key()
                );
                // Errors of headers do not end the records.
                if errors > 0 {
                    return false;
                }
            }
            Err(_) => errors += 1,
        }
    }
    assert!(
        errors > 0 || count == block.len(),
        "{count} records of {}",
        block.len()
    );
    errors == 0
}

fn headers(record: &RecordRef<'_>) -> bool {
    let announced = record.headers().len();
    let mut read = 0;
    for header in record.headers() {
        if header.is_err() {
            return false;
        }
        read += 1;
    }
    assert_eq!(read, announced);
    true
}

/// What a broker does to a batch leaves its checksum right, and its records as they are.
fn changed(batch: &RecordBatch) {
    let producer = ProducerSequence {
        producer_id: 7,
        producer_epoch: 1,
        base_sequence: i32::MAX,
    };
    let changed = [
        batch.clone().with_offset(i64::MAX, 3),
        batch.clone().with_log_append_time(5),
        batch.clone().with_producer(producer),
        batch.emptied(),
    ];
    for changed in changed {
        let changed = changed.expect("a batch of magic 2");
        changed.verify_crc().expect("a checksum that is right");
        RecordBatch::parse(changed.into_bytes()).expect("a batch");
    }
}

/// The same records in a batch of our own making.
fn rebuilt(batch: &RecordBatch, block: &RecordBlock) {
    let all: Result<Vec<_>, RecordsError> = block.iter().collect();
    let mut builder = RecordBatchBuilder::new();
    for record in all.expect("they were read before") {
        let headers: Result<Vec<Header<'_>>, RecordsError> = record.headers().collect();
        let headers = headers.expect("they were read before");
        let appended = match record
            .offset()
            .checked_sub(batch.base_offset())
            .map(i32::try_from)
        {
            Some(Ok(delta @ 0..)) => builder.append_at(
                delta,
                record.timestamp(),
                record.key(),
                record.value(),
                &headers,
            ),
            // Deltas below zero are not ours to write.
            _ => return,
        };
        match appended {
            Ok(()) => {}
            // Nor are offsets that do not go up.
            Err(RecordsError::BadOffsetDelta { .. }) => return,
            Err(error) => panic!("{error}: {batch:?}"),
        }
    }
    let codec = batch.compression().expect("it was decompressed").into();
    let seal = Seal {
        codec,
        base_offset: batch.base_offset(),
        ..Seal::default()
    };
    let written = builder.finish(&seal).expect("a batch");
    let written = RecordBatch::parse(written).expect("a batch");
    written.verify_crc().expect("a checksum that is right");
    let written = written.decompressed(usize::MAX).expect("a block");
    let what = |record: Result<RecordRef<'_>, RecordsError>| {
        let record = record.expect("a record");
        let headers = record.headers().map(|header| header.expect("a header"));
        let headers: Vec<(String, Option<Vec<u8>>)> = headers
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect();
        (
            (record.offset(), record.timestamp()),
            (
                record.key().map(<[u8]>::to_vec),
                record.value().map(<[u8]>::to_vec),
            ),
            headers,
        )
    };
    assert!(
        written.iter().map(what).eq(block.iter().map(what)),
        "{batch:?}"
    );
}
