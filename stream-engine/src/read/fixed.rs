use std::io::{ErrorKind, Read};

use bytes::{Bytes, BytesMut};

use super::FormatError;
use crate::{BoxError, CHUNK, RecordReader};

/// How much is read at once, unless a record is longer.
const BUFFER: usize = 64 * 1024;

/// Reads records of one fixed length, without anything between them.
///
/// Records read together share one allocation, so cloning one is cheap and keeping one keeps its neighbours: about 64 KiB.
#[derive(Debug)]
pub struct FixedRecords<R> {
    input: R,
    record_length: usize,
}

impl<R: Read> FixedRecords<R> {
    /// The records of `record_length` bytes (0 is taken as 1) of `input`, which need not be buffered. An input that ends inside
    /// a record is [`FormatError::Incomplete`].
    pub fn new(input: R, record_length: usize) -> Self {
        FixedRecords {
            input,
            record_length: record_length.max(1),
        }
    }
}

impl<R: Read> RecordReader<Bytes> for FixedRecords<R> {
    fn read(&mut self, out: &mut Vec<Bytes>) -> Result<bool, BoxError> {
        let length = self.record_length;
        let wanted = length.saturating_mul((BUFFER / length).clamp(1, CHUNK));
        let mut block = BytesMut::new();
        let ended = fill(&mut self.input, &mut block, wanted)?;
        let mut block = block.freeze();
        while block.len() >= length {
            out.push(block.split_to(length));
        }
        if block.is_empty() {
            return Ok(!ended);
        }
        Err(FormatError::Incomplete {
            found: block.len(),
            expected: length,
        }
        .into())
    }
}

/// Reads until `block` has `wanted` bytes; true if the input ended before. Memory grows with what is really there.
pub(super) fn fill(
    input: &mut impl Read,
    block: &mut BytesMut,
    wanted: usize,
) -> std::io::Result<bool> {
    let mut filled = block.len();
    while filled < wanted {
        if filled == block.len() {
            block.resize(wanted.min(filled.saturating_mul(2).max(BUFFER)), 0);
        }
        match input.read(&mut block[filled..]) {
            Ok(0) => {
                block.truncate(filled);
                return Ok(true);
            }
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(input: &[u8], record_length: usize) -> Result<Vec<Bytes>, BoxError> {
        let (mut reader, mut records) = (FixedRecords::new(input, record_length), Vec::new());
        while reader.read(&mut records)? {}
        Ok(records)
    }

    #[test]
    fn records_have_their_length_and_order() {
        assert_eq!(read_all(b"", 3).unwrap(), Vec::<Bytes>::new());
        assert_eq!(read_all(b"abcdef", 3).unwrap(), ["abc", "def"]);
        for length in [1, 7, 100_000] {
            let input: Vec<u8> = (0..7 * 100_000u32).map(|n| n as u8).collect();
            let records = read_all(&input, length).unwrap();
            assert!(records.iter().all(|record| record.len() == length));
            assert_eq!(records.concat(), input, "records of {length} bytes");
        }
    }

    #[test]
    fn an_input_that_ends_inside_a_record_is_an_error() {
        let error = read_all(b"abcde", 3).unwrap_err().to_string();
        assert_eq!(error, "the input ends after 2 bytes of a record of 3");
        assert!(read_all(b"abc", usize::MAX).is_err());
    }
}
