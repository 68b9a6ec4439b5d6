//! Snappy in the framing of the xerial library, which is what the Java client writes.
//!
//! A header of 16 bytes (magic, version, oldest compatible version), then chunks: a big-endian length and a raw Snappy
//! block. A reader also takes a single raw block without any framing, as xerial's does: clients in other languages
//! write that.

use std::cell::RefCell;

use super::{Compression, CompressionError};

const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
/// The magic, and version 1 compatible back to 1.
const HEADER: &[u8; 16] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// Snappy finds nothing across more than this, so longer chunks would not compress better.
const CHUNK: usize = 64 * 1024;
/// A copy of 64 bytes takes 3: no block holds more than this many times its own length.
const MAX_RATIO: usize = 22;

thread_local! {
    static ENCODER: RefCell<snap::raw::Encoder> = RefCell::new(snap::raw::Encoder::new());
}

pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    out.extend_from_slice(HEADER);
    ENCODER.with_borrow_mut(|encoder| {
        for chunk in input.chunks(CHUNK) {
            let start = out.len();
            out.resize(start + 4 + snap::raw::max_compress_len(chunk.len()), 0);
            let length = encoder
                .compress(chunk, &mut out[start + 4..])
                .map_err(|e| CompressionError::Compress {
                    compression: Compression::Snappy,
                    length: input.len(),
                    reason: e.to_string(),
                })?;
            out[start..start + 4].copy_from_slice(&(length as u32).to_be_bytes());
            out.truncate(start + 4 + length);
        }
        Ok(())
    })
}

pub(super) fn decompress(
    input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    if !starts_stream(input) {
        return decompress_block(input, 0, limit, out);
    }
    let mut rest = input;
    while !rest.is_empty() {
        let at = input.len() - rest.len();
        // Streams may be concatenated, headers included.
        if starts_stream(rest) {
            let (header, after) = rest.split_at(HEADER.len());
            if header[8..12] == [0; 4] {
                return Err(corrupt(
                    at + 8,
                    "version 0 of the framing, expected 1 or more",
                ));
            }
            rest = after;
            continue;
        }
        let Some((length, after)) = rest.split_first_chunk::<4>() else {
            return Err(corrupt(at, "the length of a chunk is cut off"));
        };
        let length = u32::from_be_bytes(*length) as usize;
        let Some((block, after)) = after.split_at_checked(length) else {
            let left = after.len();
            let reason = format!("a chunk of {length} bytes, where {left} are left");
            return Err(corrupt(at, reason));
        };
        decompress_block(block, at + 4, limit, out)?;
        rest = after;
    }
    Ok(())
}

fn starts_stream(input: &[u8]) -> bool {
    input.len() >= HEADER.len() && input.starts_with(MAGIC)
}

/// Decompresses the block that is at `at` of the data.
fn decompress_block(
    block: &[u8],
    at: usize,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let failed = |e: snap::Error| corrupt(at, e);
    let length = snap::raw::decompress_len(block).map_err(failed)?;
    if length > block.len().saturating_mul(MAX_RATIO) {
        let reason = format!("{} bytes claim to hold {length}", block.len());
        return Err(corrupt(at, reason));
    }
    if length > limit.saturating_sub(out.len()) {
        return Err(CompressionError::LimitExceeded {
            compression: Compression::Snappy,
            limit,
        });
    }
    let start = out.len();
    out.resize(start + length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(failed)?;
    out.truncate(start + written);
    Ok(())
}

fn corrupt(at: usize, reason: impl ToString) -> CompressionError {
    CompressionError::corrupt(Compression::Snappy, at, reason)
}
