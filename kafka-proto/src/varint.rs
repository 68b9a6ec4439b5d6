//! Variable-length integers, shared by the message codec and the records.
//!
//! Both kinds are base 128, least significant group first. Records use the zig-zag form (small negative numbers stay
//! short), flexible messages the unsigned one. What is read is what Kafka's own `ByteUtils` reads: longer forms than
//! needed are valid, bits of the last byte that do not fit the type are dropped (`80 80 80 80 10` is 0), and a number
//! whose fifth (of 64 bits: tenth) byte says that another follows is an error.
//!
//! ```
//! use kafka_proto::varint;
//!
//! let mut bytes = Vec::new();
//! varint::put_varint(&mut bytes, -300);
//! assert_eq!(bytes.len(), varint::varint_len(-300));
//! assert_eq!(varint::get_varint(&mut &bytes[..]), Ok(-300));
//! ```

use bytes::BufMut;

/// Longest encoding of a 32-bit number, in bytes.
pub const MAX_VARINT_LEN: usize = 5;
/// Longest encoding of a 64-bit number, in bytes.
pub const MAX_VARLONG_LEN: usize = 10;

/// Why bytes are not a variable-length integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VarintError {
    /// The bytes end inside the number.
    #[error("the bytes end inside a variable-length integer")]
    Truncated,
    /// The number goes on past the bytes that its type can fill.
    #[error("a variable-length integer is longer than the {0} bytes that it may take")]
    TooLong(usize),
}

/// Maps a signed number to an unsigned one, so that numbers near zero are small.
#[inline]
pub const fn zigzag32(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// Undoes [`zigzag32`].
#[inline]
pub const fn unzigzag32(value: u32) -> i32 {
    ((value >> 1) as i32) ^ -((value & 1) as i32)
}

/// Maps a signed number to an unsigned one, so that numbers near zero are small.
#[inline]
pub const fn zigzag64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag64`].
#[inline]
pub const fn unzigzag64(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// Bytes that `value` takes as an unsigned varint: 1 to 5.
#[inline]
pub const fn unsigned_varint_len(value: u32) -> usize {
    // `| 1` because zero takes a byte too.
    (38 - (value | 1).leading_zeros() as usize) / 7
}

/// Bytes that `value` takes as a zig-zag varint: 1 to 5.
#[inline]
pub const fn varint_len(value: i32) -> usize {
    unsigned_varint_len(zigzag32(value))
}

/// Bytes that `value` takes as a zig-zag varlong: 1 to 10.
#[inline]
pub const fn varlong_len(value: i64) -> usize {
    (70 - (zigzag64(value) | 1).leading_zeros() as usize) / 7
}

/// Writes an unsigned varint.
#[inline]
pub fn put_unsigned_varint(out: &mut impl BufMut, value: u32) {
    put_u64(out, u64::from(value));
}

/// Writes a zig-zag varint.
#[inline]
pub fn put_varint(out: &mut impl BufMut, value: i32) {
    put_u64(out, u64::from(zigzag32(value)));
}

/// Writes a zig-zag varlong.
#[inline]
pub fn put_varlong(out: &mut impl BufMut, value: i64) {
    put_u64(out, zigzag64(value));
}

#[inline]
fn put_u64(out: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// Reads an unsigned varint and moves `input` past it; on an error `input` stays where it was.
#[inline]
pub fn get_unsigned_varint(input: &mut &[u8]) -> Result<u32, VarintError> {
    let mut at = 0;
    let value = unsigned_varint_at(input, &mut at)?;
    *input = &input[at..];
    Ok(value)
}

/// Reads a zig-zag varint and moves `input` past it; on an error `input` stays where it was.
#[inline]
pub fn get_varint(input: &mut &[u8]) -> Result<i32, VarintError> {
    get_unsigned_varint(input).map(unzigzag32)
}

/// Reads a zig-zag varlong and moves `input` past it; on an error `input` stays where it was.
#[inline]
pub fn get_varlong(input: &mut &[u8]) -> Result<i64, VarintError> {
    let mut at = 0;
    let value = varlong_at(input, &mut at)?;
    *input = &input[at..];
    Ok(value)
}

/// Reads the zig-zag varint at `*at` and moves `at` past it.
#[inline(always)]
pub(crate) fn varint_at(data: &[u8], at: &mut usize) -> Result<i32, VarintError> {
    unsigned_varint_at(data, at).map(unzigzag32)
}

/// Reads the unsigned varint at `*at` and moves `at` past it.
// One and two bytes are what lengths and deltas of real records take: those paths are inlined into the caller's loop.
#[inline(always)]
pub(crate) fn unsigned_varint_at(data: &[u8], at: &mut usize) -> Result<u32, VarintError> {
    let rest = data.get(*at..).unwrap_or_default();
    match *rest {
        [a, ..] if a < 0x80 => {
            *at += 1;
            Ok(u32::from(a))
        }
        [a, b, ..] if b < 0x80 => {
            *at += 2;
            Ok(u32::from(a & 0x7f) | u32::from(b) << 7)
        }
        _ => long_form(rest, MAX_VARINT_LEN, at).map(|value| value as u32),
    }
}

/// Reads the zig-zag varlong at `*at` and moves `at` past it.
#[inline(always)]
pub(crate) fn varlong_at(data: &[u8], at: &mut usize) -> Result<i64, VarintError> {
    let rest = data.get(*at..).unwrap_or_default();
    match *rest {
        [a, ..] if a < 0x80 => {
            *at += 1;
            Ok(unzigzag64(u64::from(a)))
        }
        [a, b, ..] if b < 0x80 => {
            *at += 2;
            Ok(unzigzag64(u64::from(a & 0x7f) | u64::from(b) << 7))
        }
        _ => long_form(rest, MAX_VARLONG_LEN, at).map(unzigzag64),
    }
}

#[inline(never)]
fn long_form(rest: &[u8], max_len: usize, at: &mut usize) -> Result<u64, VarintError> {
    let mut value = 0;
    for (i, &byte) in rest.iter().take(max_len).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *at += i + 1;
            return Ok(value);
        }
    }
    Err(if rest.len() < max_len {
        VarintError::Truncated
    } else {
        VarintError::TooLong(max_len)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_that_ends_early_or_never_is_an_error() {
        for (bytes, expected) in [
            (&[][..], VarintError::Truncated),
            (&[0x80], VarintError::Truncated),
            (&[0xff, 0xff, 0xff, 0xff], VarintError::Truncated),
            (&[0xff, 0xff, 0xff, 0xff, 0xff], VarintError::TooLong(5)),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                VarintError::TooLong(5),
            ),
        ] {
            let mut input = bytes;
            assert_eq!(get_unsigned_varint(&mut input), Err(expected), "{bytes:x?}");
            assert_eq!(input, bytes, "input moved by an error");
        }
        assert_eq!(
            get_varlong(&mut &[0xff; 9][..]),
            Err(VarintError::Truncated)
        );
        assert_eq!(
            get_varlong(&mut &[0xff; 11][..]),
            Err(VarintError::TooLong(10))
        );
    }

    /// Bytes in hexadecimal digits, and what Kafka 4.3's `ByteUtils` reads from them as an unsigned varint, a varint and
    /// a varlong: the number and how many bytes it took, or an exception for the end of the bytes (`Truncated`) or for
    /// a number that is too long.
    type Read = (
        &'static str,
        Result<(u32, usize), VarintError>,
        Result<(i32, usize), VarintError>,
        Result<(i64, usize), VarintError>,
    );

    #[test]
    fn odd_forms_are_read_as_java_reads_them() {
        use VarintError::Truncated;
        const LONG: Result<(u32, usize), VarintError> = Err(VarintError::TooLong(5));
        const LONG_INT: Result<(i32, usize), VarintError> = Err(VarintError::TooLong(5));
        let cases: &[Read] = &[
            ("80", Err(Truncated), Err(Truncated), Err(Truncated)),
            ("8000", Ok((0, 2)), Ok((0, 2)), Ok((0, 2))),
            ("80808000", Ok((0, 4)), Ok((0, 4)), Ok((0, 4))),
            ("8080808000", Ok((0, 5)), Ok((0, 5)), Ok((0, 5))),
            (
                "feffffff0f",
                Ok((u32::MAX - 1, 5)),
                Ok((i32::MAX, 5)),
                Ok((i32::MAX.into(), 5)),
            ),
            (
                "ffffffff0f",
                Ok((u32::MAX, 5)),
                Ok((i32::MIN, 5)),
                Ok((i32::MIN.into(), 5)),
            ),
            (
                "ffffffff1f",
                Ok((u32::MAX, 5)),
                Ok((i32::MIN, 5)),
                Ok((-4_294_967_296, 5)),
            ),
            (
                "ffffffff7f",
                Ok((u32::MAX, 5)),
                Ok((i32::MIN, 5)),
                Ok((-17_179_869_184, 5)),
            ),
            ("8080808010", Ok((0, 5)), Ok((0, 5)), Ok((2_147_483_648, 5))),
            (
                "8080808070",
                Ok((0, 5)),
                Ok((0, 5)),
                Ok((15_032_385_536, 5)),
            ),
            ("80808080", Err(Truncated), Err(Truncated), Err(Truncated)),
            ("8080808080", LONG, LONG_INT, Err(Truncated)),
            ("ffffffff8f", LONG, LONG_INT, Err(Truncated)),
            ("808080808000", LONG, LONG_INT, Ok((0, 6))),
            ("ffffffffff01", LONG, LONG_INT, Ok((-34_359_738_368, 6))),
            ("80808080808080808000", LONG, LONG_INT, Ok((0, 10))),
            ("feffffffffffffffff01", LONG, LONG_INT, Ok((i64::MAX, 10))),
            ("ffffffffffffffffff01", LONG, LONG_INT, Ok((i64::MIN, 10))),
            ("ffffffffffffffffff7f", LONG, LONG_INT, Ok((i64::MIN, 10))),
            (
                "ffffffffffffffffff02",
                LONG,
                LONG_INT,
                Ok((-4_611_686_018_427_387_904, 10)),
            ),
            (
                "80808080808080808001",
                LONG,
                LONG_INT,
                Ok((4_611_686_018_427_387_904, 10)),
            ),
            ("8080808080808080807e", LONG, LONG_INT, Ok((0, 10))),
            ("808080808080808080", LONG, LONG_INT, Err(Truncated)),
            (
                "8080808080808080808000",
                LONG,
                LONG_INT,
                Err(VarintError::TooLong(10)),
            ),
        ];
        fn read<T>(
            bytes: &[u8],
            get: fn(&mut &[u8]) -> Result<T, VarintError>,
        ) -> Result<(T, usize), VarintError> {
            let mut input = bytes;
            get(&mut input).map(|value| (value, bytes.len() - input.len()))
        }
        for (digits, unsigned, varint, varlong) in cases {
            let bytes: Vec<u8> = (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"))
                .collect();
            assert_eq!(&read(&bytes, get_unsigned_varint), unsigned, "{digits}");
            assert_eq!(&read(&bytes, get_varint), varint, "{digits}");
            assert_eq!(&read(&bytes, get_varlong), varlong, "{digits}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(a: u32, b: i32, c: i64, shift in 0u32..64) {
            let (a, b, c) = (a >> (shift % 32), b >> (shift % 32), c >> shift);
            let mut bytes = Vec::new();
            put_unsigned_varint(&mut bytes, a);
            prop_assert_eq!(bytes.len(), unsigned_varint_len(a));
            put_varint(&mut bytes, b);
            prop_assert_eq!(bytes.len(), unsigned_varint_len(a) + varint_len(b));
            put_varlong(&mut bytes, c);
            prop_assert_eq!(bytes.len(), unsigned_varint_len(a) + varint_len(b) + varlong_len(c));
            let mut input = &bytes[..];
            prop_assert_eq!(get_unsigned_varint(&mut input), Ok(a));
            prop_assert_eq!(get_varint(&mut input), Ok(b));
            prop_assert_eq!(get_varlong(&mut input), Ok(c));
            prop_assert!(input.is_empty());
        }
    }
}
