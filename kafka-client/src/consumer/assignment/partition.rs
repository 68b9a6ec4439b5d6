//! One partition that is being read: where it stands, and what is buffered of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;

use super::standstill::Standstill;
use crate::consumer::fetch::{Chunk, Piece};
use crate::consumer::trouble::Trouble;
use crate::error::Error;
use crate::events::ResetReason;
use crate::metrics::PartitionMeters;
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// A partition at one moment. Once it was sought or assigned anew, the revision is another, and answers to what was asked
/// before are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) partition: TopicPartition,
    pub(crate) revision: u64,
}

/// An offset of a partition, and the leader's epoch of the record before it (-1 if not known).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

/// How far a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The group is to be asked for its position.
    Committed,
    /// The leader is to be asked for the offset of this timestamp (or of -1 and -2, the end and the beginning).
    Reset(i64),
    /// The position is gone and may not be reset: the leader is to be asked for what is there, to say so.
    Gone,
    /// The leader has changed: it is to be asked whether it has what was read (KIP-320).
    Validate,
    /// It is read.
    Reading,
    /// It waits for the user to seek.
    Failed,
}

#[derive(Debug)]
pub(crate) struct Partition {
    pub(super) ticket: Ticket,
    pub(super) stage: Stage,
    pub(super) paused: bool,
    /// Of the next record to hand out.
    pub(super) position: Option<Position>,
    /// The position when the last poll began, or when the user last committed all: what is before it was handed out,
    /// and counts as dealt with.
    pub(super) processed: Option<Position>,
    /// Where the next fetch goes on.
    pub(super) fetch_offset: i64,
    /// The leader's epoch of the record before that, or -1.
    pub(super) fetch_epoch: i32,
    /// The leader's epoch in which `fetch_offset` is known to be in its log.
    pub(super) leader_epoch: i32,
    /// The topic's id, as far as it was known. A topic made anew has another one.
    pub(super) topic_id: Uuid,
    /// The replica to read from instead of the leader, and until when to believe that (KIP-392).
    pub(super) replica: Option<(i32, Instant)>,
    /// The most to ask for.
    pub(super) fetch_size: i32,
    /// Fetched and not decoded.
    pub(super) chunks: VecDeque<Chunk>,
    /// Decoded and not handed out.
    pub(super) ready: VecDeque<Piece>,
    /// Whether a chunk is out to be decoded.
    pub(super) decoding: bool,
    /// Whether a look-up of its position is under way.
    pub(super) asking: bool,
    /// Why it makes no progress.
    pub(super) trouble: Trouble,
    /// Not to be asked for before.
    pub(super) not_before: Option<Instant>,
    pub(super) backoff: Backoff,
    /// The end of what may be read, as of the last fetch.
    pub(super) end_offset: Option<i64>,
    /// The end of what is written, and the beginning, as of the last fetch.
    pub(super) high_watermark: i64,
    pub(super) start_offset: Option<i64>,
    /// The broker that was last asked for records.
    pub(super) source: Option<i32>,
    /// Why the position is being reset, unless the user has asked for that.
    pub(super) reset: Option<ResetReason>,
    pub(super) standstill: Standstill,
    pub(super) meters: PartitionMeters,
}

impl Partition {
    pub(super) fn new(ticket: Ticket, stage: Stage, fetch_size: i32, backoff: Backoff) -> Self {
        Self {
            ticket,
            stage,
            paused: false,
            position: None,
            processed: None,
            fetch_offset: 0,
            fetch_epoch: -1,
            leader_epoch: -1,
            topic_id: Uuid::ZERO,
            replica: None,
            fetch_size,
            chunks: VecDeque::new(),
            ready: VecDeque::new(),
            decoding: false,
            asking: false,
            trouble: Trouble::default(),
            not_before: None,
            backoff,
            end_offset: None,
            high_watermark: -1,
            start_offset: None,
            source: None,
            reset: None,
            standstill: Standstill::default(),
            meters: PartitionMeters::default(),
        }
    }

    pub(super) fn is(&self, ticket: &Ticket) -> bool {
        self.ticket.revision == ticket.revision
    }

    /// How many bytes of it are buffered.
    pub(super) fn buffered(&self) -> usize {
        let raw: usize = self.chunks.iter().map(Chunk::left).sum();
        raw + self.ready_bytes()
    }

    pub(super) fn ready_bytes(&self) -> usize {
        self.ready.iter().map(Piece::size).sum()
    }

    /// The replica that is read from instead of the leader.
    pub(super) fn replica_at(&self, now: Instant) -> Option<i32> {
        self.replica
            .filter(|(_, until)| *until > now)
            .map(|(replica, _)| replica)
    }

    /// Drops what is buffered, and starts over in another stage under another revision.
    pub(super) fn restart(&mut self, stage: Stage, revision: u64) {
        self.ticket.revision = revision;
        self.stage = stage;
        self.chunks.clear();
        self.ready.clear();
        self.decoding = false;
        self.asking = false;
        self.reset = None;
        self.well();
    }

    /// Reads from there on.
    pub(super) fn read_from(&mut self, position: Position) {
        self.stage = Stage::Reading;
        self.position = Some(position);
        self.fetch_offset = position.offset;
        self.fetch_epoch = position.leader_epoch;
        self.asking = false;
        self.well();
    }

    /// There is progress.
    pub(super) fn well(&mut self) {
        self.trouble.clear();
        self.not_before = None;
        self.backoff.reset();
    }

    /// There is none; the next attempt has to wait.
    pub(super) fn trouble(&mut self, error: Error, grace: Duration, now: Instant) {
        self.not_before = Some(now + self.backoff.next());
        self.asking = false;
        self.trouble.goes_on(error, grace, now);
    }

    /// There will be none until the user seeks.
    pub(super) fn fail(&mut self, error: Error, now: Instant) {
        self.stage = Stage::Failed;
        self.asking = false;
        self.chunks.clear();
        self.trouble.clear();
        self.trouble.goes_on(error, Duration::ZERO, now);
    }

    pub(super) fn may_be_asked(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|time| time <= now)
    }
}
