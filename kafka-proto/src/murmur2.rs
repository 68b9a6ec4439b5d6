//! How Kafka maps keys to partitions: the 32-bit MurmurHash2 with Kafka's seed.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// Kafka's hash of a key, as its default partitioner computes it.
///
/// ```
/// assert_eq!(kafka_proto::murmur2::murmur2(b"abc"), 479_470_107);
/// ```
pub fn murmur2(data: &[u8]) -> i32 {
    let mut hash = SEED ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (i, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ hash >> 15) as i32
}

/// The partition of `0..partitions` that Kafka's producers write records with this key to.
///
/// Clearing the sign bit, not taking the absolute value, is what the Java client does: every client that shares a
/// topic has to agree on it.
///
/// ```
/// # use std::num::NonZeroU32;
/// assert_eq!(kafka_proto::murmur2::partition_for_key(b"abc", NonZeroU32::new(12).unwrap()), 3);
/// ```
pub fn partition_for_key(key: &[u8], partitions: std::num::NonZeroU32) -> u32 {
    (murmur2(key) as u32 & 0x7fff_ffff) % partitions
}
