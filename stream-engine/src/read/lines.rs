use std::io::{ErrorKind, Read};

use memchr::memchr;

use super::FormatError;
use crate::{BoxError, CHUNK, RecordReader};

/// How much is read at once, and what the buffer holds as long as lines are shorter.
const BUFFER: usize = 64 * 1024;

/// Reads lines of text: UTF-8, ended by `\n` or `\r\n`, the last one also by the end of the input.
///
/// Bytes that are no UTF-8 become U+FFFD, as in Spark. The memory used is a buffer of 64 KiB, or of the longest line. Lines are
/// handed over as soon as they are there: a reader of a socket does not wait for a full buffer.
///
/// ```
/// use stream_engine::{Lines, RecordReader};
///
/// let (mut reader, mut lines) = (Lines::new(&b"to be\r\nor not\n"[..]), Vec::new());
/// while reader.read(&mut lines)? {}
/// assert_eq!(lines, ["to be", "or not"]);
/// # Ok::<_, stream_engine::BoxError>(())
/// ```
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that are read and not yet handed over.
    start: usize,
    end: usize,
    /// There is no line end before this.
    searched: usize,
    max_line_length: usize,
}

impl<R: Read> Lines<R> {
    /// The longest line unless told otherwise: 16 MiB.
    pub const MAX_LINE_LENGTH: usize = 16 * 1024 * 1024;

    /// The lines of `input`, which need not be buffered.
    pub fn new(input: R) -> Self {
        Lines {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            searched: 0,
            max_line_length: Self::MAX_LINE_LENGTH,
        }
    }

    /// The longest line allowed, in bytes without its end; by default [`Lines::MAX_LINE_LENGTH`]. A longer one is
    /// [`FormatError::LineTooLong`].
    pub fn max_line_length(mut self, bytes: usize) -> Self {
        self.max_line_length = bytes;
        self
    }

    /// The line of `bytes`, which has lost its `\n`.
    fn line(&self, bytes: &[u8]) -> Result<String, FormatError> {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        self.check_length(bytes.len())?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn check_length(&self, length: usize) -> Result<(), FormatError> {
        if length <= self.max_line_length {
            return Ok(());
        }
        let limit = self.max_line_length;
        Err(FormatError::LineTooLong { limit })
    }

    /// Reads once, behind what is left of the last line. False at the end of the input.
    fn fill(&mut self) -> Result<bool, BoxError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        self.searched = self.end;
        // One byte more may be the `\r` before a `\n` that has not come yet.
        self.check_length(self.end.saturating_sub(1))?;
        if self.end == self.buffer.len() {
            self.buffer.resize((self.end * 2).max(BUFFER), 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<R: Read> RecordReader<String> for Lines<R> {
    fn read(&mut self, out: &mut Vec<String>) -> Result<bool, BoxError> {
        let before = out.len();
        loop {
            while let Some(length) = memchr(b'\n', &self.buffer[self.searched..self.end]) {
                let line_end = self.searched + length;
                out.push(self.line(&self.buffer[self.start..line_end])?);
                self.start = line_end + 1;
                self.searched = self.start;
                if out.len() - before == CHUNK {
                    return Ok(true);
                }
            }
            self.searched = self.end;
            if out.len() > before {
                return Ok(true);
            }
            if !self.fill()? {
                if self.start < self.end {
                    out.push(self.line(&self.buffer[self.start..self.end])?);
                    self.start = self.end;
                }
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes in pieces of the given sizes, over and over.
    struct Pieces<'a> {
        bytes: &'a [u8],
        sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let size = self.sizes.next().unwrap_or(1).min(buffer.len());
            self.bytes.read(&mut buffer[..size])
        }
    }

    fn read_all(mut reader: Lines<impl Read>) -> Result<Vec<String>, BoxError> {
        let mut lines = Vec::new();
        while reader.read(&mut lines)? {}
        Ok(lines)
    }

    #[test]
    fn lines_end_with_newlines_of_both_kinds_or_with_the_input() {
        let check = |input: &[u8], expected: &[&str]| {
            assert_eq!(read_all(Lines::new(input)).unwrap(), expected, "{input:?}");
        };
        check(b"", &[]);
        check(b"a", &["a"]);
        check(b"a\n", &["a"]);
        check(b"a\nb", &["a", "b"]);
        check(b"a\r\nb\r\n", &["a", "b"]);
        check(b"\n\n", &["", ""]);
        check(b"\r\n", &[""]);
        check(b"a\rb\n", &["a\rb"]);
        check(b"a\r\r\n", &["a\r"]);
        check(b"a\xffb\n", &["a\u{fffd}b"]);
    }

    #[test]
    fn a_line_longer_than_the_bound_is_an_error_and_takes_no_memory() {
        for (length, ending, fits) in [
            (10, "\n", true),
            (10, "\r\n", true),
            (10, "", true),
            (11, "\n", false),
            (11, "\r\n", false),
            (11, "", false),
        ] {
            let input = format!("{}{ending}", "x".repeat(length));
            let result = read_all(Lines::new(input.as_bytes()).max_line_length(10));
            assert_eq!(result.is_ok(), fits, "{length} bytes and {ending:?}");
        }
        let mut endless = Lines::new(std::io::repeat(b'x')).max_line_length(1_000_000);
        let error = endless.read(&mut Vec::new()).unwrap_err().to_string();
        assert!(
            error.starts_with("a line is longer than 1000000 bytes: "),
            "{error}"
        );
        assert!(endless.buffer.len() <= 2_200_000);
    }

    #[test]
    fn lines_that_are_there_are_not_held_back() {
        let (mut reader, mut lines) = (Lines::new(&b"a\nb\nc"[..]), Vec::new());
        assert!(reader.read(&mut lines).unwrap());
        assert_eq!(lines, ["a", "b"]);
        let many = "x\n".repeat(CHUNK + 1);
        let (mut reader, mut lines) = (Lines::new(many.as_bytes()), Vec::new());
        assert!(reader.read(&mut lines).unwrap());
        assert_eq!(lines.len(), CHUNK);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_arrive(
            text in "[ab\r\n\u{e9}]{0,200}",
            sizes in prop::collection::vec(1usize..9, 1..6),
        ) {
            let mut expected: Vec<String> = text.split('\n').map(str::to_owned).collect();
            if expected.last().is_some_and(String::is_empty) {
                expected.pop();
            }
            for line in &mut expected {
                if line.ends_with('\r') {
                    line.pop();
                }
            }
            let pieces = Pieces { bytes: text.as_bytes(), sizes: sizes.into_iter().cycle() };
            prop_assert_eq!(read_all(Lines::new(pieces)).unwrap(), expected);
        }
    }
}
