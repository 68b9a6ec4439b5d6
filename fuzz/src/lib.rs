//! What each fuzz target does with its bytes, and what must hold then; a panic is a finding.
//!
//! - [`messages`]: requests and responses of every API in every version;
//! - [`frames`]: what stands around them;
//! - [`payloads`]: what lies inside of Kafka without being either;
//! - [`record_batches`], [`legacy_records`]: records of magic 2, and of 0 and 1;
//! - [`compression`]: the codecs.
//!
//! The first byte or two choose what the rest is read as. Lengths and checksums are put right here: otherwise nearly all
//! inputs would end at the first check.

pub mod compression;
pub mod frames;
pub mod legacy_records;
pub mod messages;
pub mod payloads;
pub mod record_batches;

use tests::allocation::Counting;

/// Knows how much memory a decoder takes.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that records may decompress to: little, so that reaching it is quick.
const LIMIT: usize = 64 * 1024;
