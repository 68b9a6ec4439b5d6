//! Messages of magic 0 and 1, with lengths and checksums that are right, alone and in compressed wrappers.

use bytes::Bytes;
use kafka_proto::compression::{Codec, Compression};
use kafka_proto::crc::crc32;
use kafka_proto::records::Batches;
use tests::allocation;

use crate::LIMIT;
use crate::record_batches::{WORKING_MEMORY, records};

/// Where the fields of a message are.
const LENGTH: usize = 8;
const CRC: usize = 12;
const MAGIC: usize = 16;

/// The magic of a wrapper that [`check`] makes, as a bit of the first byte.
const MAGIC_1: u8 = 8;

/// The first byte says what the rest is: messages one after another, or by what codec and in which magic they are wrapped.
pub fn check(data: &[u8]) {
    let &[form, ref rest @ ..] = data else {
        return;
    };
    let mut messages = rest.to_vec();
    put_right(&mut messages);
    let compression = Compression::ALL[usize::from(form & 0b111) % Compression::ALL.len()];
    if compression != Compression::None {
        messages = wrapper(compression, u8::from(form & MAGIC_1 != 0), &messages);
    }
    walk(messages.into());
}

/// Gives each of the messages a length and a checksum as they have to be.
fn put_right(mut messages: &mut [u8]) {
    while messages.len() > MAGIC {
        let claimed =
            i32::from_be_bytes([messages[LENGTH], messages[9], messages[10], messages[11]]);
        let size = usize::try_from(claimed).unwrap_or(0).saturating_add(CRC);
        let size = if (MAGIC + 1..messages.len()).contains(&size) {
            size
        } else {
            messages.len()
        };
        let (message, rest) = messages.split_at_mut(size);
        seal(message);
        messages = rest;
    }
}

fn seal(message: &mut [u8]) {
    let length = (message.len() - CRC) as i32;
    message[LENGTH..CRC].copy_from_slice(&length.to_be_bytes());
    let crc = crc32(&message[MAGIC..]);
    message[CRC..MAGIC].copy_from_slice(&crc.to_be_bytes());
}

/// A message whose value is the compressed messages.
fn wrapper(compression: Compression, magic: u8, messages: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    Codec::from(compression)
        .compress(messages, &mut value)
        .expect("compresses");
    let mut wrapper = vec![0; MAGIC];
    // The offset of the last message in it.
    wrapper[7] = 9;
    wrapper.extend([magic, compression.id()]);
    if magic == 1 {
        wrapper.extend(1_700_000_000_000i64.to_be_bytes());
    }
    wrapper.extend((-1i32).to_be_bytes());
    wrapper.extend((value.len() as i32).to_be_bytes());
    wrapper.extend(value);
    seal(&mut wrapper);
    wrapper
}

fn walk(messages: Bytes) {
    for batch in Batches::new(messages) {
        let Ok(batch) = batch else { return };
        if batch.magic() < 2 {
            batch.verify_crc().expect("it was put right");
        }
        let (block, peak) = allocation::peak(|| batch.decompressed(LIMIT));
        assert!(
            peak <= LIMIT + WORKING_MEMORY,
            "{peak} bytes of memory for {batch:?}"
        );
        if let Ok(block) = block {
            let (_, peak) = allocation::peak(|| records(&block));
            assert!(peak <= 1024, "{peak} bytes of memory to walk {batch:?}");
        }
    }
}
