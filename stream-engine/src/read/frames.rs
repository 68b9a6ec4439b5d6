use std::io::{BufReader, Read};

use bytes::{Bytes, BytesMut};

use super::FormatError;
use super::fixed::fill;
use crate::{BoxError, RecordReader};

/// Reads blocks of bytes, each with its length before it as a big-endian number of 4 bytes.
///
/// With it [`socket_stream`](crate::StreamingContext::socket_stream) reads what Spark's `rawSocketStream` does.
///
/// ```
/// use stream_engine::{Frames, RecordReader};
///
/// let (mut reader, mut blocks) = (Frames::new(&b"\0\0\0\x02to\0\0\0\x02be"[..], 1024), Vec::new());
/// while reader.read(&mut blocks)? {}
/// assert_eq!(blocks, ["to", "be"]);
/// # Ok::<_, stream_engine::BoxError>(())
/// ```
#[derive(Debug)]
pub struct Frames<R> {
    input: BufReader<R>,
    max_length: usize,
}

impl<R: Read> Frames<R> {
    /// The blocks of `input`, each at most `max_length` bytes long: a longer one is [`FormatError::FrameTooLong`], before
    /// memory is taken for it.
    pub fn new(input: R, max_length: usize) -> Self {
        Frames {
            input: BufReader::new(input),
            max_length,
        }
    }
}

impl<R: Read> RecordReader<Bytes> for Frames<R> {
    fn read(&mut self, out: &mut Vec<Bytes>) -> Result<bool, BoxError> {
        let mut prefix = BytesMut::new();
        if fill(&mut self.input, &mut prefix, 4)? && prefix.is_empty() {
            return Ok(false);
        }
        let incomplete = |found, expected| FormatError::Incomplete { found, expected };
        let Ok(prefix) = <[u8; 4]>::try_from(&prefix[..]) else {
            return Err(incomplete(prefix.len(), 4).into());
        };
        let announced = u32::from_be_bytes(prefix);
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if length > self.max_length {
            return Err(FormatError::FrameTooLong {
                length: announced,
                limit: self.max_length,
            }
            .into());
        }
        let mut block = BytesMut::new();
        if fill(&mut self.input, &mut block, length)? {
            return Err(incomplete(block.len(), length).into());
        }
        out.push(block.freeze());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(input: &[u8]) -> Result<Vec<Bytes>, String> {
        let (mut reader, mut blocks) = (Frames::new(input, 5), Vec::new());
        while reader
            .read(&mut blocks)
            .map_err(|error| error.to_string())?
        {}
        Ok(blocks)
    }

    #[test]
    fn blocks_are_as_long_as_they_say() {
        assert_eq!(read_all(b"").unwrap(), Vec::<Bytes>::new());
        assert_eq!(
            read_all(b"\0\0\0\x05abcde\0\0\0\0\0\0\0\x01z").unwrap(),
            ["abcde", "", "z"]
        );
        for (input, expected) in [
            (
                &b"\0\0"[..],
                "the input ends after 2 bytes of a record of 4",
            ),
            (
                b"\0\0\0\x03ab",
                "the input ends after 2 bytes of a record of 3",
            ),
            (
                b"\xff\xff\xff\xffab",
                "a block announces 4294967295 bytes, more than 5: ",
            ),
        ] {
            let error = read_all(input).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
