//! How a value of each of the protocol's types is written and read.

use bytes::Bytes;
use bytestring::ByteString;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::{DecodeErrorKind, EncodeErrorKind, UnsupportedVersion};
use super::message::Struct;
use super::schema::{Field, Type};
use super::uuid::Uuid;
use super::versions::Versions;

/// Record batches as they are on the wire; see [`crate::records`].
pub type Records = Bytes;

/// The ids of the brokers that have a partition. Of up to four they are kept in place: a cluster's metadata has three such
/// lists for every partition, whose allocations would take most of the time to read it.
pub type BrokerIds = smallvec::SmallVec<[i32; IN_PLACE]>;
const IN_PLACE: usize = 4;

/// What the form of a value depends on.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The message's version.
    pub version: i16,
    /// Whether lengths are compact and structs end in tagged fields.
    pub flexible: bool,
}

impl Context {
    /// The context of a version of `message`, which has these versions.
    pub(crate) fn new(
        message: &'static str,
        versions: Versions,
        flexible: Versions,
        version: i16,
    ) -> Result<Self, UnsupportedVersion> {
        if !versions.contains(version) {
            return Err(UnsupportedVersion {
                message,
                version,
                versions,
            });
        }
        let flexible = flexible.contains(version);
        Ok(Self { version, flexible })
    }

    /// Whether lengths in the field are compact.
    #[inline]
    pub(crate) fn compact(self, field: &Field) -> bool {
        self.flexible && !field.rigid
    }
}

/// A type of the protocol, in the place of `field`.
pub trait Value: Sized + 'static {
    /// The type.
    const TYPE: Type;

    /// Writes the value.
    fn write(&self, to: &mut Encoder, field: &'static Field, cx: Context);

    /// Reads a value; what is read past an error is of no meaning.
    fn read(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Self;

    /// Writes the elements of an array.
    #[inline]
    fn write_all(values: &[Self], to: &mut Encoder, field: &'static Field, cx: Context) {
        for value in values {
            value.write(to, field, cx);
        }
    }

    /// Reads the elements of an array, of which there are no more than bytes left.
    #[inline]
    fn read_all(
        count: usize,
        from: &mut Decoder<'_>,
        field: &'static Field,
        cx: Context,
    ) -> Vec<Self> {
        let mut values = Vec::with_capacity(first_capacity::<Self>(count, from));
        for _ in 0..count {
            values.push(Self::read(from, field, cx));
            if from.failed() {
                break;
            }
        }
        values
    }
}

/// Room that is made for an array before its first element was read: at most eight times the bytes that are there, however
/// small the elements may be on the wire. What is larger grows with what is really read.
#[inline]
fn first_capacity<T>(count: usize, from: &Decoder<'_>) -> usize {
    count.min(1 + 8 * from.remaining() / size_of::<T>().max(1))
}

/// A type that has a form for null.
pub trait Nullable: Value {
    /// Writes the value, or null.
    fn write_nullable(value: Option<&Self>, to: &mut Encoder, field: &'static Field, cx: Context);

    /// Reads a value or null.
    fn read_nullable(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Option<Self>;
}

/// A value that is there, of a type whose null is not allowed in this place.
#[inline]
fn required<'a, T: Default>(
    read: impl FnOnce(&mut Decoder<'a>) -> Option<T>,
    from: &mut Decoder<'a>,
    field: &'static Field,
) -> T {
    let start = from.here();
    read(from).unwrap_or_else(|| {
        from.fail_at(start, Some(field), DecodeErrorKind::UnexpectedNull);
        T::default()
    })
}

macro_rules! number {
    ($($ty:ty: $type:ident),* $(,)?) => {$(
        impl Value for $ty {
            const TYPE: Type = Type::$type;

            #[inline]
            fn write(&self, to: &mut Encoder, _: &'static Field, _: Context) {
                to.slice(&self.to_be_bytes());
            }

            #[inline]
            fn read(from: &mut Decoder<'_>, field: &'static Field, _: Context) -> Self {
                Self::from_be_bytes(from.array(Some(field)))
            }

            #[inline]
            fn write_all(values: &[Self], to: &mut Encoder, _: &'static Field, _: Context) {
                for value in values {
                    to.slice(&value.to_be_bytes());
                }
            }

            #[inline]
            fn read_all(
                count: usize,
                from: &mut Decoder<'_>,
                field: &'static Field,
                _: Context,
            ) -> Vec<Self> {
                let raw = from.raw(count.saturating_mul(size_of::<Self>()), Some(field));
                let numbers = raw.as_chunks().0.iter();
                numbers.map(|number| Self::from_be_bytes(*number)).collect()
            }
        }
    )*};
}

number!(i8: Int8, i16: Int16, u16: Uint16, i32: Int32, u32: Uint32, i64: Int64, f64: Float64);

impl Value for bool {
    const TYPE: Type = Type::Bool;

    #[inline]
    fn write(&self, to: &mut Encoder, _: &'static Field, _: Context) {
        to.i8(i8::from(*self));
    }

    /// Any value but zero is true, as for the Java client.
    #[inline]
    fn read(from: &mut Decoder<'_>, field: &'static Field, _: Context) -> Self {
        from.array(Some(field)) != [0]
    }
}

impl Value for Uuid {
    const TYPE: Type = Type::Uuid;

    #[inline]
    fn write(&self, to: &mut Encoder, _: &'static Field, _: Context) {
        to.slice(&self.0);
    }

    #[inline]
    fn read(from: &mut Decoder<'_>, field: &'static Field, _: Context) -> Self {
        Self(from.array(Some(field)))
    }
}

impl Nullable for ByteString {
    #[inline]
    fn write_nullable(value: Option<&Self>, to: &mut Encoder, field: &'static Field, cx: Context) {
        to.string_len(value.map(|text| text.len()), field, cx.compact(field));
        to.slice(value.map_or(&[], |text| text.as_bytes()));
    }

    #[inline]
    fn read_nullable(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Option<Self> {
        let len = from.string_len(field, cx.compact(field))?;
        Some(from.string(len, Some(field)))
    }
}

impl Nullable for Bytes {
    #[inline]
    fn write_nullable(value: Option<&Self>, to: &mut Encoder, field: &'static Field, cx: Context) {
        to.long_len(value.map(Self::len), field, cx.compact(field));
        if let Some(bytes) = value {
            to.bytes(bytes);
        }
    }

    #[inline]
    fn read_nullable(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Option<Self> {
        let len = from.long_len(field, cx.compact(field))?;
        Some(from.bytes(len, Some(field)))
    }
}

impl<T: Value> Nullable for Vec<T> {
    #[inline]
    fn write_nullable(value: Option<&Self>, to: &mut Encoder, field: &'static Field, cx: Context) {
        to.long_len(value.map(Self::len), field, cx.compact(field));
        T::write_all(value.map_or(&[], Self::as_slice), to, field, cx);
    }

    #[inline]
    fn read_nullable(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Option<Self> {
        let count = from.long_len(field, cx.compact(field))?;
        let count = from.count(count, field);
        Some(T::read_all(count, from, field, cx))
    }
}

/// Of a type that may be null: the value itself, where null is not allowed.
macro_rules! never_null {
    ($($ty:ty: $type:expr, <$($param:ident)?>);* $(;)?) => {$(
        impl $(<$param: Value>)? Value for $ty {
            const TYPE: Type = $type;

            #[inline]
            fn write(&self, to: &mut Encoder, field: &'static Field, cx: Context) {
                Self::write_nullable(Some(self), to, field, cx);
            }

            #[inline]
            fn read(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Self {
                required(|from| Self::read_nullable(from, field, cx), from, field)
            }
        }
    )*};
}

never_null! {
    ByteString: Type::String, <>;
    Bytes: Type::Bytes, <>;
    Vec<T>: Type::Array(&T::TYPE), <T>;
}

impl Value for BrokerIds {
    const TYPE: Type = Type::Array(&Type::Int32);

    #[inline]
    fn write(&self, to: &mut Encoder, field: &'static Field, cx: Context) {
        if self.len() > IN_PLACE || !cx.compact(field) {
            return write_ids(self, to, field, cx);
        }
        // The count and all there is room for, at once: a loop over so few costs more.
        let mut front = [0; 1 + IN_PLACE * size_of::<i32>()];
        front[0] = self.len() as u8 + 1;
        for (index, bytes) in front[1..].as_chunks_mut().0.iter_mut().enumerate() {
            *bytes = self.get(index).map_or(0, |id| *id).to_be_bytes();
        }
        to.front_of(&front, 1 + self.len() * size_of::<i32>());
    }

    #[inline]
    fn read(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Self {
        let count = required(|from| from.long_len(field, cx.compact(field)), from, field);
        if count <= IN_PLACE
            && let Some(front) = from.peek::<{ IN_PLACE * size_of::<i32>() }>()
        {
            let mut ids = [0; IN_PLACE];
            for (id, bytes) in ids.iter_mut().zip(front.as_chunks().0) {
                *id = i32::from_be_bytes(*bytes);
            }
            from.raw(count * size_of::<i32>(), Some(field));
            return Self::from_buf_and_len(ids, count);
        }
        let raw = from.raw(count.saturating_mul(size_of::<i32>()), Some(field));
        let ids = raw.as_chunks().0.iter();
        ids.map(|id| i32::from_be_bytes(*id)).collect()
    }
}

#[inline(never)]
fn write_ids(ids: &[i32], to: &mut Encoder, field: &'static Field, cx: Context) {
    to.long_len(Some(ids.len()), field, cx.compact(field));
    i32::write_all(ids, to, field, cx);
}

impl<T: Struct> Value for T {
    const TYPE: Type = Type::Struct(T::SCHEMA);

    #[inline]
    fn write(&self, to: &mut Encoder, field: &'static Field, cx: Context) {
        to.path.enter(field);
        self.write_fields(to, cx);
        to.path.leave();
    }

    #[inline]
    fn read(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Self {
        from.path.enter(field);
        let value = T::read_fields(from, cx);
        from.path.leave();
        value
    }

    #[inline]
    fn write_all(values: &[Self], to: &mut Encoder, field: &'static Field, cx: Context) {
        to.path.enter(field);
        for (index, value) in values.iter().enumerate() {
            to.path.at(index);
            value.write_fields(to, cx);
        }
        to.path.leave();
    }

    #[inline]
    fn read_all(
        count: usize,
        from: &mut Decoder<'_>,
        field: &'static Field,
        cx: Context,
    ) -> Vec<Self> {
        let mut values = Vec::with_capacity(first_capacity::<Self>(count, from));
        from.path.enter(field);
        for index in 0..count {
            from.path.at(index);
            values.push(T::read_fields(from, cx));
            if from.failed() {
                break;
            }
        }
        from.path.leave();
        values
    }
}

/// A struct that may be null stands behind what says whether it is there.
impl<T: Struct> Nullable for T {
    #[inline]
    fn write_nullable(value: Option<&Self>, to: &mut Encoder, field: &'static Field, cx: Context) {
        to.present(value.is_some(), field, cx);
        if let Some(value) = value {
            value.write(to, field, cx);
        }
    }

    #[inline]
    fn read_nullable(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Option<Self> {
        let present = from.is_present(field, cx);
        present.then(|| T::read(from, field, cx))
    }
}

impl<T: Nullable> Value for Option<T> {
    const TYPE: Type = T::TYPE;

    #[inline]
    fn write(&self, to: &mut Encoder, field: &'static Field, cx: Context) {
        match self {
            value if field.nullable.contains(cx.version) => {
                T::write_nullable(value.as_ref(), to, field, cx);
            }
            Some(value) => value.write(to, field, cx),
            None => to.fail(Some(field), EncodeErrorKind::NullNotAllowed(cx.version)),
        }
    }

    #[inline]
    fn read(from: &mut Decoder<'_>, field: &'static Field, cx: Context) -> Self {
        if field.nullable.contains(cx.version) {
            T::read_nullable(from, field, cx)
        } else {
            Some(T::read(from, field, cx))
        }
    }
}

/// Reads a field, if it has a place of its own in this version. Inlined, so that what is known of the field is a constant.
#[inline(always)]
pub(crate) fn get<T: Value>(
    value: &mut T,
    from: &mut Decoder<'_>,
    field: &'static Field,
    cx: Context,
) {
    if field.in_place(cx.version) {
        *value = T::read(from, field, cx);
    }
}

/// Writes a field, if it has a place of its own in this version; refuses it if it has none and cannot be left out.
#[inline(always)]
pub(crate) fn put<T: Value + PartialEq + Default>(
    value: &T,
    to: &mut Encoder,
    field: &'static Field,
    cx: Context,
) {
    put_unless(value, T::default(), to, field, cx);
}

/// [`put`] for a field whose default is not its type's.
#[inline(always)]
pub(crate) fn put_unless<T: Value + PartialEq>(
    value: &T,
    default: T,
    to: &mut Encoder,
    field: &'static Field,
    cx: Context,
) {
    if field.in_place(cx.version) {
        value.write(to, field, cx);
    } else if field.refused(cx.version) && *value != default {
        to.refuse(field, cx.version);
    }
}
