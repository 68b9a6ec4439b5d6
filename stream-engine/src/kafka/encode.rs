//! How keys and values become bytes.

use std::io::Write;

/// A key or a value of a record to be written.
///
/// Texts and bytes are written as they are, integers and floats in decimal text, `None` as null (for a value: a
/// tombstone), `()` as null.
///
/// ```
/// use stream_engine::kafka::KafkaEncode;
///
/// let mut bytes = Vec::new();
/// assert!(42u64.encode(&mut bytes) && "!".encode(&mut bytes));
/// assert_eq!(bytes, b"42!");
/// assert!(!None::<u64>.encode(&mut bytes), "null");
/// ```
pub trait KafkaEncode {
    /// Appends the bytes to `out`; false stands for null, and then nothing is appended.
    fn encode(&self, out: &mut Vec<u8>) -> bool;
}

impl KafkaEncode for [u8] {
    fn encode(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(self);
        true
    }
}

impl KafkaEncode for () {
    fn encode(&self, _out: &mut Vec<u8>) -> bool {
        false
    }
}

impl<T: KafkaEncode> KafkaEncode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) -> bool {
        self.as_ref().is_some_and(|value| value.encode(out))
    }
}

impl<T: KafkaEncode + ?Sized> KafkaEncode for &T {
    fn encode(&self, out: &mut Vec<u8>) -> bool {
        (**self).encode(out)
    }
}

macro_rules! as_bytes {
    ($($ty:ty),*) => {$(
        impl KafkaEncode for $ty {
            fn encode(&self, out: &mut Vec<u8>) -> bool {
                let bytes: &[u8] = AsRef::as_ref(self);
                bytes.encode(out)
            }
        }
    )*};
}

as_bytes!(str, String, Vec<u8>, bytes::Bytes, crate::ShortString);

impl KafkaEncode for std::sync::Arc<str> {
    fn encode(&self, out: &mut Vec<u8>) -> bool {
        (**self).encode(out)
    }
}

macro_rules! as_decimal_text {
    ($($ty:ty),*) => {$(
        impl KafkaEncode for $ty {
            fn encode(&self, out: &mut Vec<u8>) -> bool {
                // Writing to a vector does not fail.
                let _ = write!(out, "{self}");
                true
            }
        }
    )*};
}

as_decimal_text!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64
);
