//! How full batches get whose records become smaller on the way.

use kafka_proto::compression::{Codec, Compression};

use super::*;

const BATCH: usize = 1500;

fn bench(compression: Compression) -> Bench {
    Bench::new(|config| {
        config.compression = Codec::new(compression);
        (config.batch_size, config.linger) = (BATCH, Duration::from_secs(60));
    })
}

/// Records that compress well.
fn append_until_a_batch_is_full(bench: &mut Bench) -> Request {
    for n in 0..1_000_000u32 {
        let value = format!("so much depends upon a red wheel barrow {}", n % 7);
        bench.append(0, value.as_bytes()).unwrap();
        if let Some(request) = bench.drain().requests.pop() {
            return request;
        }
    }
    panic!("no batch was ever full");
}

/// The size of each batch, uncompressed and as it was sent.
fn sizes(bench: &mut Bench, batches: usize) -> Vec<(usize, usize)> {
    let codec = bench.accumulator.config.compression;
    (0..batches)
        .map(|_| {
            let mut request = append_until_a_batch_is_full(bench);
            let batch = &mut request.batches[0];
            let sealed = batch.seal(codec, false).unwrap().len();
            let sizes = (batch.counted(), sealed);
            bench.answer(request, written);
            sizes
        })
        .collect()
}

#[test]
fn batches_fill_up_to_their_size_compressed() {
    for compression in [Compression::Lz4, Compression::Zstd, Compression::Gzip] {
        let sizes = sizes(&mut bench(compression), 200);
        let (first, _) = sizes[0];
        let (built, sent) = sizes[199];
        assert!(first <= BATCH, "{compression:?}: nothing is known yet");
        assert!(
            built > 4 * BATCH && (BATCH / 2..=BATCH).contains(&sent),
            "{compression:?}: {built} bytes became {sent}"
        );
    }
}

#[test]
fn without_compression_a_batch_is_as_large_as_its_records() {
    let sizes = sizes(&mut bench(Compression::None), 50);
    assert!(sizes.iter().all(|(built, sent)| built == sent));
    assert!(
        sizes
            .iter()
            .all(|(built, _)| (BATCH - 100..=BATCH).contains(built))
    );
}

#[test]
fn a_batch_gets_no_larger_than_a_part_of_the_buffer_however_small_it_is_sent() {
    let mut bench = bench(Compression::Gzip);
    bench.accumulator.config.buffer_memory = 6 * BATCH;
    let sizes = sizes(&mut bench, 200);
    let largest = sizes.iter().map(|(built, _)| *built).max().unwrap();
    assert!(
        (BATCH..=BATCH * 3 / 2 + 100).contains(&largest),
        "{largest}"
    );
}

#[test]
fn a_batch_larger_than_was_expected_is_split_and_the_next_ones_are_smaller() {
    let mut bench = bench(Compression::Lz4);
    sizes(&mut bench, 200);
    let codec = bench.accumulator.config.compression;
    let mut request = append_until_a_batch_is_full(&mut bench);
    let records = request.batches[0].records;
    request.batches[0].seal(codec, false).unwrap();
    bench.answer(request, refused(ErrorCode::MessageTooLarge));
    // The halves go first, in their order; they say where they stand.
    let mut halves = Vec::new();
    for _ in 0..2 {
        let request = bench.request();
        halves.push((request.batches[0].place().part, request.batches[0].records));
        bench.answer(request, written);
    }
    assert_eq!(
        halves,
        [
            (0, records / 2),
            (records as u32 / 2, records - records / 2)
        ]
    );
    bench.accumulator.flush();
    while let Some(request) = bench.drain().requests.pop() {
        bench.answer(request, written);
    }
    let (built, _) = sizes(&mut bench, 1)[0];
    assert!(built <= BATCH, "{built}");
}
