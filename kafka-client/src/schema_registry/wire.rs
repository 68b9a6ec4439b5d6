//! The prefix that names a record's schema.

/// What every prefix begins with.
const MAGIC: u8 = 0;

/// Writes the prefix of a schema.
pub(super) fn begin(id: i32, bytes: &mut Vec<u8>) {
    bytes.push(MAGIC);
    bytes.extend_from_slice(&id.to_be_bytes());
}

/// The id of the schema, and what it describes.
pub(super) fn split(bytes: &[u8]) -> Result<(i32, &[u8]), String> {
    match bytes {
        [MAGIC, a, b, c, d, rest @ ..] => Ok((i32::from_be_bytes([*a, *b, *c, *d]), rest)),
        [MAGIC, ..] => Err(format!(
            "it has {} bytes, too few for the prefix of a schema: it was written without a schema registry, or cut off",
            bytes.len()
        )),
        [first, ..] => Err(format!(
            "it begins with byte {first}, and not with the prefix of a schema: it was written without a schema registry"
        )),
        [] => Err("it is empty, without the prefix of a schema".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_zero_byte_and_the_id_big_endian() {
        let mut bytes = Vec::new();
        begin(0x0102_0304, &mut bytes);
        assert_eq!(bytes, [0, 1, 2, 3, 4]);
        bytes.push(9);
        assert_eq!(split(&bytes), Ok((0x0102_0304, &[9][..])));
        for bytes in [&[][..], &[0], &[0, 0, 0, 1], b"{}text"] {
            split(bytes).unwrap_err();
        }
    }
}
