//! What has been read ahead of the batches, and how much of it the next batch gets.

use std::collections::VecDeque;

use kafka_client::TopicPartition;
use kafka_client::consumer::PartitionBatch;

use super::error::KafkaSourceError;
use super::offsets::OffsetRange;
use super::rate::{Bounds, Want};

/// Record batches that wait for their micro-batch, by partition.
#[derive(Debug, Default)]
pub(super) struct Prefetched {
    partitions: Vec<Partition>,
    bytes: usize,
    /// Who is first in the next micro-batch where not all can be.
    turn: usize,
    /// What ended the reading; told after everything that was read before.
    failure: Option<KafkaSourceError>,
    /// A failure after which what was read is of no use.
    fatal: Option<KafkaSourceError>,
}

/// What a partition has for micro-batches to come.
#[derive(Debug)]
enum Waiting {
    Records(PartitionBatch),
    /// From here on it is read from another offset: a micro-batch ends before it, so that its range has no gap of this kind.
    Jump(i64),
}

#[derive(Debug)]
struct Partition {
    name: TopicPartition,
    waiting: VecDeque<Waiting>,
    /// How many records wait.
    records: u64,
    /// Where the next micro-batch begins.
    position: i64,
    /// Where reading has come to: past the last record that waits, where there are only markers and gaps behind it.
    reached: i64,
    /// The end of the log as of the last fetch.
    end: i64,
    /// Records that it may give on top of its rate; see [`Want::credit`].
    credit: f64,
    /// It is no longer read, and goes once nothing waits.
    is_leaving: bool,
}

impl Partition {
    fn new(name: TopicPartition, position: i64) -> Self {
        Self {
            name,
            waiting: VecDeque::new(),
            records: 0,
            position,
            reached: position,
            end: position,
            credit: 0.0,
            is_leaving: false,
        }
    }

    /// Goes on where reading did, if that is what comes next.
    fn jump(&mut self) {
        while let Some(Waiting::Jump(offset)) = self.waiting.front() {
            self.position = *offset;
            self.waiting.pop_front();
        }
    }

    fn want(&mut self) -> Want<'_> {
        let lag = self.end.saturating_sub(self.position);
        Want {
            partition: &self.name,
            lag: u64::try_from(lag).unwrap_or(0).max(self.records),
            waiting: self.records,
            credit: &mut self.credit,
        }
    }

    /// Takes so many records, in record batches that `may_take`; says how many bytes of memory wait no longer.
    fn take(
        &mut self,
        mut records: u64,
        out: &mut Vec<PartitionBatch>,
        mut may_take: impl FnMut(&PartitionBatch) -> bool,
    ) -> usize {
        let mut freed = 0;
        while records > 0
            && let Some(Waiting::Records(batch)) = self.waiting.front()
            && may_take(batch)
            && let Some(Waiting::Records(batch)) = self.waiting.pop_front()
        {
            // A record batch is cut where the limit falls into it: the rest is the first of the next micro-batch.
            let size = batch.size();
            let (first, rest) = batch.split_at(usize::try_from(records).unwrap_or(usize::MAX));
            match rest {
                Some(rest) => self.waiting.push_front(Waiting::Records(rest)),
                None => freed += size,
            }
            if let Some(first) = first {
                records -= first.len() as u64;
                self.records -= first.len() as u64;
                self.position = first.next_offset();
                out.push(first);
            }
        }
        if self.waiting.is_empty() {
            self.position = self.position.max(self.reached);
        }
        freed
    }
}

/// What a micro-batch gets: for each partition its range and its record batches.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) ranges: Vec<OffsetRange>,
    pub(super) batches: Vec<Vec<PartitionBatch>>,
}

impl Taken {
    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        let lengths = self.batches.iter().flatten().map(PartitionBatch::len);
        lengths.sum::<usize>() as u64
    }

    /// The ranges for people to read, with the number of records where it is not that of the offsets.
    pub(super) fn description(&self) -> String {
        let read = self.ranges.iter().zip(&self.batches);
        let read = read.filter(|(range, _)| range.count() > 0);
        let described = read.map(|(range, batches)| {
            let records: usize = batches.iter().map(PartitionBatch::len).sum();
            match records as u64 == range.count() {
                true => range.to_string(),
                false => format!("{range} ({records} records)"),
            }
        });
        described.collect::<Vec<_>>().join(", ")
    }
}

impl Prefetched {
    /// Bytes of memory that what waits takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn partition(&mut self, name: &TopicPartition) -> Option<&mut Partition> {
        self.partitions
            .iter_mut()
            .find(|partition| partition.name == *name)
    }

    /// Adds what was read next from a partition.
    pub(super) fn push(&mut self, batch: PartitionBatch) {
        let size = batch.size();
        if let Some(partition) = self.partition(batch.partition()) {
            partition.records += batch.len() as u64;
            partition.reached = batch.next_offset();
            partition.waiting.push_back(Waiting::Records(batch));
            self.bytes += size;
        }
    }

    /// A partition has been read up to `reached`, and its log ends `lag` offsets further on, as far as is known.
    pub(super) fn reached(&mut self, name: &TopicPartition, reached: i64, lag: Option<i64>) {
        if let Some(partition) = self.partition(name) {
            partition.reached = partition.reached.max(reached);
            partition.end = reached + lag.unwrap_or(0);
        }
    }

    /// Adds partitions. One that is about to leave stays, and goes on there.
    pub(super) fn add(&mut self, positions: impl IntoIterator<Item = (TopicPartition, i64)>) {
        for (name, position) in positions {
            match self.partition(&name) {
                Some(known) => {
                    known.is_leaving = false;
                    self.jump(&name, position);
                }
                None => self.partitions.push(Partition::new(name, position)),
            }
        }
    }

    /// Nothing more comes from these partitions; what waits is still taken.
    pub(super) fn remove(&mut self, partitions: &[TopicPartition]) {
        for known in &mut self.partitions {
            known.is_leaving |= partitions.contains(&known.name);
        }
    }

    /// From here on a partition is read from another offset.
    pub(super) fn jump(&mut self, name: &TopicPartition, offset: i64) {
        if let Some(partition) = self.partition(name) {
            partition.waiting.push_back(Waiting::Jump(offset));
            (partition.reached, partition.end) = (offset, offset);
        }
    }

    /// Nothing more will come.
    pub(super) fn fail(&mut self, error: KafkaSourceError) {
        self.failure = Some(error);
    }

    /// Nothing more will come, and what waits is not wanted any more.
    pub(super) fn fail_at_once(&mut self, error: KafkaSourceError) {
        self.fatal = Some(error);
    }

    /// Whether there is anything to take or to tell.
    pub(super) fn is_idle(&self) -> bool {
        self.failure.is_none() && self.fatal.is_none() && self.has_no_records()
    }

    fn has_no_records(&self) -> bool {
        self.partitions
            .iter()
            .all(|partition| partition.records == 0)
    }

    /// Takes what waits, within bounds. `None` when there are no records to take, unless `even_empty` ranges are wanted.
    ///
    /// # Errors
    /// What ended the reading, once everything before it has been taken.
    pub(super) fn take(
        &mut self,
        bounds: Bounds<'_>,
        even_empty: bool,
    ) -> Result<Option<Taken>, KafkaSourceError> {
        if let Some(failure) = self.fatal.take() {
            return Err(failure);
        }
        self.partitions.iter_mut().for_each(Partition::jump);
        self.partitions
            .retain(|known| !known.is_leaving || known.records > 0);
        if self.has_no_records()
            && let Some(failure) = self.failure.take()
        {
            return Err(failure);
        }
        let wants = self.partitions.iter_mut().map(Partition::want).collect();
        let shares = bounds.share(wants, self.turn);
        if !even_empty && shares.iter().all(|share| *share == 0) {
            return Ok(None);
        }
        let count = self.partitions.len();
        let mut taken = Taken {
            ranges: Vec::with_capacity(count),
            batches: vec![Vec::new(); count],
        };
        let from: Vec<i64> = self.partitions.iter().map(|known| known.position).collect();
        let (mut bytes, most) = (0, bounds.rates.batch_bytes);
        for at in (0..count).map(|step| (self.turn + step) % count) {
            let out = &mut taken.batches[at];
            self.bytes -= self.partitions[at].take(shares[at], out, |batch| {
                // The first in any case: one that is larger than a batch may be would never be read.
                let fits = bytes == 0 || bytes + batch.size() <= most;
                bytes += if fits { batch.size() } else { 0 };
                fits
            });
        }
        self.turn = (self.turn + 1) % count.max(1);
        let ranges = self
            .partitions
            .iter()
            .zip(from)
            .map(|(known, from)| OffsetRange {
                partition: known.name.clone(),
                from,
                until: known.position,
            });
        taken.ranges.extend(ranges);
        Ok(Some(taken))
    }
}
