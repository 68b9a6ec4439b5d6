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
    let mut reader = Reader { input, at: 0 };
    let frame = Frame::read(&mut reader, header_checksum)?;
    let mut content_hash = XxHash32::with_seed(0);
    let start_of_content = out.len();
    loop {
        let at = reader.at;
        let word = reader.u32()?;
        if word == 0 {
            break;
        }
        let (length, stored) = ((word & !STORED) as usize, word & STORED != 0);
        let most = frame.max_block;
        if length > most {
            let reason = format!("a block of {length} bytes, where {most} are the most");
            return Err(corrupt(at, reason));
        }
        let Some(block) = reader.take(length) else {
            let left = reader.left();
            let reason = format!("a block of {length} bytes, where {left} are left");
            return Err(corrupt(at, reason));
        };
        if frame.block_checksums {
            reader.checksum("block", XxHash32::oneshot(0, block))?;
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
            let most = most.min(length.saturating_mul(MAX_RATIO));
            out.resize(start + most.min(room), 0);
            match decompress_into(block, &mut out[start..]) {
                Ok(written) => out.truncate(start + written),
                Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if room < most => {
                    return Err(CompressionError::LimitExceeded {
                        compression: Compression::Lz4,
                        limit,
                    });
                }
                Err(e) => return Err(corrupt(at, e)),
            }
        }
        if frame.content_checksum {
            content_hash.write(&out[start..]);
        }
    }
    let content = (out.len() - start_of_content) as u64;
    if let Some(size) = frame.content_size.filter(|&size| size != content) {
        let reason = format!("the frame holds {content} bytes, expected {size}");
        return Err(corrupt(reader.at, reason));
    }
    if frame.content_checksum {
        reader.checksum("frame", content_hash.finish() as u32)?;
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
    fn read(reader: &mut Reader<'_>, checksum: HeaderChecksum) -> Result<Self, CompressionError> {
        if reader.take(MAGIC.len()) != Some(&MAGIC) {
            let reason = "it does not start with the magic number of a frame";
            return Err(corrupt(0, reason));
        }
        let start = reader.at;
        let &[flags, block_descriptor, ..] = &reader.input[start..] else {
            return Err(reader.cut_off());
        };
        let version = flags >> 6;
        if version != 1 {
            let reason = format!("version {version} of the format, expected 1");
            return Err(corrupt(start, reason));
        }
        if flags & 0b0010_0000 == 0 {
            let reason = "its blocks depend on each other, which Kafka does not allow";
            return Err(corrupt(start, reason));
        }
        if flags & 0b11 != 0 || block_descriptor & 0b1000_1111 != 0 {
            let reason = "its header asks for a dictionary or has reserved bits set";
            return Err(corrupt(start, reason));
        }
        let max_block = match block_descriptor >> 4 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            size => {
                let reason = format!("block size code {size}, expected 4 to 7");
                return Err(corrupt(start + 1, reason));
            }
        };
        let has_content_size = flags & 0b1000 != 0;
        let length = if has_content_size { 10 } else { 2 };
        let descriptor = reader.take(length).ok_or_else(|| reader.cut_off())?;
        let at = reader.at;
        let found = reader.take(1).ok_or_else(|| reader.cut_off())?[0];
        let expected = self::header_checksum(descriptor);
        if checksum == HeaderChecksum::Verify && found != expected {
            let reason = format!(
                "the checksum of the header is {found:#04x}, its bytes give {expected:#04x}"
            );
            return Err(corrupt(at, reason));
        }
        Ok(Self {
            max_block,
            block_checksums: flags & 0b1_0000 != 0,
            content_checksum: flags & 0b100 != 0,
            content_size: descriptor[2..]
                .first_chunk()
                .map(|bytes| u64::from_le_bytes(*bytes)),
        })
    }
}

fn header_checksum(descriptor: &[u8]) -> u8 {
    (XxHash32::oneshot(0, descriptor) >> 8) as u8
}

/// How far the data has been read.
struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn left(&self) -> usize {
        self.input.len() - self.at
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.input[self.at..].get(..length)?;
        self.at += length;
        Some(taken)
    }

    fn u32(&mut self) -> Result<u32, CompressionError> {
        match self.input[self.at..].first_chunk() {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(u32::from_le_bytes(*bytes))
            }
            None => Err(self.cut_off()),
        }
    }

    fn checksum(&mut self, of: &str, computed: u32) -> Result<(), CompressionError> {
        let at = self.at;
        let found = self.u32()?;
        if found == computed {
            return Ok(());
        }
        let reason =
            format!("the checksum of the {of} is {found:#010x}, its bytes give {computed:#010x}");
        Err(corrupt(at, reason))
    }

    fn cut_off(&self) -> CompressionError {
        corrupt(self.input.len(), "the data ends early")
    }
}

fn corrupt(at: usize, reason: impl ToString) -> CompressionError {
    CompressionError::corrupt(Compression::Lz4, at, reason)
}
