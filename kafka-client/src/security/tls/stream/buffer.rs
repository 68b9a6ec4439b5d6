//! Bytes that come in at one end and go out at the other, in memory that is used again.

/// A queue of bytes in one piece. It grows on demand, and never shrinks.
#[derive(Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    pub(super) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// At least `len` bytes after those that are there. What they hold has no meaning.
    pub(super) fn room(&mut self, len: usize) -> &mut [u8] {
        if self.start > 0 && self.memory.len() - self.end < len {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.len());
        }
        if self.memory.len() - self.end < len {
            self.memory.resize(self.end + len, 0);
        }
        &mut self.memory[self.end..]
    }

    /// So many bytes of the room are filled now.
    pub(super) fn fill(&mut self, len: usize) {
        self.end = (self.end + len).min(self.memory.len());
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.fill(bytes.len());
    }

    /// Drops so many of the oldest bytes.
    pub(super) fn discard(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }
}
