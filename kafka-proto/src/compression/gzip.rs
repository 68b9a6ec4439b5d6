//! gzip, by flate2 on zlib-rs.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Compression, CompressionError};

pub(super) const LEVELS: RangeInclusive<i32> = 1..=9;
pub(super) const DEFAULT_LEVEL: i32 = 6;

const WINDOW_BITS: u8 = 15;
/// How much room a step gets at least.
const STEP: usize = 16 * 1024;

thread_local! {
    /// The compressor's tables take a quarter of a megabyte: more to allocate and clear than a small batch is to compress.
    static COMPRESSOR: RefCell<Option<(i32, Compress)>> = const { RefCell::new(None) };
}

pub(super) fn compress(
    input: &[u8],
    level: i32,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let failed = |reason: String| CompressionError::Compress {
        compression: Compression::Gzip,
        length: input.len(),
        reason,
    };
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some((kept_level, compressor)) if *kept_level == level => {
                compressor.reset();
                compressor
            }
            _ => {
                &mut kept
                    .insert((
                        level,
                        Compress::new_gzip(flate2::Compression::new(level as u32), WINDOW_BITS),
                    ))
                    .1
            }
        };
        out.reserve(input.len() / 4 + 64);
        loop {
            let rest = &input[compressor.total_in() as usize..];
            match compressor
                .compress_vec(rest, out, FlushCompress::Finish)
                .map_err(|e| failed(e.to_string()))?
            {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError => out.reserve(STEP),
            }
        }
    })
}

/// Reads one member after the other, as Java's reader does.
pub(super) fn decompress(
    mut input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let corrupt = |reason: &str| CompressionError::corrupt(Compression::Gzip, reason);
    if input.is_empty() {
        return Err(corrupt("no data"));
    }
    while !input.is_empty() {
        let mut member = Decompress::new_gzip(WINDOW_BITS);
        loop {
            if out.len() == out.capacity() {
                out.reserve(STEP.max(out.len()).max(input.len() * 3));
            }
            let (consumed, produced) = (member.total_in(), member.total_out());
            let rest = &input[consumed as usize..];
            let status = member
                .decompress_vec(rest, out, FlushDecompress::None)
                .map_err(|e| CompressionError::corrupt(Compression::Gzip, e))?;
            if out.len() > limit {
                return Err(CompressionError::LimitExceeded {
                    compression: Compression::Gzip,
                    limit,
                });
            }
            if status == Status::StreamEnd {
                break;
            }
            // Nothing moved although there was room: the rest of the member is missing.
            if member.total_in() == consumed
                && member.total_out() == produced
                && out.len() < out.capacity()
            {
                return Err(corrupt("the data ends early"));
            }
        }
        input = &input[member.total_in() as usize..];
    }
    Ok(())
}
