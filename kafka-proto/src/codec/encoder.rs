//! Writes primitives behind each other; byte fields of some size are passed through uncopied.

use bytes::Bytes;

use super::encoded::{Encoded, Piece};
use super::error::{EncodeError, EncodeErrorKind};
use super::path::Path;
use super::schema::Field;
use super::value::Context;
use crate::varint::{MAX_VARINT_LEN, put_unsigned_varint};

/// Byte fields from this size on are shared instead of copied: about where a copy costs as much as one more piece to write.
const SHARE_FROM: usize = 512;
/// The first buffer, and the largest: each next one has four times the room, and what was written is never moved. Larger
/// ones would be given back to the system and faulted in again for every message.
const FIRST_BUFFER: usize = 512;
const LARGEST_BUFFER: usize = 128 << 10;

/// The bytes of a message in the making.
///
/// It remembers the first thing that could not be written, as [`Decoder`](super::Decoder) does for reading;
/// [`Encoder::finish`] tells.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Those that are full, in front of the one that is being written.
    full: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    /// Where in the buffer the piece begins that is not in `pieces` yet.
    from: usize,
    pieces: Vec<Piece>,
    /// The length of all pieces.
    len: usize,
    pub(crate) path: Path,
    error: Option<Box<EncodeError>>,
}

impl Encoder {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.len + self.buffer.len() - self.from
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// The first thing that could not be written.
    pub fn finish(mut self) -> Result<Encoded, EncodeError> {
        self.check()?;
        self.end_piece();
        let mut buffers = self.full;
        buffers.push(self.buffer);
        Ok(Encoded {
            buffers,
            pieces: self.pieces,
            at: (0, 0),
            left: self.len,
        })
    }

    /// Lists what was written since the last piece.
    fn end_piece(&mut self) {
        let range = self.from..self.buffer.len();
        if !range.is_empty() {
            self.from = range.end;
            self.len += range.len();
            let buffer = self.full.len();
            self.push_piece(Piece::Written { buffer, range });
        }
    }

    #[inline]
    fn push_piece(&mut self, piece: Piece) {
        if self.pieces.len() == self.pieces.capacity() {
            self.pieces.reserve((3 * self.pieces.len()).max(4));
        }
        self.pieces.push(piece);
    }

    /// Goes on in a new buffer.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, needed: usize) {
        let room = (4 * self.buffer.capacity()).clamp(FIRST_BUFFER, LARGEST_BUFFER);
        let next = Vec::with_capacity(room.max(needed));
        if self.buffer.is_empty() {
            self.buffer = next;
            return;
        }
        self.end_piece();
        self.from = 0;
        self.full.push(std::mem::replace(&mut self.buffer, next));
    }

    /// Whether all went well up to here.
    pub(crate) fn check(&mut self) -> Result<(), EncodeError> {
        match self.error.take() {
            None => Ok(()),
            Some(error) => Err(*error),
        }
    }

    /// Remembers what could not be written, unless something was before.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail(&mut self, field: Option<&'static Field>, kind: EncodeErrorKind) {
        if self.error.is_none() {
            let path = self.path.describe(field);
            self.error = Some(Box::new(EncodeError { kind, path }));
        }
    }

    /// Says that a field has a value which the version has no place for.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(&mut self, field: &'static Field, version: i16) {
        let versions = field.versions;
        self.fail(
            Some(field),
            EncodeErrorKind::FieldNotInVersion { version, versions },
        );
    }

    pub(crate) fn take_error_of(&mut self, other: &mut Self) {
        self.error = self.error.take().or(other.error.take());
    }

    #[inline]
    pub(crate) fn i8(&mut self, value: i8) {
        self.slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn i16(&mut self, value: i16) {
        self.slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn i32(&mut self, value: i32) {
        self.slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn slice(&mut self, bytes: &[u8]) {
        if self.buffer.capacity() - self.buffer.len() < bytes.len() {
            self.grow(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes the first `len` of the bytes. Copying all and taking the rest back is quicker than a copy of any length.
    #[inline]
    pub(crate) fn front_of<const N: usize>(&mut self, bytes: &[u8; N], len: usize) {
        self.slice(bytes);
        self.buffer.truncate(self.buffer.len() - N + len);
    }

    /// Overwrites the first four bytes that were written; they must have been written at once.
    pub(crate) fn patch_front(&mut self, value: i32) {
        let first = self.full.first_mut().unwrap_or(&mut self.buffer);
        if let Some(front) = first.first_chunk_mut() {
            *front = value.to_be_bytes();
        }
    }

    /// Writes bytes that can be shared instead of copied.
    pub(crate) fn bytes(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_FROM {
            return self.slice(bytes);
        }
        self.end_piece();
        self.len += bytes.len();
        self.push_piece(Piece::Shared(bytes.clone()));
    }

    #[inline]
    pub(crate) fn unsigned_varint(&mut self, value: u32) {
        if value < 0x80 {
            self.slice(&[value as u8]);
        } else {
            self.long_varint(value);
        }
    }

    #[inline(never)]
    fn long_varint(&mut self, value: u32) {
        let mut bytes = [0; MAX_VARINT_LEN];
        let mut left = &mut bytes[..];
        put_unsigned_varint(&mut left, value);
        let len = MAX_VARINT_LEN - left.len();
        self.slice(&bytes[..len]);
    }

    /// The length of a string (16 bits unless compact), `None` for null.
    #[inline]
    pub(crate) fn string_len(&mut self, len: Option<usize>, field: &'static Field, flexible: bool) {
        if flexible {
            return self.compact_len(len, field);
        }
        match len.map(i16::try_from) {
            None => self.i16(-1),
            Some(Ok(len)) => self.i16(len),
            Some(Err(_)) => self.fail_too_long(len, field, i16::MAX as usize),
        }
    }

    /// The length of bytes or an array (32 bits unless compact), `None` for null.
    #[inline]
    pub(crate) fn long_len(&mut self, len: Option<usize>, field: &'static Field, flexible: bool) {
        if flexible {
            return self.compact_len(len, field);
        }
        match len.map(i32::try_from) {
            None => self.i32(-1),
            Some(Ok(len)) => self.i32(len),
            Some(Err(_)) => self.fail_too_long(len, field, i32::MAX as usize),
        }
    }

    #[inline]
    fn compact_len(&mut self, len: Option<usize>, field: &'static Field) {
        match len {
            None => self.i8(0),
            Some(len) if len < i32::MAX as usize => self.unsigned_varint(len as u32 + 1),
            Some(_) => self.fail_too_long(len, field, i32::MAX as usize - 1),
        }
    }

    #[cold]
    fn fail_too_long(&mut self, len: Option<usize>, field: &'static Field, max: usize) {
        let len = len.unwrap_or_default();
        self.fail(Some(field), EncodeErrorKind::TooLong { len, max });
    }

    /// Says whether a struct that may be null is there; see [`Decoder`](super::Decoder) for the form.
    pub(crate) fn present(&mut self, present: bool, field: &'static Field, cx: Context) {
        let absent = if field.tag_in(cx.version).is_some() {
            0
        } else {
            -1
        };
        self.i8(if present { 1 } else { absent });
    }

    /// Writes all that another encoder holds.
    pub(crate) fn append(&mut self, mut other: Self) {
        other.end_piece();
        for piece in &other.pieces {
            match piece {
                Piece::Shared(bytes) => self.bytes(bytes),
                Piece::Written { buffer, range } => {
                    let buffer = other.full.get(*buffer).unwrap_or(&other.buffer);
                    self.slice(&buffer[range.clone()]);
                }
            }
        }
    }
}
