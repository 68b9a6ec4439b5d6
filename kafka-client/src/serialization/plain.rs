use bytes::Bytes;
use kafka_proto::codec::Uuid;

use super::{Context, Deserializer, Nullable, Payload, Refused, Serializer};

/// The formats of Kafka's own serializers, so that any client can read what is written, and the reverse: text in UTF-8,
/// bytes as they are, numbers big-endian with all their bytes, truth values as one byte, a UUID as its text in lower case,
/// `()` as null. An `Option` is null where it is `None`; for all others null is an error.
///
/// | Rust | Kafka |
/// | --- | --- |
/// | `str`, `String` | `StringSerializer` |
/// | `[u8]`, `Vec<u8>`, `Bytes` | `ByteArraySerializer`, `BytesSerializer` |
/// | `i16`, `i32`, `i64` | `ShortSerializer`, `IntegerSerializer`, `LongSerializer` |
/// | `f32`, `f64` | `FloatSerializer`, `DoubleSerializer` |
/// | `bool` | `BooleanSerializer` |
/// | `Uuid` | `UUIDSerializer` |
/// | `()` | `VoidSerializer` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plain;

fn not_null(bytes: Option<&[u8]>) -> Result<&[u8], Refused> {
    bytes.ok_or_else(|| "it is null: read it as an Option".into())
}

/// Exactly so many bytes.
fn fixed<const N: usize>(bytes: Option<&[u8]>) -> Result<[u8; N], Refused> {
    let bytes = not_null(bytes)?;
    bytes
        .try_into()
        .map_err(|_| format!("it has {} bytes, expected {N}", bytes.len()).into())
}

/// How a type is written and read.
trait Format: Sized {
    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: Option<&[u8]>) -> Result<Self, Refused>;
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Format for $number {
            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_be_bytes());
            }

            fn read(bytes: Option<&[u8]>) -> Result<Self, Refused> {
                fixed(bytes).map(Self::from_be_bytes)
            }
        }
    )+};
}

numbers!(i16, i32, i64, f32, f64);

impl Format for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn read(bytes: Option<&[u8]>) -> Result<Self, Refused> {
        match fixed(bytes)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(format!("it is {other}, expected 0 or 1").into()),
        }
    }
}

impl Format for Uuid {
    fn write(&self, bytes: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                bytes.push(b'-');
            }
            let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)];
            bytes.extend([digit(byte >> 4), digit(*byte)]);
        }
    }

    fn read(bytes: Option<&[u8]>) -> Result<Self, Refused> {
        let text = not_null(bytes)?;
        let refused = || "it is no UUID: expected 8-4-4-4-12 hexadecimal digits".into();
        let dashes = [8, 13, 18, 23];
        if text.len() != 36 || dashes.iter().any(|at| text[*at] != b'-') {
            return Err(refused());
        }
        let digits = text.iter().enumerate();
        let digits = digits.filter(|(at, _)| !dashes.contains(at));
        let digits: Option<Vec<u8>> = digits
            .map(|(_, digit)| Some((*digit as char).to_digit(16)? as u8))
            .collect();
        let pairs = digits.ok_or_else(refused)?;
        let mut id = Self::ZERO;
        for (byte, pair) in id.0.iter_mut().zip(pairs.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(id)
    }
}

impl Format for String {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: Option<&[u8]>) -> Result<Self, Refused> {
        text(bytes).map(str::to_owned)
    }
}

impl Format for Vec<u8> {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn read(bytes: Option<&[u8]>) -> Result<Self, Refused> {
        not_null(bytes).map(<[u8]>::to_vec)
    }
}

impl Format for Bytes {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn read(bytes: Option<&[u8]>) -> Result<Self, Refused> {
        not_null(bytes).map(Self::copy_from_slice)
    }
}

fn text(bytes: Option<&[u8]>) -> Result<&str, Refused> {
    std::str::from_utf8(not_null(bytes)?)
        .map_err(|error| format!("it is not UTF-8: {error}").into())
}

macro_rules! formats {
    ($($type:ty),+) => {$(
        impl Serializer<$type> for Plain {
            fn serialize(&self, _: &Context<'_>, value: &$type, bytes: &mut Vec<u8>) -> Result<Payload, Refused> {
                value.write(bytes);
                Ok(Payload::Bytes)
            }
        }

        impl Deserializer<'_, $type> for Plain {
            fn deserialize(&self, _: &Context<'_>, bytes: Option<&[u8]>) -> Result<$type, Refused> {
                Format::read(bytes)
            }
        }
    )+};
}

formats!(i16, i32, i64, f32, f64, bool, Uuid, String, Vec<u8>, Bytes);

impl Serializer<str> for Plain {
    fn serialize(
        &self,
        _: &Context<'_>,
        value: &str,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        bytes.extend_from_slice(value.as_bytes());
        Ok(Payload::Bytes)
    }
}

impl<'a> Deserializer<'a, &'a str> for Plain {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<&'a str, Refused> {
        text(bytes)
    }
}

impl Serializer<[u8]> for Plain {
    fn serialize(
        &self,
        _: &Context<'_>,
        value: &[u8],
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        bytes.extend_from_slice(value);
        Ok(Payload::Bytes)
    }
}

impl<'a> Deserializer<'a, &'a [u8]> for Plain {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<&'a [u8], Refused> {
        not_null(bytes)
    }
}

impl Serializer<()> for Plain {
    fn serialize(&self, _: &Context<'_>, (): &(), _: &mut Vec<u8>) -> Result<Payload, Refused> {
        Ok(Payload::Null)
    }
}

impl Deserializer<'_, ()> for Plain {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&[u8]>) -> Result<(), Refused> {
        match bytes {
            None => Ok(()),
            Some(bytes) => Err(format!("it has {} bytes, expected null", bytes.len()).into()),
        }
    }
}

impl<T> Serializer<Option<T>> for Plain
where
    Self: Serializer<T>,
{
    fn serialize(
        &self,
        context: &Context<'_>,
        value: &Option<T>,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        Nullable(Self).serialize(context, value, bytes)
    }
}

impl<'a, T> Deserializer<'a, Option<T>> for Plain
where
    Self: Deserializer<'a, T>,
{
    fn deserialize(
        &self,
        context: &Context<'_>,
        bytes: Option<&'a [u8]>,
    ) -> Result<Option<T>, Refused> {
        Nullable(Self).deserialize(context, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::super::Field;
    use super::*;

    const CONTEXT: Context<'_> = Context {
        topic: "t",
        field: Field::Value,
    };

    #[track_caller]
    fn check<T>(value: T, expected: Option<&[u8]>)
    where
        T: PartialEq + Debug,
        Plain: Serializer<T> + for<'a> Deserializer<'a, T>,
    {
        let mut bytes = Vec::new();
        let payload = Plain.serialize(&CONTEXT, &value, &mut bytes).unwrap();
        let written = (payload == Payload::Bytes).then_some(&bytes[..]);
        assert_eq!(written, expected);
        let read: T = Plain.deserialize(&CONTEXT, expected).unwrap();
        assert_eq!(read, value);
    }

    #[test]
    fn values_are_written_as_kafkas_own_serializers_write_them() {
        check("gr\u{fc}n".to_owned(), Some(b"gr\xc3\xbcn"));
        check(vec![1u8, 2], Some(&[1, 2]));
        check(Bytes::from_static(b"x"), Some(b"x"));
        check(-2i16, Some(&[0xff, 0xfe]));
        check(1_000_000i32, Some(&[0, 0x0f, 0x42, 0x40]));
        check(-1i64, Some(&[0xff; 8]));
        check(1.5f32, Some(&[0x3f, 0xc0, 0, 0]));
        check(-2.0f64, Some(&[0xc0, 0, 0, 0, 0, 0, 0, 0]));
        check(true, Some(&[1]));
        let id = Uuid(*b"\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00");
        check(id, Some(b"123e4567-e89b-12d3-a456-426614174000"));
        check((), None);
        check(Some(7i16), Some(&[0, 7]));
        check(None::<String>, None);
    }

    #[test]
    fn borrowed_values_are_not_copied() {
        let bytes = b"text".to_vec();
        let text: &str = Plain.deserialize(&CONTEXT, Some(&bytes)).unwrap();
        assert_eq!((text, text.as_ptr()), ("text", bytes.as_ptr()));
        let nothing: Option<&[u8]> = Plain.deserialize(&CONTEXT, None).unwrap();
        assert_eq!(nothing, None);
    }

    #[track_caller]
    fn refused<'a, T: Debug>(bytes: Option<&'a [u8]>) -> String
    where
        Plain: Deserializer<'a, T>,
    {
        let read: Result<T, Refused> = Plain.deserialize(&CONTEXT, bytes);
        read.unwrap_err().to_string()
    }

    #[test]
    fn bytes_that_are_no_such_value_are_refused_with_the_reason() {
        assert_eq!(refused::<i32>(Some(&[1; 3])), "it has 3 bytes, expected 4");
        assert_eq!(refused::<i64>(None), "it is null: read it as an Option");
        assert_eq!(refused::<bool>(Some(&[2])), "it is 2, expected 0 or 1");
        assert!(refused::<&str>(Some(b"\xff")).starts_with("it is not UTF-8: "));
        assert!(refused::<Option<String>>(Some(b"\xff")).starts_with("it is not UTF-8: "));
        assert_eq!(refused::<()>(Some(b"")), "it has 0 bytes, expected null");
        for text in [
            "",
            "123e4567-e89b-12d3-a456-42661417400",
            "123e4567-e89b-12d3-a456_426614174000",
            "123e4567-e89b-12d3-a456-42661417400g",
            "123e4567-e89b-12d3-a456-4266141740\u{fc}",
        ] {
            let reason = refused::<Uuid>(Some(text.as_bytes()));
            assert!(reason.starts_with("it is no UUID"), "{text}: {reason}");
        }
    }
}
