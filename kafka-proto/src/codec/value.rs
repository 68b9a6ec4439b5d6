//! How a value of each of the protocol's types is written and read.

use bytes::Bytes;
use bytestring::ByteString;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
use super::uuid::Uuid;

/// Record batches as they are on the wire; see [`crate::records`].
pub type Records = Bytes;

/// What the form of a value depends on.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The message's version.
    pub version: i16,
    /// Whether lengths are compact and structs end in tagged fields.
    pub flexible: bool,
    /// Whether `None` may be written in this place.
    pub nullable: bool,
}

impl Context {
    /// The same message, inside of an array or a struct: nothing there is nullable by itself.
    fn inner(self) -> Self {
        Self {
            nullable: false,
            ..self
        }
    }
}

/// A type of the protocol.
pub trait Value: Sized {
    /// Writes the value.
    ///
    /// # Errors
    /// When the version cannot express it.
    fn write(&self, to: &mut Encoder, cx: Context) -> Result<(), EncodeError>;

    /// Reads a value.
    ///
    /// # Errors
    /// When the bytes are none.
    fn read(from: &mut Decoder, cx: Context) -> Result<Self, DecodeError>;
}

/// A type that has a form for null.
pub trait Nullable: Value {
    /// Writes the value, or null.
    ///
    /// # Errors
    /// When the version cannot express it.
    fn write_nullable(
        value: Option<&Self>,
        to: &mut Encoder,
        cx: Context,
    ) -> Result<(), EncodeError>;

    /// Reads a value or null.
    ///
    /// # Errors
    /// When the bytes are neither.
    fn read_nullable(from: &mut Decoder, cx: Context) -> Result<Option<Self>, DecodeError>;
}

macro_rules! primitive {
    ($($ty:ty: $method:ident),* $(,)?) => {$(
        impl Value for $ty {
            #[inline]
            fn write(&self, to: &mut Encoder, _: Context) -> Result<(), EncodeError> {
                to.$method(*self);
                Ok(())
            }

            #[inline]
            fn read(from: &mut Decoder, _: Context) -> Result<Self, DecodeError> {
                from.$method()
            }
        }
    )*};
}

primitive!(i8: i8, i16: i16, u16: u16, i32: i32, u32: u32, i64: i64, f64: f64);

impl Value for bool {
    fn write(&self, to: &mut Encoder, _: Context) -> Result<(), EncodeError> {
        to.i8(i8::from(*self));
        Ok(())
    }

    fn read(from: &mut Decoder, _: Context) -> Result<Self, DecodeError> {
        from.bool()
    }
}

impl Value for Uuid {
    fn write(&self, to: &mut Encoder, _: Context) -> Result<(), EncodeError> {
        to.slice(&self.0);
        Ok(())
    }

    fn read(from: &mut Decoder, _: Context) -> Result<Self, DecodeError> {
        from.uuid()
    }
}

/// A value that is there, of a type whose null is not allowed in this place.
fn required<T>(value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeErrorKind::UnexpectedNull.into())
}

impl Value for ByteString {
    fn write(&self, to: &mut Encoder, cx: Context) -> Result<(), EncodeError> {
        Self::write_nullable(Some(self), to, cx)
    }

    fn read(from: &mut Decoder, cx: Context) -> Result<Self, DecodeError> {
        required(Self::read_nullable(from, cx)?)
    }
}

impl Nullable for ByteString {
    fn write_nullable(
        value: Option<&Self>,
        to: &mut Encoder,
        cx: Context,
    ) -> Result<(), EncodeError> {
        to.string_len(value.map(|text| text.len()), cx.flexible)?;
        if let Some(text) = value {
            to.slice(text.as_bytes());
        }
        Ok(())
    }

    fn read_nullable(from: &mut Decoder, cx: Context) -> Result<Option<Self>, DecodeError> {
        from.string_len(cx.flexible)?
            .map(|len| from.string(len))
            .transpose()
    }
}

impl Value for Bytes {
    fn write(&self, to: &mut Encoder, cx: Context) -> Result<(), EncodeError> {
        Self::write_nullable(Some(self), to, cx)
    }

    fn read(from: &mut Decoder, cx: Context) -> Result<Self, DecodeError> {
        required(Self::read_nullable(from, cx)?)
    }
}

impl Nullable for Bytes {
    fn write_nullable(
        value: Option<&Self>,
        to: &mut Encoder,
        cx: Context,
    ) -> Result<(), EncodeError> {
        to.long_len(value.map(Bytes::len), cx.flexible)?;
        if let Some(bytes) = value {
            to.bytes(bytes);
        }
        Ok(())
    }

    fn read_nullable(from: &mut Decoder, cx: Context) -> Result<Option<Self>, DecodeError> {
        from.long_len(cx.flexible)?
            .map(|len| from.slice(len))
            .transpose()
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, to: &mut Encoder, cx: Context) -> Result<(), EncodeError> {
        Self::write_nullable(Some(self), to, cx)
    }

    fn read(from: &mut Decoder, cx: Context) -> Result<Self, DecodeError> {
        required(Self::read_nullable(from, cx)?)
    }
}

/// Room that is made for an array before its first element was read: what is larger grows with what is really there.
const FIRST_CAPACITY: usize = 1024;

impl<T: Value> Nullable for Vec<T> {
    fn write_nullable(
        value: Option<&Self>,
        to: &mut Encoder,
        cx: Context,
    ) -> Result<(), EncodeError> {
        to.long_len(value.map(Vec::len), cx.flexible)?;
        for element in value.into_iter().flatten() {
            element.write(to, cx.inner())?;
        }
        Ok(())
    }

    fn read_nullable(from: &mut Decoder, cx: Context) -> Result<Option<Self>, DecodeError> {
        let Some(count) = from.long_len(cx.flexible)? else {
            return Ok(None);
        };
        let count = from.checked_count(count)?;
        let mut elements = Vec::with_capacity(count.min(FIRST_CAPACITY));
        for _ in 0..count {
            elements.push(T::read(from, cx.inner())?);
        }
        Ok(Some(elements))
    }
}

impl<T: Nullable> Value for Option<T> {
    fn write(&self, to: &mut Encoder, cx: Context) -> Result<(), EncodeError> {
        match self {
            value if cx.nullable => T::write_nullable(value.as_ref(), to, cx.inner()),
            Some(value) => value.write(to, cx),
            None => Err(EncodeErrorKind::NullNotAllowed(cx.version).into()),
        }
    }

    fn read(from: &mut Decoder, cx: Context) -> Result<Self, DecodeError> {
        if cx.nullable {
            T::read_nullable(from, cx.inner())
        } else {
            T::read(from, cx).map(Some)
        }
    }
}

/// Writes a struct that may be null, behind a byte that says whether it is there.
pub(crate) fn write_nullable_struct<T: Value>(
    value: Option<&T>,
    to: &mut Encoder,
    cx: Context,
) -> Result<(), EncodeError> {
    match value {
        None => to.i8(-1),
        Some(value) => {
            to.i8(1);
            value.write(to, cx)?;
        }
    }
    Ok(())
}

/// Reads a struct that may be null.
pub(crate) fn read_nullable_struct<T: Value>(
    from: &mut Decoder,
    cx: Context,
) -> Result<Option<T>, DecodeError> {
    match from.i8()? {
        presence if presence < 0 => Ok(None),
        _ => T::read(from, cx).map(Some),
    }
}
