//! Building and reading batches of 1,000 records of 100 bytes.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use kafka_proto::records::{Batches, Header, RecordBatch, RecordBatchBuilder, Seal};

const RECORDS: usize = 1_000;
const VALUE: [u8; 100] = [b'x'; 100];
const HEADERS: [Header<'_>; 2] = [
    Header {
        key: "traceparent",
        value: Some(b"00-4bf92f3577b34da6"),
    },
    Header {
        key: "source",
        value: None,
    },
];

fn main() {
    divan::main();
}

fn fill(builder: &mut RecordBatchBuilder, key: Option<&[u8]>, headers: &[Header<'_>]) {
    for i in 0..RECORDS {
        builder
            .append(1_700_000_000_000 + i as i64, key, Some(&VALUE), headers)
            .expect("it fits");
    }
}

fn batch(key: Option<&[u8]>, headers: &[Header<'_>]) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    fill(&mut builder, key, headers);
    RecordBatch::parse(builder.finish(&Seal::default()).expect("it fits")).expect("a batch")
}

#[divan::bench]
fn append(bencher: Bencher<'_, '_>) {
    let mut buffer = Vec::with_capacity(1 << 20);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let mut builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
        fill(&mut builder, None, &[]);
        buffer = black_box(builder).into_buffer();
    });
}

#[divan::bench]
fn append_with_key_and_headers(bencher: Bencher<'_, '_>) {
    let mut buffer = Vec::with_capacity(1 << 20);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let mut builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
        fill(&mut builder, Some(b"key-0123456789"), &HEADERS);
        buffer = black_box(builder).into_buffer();
    });
}

#[divan::bench]
fn would_fit_and_append_and_finish(bencher: Bencher<'_, '_>) {
    let mut buffer = Vec::with_capacity(1 << 20);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let mut builder = RecordBatchBuilder::with_buffer(std::mem::take(&mut buffer));
        for i in 0..RECORDS {
            let timestamp = 1_700_000_000_000 + i as i64;
            if builder.would_fit(1 << 20, timestamp, None, Some(&VALUE), &[]) {
                builder
                    .append(timestamp, None, Some(&VALUE), &[])
                    .expect("it fits");
            }
        }
        buffer = Vec::from(black_box(
            builder.finish(&Seal::default()).expect("it fits"),
        ));
    });
}

// Time divided by the records is what one takes: at most 20 ns are wanted here, and 35 with the checksum.
#[divan::bench]
fn iterate(bencher: Bencher<'_, '_>) {
    let block = batch(None, &[]).decompressed(1 << 20).expect("a block");
    bencher.counter(ItemsCount::new(RECORDS)).bench(|| {
        let mut sum = 0;
        for record in &block {
            let record = record.expect("a record");
            sum += record.offset() as usize + record.value().map_or(0, <[u8]>::len);
        }
        sum
    });
}

#[divan::bench]
fn walk_with_crc(bencher: Bencher<'_, '_>) {
    let batch = batch(None, &[]);
    bencher.counter(ItemsCount::new(RECORDS)).bench(|| {
        batch.verify_crc().expect("it is whole");
        let block = batch.decompressed(1 << 20).expect("a block");
        let mut sum = 0;
        for record in &block {
            let record = record.expect("a record");
            sum += record.offset() as usize + record.value().map_or(0, <[u8]>::len);
        }
        sum
    });
}

#[divan::bench]
fn iterate_with_key_and_headers(bencher: Bencher<'_, '_>) {
    let block = batch(Some(b"key-0123456789"), &HEADERS)
        .decompressed(1 << 20)
        .expect("a block");
    bencher.counter(ItemsCount::new(RECORDS)).bench(|| {
        let mut sum = 0;
        for record in &block {
            let record = record.expect("a record");
            sum += record.key().map_or(0, <[u8]>::len);
            for header in record.headers() {
                sum += header.expect("a header").key.len();
            }
        }
        sum
    });
}

#[divan::bench]
fn read_batches_and_verify_crc(bencher: Bencher<'_, '_>) {
    let batch = batch(None, &[]);
    let fetched = bytes::Bytes::from(batch.bytes().repeat(10));
    bencher.counter(BytesCount::new(fetched.len())).bench(|| {
        Batches::new(fetched.clone())
            .map(|batch| batch.expect("a batch").verify_crc().is_ok() as usize)
            .sum::<usize>()
    });
}
