//! Every codec both ways on 1 MiB of text-like records.

use divan::Bencher;
use divan::counter::BytesCount;
use kafka_proto::compression::{Codec, Compression};

const CODECS: [Compression; 4] = [
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn main() {
    divan::main();
}

/// Words of uneven frequency in lines of about 100 bytes: compresses to about two fifths.
fn text() -> Vec<u8> {
    let mut state = 42_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let words: Vec<Vec<u8>> = (0..4_000)
        .map(|_| {
            (0..2 + random(8))
                .map(|_| b'a' + random(26) as u8)
                .collect()
        })
        .collect();
    let mut text = Vec::new();
    while text.len() < 1 << 20 {
        let rank = random(words.len() as u64);
        text.extend_from_slice(&words[(rank * rank / words.len() as u64) as usize]);
        text.push(if random(16) == 0 { b'\n' } else { b' ' });
    }
    text
}

#[divan::bench(args = CODECS)]
fn compress(bencher: Bencher<'_, '_>, compression: Compression) {
    let text = text();
    let mut out = Vec::new();
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| {
            out.clear();
            Codec::new(compression)
                .compress(&text, &mut out)
                .expect("it compresses");
            out.len()
        });
    println!(
        "{compression}: ratio {:.2}",
        text.len() as f64 / out.len() as f64
    );
}

#[divan::bench(args = CODECS)]
fn decompress(bencher: Bencher<'_, '_>, compression: Compression) {
    let text = text();
    let mut compressed = Vec::new();
    Codec::new(compression)
        .compress(&text, &mut compressed)
        .expect("it compresses");
    let mut out = Vec::new();
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| {
            compression
                .decompress_into(&compressed, 1 << 22, &mut out)
                .expect("it decompresses");
            out.len()
        });
}
