//! What is being read, and what to do next about it: decisions only. The time is an argument, and what a decision needs
//! done comes back as [`Task`]s.

mod answers;
mod delivery;
mod measures;
mod partition;
mod plan;
mod standstill;
#[cfg(test)]
mod tests;
mod validation;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use crate::clock::now;
use crate::consumer::config::{ConsumerConfig, OffsetReset};
use crate::consumer::fetch::{Decoding, FetchSession, SessionRequest};
use crate::error::{Error, Result};
use crate::events::{Event, ResetReason};
use crate::metrics::Haul;
use crate::retry::Backoff;
use crate::types::TopicPartition;

pub(crate) use delivery::Decoded;
pub(crate) use partition::{Position, Ticket};
pub(crate) use plan::{FetchTarget, FetchTask, Leaders, Leadership, Lookup, Task};
pub(crate) use validation::{EpochEnd, Validation};

use partition::{Partition, Stage};

/// The timestamp that stands for the end of a log.
pub(crate) const LATEST: i64 = -1;
/// The timestamp that stands for the beginning of a log.
pub(crate) const EARLIEST: i64 = -2;

/// The partitions that are being read.
#[derive(Debug)]
pub(crate) struct Assignment {
    config: ConsumerConfig,
    /// In the order of their names.
    partitions: Vec<Partition>,
    revision: u64,
    /// Which partition the next poll begins with, so that each has its turn.
    turn: usize,
    /// What a fetch in flight may bring from each broker, in bytes.
    fetching: HashMap<i32, usize>,
    /// Since when.
    fetching_since: HashMap<i32, Instant>,
    sessions: BTreeMap<i32, FetchSession>,
    /// Whether somebody is decoding.
    decoding: bool,
    /// Whether the group is being asked for positions.
    asking_group: bool,
    /// Brokers that are being asked for offsets.
    asking: HashSet<i32>,
    /// Brokers that are being asked whether they have what was read.
    validating: HashSet<i32>,
    /// Whether the cluster is being asked about topics.
    refreshing: bool,
    refresh_not_before: Option<Instant>,
    refresh_backoff: Backoff,
    /// Whether what is known of the cluster turned out to be outdated.
    outdated: bool,
    /// What the fetch that is being looked at has brought.
    hauls: Vec<Haul>,
    /// What there is to tell.
    events: Vec<Event>,
}

impl Assignment {
    pub(crate) fn new(config: ConsumerConfig) -> Self {
        let backoff = Backoff::new(config.client.retry_backoff, config.client.retry_backoff_max);
        Self {
            config,
            partitions: Vec::new(),
            revision: 0,
            turn: 0,
            fetching: HashMap::new(),
            fetching_since: HashMap::new(),
            sessions: BTreeMap::new(),
            decoding: false,
            asking_group: false,
            asking: HashSet::new(),
            validating: HashSet::new(),
            refreshing: false,
            refresh_not_before: None,
            refresh_backoff: backoff,
            outdated: false,
            hauls: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn decoding(&self) -> Decoding {
        Decoding {
            check_crcs: self.config.check_crcs,
            isolation: self.config.isolation_level,
            // A batch that the buffer has no room for must still be readable, but not whatever a hostile one claims.
            max_batch: self.config.buffer_memory.max(256 << 20),
        }
    }

    /// What to send for a fetch, in the session with its broker.
    pub(crate) fn session_request(&mut self, task: &FetchTask, version: i16) -> SessionRequest {
        self.sessions
            .entry(task.broker)
            .or_default()
            .request(&task.targets, version)
    }

    /// Ends the sessions with all brokers that keep one: what to send to which broker.
    pub(crate) fn end_sessions(&mut self) -> Vec<(i32, SessionRequest)> {
        let sessions = std::mem::take(&mut self.sessions).into_iter();
        sessions
            .filter_map(|(broker, session)| Some((broker, session.end()?)))
            .collect()
    }

    /// What is known of the cluster is old: it is to be asked anew, even if nothing is wrong.
    pub(crate) fn grows_old(&mut self) {
        self.outdated = true;
    }

    /// Replaces the partitions. Those that stay keep their position and what is buffered of them.
    pub(crate) fn assign(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut old: HashMap<TopicPartition, Partition> = std::mem::take(&mut self.partitions)
            .into_iter()
            .map(|old| (old.ticket.partition.clone(), old))
            .collect();
        let mut wanted: Vec<TopicPartition> = partitions.into_iter().collect();
        wanted.sort();
        wanted.dedup();
        let mut kept = Vec::with_capacity(wanted.len());
        for partition in wanted {
            kept.push(match old.remove(&partition) {
                Some(known) => known,
                None => self.new_partition(partition),
            });
        }
        self.partitions = kept;
        self.turn = 0;
    }

    /// Takes partitions away.
    pub(crate) fn remove(&mut self, partitions: &[TopicPartition]) {
        self.partitions
            .retain(|partition| !partitions.contains(&partition.ticket.partition));
        self.turn = 0;
    }

    fn new_partition(&mut self, partition: TopicPartition) -> Partition {
        let stage = if self.config.group_id.is_some() {
            Stage::Committed
        } else {
            self.reset_stage()
        };
        let ticket = Ticket {
            partition,
            revision: self.next_revision(),
        };
        let config = &self.config;
        let backoff = Backoff::new(config.client.retry_backoff, config.client.retry_backoff_max);
        let mut partition =
            Partition::new(ticket, stage, config.max_partition_fetch_bytes, backoff);
        partition.reset = Some(ResetReason::NoCommittedOffset);
        if stage == Stage::Failed {
            partition.fail(
                Error::NoOffset {
                    partition: partition.ticket.partition.clone(),
                },
                now(),
            );
        }
        partition
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// What to do where there is no position.
    fn reset_stage(&self) -> Stage {
        match self.config.auto_offset_reset {
            OffsetReset::Earliest => Stage::Reset(EARLIEST),
            OffsetReset::Latest => Stage::Reset(LATEST),
            OffsetReset::None => Stage::Failed,
        }
    }

    fn get(&self, partition: &TopicPartition) -> Result<&Partition> {
        let at = self
            .partitions
            .binary_search_by(|known| known.ticket.partition.cmp(partition));
        at.map(|at| &self.partitions[at])
            .map_err(|_| Error::NotAssigned {
                partition: partition.clone(),
            })
    }

    fn get_mut(&mut self, partition: &TopicPartition) -> Result<&mut Partition> {
        let at = self
            .partitions
            .binary_search_by(|known| known.ticket.partition.cmp(partition));
        at.map(|at| &mut self.partitions[at])
            .map_err(|_| Error::NotAssigned {
                partition: partition.clone(),
            })
    }

    /// The partition, if it is still as it was when the ticket was made.
    fn current(&mut self, ticket: &Ticket) -> Option<&mut Partition> {
        self.get_mut(&ticket.partition)
            .ok()
            .filter(|known| known.is(ticket))
    }

    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        self.partitions
            .iter()
            .map(|partition| partition.ticket.partition.clone())
            .collect()
    }

    /// The next record's position; `None` while it is being looked up.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], or what keeps it from being found.
    pub(crate) fn position(&self, partition: &TopicPartition, now: Instant) -> Result<Option<i64>> {
        let known = self.get(partition)?;
        let is_known = matches!(
            known.stage,
            Stage::Reading | Stage::Validate | Stage::Failed
        );
        match known.position.filter(|_| is_known) {
            Some(position) => Ok(Some(position.offset)),
            None => known.trouble.lasting(now).map_or(Ok(None), Err),
        }
    }

    /// Reads on from there.
    pub(crate) fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<()> {
        let revision = self.next_revision();
        let fetch_size = self.config.max_partition_fetch_bytes;
        let known = self.get_mut(partition)?;
        known.restart(Stage::Reading, revision);
        known.fetch_size = fetch_size;
        known.read_from(Position {
            offset,
            leader_epoch: -1,
        });
        Ok(())
    }

    /// Reads on from the offset of a timestamp, or of [`LATEST`] or [`EARLIEST`].
    pub(crate) fn seek_to(&mut self, partitions: &[TopicPartition], timestamp: i64) -> Result<()> {
        for partition in partitions {
            self.get(partition)?;
        }
        for partition in partitions {
            let revision = self.next_revision();
            let known = self.get_mut(partition)?;
            known.restart(Stage::Reset(timestamp), revision);
            known.position = None;
        }
        Ok(())
    }

    pub(crate) fn set_paused(&mut self, partitions: &[TopicPartition], paused: bool) -> Result<()> {
        for partition in partitions {
            self.get(partition)?;
        }
        for partition in partitions {
            self.get_mut(partition)?.paused = paused;
        }
        Ok(())
    }

    pub(crate) fn paused(&self) -> Vec<TopicPartition> {
        let paused = self.partitions.iter().filter(|partition| partition.paused);
        paused
            .map(|partition| partition.ticket.partition.clone())
            .collect()
    }

    /// How many records there are behind the position, as of the last fetch.
    pub(crate) fn lag(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        self.get(partition).map(Partition::lag)
    }

    /// The replica that is read from instead of the leader.
    pub(crate) fn preferred_read_replica(
        &self,
        partition: &TopicPartition,
        now: Instant,
    ) -> Result<Option<i32>> {
        self.get(partition).map(|known| known.replica_at(now))
    }

    /// What was handed out so far is dealt with: a poll begins, or the user commits it.
    pub(crate) fn all_processed(&mut self) {
        for partition in &mut self.partitions {
            partition.processed = partition.position;
        }
    }

    /// What was handed out and is dealt with, as positions to commit.
    pub(crate) fn processed(&self) -> Vec<(TopicPartition, Position)> {
        let all = self.partitions.iter();
        all.filter_map(|known| Some((known.ticket.partition.clone(), known.processed?)))
            .collect()
    }
}
