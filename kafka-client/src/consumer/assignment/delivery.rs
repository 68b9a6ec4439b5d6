//! From fetched bytes to what a poll hands out.

use std::time::Instant;

use super::Assignment;
use super::partition::{Partition, Position, Ticket};
use crate::consumer::fetch::{Chunk, Piece};
use crate::consumer::records::PartitionBatch;
use crate::error::Error;

/// A chunk that is out to be decoded.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) ticket: Ticket,
    pub(crate) chunk: Chunk,
    /// Stop once there are so many bytes.
    pub(crate) room: usize,
}

/// What became of a chunk.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) ticket: Ticket,
    pub(crate) pieces: Vec<Piece>,
    /// What there was no room for.
    pub(crate) rest: Option<Chunk>,
    pub(crate) error: Option<Error>,
}

impl Assignment {
    /// Claims the decoding, which one does at a time so that batches stay in order.
    pub(crate) fn begin_decoding(&mut self) -> bool {
        let free = !self.decoding && self.has_work_to_decode();
        self.decoding |= free;
        free
    }

    pub(super) fn has_work_to_decode(&self) -> bool {
        self.room_to_decode() > 0
            && self
                .partitions
                .iter()
                .any(|partition| !partition.chunks.is_empty())
    }

    /// How many bytes of chunks wait to be decoded.
    pub(crate) fn undecoded(&self) -> usize {
        self.partitions
            .iter()
            .flat_map(|partition| &partition.chunks)
            .map(Chunk::left)
            .sum()
    }

    fn room_to_decode(&self) -> usize {
        let ready: usize = self.partitions.iter().map(Partition::ready_bytes).sum();
        self.config.buffer_memory.saturating_sub(ready)
    }

    /// The next chunk to decode. `None` ends the decoding.
    pub(crate) fn next_to_decode(&mut self) -> Option<Work> {
        let room = self.room_to_decode();
        // Those of which the least is ready first, so that a poll finds something of each.
        let candidates = self
            .partitions
            .iter_mut()
            .filter(|partition| !partition.chunks.is_empty());
        let next = candidates
            .min_by_key(|partition| partition.ready.len())
            .filter(|_| room > 0);
        let Some(partition) = next else {
            self.decoding = false;
            return None;
        };
        partition.decoding = true;
        let ticket = partition.ticket.clone();
        partition.chunks.pop_front().map(|chunk| Work {
            ticket,
            chunk,
            room,
        })
    }

    pub(crate) fn decoded(&mut self, decoded: Decoded, now: Instant) {
        let Some(partition) = self.current(&decoded.ticket) else {
            return;
        };
        partition.decoding = false;
        partition.ready.extend(decoded.pieces);
        if let Some(rest) = decoded.rest {
            partition.chunks.push_front(rest);
        }
        if let Some(error) = decoded.error {
            partition.fail(error, now);
        }
    }

    /// Hands out what is ready, each partition in its turn, until the limit on records is reached. Positions move past
    /// what is returned, and past what there is nothing in for the user. Says whether any moved.
    pub(crate) fn take(&mut self) -> (Vec<PartitionBatch>, bool) {
        let (mut batches, mut records, mut moved) = (Vec::new(), 0, false);
        let limit = self.config.max_poll_records;
        let count = self.partitions.len();
        for step in 0..count {
            let partition = &mut self.partitions[(self.turn + step) % count];
            if partition.paused {
                continue;
            }
            while records < limit
                && let Some(piece) = partition.ready.pop_front()
            {
                moved = true;
                partition.position = Some(Position {
                    offset: piece.next_offset,
                    leader_epoch: piece.leader_epoch,
                });
                if let Some(batch) = piece.batch {
                    records += batch.len();
                    batches.push(batch);
                }
            }
            if records >= limit {
                self.turn = (self.turn + step + 1) % count;
                return (batches, moved);
            }
        }
        self.turn = (self.turn + 1) % count.max(1);
        (batches, moved)
    }

    /// Why a partition makes no progress, if that is to be told now: once as soon as it lasts, and again whenever there
    /// is nothing else to say.
    pub(crate) fn take_error(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        let mut silent = self
            .partitions
            .iter_mut()
            .filter(|partition| partition.ready.is_empty() && !partition.decoding);
        silent.find_map(|partition| partition.trouble.tell(now, nothing_else))
    }

    /// When an error becomes due that nobody was told of.
    pub(crate) fn next_error(&self) -> Option<Instant> {
        self.partitions
            .iter()
            .filter_map(|partition| partition.trouble.due())
            .min()
    }
}
