use super::Compression;

/// Why something could not be compressed, decompressed or configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// The three bits of a batch's attributes name no compression.
    #[error(
        "compression id {0} is unknown: expected 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)"
    )]
    UnknownId(u8),
    /// A text that names no compression.
    #[error("compression \"{0}\" is unknown: expected none, gzip, snappy, lz4 or zstd")]
    UnknownName(String),
    /// The program was built without this one.
    #[error("{0} was left out when this program was built: switch the feature \"{0}\" on")]
    LeftOut(Compression),
    /// A level outside what the codec offers.
    #[error("{compression} level {level} is out of range: expected {min} to {max}")]
    LevelOutOfRange {
        /// Whose level.
        compression: Compression,
        /// What was asked for.
        level: i32,
        /// The lowest level.
        min: i32,
        /// The highest level.
        max: i32,
    },
    /// A level for a codec that has none.
    #[error("{compression} has no levels: leave the level {level} away")]
    NoLevels {
        /// Whose level.
        compression: Compression,
        /// What was asked for.
        level: i32,
    },
    /// The data would take more memory than the caller allows.
    #[error(
        "{compression} data decompresses to more than the limit of {limit} bytes: raise the limit if this is expected"
    )]
    LimitExceeded {
        /// How the data is compressed.
        compression: Compression,
        /// The caller's limit, in bytes.
        limit: usize,
    },
    /// The data is not what its compression says.
    #[error("corrupt {compression} data at byte {at}: {reason}")]
    Corrupt {
        /// How the data claims to be compressed.
        compression: Compression,
        /// Where in the data: of the smallest part that the decompressor can tell (member, frame, block or chunk).
        at: usize,
        /// What is wrong with it, and what was expected.
        reason: String,
    },
    /// The compressor refused the data.
    #[error("could not compress {length} bytes with {compression}: {reason}")]
    Compress {
        /// Which compressor.
        compression: Compression,
        /// Length of the data, in bytes.
        length: usize,
        /// What the compressor said.
        reason: String,
    },
}

impl CompressionError {
    #[cfg(any(
        feature = "gzip",
        feature = "lz4",
        feature = "snappy",
        feature = "zstd"
    ))]
    pub(super) fn corrupt(compression: Compression, at: usize, reason: impl ToString) -> Self {
        Self::Corrupt {
            compression,
            at,
            reason: reason.to_string(),
        }
    }
}
