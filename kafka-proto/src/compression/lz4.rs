//! LZ4 frames in the subset that Kafka accepts: version 1, independent blocks, no dictionary.
//!
//! The frame is written and read here, around the block functions of lz4_flex, because magic 0 needs frames whose
//! header checksum is wrong, because a frame that ends early must be an error, and because blocks then go straight
//! from and to the caller's buffer.

use std::cell::RefCell;
use std::hash::Hasher;

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};
use twox_hash::XxHash32;

use super::{Compression, CompressionError};

const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
/// Version 1, independent blocks, no checksums, no content size: what the Java client writes.
const FLAGS: u8 = 0b0110_0000;
/// Blocks of at most 64 KiB, likewise.
const BLOCK_DESCRIPTOR: u8 = 4 << 4;
const BLOCK: usize = 64 * 1024;
/// Set in a block's length when the block is stored uncompressed.
const STORED: u32 = 1 << 31;
/// A byte of a match's length adds at most this much output, so no block holds more than this many times its length.
const MAX_RATIO: usize = 255;

thread_local! {
    static TABLE: RefCell<CompressTable> = RefCell::new(CompressTable::large());
}

/// What to do about the checksum of the frame's header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderChecksum {
    Verify,
    Ignore,
}

pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[
        FLAGS,
        BLOCK_DESCRIPTOR,
        header_checksum(&[FLAGS, BLOCK_DESCRIPTOR]),
    ]);
    TABLE.with_borrow_mut(|table| {
        for block in input.chunks(BLOCK) {
            let start = out.len();
            out.resize(start + 4 + get_maximum_output_size(block.len()), 0);
            let length =
                compress_into_with_table(block, &mut out[start + 4..], table).map_err(|e| {
                    CompressionError::Compress {
                        compression: Compression::Lz4,
                        length: input.len(),
                        reason: e.to_string(),
                    }
                })?;
            let (length, mark) = if length < block.len() {
                (length, 0)
            } else {
                out[start + 4..start + 4 + block.len()].copy_from_slice(block);
                (block.len(), STORED)
            };
            out[start..start + 4].copy_from_slice(&(length as u32 | mark).to_le_bytes());
            out.truncate(start + 4 + length);
        }
        Ok::<_, CompressionError>(())
    })?;
    out.extend_from_slice(&[0; 4]);
    Ok(())
}

/// Reads one frame; what follows it is ignored, as by the Java client.
pub(super) fn decompress(
    input: &[u8],
    limit: usize,
    header_checksum: HeaderChecksum,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let (frame, mut rest) = Frame::read(input, header_checksum)?;
    let mut content_hash = XxHash32::with_seed(0);
    let start_of_content = out.len();
    loop {
        let word = take_u32(&mut rest)?;
        if word == 0 {
            break;
        }
        let (length, stored) = ((word & !STORED) as usize, word & STORED != 0);
        if length > frame.max_block {
            return Err(corrupt(format!(
                "a block of {length} bytes, where {} are the most",
                frame.max_block
            )));
        }
        let Some((block, after)) = rest.split_at_checked(length) else {
            return Err(corrupt(format!(
                "a block of {length} bytes, where {} are left",
                rest.len()
            )));
        };
        rest = after;
        if frame.block_checksums && take_u32(&mut rest)? != XxHash32::oneshot(0, block) {
            return Err(corrupt("the checksum of a block does not match"));
        }
        let room = limit - out.len().min(limit);
        let start = out.len();
        if stored {
            if length > room {
                return Err(CompressionError::LimitExceeded {
                    compression: Compression::Lz4,
                    limit,
                });
            }
            out.extend_from_slice(block);
        } else {
            let most = frame.max_block.min(length.saturating_mul(MAX_RATIO));
            out.resize(start + most.min(room), 0);
            match decompress_into(block, &mut out[start..]) {
                Ok(written) => out.truncate(start + written),
                Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if room < most => {
                    return Err(CompressionError::LimitExceeded {
                        compression: Compression::Lz4,
                        limit,
                    });
                }
                Err(e) => return Err(corrupt(e)),
            }
        }
        if frame.content_checksum {
            content_hash.write(&out[start..]);
        }
    }
    if frame
        .content_size
        .is_some_and(|size| size != (out.len() - start_of_content) as u64)
    {
        return Err(corrupt("the frame is not as long as its header says"));
    }
    if frame.content_checksum && take_u32(&mut rest)? != content_hash.finish() as u32 {
        return Err(corrupt("the checksum of the frame does not match"));
    }
    Ok(())
}

struct Frame {
    max_block: usize,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
}

impl Frame {
    fn read(input: &[u8], checksum: HeaderChecksum) -> Result<(Self, &[u8]), CompressionError> {
        let cut_off = || corrupt("the header is cut off");
        let Some(descriptor) = input.strip_prefix(&MAGIC) else {
            return Err(corrupt(
                "it does not start with the magic number of a frame",
            ));
        };
        let &[flags, block_descriptor, ..] = descriptor else {
            return Err(cut_off());
        };
        if flags >> 6 != 1 {
            return Err(corrupt(format!(
                "version {} of the format, expected 1",
                flags >> 6
            )));
        }
        if flags & 0b0010_0000 == 0 {
            return Err(corrupt(
                "its blocks depend on each other, which Kafka does not allow",
            ));
        }
        if flags & 0b11 != 0 || block_descriptor & 0b1000_1111 != 0 {
            return Err(corrupt(
                "its header asks for a dictionary or has reserved bits set",
            ));
        }
        let max_block = match block_descriptor >> 4 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            size => return Err(corrupt(format!("block size code {size}, expected 4 to 7"))),
        };
        let has_content_size = flags & 0b1000 != 0;
        let length = if has_content_size { 10 } else { 2 };
        let (descriptor, rest) = descriptor.split_at_checked(length).ok_or_else(cut_off)?;
        let (&expected, rest) = rest.split_first().ok_or_else(cut_off)?;
        if checksum == HeaderChecksum::Verify && expected != header_checksum(descriptor) {
            return Err(corrupt("the checksum of the header does not match"));
        }
        let frame = Self {
            max_block,
            block_checksums: flags & 0b1_0000 != 0,
            content_checksum: flags & 0b100 != 0,
            content_size: descriptor[2..]
                .first_chunk()
                .map(|bytes| u64::from_le_bytes(*bytes)),
        };
        Ok((frame, rest))
    }
}

fn header_checksum(descriptor: &[u8]) -> u8 {
    (XxHash32::oneshot(0, descriptor) >> 8) as u8
}

fn take_u32(input: &mut &[u8]) -> Result<u32, CompressionError> {
    let (bytes, rest) = input
        .split_first_chunk()
        .ok_or_else(|| corrupt("the data ends early"))?;
    *input = rest;
    Ok(u32::from_le_bytes(*bytes))
}

fn corrupt(reason: impl ToString) -> CompressionError {
    CompressionError::corrupt(Compression::Lz4, reason)
}
