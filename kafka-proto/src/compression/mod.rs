//! The five compressions of record batches, each interoperating both ways with the Java client.
//!
//! ```
//! use kafka_proto::compression::{Codec, Compression};
//!
//! let codec: Codec = "zstd".parse::<Compression>()?.into();
//! let text = b"so much depends upon a red wheel barrow ".repeat(50);
//! let mut compressed = Vec::new();
//! codec.compress(&text, &mut compressed)?;
//! assert_eq!(codec.compression().decompress(&compressed, 1 << 20)?, text);
//! # Ok::<(), kafka_proto::compression::CompressionError>(())
//! ```

mod error;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(test)]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

pub use error::CompressionError;

/// How the record section of a batch is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Snappy blocks in the framing of the xerial library.
    Snappy,
    /// LZ4 frames with independent blocks.
    Lz4,
    /// Zstandard frames (RFC 8878). Needs Produce 7 and Fetch 10 or newer: Kafka 2.1.
    Zstd,
}

impl Compression {
    /// All of them, in the order of their ids.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The number that stands for it in the attributes of a batch.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The compression that a batch's attributes name.
    pub fn from_id(id: u8) -> Result<Self, CompressionError> {
        Self::ALL
            .get(usize::from(id))
            .copied()
            .ok_or(CompressionError::UnknownId(id))
    }

    /// Kafka's name for it, as in the setting `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The levels that the compressor here offers; `None` where there is nothing to choose.
    ///
    /// Narrower than Kafka's settings allow: the pure-Rust zstd compressor has the fast levels only, the lz4 one has
    /// no high-compression mode. Any reader understands every level.
    pub const fn levels(self) -> Option<RangeInclusive<i32>> {
        match self {
            Self::Gzip => Some(1..=9),
            Self::Zstd => Some(-7..=4),
            Self::None | Self::Snappy | Self::Lz4 => None,
        }
    }

    /// Whether it was built in: each of them is a feature of this crate, and all are on by default.
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::None => true,
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Snappy => cfg!(feature = "snappy"),
            Self::Lz4 => cfg!(feature = "lz4"),
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }

    /// Decompresses `input`, refusing to produce more than `limit` bytes.
    ///
    /// The compressed form does not tell its decompressed size reliably, so the limit is what stands between a hostile
    /// sender and the memory: it holds whatever the data claims.
    pub fn decompress(self, input: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
        let mut out = Vec::new();
        self.decompress_into(input, limit, &mut out)?;
        Ok(out)
    }

    /// Like [`decompress`](Self::decompress), into a buffer whose content is replaced: reused memory spares the cost
    /// of touching fresh pages. After an error the content is unspecified.
    pub fn decompress_into(
        self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressionError> {
        out.clear();
        match self {
            Self::None if input.len() > limit => Err(CompressionError::LimitExceeded {
                compression: self,
                limit,
            }),
            Self::None => {
                out.extend_from_slice(input);
                Ok(())
            }
            #[cfg(feature = "gzip")]
            Self::Gzip => gzip::decompress(input, limit, out),
            #[cfg(feature = "snappy")]
            Self::Snappy => snappy::decompress(input, limit, out),
            #[cfg(feature = "lz4")]
            Self::Lz4 => lz4::decompress(input, limit, lz4::HeaderChecksum::Verify, out),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::decompress(input, limit, out),
            #[cfg(not(all(
                feature = "gzip",
                feature = "lz4",
                feature = "snappy",
                feature = "zstd"
            )))]
            left_out => Err(CompressionError::LeftOut(left_out)),
        }
    }

    /// Decompresses the value of a message of magic 0, whose lz4 frames carry a header checksum that old clients
    /// computed wrongly and nobody verifies.
    pub(crate) fn decompress_magic0(
        self,
        input: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, CompressionError> {
        match self {
            #[cfg(feature = "lz4")]
            Self::Lz4 => {
                let mut out = Vec::new();
                lz4::decompress(input, limit, lz4::HeaderChecksum::Ignore, &mut out)?;
                Ok(out)
            }
            other => other.decompress(input, limit),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Compression {
    type Err = CompressionError;

    fn from_str(name: &str) -> Result<Self, CompressionError> {
        Self::ALL
            .into_iter()
            .find(|compression| compression.name() == name)
            .ok_or_else(|| CompressionError::UnknownName(name.to_owned()))
    }
}

/// A compression together with the level to write it at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Codec {
    compression: Compression,
    /// Always within the compression's levels; `None` is the codec's default.
    level: Option<i32>,
}

impl Codec {
    /// The compression at its default level: gzip 6, zstd 1.
    pub const fn new(compression: Compression) -> Self {
        Self {
            compression,
            level: None,
        }
    }

    /// The compression at a level of [`Compression::levels`]; an error names the range.
    pub fn with_level(compression: Compression, level: i32) -> Result<Self, CompressionError> {
        match compression.levels() {
            None => Err(CompressionError::NoLevels { compression, level }),
            Some(levels) if levels.contains(&level) => Ok(Self {
                compression,
                level: Some(level),
            }),
            Some(levels) => Err(CompressionError::LevelOutOfRange {
                compression,
                level,
                min: *levels.start(),
                max: *levels.end(),
            }),
        }
    }

    /// Which compression.
    pub const fn compression(self) -> Compression {
        self.compression
    }

    /// The level chosen, if it is not the default.
    pub const fn level(self) -> Option<i32> {
        self.level
    }

    /// Compresses `input` and appends the result to `out`.
    ///
    /// Working memory is kept per thread between calls.
    pub fn compress(self, input: &[u8], out: &mut Vec<u8>) -> Result<(), CompressionError> {
        match self.compression {
            Compression::None => {
                out.extend_from_slice(input);
                Ok(())
            }
            #[cfg(feature = "gzip")]
            Compression::Gzip => {
                gzip::compress(input, self.level.unwrap_or(gzip::DEFAULT_LEVEL), out)
            }
            #[cfg(feature = "snappy")]
            Compression::Snappy => snappy::compress(input, out),
            #[cfg(feature = "lz4")]
            Compression::Lz4 => lz4::compress(input, out),
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                zstd::compress(input, self.level.unwrap_or(zstd::DEFAULT_LEVEL), out)
            }
            #[cfg(not(all(
                feature = "gzip",
                feature = "lz4",
                feature = "snappy",
                feature = "zstd"
            )))]
            left_out => Err(CompressionError::LeftOut(left_out)),
        }
    }
}

impl From<Compression> for Codec {
    fn from(compression: Compression) -> Self {
        Self::new(compression)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            None => self.compression.fmt(f),
            Some(level) => write!(f, "{} (level {level})", self.compression),
        }
    }
}
