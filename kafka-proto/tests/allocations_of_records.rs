//! What reading records allocates, counted by an allocator that notes every call: nothing for a record or a header,
//! and for hostile bytes never more than their size times a small number.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use kafka_proto::compression::Compression;
use kafka_proto::records::{Batches, Header, RecordBatch, RecordBatchBuilder, Seal};

/// The system's allocator, with a count of allocations and their bytes for each thread: tests run side by side.
struct Counting;

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { calls: 0, bytes: 0 }) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    calls: usize,
    bytes: usize,
}

fn count(bytes: usize) {
    COUNTS.set(Counts {
        calls: COUNTS.get().calls + 1,
        bytes: COUNTS.get().bytes + bytes,
    });
}

// SAFETY: every call goes to the system's allocator as it is; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller has promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as the caller has promised.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread allocates in `run`.
fn allocated<T>(run: impl FnOnce() -> T) -> (Counts, T) {
    let before = COUNTS.get();
    let result = run();
    let after = COUNTS.get();
    let counts = Counts {
        calls: after.calls - before.calls,
        bytes: after.bytes - before.bytes,
    };
    (counts, result)
}

const RECORDS: usize = 1_000;
const LIMIT: usize = 1 << 24;

fn batch(records: usize, compression: Compression) -> Bytes {
    let headers = [
        Header::new("traceparent", b"00-4bf92f3577b34da6"),
        Header {
            key: "source",
            value: None,
        },
    ];
    let mut builder = RecordBatchBuilder::new();
    for i in 0..records {
        builder
            .append(i as i64, Some(b"key"), Some(&[b'x'; 100]), &headers)
            .expect("it fits");
    }
    let seal = Seal {
        codec: compression.into(),
        ..Seal::default()
    };
    builder.finish(&seal).expect("it compresses")
}

/// Records, headers and their bytes in all batches, checksums verified.
fn walk(fetched: &Bytes) -> (usize, usize, usize) {
    let (mut records, mut headers, mut bytes) = (0, 0, 0);
    for batch in Batches::new(fetched.clone()) {
        let batch = batch.expect("a batch");
        batch.verify_crc().expect("intact");
        for record in &batch.decompressed(LIMIT).expect("a block") {
            let record = record.expect("valid");
            records += 1;
            bytes += record.key().map_or(0, <[u8]>::len) + record.value().map_or(0, <[u8]>::len);
            for header in record.headers() {
                let header = header.expect("valid");
                headers += 1;
                bytes += header.key.len() + header.value.map_or(0, <[u8]>::len);
            }
        }
    }
    (records, headers, bytes)
}

#[test]
fn walking_uncompressed_records_allocates_nothing() {
    let fetched = Bytes::from(batch(RECORDS, Compression::None).repeat(10));
    // A `Bytes` made of a vector allocates once, when it is first shared.
    drop(fetched.clone());
    let (counts, walked) = allocated(|| walk(&fetched));
    assert_eq!(counts, Counts { calls: 0, bytes: 0 });
    let bytes = 3 + 100 + "traceparent".len() + "00-4bf92f3577b34da6".len() + "source".len();
    let records = 10 * RECORDS;
    assert_eq!(walked, (records, 2 * records, records * bytes));
}

#[test]
fn what_compressed_records_allocate_does_not_grow_with_their_number() {
    for compression in Compression::ALL {
        let calls = [10, 10_000].map(|records| {
            let fetched = batch(records, compression);
            // The second time: the codecs keep working memory for each thread.
            walk(&fetched);
            allocated(|| walk(&fetched)).0.calls
        });
        // The buffer of all records may grow by doubling.
        assert!(calls[1] <= calls[0] + 16, "{compression}: {calls:?}");
    }
}

#[test]
fn appending_a_record_allocates_nothing_where_there_is_room() {
    let headers = [Header::new("name", b"value")];
    let mut builder = RecordBatchBuilder::with_buffer(Vec::with_capacity(1 << 20));
    let (counts, ()) = allocated(|| {
        for i in 0..RECORDS {
            builder
                .append(i as i64, Some(b"key"), Some(&[b'x'; 100]), &headers)
                .expect("it fits");
        }
    });
    assert_eq!(counts, Counts { calls: 0, bytes: 0 });
}

/// Hazard 33. What a codec needs to work at all is in the limit.
#[test]
fn hostile_counts_and_lengths_allocate_next_to_nothing() {
    const MOST: usize = 128 * 1024;
    let lies = [
        &[0xff; 4][..],
        &[0x7f; 4],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    ];
    for compression in Compression::ALL {
        let good = batch(20, compression);
        for at in 8..good.len() {
            for lie in lies {
                let mut bytes = good.to_vec();
                let end = (at + lie.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&lie[..end - at]);
                let bytes = Bytes::from(bytes);
                let (counts, ()) = allocated(|| read_whatever_it_says(bytes));
                assert!(
                    counts.bytes <= MOST,
                    "{compression}: {counts:?} for {} bytes with {lie:x?} at {at}",
                    good.len()
                );
            }
        }
    }
}

/// Without asking for the checksum, as if that had been forged.
fn read_whatever_it_says(bytes: Bytes) {
    let Ok(batch) = RecordBatch::parse(bytes) else {
        return;
    };
    let Ok(block) = batch.decompressed(LIMIT) else {
        return;
    };
    let mut records = Vec::with_capacity(block.len());
    for record in block.iter().map_while(Result::ok) {
        records.push(record.offset());
        for header in record.headers() {
            let _ = header;
        }
    }
}
