//! gzip, by flate2 on zlib-rs.

use std::cell::RefCell;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Compression, CompressionError};

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
    input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let corrupt = |at, reason: &str| CompressionError::corrupt(Compression::Gzip, at, reason);
    if input.is_empty() {
        return Err(corrupt(0, "no data, expected a member"));
    }
    let mut at = 0;
    while at < input.len() {
        let mut member = Decompress::new_gzip(WINDOW_BITS);
        let start = at;
        loop {
            if out.len() == out.capacity() {
                let step = STEP.max(out.len()).max((input.len() - at) * 3);
                // One byte more than the limit shows that there is more.
                let most = limit.saturating_add(1).saturating_sub(out.len());
                out.reserve_exact(step.min(most));
            }
            let (from, had) = (at, out.len());
            let status = member.decompress_vec(&input[at..], out, FlushDecompress::None);
            at = start + member.total_in() as usize;
            let status = status.map_err(|e| CompressionError::corrupt(Compression::Gzip, at, e))?;
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
            if at == from && out.len() == had && had < out.capacity() {
                return Err(corrupt(at, "the data ends early"));
            }
        }
    }
    Ok(())
}
