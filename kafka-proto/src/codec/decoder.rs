//! Reads primitives off the front of received bytes, without copying them.

use bytes::Bytes;
use bytestring::ByteString;

use super::error::{DecodeError, DecodeErrorKind};
use super::path::Path;
use super::schema::{Field, Schema};
use super::tagged::{RawTaggedField, UnknownTaggedFields};
use super::value::Context;
use crate::varint::{VarintError, get_unsigned_varint};

/// A cursor over the bytes of a message. Strings and byte fields that it yields are slices of those bytes.
///
/// It remembers the first thing that is wrong and has nothing left from there on, so that what reads by it needs no
/// branch after every value: values past an error are zero and empty, and [`Decoder::check`] tells.
#[derive(Debug)]
pub struct Decoder<'a> {
    whole: &'a Bytes,
    rest: &'a [u8],
    pub(crate) path: Path,
    error: Option<Box<DecodeError>>,
}

impl<'a> Decoder<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a Bytes) -> Self {
        Self {
            whole: bytes,
            rest: bytes,
            path: Path::default(),
            error: None,
        }
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// How many bytes were read.
    #[inline]
    pub fn offset(&self) -> usize {
        self.rest.as_ptr() as usize - self.whole.as_ptr() as usize
    }

    /// What is left, unread.
    pub fn rest(&self) -> Bytes {
        self.whole.slice_ref(self.rest)
    }

    /// Whether all went well up to here.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&mut self) -> Result<(), DecodeError> {
        match self.error.take() {
            None => Ok(()),
            Some(error) => Err(*error),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// The first thing that is wrong; [`DecodeErrorKind::TrailingBytes`] when there is anything left.
    pub fn finish(mut self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => {}
            left => self.fail(None, DecodeErrorKind::TrailingBytes(left)),
        }
        self.check()
    }

    /// Remembers what is wrong here, unless something was before.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail(&mut self, field: Option<&'static Field>, kind: DecodeErrorKind) {
        if self.error.is_none() {
            self.error = Some(Box::new(DecodeError {
                kind,
                offset: self.offset(),
                path: self.path.describe(field),
            }));
        }
        self.rest = &self.rest[self.rest.len()..];
    }

    /// [`fail`](Self::fail) where the reading of a value began.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail_at(
        &mut self,
        start: &'a [u8],
        field: Option<&'static Field>,
        kind: DecodeErrorKind,
    ) {
        self.rest = start;
        self.fail(field, kind);
    }

    /// What is left, to say later where the reading of a value began.
    #[inline]
    pub(crate) fn here(&self) -> &'a [u8] {
        self.rest
    }

    #[cold]
    #[inline(never)]
    fn fail_truncated(&mut self, field: Option<&'static Field>, needed: usize) {
        let left = self.remaining();
        self.fail(field, DecodeErrorKind::Truncated { needed, left });
    }

    #[inline]
    pub(crate) fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// The next `N` bytes, or zeros after an error.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, field: Option<&'static Field>) -> [u8; N] {
        match self.rest.split_first_chunk() {
            Some((value, rest)) => {
                self.rest = rest;
                *value
            }
            None => {
                self.fail_truncated(field, N);
                [0; N]
            }
        }
    }

    /// The next `N` bytes, if there are as many, to be read again.
    #[inline]
    pub(crate) fn peek<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.rest.first_chunk()
    }

    #[inline]
    fn unsigned_varint(&mut self, field: Option<&'static Field>) -> u32 {
        match get_unsigned_varint(&mut self.rest) {
            Ok(value) => value,
            Err(error) => {
                self.fail_varint(field, error);
                0
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn fail_varint(&mut self, field: Option<&'static Field>, error: VarintError) {
        match error {
            VarintError::Truncated => self.fail_truncated(field, self.remaining() + 1),
            VarintError::TooLong(_) => self.fail(field, DecodeErrorKind::VarintTooLong),
        }
    }

    /// The next `len` bytes, borrowed; none after an error.
    #[inline]
    pub(crate) fn raw(&mut self, len: usize, field: Option<&'static Field>) -> &'a [u8] {
        match self.rest.split_at_checked(len) {
            Some((raw, rest)) => {
                self.rest = rest;
                raw
            }
            None => {
                self.fail_truncated(field, len);
                &[]
            }
        }
    }

    /// The next `len` bytes, shared with the message and not copied.
    #[inline]
    pub(crate) fn bytes(&mut self, len: usize, field: Option<&'static Field>) -> Bytes {
        let from = self.offset();
        let len = self.raw(len, field).len();
        if len == 0 {
            // Shares nothing, so it keeps nothing alive.
            return Bytes::new();
        }
        self.whole.slice(from..from + len)
    }

    #[inline]
    pub(crate) fn string(&mut self, len: usize, field: Option<&'static Field>) -> ByteString {
        let text = self.rest.get(..len).unwrap_or_default();
        if let Err(error) = std::str::from_utf8(text) {
            let wrong = &self.rest[error.valid_up_to()..];
            self.fail_at(wrong, field, DecodeErrorKind::InvalidUtf8);
        }
        ByteString::try_from(self.bytes(len, field)).unwrap_or_default()
    }

    /// The length of a string (16 bits unless compact), or `None` for null.
    #[inline]
    pub(crate) fn string_len(&mut self, field: &'static Field, compact: bool) -> Option<usize> {
        if compact {
            return self.compact_len(field);
        }
        let start = self.rest;
        let len = i16::from_be_bytes(self.array(Some(field)));
        self.len(i32::from(len), start, field)
    }

    /// The length of bytes or an array (32 bits unless compact), or `None` for null.
    #[inline]
    pub(crate) fn long_len(&mut self, field: &'static Field, compact: bool) -> Option<usize> {
        if compact {
            return self.compact_len(field);
        }
        let start = self.rest;
        let len = i32::from_be_bytes(self.array(Some(field)));
        self.len(len, start, field)
    }

    #[inline]
    fn compact_len(&mut self, field: &'static Field) -> Option<usize> {
        (self.unsigned_varint(Some(field)) as usize).checked_sub(1)
    }

    #[inline]
    fn len(&mut self, len: i32, start: &'a [u8], field: &'static Field) -> Option<usize> {
        match usize::try_from(len) {
            Ok(len) => Some(len),
            Err(_) => {
                if len != -1 {
                    let kind = DecodeErrorKind::InvalidLength(i64::from(len));
                    self.fail_at(start, Some(field), kind);
                }
                None
            }
        }
    }

    /// Whether a struct that may be null is there. A tagged field says it by 0 or 1, another one by a byte below 0 or not.
    pub(crate) fn is_present(&mut self, field: &'static Field, cx: Context) -> bool {
        if field.tag_in(cx.version).is_some() {
            self.unsigned_varint(Some(field)) > 0
        } else {
            i8::from_be_bytes(self.array(Some(field))) >= 0
        }
    }

    /// A count of elements. Each takes a byte at least, so that a count beyond the bytes left is refused before
    /// anything is allocated for it.
    #[inline]
    pub(crate) fn count(&mut self, count: usize, field: &'static Field) -> usize {
        if count > self.remaining() {
            self.fail_truncated(Some(field), count);
            return 0;
        }
        count
    }

    /// Starts the tagged fields at the end of a struct.
    #[inline]
    pub(crate) fn tags(&mut self, cx: Context) -> Tags<'a> {
        Tags {
            left: if cx.flexible {
                self.unsigned_varint(None)
            } else {
                0
            },
            tag: None,
            behind: None,
        }
    }
}

/// The tagged fields of a struct, one after another.
pub(crate) struct Tags<'a> {
    left: u32,
    tag: Option<u32>,
    /// What comes after the field that is being read.
    behind: Option<&'a [u8]>,
}

impl<'a> Tags<'a> {
    /// The next field's tag; the decoder then ends where the field's value ends.
    #[inline]
    pub(crate) fn next(
        &mut self,
        from: &mut Decoder<'a>,
        schema: &Schema,
        cx: Context,
        unknown: &mut UnknownTaggedFields,
    ) -> Option<u32> {
        if self.left == 0 && self.behind.is_none() {
            return None;
        }
        self.known(from, schema, cx, unknown)
    }

    #[cold]
    #[inline(never)]
    fn known(
        &mut self,
        from: &mut Decoder<'a>,
        schema: &Schema,
        cx: Context,
        unknown: &mut UnknownTaggedFields,
    ) -> Option<u32> {
        loop {
            let tag = self.enter(from)?;
            if schema.tagged(tag, cx.version).is_some() {
                return Some(tag);
            }
            let data = from.bytes(from.remaining(), None);
            unknown.push(RawTaggedField { tag, data });
        }
    }

    fn enter(&mut self, from: &mut Decoder<'a>) -> Option<u32> {
        if let (Some(behind), Some(tag)) = (self.behind.take(), self.tag) {
            let left = from.remaining();
            if left > 0 {
                from.fail(None, DecodeErrorKind::TagSize { tag, left });
            }
            if from.failed() {
                return None;
            }
            from.rest = behind;
        }
        self.left = self.left.checked_sub(1)?;
        let start = from.rest;
        let tag = from.unsigned_varint(None);
        if let Some(previous) = self.tag.filter(|&previous| previous >= tag) {
            from.fail_at(start, None, DecodeErrorKind::TagOrder { tag, previous });
        }
        let size = from.unsigned_varint(None) as usize;
        let value = from.raw(size, None);
        if from.failed() {
            return None;
        }
        self.behind = Some(from.rest);
        from.rest = value;
        self.tag = Some(tag);
        Some(tag)
    }
}
