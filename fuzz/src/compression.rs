//! The codecs: compressed data of anybody, with framing and checksums that are right, and our own.

use std::hash::Hasher;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use kafka_proto::compression::{Codec, Compression, CompressionError};
use tests::allocation;
use twox_hash::XxHash32;

use crate::LIMIT;
use crate::record_batches::WORKING_MEMORY;

/// The first byte says by which codec, and what the rest is: data to decompress as it is, or behind a frame that is put
/// around it, or data to compress.
pub fn check(data: &[u8]) {
    let &[form, limit, ref rest @ ..] = data else {
        return;
    };
    let compression = Compression::ALL[usize::from(form & 0b111) % Compression::ALL.len()];
    // From nothing over about as much as there is to far more.
    let limit = usize::from(limit) * LIMIT / 256 / if form & 0x40 == 0 { 1 } else { 64 };
    match form >> 3 & 0b111 {
        0 => drop(decompress(compression, rest, limit)),
        1 => framed(compression, rest, limit),
        level => there_and_back(compression, rest, level),
    }
}

/// Never more than the limit, neither in the result nor in memory.
fn decompress(
    compression: Compression,
    input: &[u8],
    limit: usize,
) -> Result<Vec<u8>, CompressionError> {
    let (output, peak) = allocation::peak(|| compression.decompress(input, limit));
    assert!(
        peak <= limit + WORKING_MEMORY,
        "{peak} bytes of memory for {compression} with a limit of {limit}: {input:?}"
    );
    if let Ok(output) = &output {
        assert!(
            output.len() <= limit,
            "{} bytes of {limit}: {input:?}",
            output.len()
        );
    }
    output
}

/// What anything is, compressed and decompressed, with a limit that it fits and with one that it does not.
fn there_and_back(compression: Compression, data: &[u8], level: u8) {
    let codec = compression.levels().and_then(|levels| {
        let level = levels.start() + i32::from(level) % (levels.end() - levels.start() + 1);
        Codec::with_level(compression, level).ok()
    });
    let mut compressed = Vec::new();
    let codec = codec.unwrap_or(compression.into());
    codec.compress(data, &mut compressed).expect("compresses");
    let output = decompress(compression, &compressed, data.len());
    assert_eq!(output.as_deref(), Ok(data), "{codec}");
    if let Some(less) = data.len().checked_sub(1) {
        let refused = decompress(compression, &compressed, less);
        let limit_exceeded = matches!(refused, Err(CompressionError::LimitExceeded { .. }));
        assert!(
            limit_exceeded,
            "{codec} with a limit of {less}: {refused:?} of {data:?}"
        );
    }
}

fn framed(compression: Compression, content: &[u8], limit: usize) {
    match compression {
        Compression::None => {}
        Compression::Gzip => {
            if let Some((member, expected)) = gzip(content) {
                let output = decompress(compression, &member, expected.len());
                assert_eq!(output.as_ref(), Ok(&expected), "{member:?}");
            }
        }
        Compression::Snappy => drop(decompress(compression, &snappy(content), limit)),
        Compression::Lz4 => drop(decompress(compression, &lz4(content), limit)),
        Compression::Zstd => drop(decompress(compression, &zstd(content), limit)),
    }
}

/// A member around deflated data, with the checksum of what that is.
fn gzip(deflated: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut output = Vec::with_capacity(LIMIT);
    let mut inflate = Decompress::new(false);
    let status = inflate.decompress_vec(deflated, &mut output, FlushDecompress::Finish);
    if !matches!(status, Ok(Status::StreamEnd)) {
        return None;
    }
    let mut crc = Crc::new();
    crc.update(&output);
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    member.extend_from_slice(&deflated[..inflate.total_in() as usize]);
    member.extend(crc.sum().to_le_bytes());
    member.extend((output.len() as u32).to_le_bytes());
    Some((member, output))
}

/// A stream of blocks, each behind a byte that is its length here.
fn snappy(blocks: &[u8]) -> Vec<u8> {
    let mut stream = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    each_block(blocks, |_, block| {
        stream.extend((block.len() as u32).to_be_bytes());
        stream.extend_from_slice(block);
    });
    stream
}

/// A frame of blocks, with the checksums that its first byte asks for; of the content there is none.
fn lz4(blocks: &[u8]) -> Vec<u8> {
    let Some((&form, blocks)) = blocks.split_first() else {
        return Vec::new();
    };
    let block_checksums = form & 0b1_0000 != 0;
    let descriptor = [0b0110_0000 | form & 0b1_0000, 0x40 | form << 4 & 0x30];
    let mut frame = 0x184D_2204_u32.to_le_bytes().to_vec();
    frame.extend(descriptor);
    frame.push((XxHash32::oneshot(0, &descriptor) >> 8) as u8);
    each_block(blocks, |stored, block| {
        let mark = u32::from(stored) << 31;
        frame.extend((block.len() as u32 | mark).to_le_bytes());
        frame.extend_from_slice(block);
        if block_checksums {
            let mut hash = XxHash32::with_seed(0);
            hash.write(block);
            frame.extend((hash.finish() as u32).to_le_bytes());
        }
    });
    frame.extend([0; 4]);
    frame
}

/// A frame whose header says that there is no checksum of the content.
fn zstd(frame: &[u8]) -> Vec<u8> {
    let Some((&descriptor, rest)) = frame.split_first() else {
        return Vec::new();
    };
    [
        &0xFD2F_B528_u32.to_le_bytes(),
        &[descriptor & !0b100][..],
        rest,
    ]
    .concat()
}

/// Cuts data into blocks: seven bits are a length, the eighth is a mark.
fn each_block(mut data: &[u8], mut block: impl FnMut(bool, &[u8])) {
    while let Some((&length, rest)) = data.split_first() {
        let (content, rest) = rest.split_at(rest.len().min(usize::from(length & 0x7f)));
        block(length & 0x80 != 0, content);
        data = rest;
    }
}
