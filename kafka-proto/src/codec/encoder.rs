//! Writes primitives behind each other; large byte fields are passed through uncopied.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::{EncodeError, EncodeErrorKind};
use crate::varint::put_unsigned_varint;

/// Byte fields from this size on become a segment of their own instead of being copied.
const SHARE_FROM: usize = 4096;

/// The bytes of a message in the making.
#[derive(Debug, Default)]
pub struct Encoder {
    segments: Vec<Bytes>,
    segments_len: usize,
    buffer: BytesMut,
}

/// A finished message: segments to be written one behind the other (`writev`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The bytes, in order. None of them is empty.
    pub segments: Vec<Bytes>,
    /// Their lengths' sum.
    pub len: usize,
}

impl Encoded {
    /// Everything in one piece; copies unless there is one segment.
    pub fn into_bytes(mut self) -> Bytes {
        if self.segments.len() == 1 {
            return self.segments.swap_remove(0);
        }
        let mut whole = BytesMut::with_capacity(self.len);
        for segment in &self.segments {
            whole.extend_from_slice(segment);
        }
        whole.freeze()
    }
}

impl Encoder {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.segments_len + self.buffer.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the writing.
    pub fn finish(mut self) -> Encoded {
        let len = self.len();
        self.close_segment();
        Encoded {
            segments: self.segments,
            len,
        }
    }

    fn close_segment(&mut self) {
        if !self.buffer.is_empty() {
            let segment = self.buffer.split().freeze();
            self.push_segment(segment);
        }
    }

    fn push_segment(&mut self, segment: Bytes) {
        self.segments_len += segment.len();
        self.segments.push(segment);
    }

    pub(crate) fn i8(&mut self, value: i8) {
        self.buffer.put_i8(value);
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.buffer.put_i16(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.buffer.put_u16(value);
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.buffer.put_i32(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.buffer.put_u32(value);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.buffer.put_i64(value);
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.buffer.put_f64(value);
    }

    pub(crate) fn slice(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// Writes bytes that can be shared instead of copied.
    pub(crate) fn bytes(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_FROM {
            return self.slice(bytes);
        }
        self.close_segment();
        self.push_segment(bytes.clone());
    }

    pub(crate) fn unsigned_varint(&mut self, value: u32) {
        put_unsigned_varint(&mut self.buffer, value);
    }

    /// The length of a string (16 bits unless compact), `None` for null.
    pub(crate) fn string_len(
        &mut self,
        len: Option<usize>,
        flexible: bool,
    ) -> Result<(), EncodeError> {
        if flexible {
            return self.compact_len(len);
        }
        self.i16(match len {
            None => -1,
            Some(len) => i16::try_from(len).map_err(|_| too_long(len, i16::MAX as usize))?,
        });
        Ok(())
    }

    /// The length of bytes or an array (32 bits unless compact), `None` for null.
    pub(crate) fn long_len(
        &mut self,
        len: Option<usize>,
        flexible: bool,
    ) -> Result<(), EncodeError> {
        if flexible {
            return self.compact_len(len);
        }
        self.i32(match len {
            None => -1,
            Some(len) => i32::try_from(len).map_err(|_| too_long(len, i32::MAX as usize))?,
        });
        Ok(())
    }

    fn compact_len(&mut self, len: Option<usize>) -> Result<(), EncodeError> {
        self.unsigned_varint(match len {
            None => 0,
            Some(len) if len < i32::MAX as usize => len as u32 + 1,
            Some(len) => return Err(too_long(len, i32::MAX as usize - 1)),
        });
        Ok(())
    }

    /// Writes all that another encoder holds.
    pub(crate) fn append(&mut self, other: Encoder) {
        if other.segments.is_empty() {
            return self.slice(&other.buffer);
        }
        for segment in other.finish().segments {
            self.bytes(&segment);
        }
    }
}

fn too_long(len: usize, max: usize) -> EncodeError {
    EncodeErrorKind::TooLong { len, max }.into()
}
