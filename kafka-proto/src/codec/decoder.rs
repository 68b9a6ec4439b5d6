//! Reads primitives off the front of received bytes, without copying them.

use bytes::{Buf, Bytes};
use bytestring::ByteString;
use nom::IResult;
use nom::number::complete::{be_f64, be_i8, be_i16, be_i32, be_i64, be_u8, be_u16, be_u32};

use super::error::{DecodeError, DecodeErrorKind};
use super::tagged::RawTaggedField;
use super::uuid::Uuid;

/// A cursor over the bytes of a message. Strings and byte fields that it yields are slices of those bytes.
#[derive(Debug, Clone)]
pub struct Decoder {
    bytes: Bytes,
}

impl Decoder {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TrailingBytes`] when there is anything left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeErrorKind::TrailingBytes(left).into()),
        }
    }

    /// Runs a nom parser for a value of `needed` bytes at the front.
    fn parse<T>(
        &mut self,
        needed: usize,
        parser: impl for<'a> Fn(&'a [u8]) -> IResult<&'a [u8], T>,
    ) -> Result<T, DecodeError> {
        match parser(&self.bytes) {
            Ok((rest, value)) => {
                let read = self.bytes.len() - rest.len();
                self.bytes.advance(read);
                Ok(value)
            }
            Err(_) => Err(DecodeErrorKind::Truncated {
                needed,
                left: self.bytes.len(),
            }
            .into()),
        }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.parse(1, |bytes| be_u8(bytes))? {
            0 => Ok(false),
            // Any other value is true, as for the Java client.
            _ => Ok(true),
        }
    }

    pub(crate) fn i8(&mut self) -> Result<i8, DecodeError> {
        self.parse(1, |bytes| be_i8(bytes))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, DecodeError> {
        self.parse(2, |bytes| be_i16(bytes))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.parse(2, |bytes| be_u16(bytes))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.parse(4, |bytes| be_i32(bytes))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.parse(4, |bytes| be_u32(bytes))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.parse(8, |bytes| be_i64(bytes))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, DecodeError> {
        self.parse(8, |bytes| be_f64(bytes))
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        let mut id = [0; 16];
        id.copy_from_slice(&self.slice(16)?);
        Ok(Uuid(id))
    }

    pub(crate) fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.parse(1, |bytes| be_u8(bytes))?;
            if shift == 28 && byte > 0x0f {
                return Err(DecodeErrorKind::VarintTooLong.into());
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeErrorKind::VarintTooLong.into())
    }

    /// The next `len` bytes, shared with the message and not copied.
    pub(crate) fn slice(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if len > self.bytes.len() {
            return Err(DecodeErrorKind::Truncated {
                needed: len,
                left: self.bytes.len(),
            }
            .into());
        }
        Ok(self.bytes.split_to(len))
    }

    /// The length of a string (16 bits unless compact), or `None` for null.
    pub(crate) fn string_len(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        if flexible {
            self.compact_len()
        } else {
            Self::len(i32::from(self.i16()?))
        }
    }

    /// The length of bytes or an array (32 bits unless compact), or `None` for null.
    pub(crate) fn long_len(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        if flexible {
            self.compact_len()
        } else {
            Self::len(self.i32()?)
        }
    }

    fn compact_len(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok((self.unsigned_varint()? as usize).checked_sub(1))
    }

    fn len(len: i32) -> Result<Option<usize>, DecodeError> {
        match len {
            -1 => Ok(None),
            len => match usize::try_from(len) {
                Ok(len) => Ok(Some(len)),
                Err(_) => Err(DecodeErrorKind::InvalidLength(i64::from(len)).into()),
            },
        }
    }

    pub(crate) fn string(&mut self, len: usize) -> Result<ByteString, DecodeError> {
        ByteString::try_from(self.slice(len)?).map_err(|_| DecodeErrorKind::InvalidUtf8.into())
    }

    /// A count of elements. Each takes a byte at least, so that a count beyond the bytes left is refused before
    /// anything is allocated for it.
    pub(crate) fn checked_count(&self, count: usize) -> Result<usize, DecodeError> {
        if count > self.remaining() {
            return Err(DecodeErrorKind::Truncated {
                needed: count,
                left: self.remaining(),
            }
            .into());
        }
        Ok(count)
    }

    /// Reads the tagged fields at the end of a struct. `known` reads the value of a tag it knows and says `true`;
    /// the others are kept as they are.
    pub(crate) fn tagged_fields(
        &mut self,
        mut known: impl FnMut(u32, &mut Decoder) -> Result<bool, DecodeError>,
    ) -> Result<Vec<RawTaggedField>, DecodeError> {
        let mut unknown = Vec::new();
        let mut previous = None;
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            if let Some(previous) = previous.filter(|&previous| previous >= tag) {
                return Err(DecodeErrorKind::TagOrder { tag, previous }.into());
            }
            previous = Some(tag);
            let size = self.unsigned_varint()? as usize;
            let data = self.slice(size)?;
            let mut value = Decoder::new(data.clone());
            if !known(tag, &mut value)? {
                unknown.push(RawTaggedField { tag, data });
            } else if value.remaining() > 0 {
                return Err(DecodeErrorKind::TagSize {
                    tag,
                    left: value.remaining(),
                }
                .into());
            }
        }
        Ok(unknown)
    }
}
