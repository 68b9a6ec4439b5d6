//! Bytes as people pass them on.

use bytes::Bytes;
use thiserror::Error;

/// Why a text is not bytes in hexadecimal digits.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum HexError {
    /// Something else than a digit.
    #[error(
        "{character:?} (character {position}) is no hexadecimal digit: expected 0-9, a-f, blanks and colons"
    )]
    NotADigit {
        /// What stands there.
        character: char,
        /// Which character of the text, from 1.
        position: usize,
    },
    /// Half a byte.
    #[error("{0} hexadecimal digits: a byte has two, so one is missing or too many")]
    Odd(usize),
}

/// The bytes of hexadecimal digits, between which blanks, ends of lines and colons may stand; `0x` may precede them.
pub(super) fn decode(text: &str) -> Result<Bytes, HexError> {
    let start = text.len() - text.trim_start().len();
    let prefix = text[start..].starts_with("0x");
    let skipped = if prefix { start + 2 } else { start };
    let mut digits = Vec::with_capacity(text.len());
    for (position, character) in text.chars().enumerate().skip(skipped) {
        match character.to_digit(16) {
            Some(digit) => digits.push(digit as u8),
            None if character == ':' || character.is_whitespace() => {}
            None => {
                return Err(HexError::NotADigit {
                    character,
                    position: position + 1,
                });
            }
        }
    }
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HexError::Odd(digits.len()));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// What is in a file: hexadecimal digits where all of it can be printed, which no frame can.
pub(super) fn decode_text(content: Vec<u8>) -> Result<Bytes, HexError> {
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    match std::str::from_utf8(&content) {
        Ok(text) if content.iter().all(printable) => decode(text),
        _ => Ok(content.into()),
    }
}
