//! The two checksums of Kafka's records.

/// CRC-32C (Castagnoli), of record batches.
#[inline]
pub fn crc32c(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
}

/// CRC-32 (IEEE), of messages in the formats before Kafka 0.11.
pub fn crc32(data: &[u8]) -> u32 {
    crc32fast::hash(data)
}
