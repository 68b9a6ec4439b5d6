//! Which records the application has, and what it has said of them.

use std::collections::BTreeMap;

use super::acknowledge::{AcknowledgeType, Delivered};
use super::parcel::{Ack, Source};
use super::records::ShareBatch;
use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// What was said of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Nothing yet.
    Waiting,
    /// This, and the broker does not know it yet.
    Said(AcknowledgeType),
    /// Its lock is being renewed.
    Renewing,
    /// Its lock was renewed.
    Renewed,
    /// The broker was told, or somebody else has it.
    Gone,
}

impl Mark {
    /// Whether the application may say something of it.
    fn is_open(self) -> bool {
        self != Self::Gone
    }
}

/// A batch that the application has.
#[derive(Debug)]
struct Held {
    source: Source,
    first: i64,
    last: i64,
    /// Where there is not a record at every offset.
    offsets: Option<Box<[i64]>>,
    /// One for each record; without them, nothing was said of any.
    marks: Option<Vec<Mark>>,
}

impl Held {
    fn new(source: Source, batch: &ShareBatch) -> Self {
        let (first, last) = (batch.first_offset(), batch.last_offset());
        let is_dense = last - first + 1 == batch.len() as i64;
        let offsets = || batch.iter().map(|record| record.offset()).collect();
        Self {
            source,
            first,
            last,
            offsets: (!is_dense).then(offsets),
            marks: None,
        }
    }

    fn len(&self) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.len(),
            None => (self.last - self.first + 1) as usize,
        }
    }

    fn offset(&self, at: usize) -> i64 {
        match &self.offsets {
            Some(offsets) => offsets[at],
            None => self.first + at as i64,
        }
    }

    /// The places of the records with offsets from first to last.
    fn places(&self, first: i64, last: i64) -> std::ops::Range<usize> {
        let (first, behind) = (first.max(self.first), last.min(self.last) + 1);
        if first >= behind {
            return 0..0;
        }
        match &self.offsets {
            Some(offsets) => {
                let place = |offset| offsets.partition_point(|other| *other < offset);
                place(first)..place(behind)
            }
            None => (first - self.first) as usize..(behind - self.first) as usize,
        }
    }

    fn mark(&self, at: usize) -> Mark {
        let marks = self.marks.as_ref();
        marks.map_or(Mark::Waiting, |marks| marks[at])
    }

    fn marks(&mut self) -> &mut [Mark] {
        let len = self.len();
        self.marks.get_or_insert_with(|| vec![Mark::Waiting; len])
    }

    fn is_gone(&self) -> bool {
        let marks = self.marks.as_ref();
        marks.is_some_and(|marks| marks.iter().all(|mark| *mark == Mark::Gone))
    }

    /// Says this of all of which nothing was said.
    fn say(&mut self, kind: AcknowledgeType, also: impl Fn(Mark) -> bool) {
        for mark in self.marks() {
            if *mark == Mark::Waiting || also(*mark) {
                *mark = Mark::Said(kind);
            }
        }
    }

    /// What is to be sent now.
    fn take(&mut self) -> Vec<Ack> {
        let mut acks: Vec<Ack> = Vec::new();
        for at in 0..self.len() {
            let Mark::Said(kind) = self.mark(at) else {
                continue;
            };
            let offset = self.offset(at);
            match acks.last_mut() {
                Some(ack) if ack.last + 1 == offset && ack.kind == kind.id() => ack.last = offset,
                _ => acks.push(Ack::new(offset, offset, kind)),
            }
            self.marks()[at] = match kind {
                AcknowledgeType::Renew => Mark::Renewing,
                _ => Mark::Gone,
            };
        }
        acks
    }
}

/// The records that were handed out and are not done with.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    partitions: BTreeMap<TopicPartition, Vec<Held>>,
}

impl Ledger {
    /// A batch is handed out. Whoever had one of its records before has lost its lock.
    pub(super) fn deliver(&mut self, source: Source, batch: &ShareBatch) {
        let held = self.partitions.entry(source.partition.clone()).or_default();
        for before in held.iter_mut() {
            let lost = before.places(batch.first_offset(), batch.last_offset());
            if !lost.is_empty() {
                before.marks()[lost].fill(Mark::Gone);
            }
        }
        held.retain(|held| !held.is_gone());
        held.push(Held::new(source, batch));
    }

    /// The application says what becomes of records.
    ///
    /// # Errors
    /// [`Error::NotAcquired`] names the first record that it does not have (any more); then nothing has changed.
    pub(super) fn acknowledge(
        &mut self,
        delivered: Delivered<'_>,
        kind: AcknowledgeType,
    ) -> Result<()> {
        let Delivered {
            partition,
            first,
            last,
        } = delivered;
        let not_acquired = |offset| Error::NotAcquired {
            partition: partition.clone(),
            offset,
        };
        let Some(held) = self.partitions.get_mut(partition) else {
            return Err(not_acquired(first));
        };
        let mut is_known = false;
        for held in held.iter() {
            for at in held.places(first, last) {
                if !held.mark(at).is_open() {
                    return Err(not_acquired(held.offset(at)));
                }
                is_known = true;
            }
        }
        if !is_known {
            return Err(not_acquired(first));
        }
        for held in held {
            let places = held.places(first, last);
            if !places.is_empty() {
                held.marks()[places].fill(Mark::Said(kind));
            }
        }
        Ok(())
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Held> {
        self.partitions.values_mut().flatten()
    }

    /// Accepts everything of which nothing was said.
    pub(super) fn accept_all(&mut self) {
        self.all()
            .for_each(|held| held.say(AcknowledgeType::Accept, |_| false));
    }

    /// Releases everything that is not done with.
    pub(super) fn release_all(&mut self) {
        let renewed = |mark| matches!(mark, Mark::Renewing | Mark::Renewed);
        let unsaid = |mark| renewed(mark) || mark == Mark::Said(AcknowledgeType::Renew);
        self.all()
            .for_each(|held| held.say(AcknowledgeType::Release, unsaid));
    }

    /// The first record of which nothing was said.
    pub(super) fn unacknowledged(&self) -> Option<(TopicPartition, i64)> {
        self.partitions.iter().find_map(|(partition, held)| {
            let offset = held.iter().find_map(|held| {
                let mut places = 0..held.len();
                let at = places.find(|at| held.mark(*at) == Mark::Waiting)?;
                Some(held.offset(at))
            })?;
            Some((partition.clone(), offset))
        })
    }

    /// What is to be sent now, by where it goes.
    pub(super) fn take(&mut self) -> Vec<(Source, Vec<Ack>)> {
        let mut taken: Vec<(Source, Vec<Ack>)> = Vec::new();
        for held in self.all() {
            let acks = held.take();
            match taken.last_mut() {
                _ if acks.is_empty() => {}
                Some((source, before)) if *source == held.source => before.extend(acks),
                _ => taken.push((held.source.clone(), acks)),
            }
        }
        self.partitions.retain(|_, held| {
            held.retain(|held| !held.is_gone());
            !held.is_empty()
        });
        taken
    }

    /// The broker has begun the locks of records anew, or has not.
    pub(super) fn renewed(&mut self, partition: &TopicPartition, ack: Ack, is_done: bool) {
        let Some(held) = self.partitions.get_mut(partition) else {
            return;
        };
        let after = if is_done { Mark::Renewed } else { Mark::Gone };
        for held in held.iter_mut() {
            let places = held.places(ack.first, ack.last);
            // The application may have said something else meanwhile.
            for mark in held.marks()[places]
                .iter_mut()
                .filter(|mark| **mark == Mark::Renewing)
            {
                *mark = after;
            }
        }
        held.retain(|held| !held.is_gone());
    }

    /// Whether the application has records of this broker.
    pub(super) fn has_of(&self, broker: i32) -> bool {
        let mut all = self.partitions.values().flatten();
        all.any(|held| held.source.broker == broker)
    }
}

#[cfg(test)]
mod tests;
