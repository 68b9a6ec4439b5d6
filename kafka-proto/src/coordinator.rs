//! Which partition of `__consumer_offsets` or `__transaction_state` an id belongs to, and with it which broker
//! coordinates it.

use std::num::NonZeroU32;

/// The partition of `0..partitions` that keeps the state of a group or of a transactional id.
///
/// ```
/// # use std::num::NonZeroU32;
/// let partitions = NonZeroU32::new(50).unwrap();
/// assert_eq!(kafka_proto::coordinator::partition_for_id("sfchobkovs", partitions), 44);
/// ```
pub fn partition_for_id(id: &str, partitions: NonZeroU32) -> u32 {
    let hash = java_string_hash(id);
    // As in Java, where the smallest number has no absolute value.
    let positive = if hash == i32::MIN {
        0
    } else {
        hash.unsigned_abs()
    };
    positive % partitions
}

/// What Java's `String.hashCode` gives: over UTF-16 units, in 32 bits.
pub fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}
