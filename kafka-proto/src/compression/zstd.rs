//! Zstandard, by zrip: the fast levels.

use std::cell::RefCell;

use zrip::{CompressContext, DecompressContext, DecompressError};

use super::{Compression, CompressionError};

pub(super) const DEFAULT_LEVEL: i32 = 1;

/// A block takes at least four bytes and holds at most 128 KiB.
const MIN_BLOCK: usize = 4;
const MAX_BLOCK: usize = 128 * 1024;

thread_local! {
    static COMPRESSOR: RefCell<Option<CompressContext>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<DecompressContext> = RefCell::new(DecompressContext::new());
}

pub(super) fn compress(
    input: &[u8],
    level: i32,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let failed = |e: zrip::CompressError| CompressionError::Compress {
        compression: Compression::Zstd,
        length: input.len(),
        reason: e.to_string(),
    };
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => {
                if compressor.level() != level {
                    compressor.set_level(level).map_err(failed)?;
                }
                compressor
            }
            None => {
                let compressor = kept.insert(CompressContext::new(level).map_err(failed)?);
                // The batch has a checksum of its own.
                compressor.set_content_checksum(false);
                compressor
            }
        };
        out.extend_from_slice(&compressor.compress(input).map_err(failed)?);
        Ok(())
    })
}

pub(super) fn decompress(
    input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    if input.is_empty() {
        return Err(corrupt(0, "no data, expected a frame"));
    }
    // The decoder reserves what a frame claims to hold: a claim that so few bytes cannot fulfil is refused before.
    let possible = (input.len() / MIN_BLOCK + 1).saturating_mul(MAX_BLOCK);
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        match decompressor.decompress_into_with_limit(input, out, limit.min(possible)) {
            Ok(_) => Ok(()),
            Err(DecompressError::OutputTooSmall) if limit <= possible => {
                Err(CompressionError::LimitExceeded {
                    compression: Compression::Zstd,
                    limit,
                })
            }
            Err(DecompressError::OutputTooSmall) => {
                let reason = format!("{} bytes claim to hold more than {possible}", input.len());
                Err(corrupt(0, reason))
            }
            Err(e @ DecompressError::InputExhausted) => Err(corrupt(input.len(), e)),
            Err(e) => Err(corrupt(0, e)),
        }
    })
}

fn corrupt(at: usize, reason: impl ToString) -> CompressionError {
    CompressionError::corrupt(Compression::Zstd, at, reason)
}
