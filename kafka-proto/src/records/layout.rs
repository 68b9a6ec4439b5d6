//! Where the fields of a batch of magic 2 are, and what its attributes mean.

pub(super) const BASE_OFFSET: usize = 0;
pub(super) const LENGTH: usize = 8;
pub(super) const PARTITION_LEADER_EPOCH: usize = 12;
pub(super) const MAGIC: usize = 16;
pub(super) const CRC: usize = 17;
/// The checksum covers everything from here on.
pub(super) const ATTRIBUTES: usize = 21;
pub(super) const LAST_OFFSET_DELTA: usize = 23;
pub(super) const BASE_TIMESTAMP: usize = 27;
pub(super) const MAX_TIMESTAMP: usize = 35;
pub(super) const PRODUCER_ID: usize = 43;
pub(super) const PRODUCER_EPOCH: usize = 51;
pub(super) const BASE_SEQUENCE: usize = 53;
pub(super) const COUNT: usize = 57;
/// Length of the header: the record section starts here.
pub(super) const RECORDS: usize = 61;

/// Offset and length, which the length does not count. The same in every format.
pub(super) const LOG_OVERHEAD: usize = 12;

pub(super) const COMPRESSION_MASK: u16 = 0b111;
pub(super) const LOG_APPEND_TIME: u16 = 1 << 3;
pub(super) const TRANSACTIONAL: u16 = 1 << 4;
pub(super) const CONTROL: u16 = 1 << 5;
/// The base timestamp says when compaction may remove the batch's tombstones (KIP-534).
pub(super) const DELETE_HORIZON: u16 = 1 << 6;

/// The `N` bytes at `at`. Only for fields that the caller has made sure are there.
#[inline(always)]
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}
