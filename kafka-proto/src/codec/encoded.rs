//! A message as bytes, in pieces to be written one behind the other.

use std::io::IoSlice;
use std::ops::Range;

use bytes::{Buf, Bytes};

/// A finished message. It is read as a [`Buf`], whose chunks are for `writev`: byte fields that were large enough are
/// those of the message, not copies.
#[derive(Debug, Clone, Default)]
pub struct Encoded {
    pub(super) buffers: Vec<Vec<u8>>,
    pub(super) pieces: Vec<Piece>,
    /// The first piece that was not read to its end, and how much of it was.
    pub(super) at: (usize, usize),
    pub(super) left: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Written { buffer: usize, range: Range<usize> },
    Shared(Bytes),
}

impl Encoded {
    /// How many bytes are left to read.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether nothing is left to read.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Everything that is left, in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        if let ([buffer], [Piece::Written { range, .. }]) =
            (&mut self.buffers[..], &self.pieces[..])
        {
            return Bytes::from(std::mem::take(buffer)).slice(range.start + self.at.1..range.end);
        }
        self.copy_to_bytes(self.left)
    }

    fn piece<'a>(&'a self, piece: &'a Piece) -> &'a [u8] {
        match piece {
            Piece::Written { buffer, range } => &self.buffers[*buffer][range.clone()],
            Piece::Shared(bytes) => bytes,
        }
    }
}

impl Buf for Encoded {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        let (next, read) = self.at;
        self.pieces
            .get(next)
            .map_or(&[], |piece| &self.piece(piece)[read..])
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (next, mut read) = self.at;
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces[next..]) {
            *slice = IoSlice::new(&self.piece(piece)[read..]);
            read = 0;
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.left, "{count} bytes of {}", self.left);
        self.left -= count;
        while count > 0 {
            let ahead = self.chunk().len();
            if count < ahead {
                self.at.1 += count;
                return;
            }
            count -= ahead;
            self.at = (self.at.0 + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_one_behind_the_other() {
        let whole = Encoded {
            buffers: vec![b"-abcd".to_vec(), b"g".to_vec()],
            pieces: vec![
                Piece::Written {
                    buffer: 0,
                    range: 1..3,
                },
                Piece::Shared(Bytes::from_static(b"XYZ")),
                Piece::Written {
                    buffer: 0,
                    range: 3..5,
                },
                Piece::Written {
                    buffer: 1,
                    range: 0..1,
                },
            ],
            at: (0, 0),
            left: 8,
        };
        for step in 1..=8 {
            let mut encoded = whole.clone();
            let mut read = Vec::new();
            while encoded.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let filled = encoded.chunks_vectored(&mut slices);
                let offered = slices[..filled].iter().flat_map(|slice| slice.to_vec());
                let offered: Vec<u8> = offered.collect();
                let taken = step.min(offered.len());
                read.extend_from_slice(&offered[..taken]);
                encoded.advance(taken);
            }
            assert_eq!(read, b"abXYZcdg", "{step} bytes at a time");
        }
        assert_eq!(whole.into_bytes(), b"abXYZcdg"[..]);
    }

    #[test]
    fn one_piece_is_not_copied() {
        let mut one = Encoded {
            buffers: vec![b"abcd".to_vec()],
            pieces: vec![Piece::Written {
                buffer: 0,
                range: 0..4,
            }],
            at: (0, 0),
            left: 4,
        };
        one.advance(1);
        let place = one.chunk().as_ptr();
        let bytes = one.into_bytes();
        assert_eq!((bytes.as_ptr(), &bytes[..]), (place, &b"bcd"[..]));
    }
}
