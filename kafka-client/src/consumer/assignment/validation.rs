//! Whether a new leader has what was read (KIP-320), whether a topic is still the same, and from whom to read.

use std::collections::HashMap;
use std::time::Instant;

use kafka_proto::codec::Uuid;

use super::partition::{Partition, Position, Stage, Ticket};
use super::plan::{Located, Task};
use super::{Assignment, EARLIEST};
use crate::error::{Error, Result};
use crate::events::{Event, ResetReason};
use crate::types::TopicPartition;

/// Epochs to ask a leader about.
#[derive(Debug, PartialEq)]
pub(crate) struct Validation {
    pub(crate) broker: i32,
    /// With the leader's epoch, and the epoch of the record before the position.
    pub(crate) partitions: Vec<(Ticket, i32, i32)>,
}

/// The largest epoch, not above the one that was asked for, that a leader has records of, and the offset after the last
/// of them. Both are -1 where the leader does not know, which does not mean that anything is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    pub(crate) epoch: i32,
    pub(crate) offset: i64,
}

impl Partition {
    /// Whether the topic's id says that it is not the topic that was read so far.
    pub(super) fn is_of_another_topic(&mut self, topic_id: Uuid) -> bool {
        if topic_id.is_zero() {
            return false;
        }
        let before = std::mem::replace(&mut self.topic_id, topic_id);
        let has_position = matches!(self.stage, Stage::Reading | Stage::Validate | Stage::Gone);
        !before.is_zero() && before != topic_id && has_position
    }

    /// Forgets the position, which was one in another topic. All of the new one is read: nothing of it was.
    pub(super) fn start_over(&mut self, revision: u64, may_reset: bool, now: Instant) {
        let partition = self.ticket.partition.clone();
        tracing::warn!(%partition, "the topic was made anew");
        let offset = self.position.map_or(-1, |position| position.offset);
        self.restart(Stage::Reset(EARLIEST), revision);
        (self.position, self.processed, self.end_offset) = (None, None, None);
        (self.fetch_epoch, self.leader_epoch, self.replica) = (-1, -1, None);
        if !may_reset {
            self.fail(Error::TopicRecreated { partition, offset }, now);
        } else {
            self.reset = Some(ResetReason::TopicRecreated);
        }
    }

    /// The leader is known, in this epoch.
    pub(super) fn see_leader(&mut self, epoch: i32) {
        if self.stage != Stage::Reading || self.leader_epoch == epoch {
            return;
        }
        self.leader_epoch = epoch;
        // What was read in an epoch is in the log of that epoch's leader.
        if epoch >= 0 && self.fetch_epoch >= 0 && self.fetch_epoch != epoch {
            self.stage = Stage::Validate;
        }
    }

    /// The replica to read from instead of the leader, if there is one.
    pub(super) fn closer_replica(&mut self, now: Instant) -> Option<i32> {
        self.replica = self.replica.filter(|(_, until)| *until > now);
        self.replica.map(|(replica, _)| replica)
    }

    /// Reads from the leader again, which may send it away anew: so this waits, if it happens again and again.
    pub(super) fn leave_replica(&mut self, now: Instant) {
        if self.replica.take().is_some() {
            self.not_before = Some(now + self.backoff.next());
        }
    }

    /// What was read is in the leader's log.
    fn is_valid(&mut self) {
        self.stage = Stage::Reading;
        self.asking = false;
        self.well();
    }
}

impl Assignment {
    pub(super) fn plan_validation(
        &mut self,
        broker: i32,
        places: &[Located],
        now: Instant,
        tasks: &mut Vec<Task>,
    ) {
        if self.validating.contains(&broker) {
            return;
        }
        let mut partitions = Vec::new();
        for Located { at, epoch, .. } in places {
            let partition = &mut self.partitions[*at];
            let is_due = partition.stage == Stage::Validate && partition.may_be_asked(now);
            if is_due && !partition.asking {
                partition.asking = true;
                partitions.push((partition.ticket.clone(), *epoch, partition.fetch_epoch));
            }
        }
        if !partitions.is_empty() {
            self.validating.insert(broker);
            tasks.push(Task::Validate(Validation { broker, partitions }));
        }
    }

    /// A leader was asked where epochs ended.
    pub(crate) fn validated(
        &mut self,
        task: &Validation,
        answer: Result<HashMap<TopicPartition, Result<EpochEnd>>>,
        now: Instant,
    ) {
        self.validating.remove(&task.broker);
        let tickets = task.partitions.iter().map(|(ticket, ..)| ticket);
        let mut found = match answer {
            Ok(found) => found,
            // The broker cannot be asked that: then it is as good as it gets.
            Err(Error::UnsupportedVersion { .. }) => HashMap::new(),
            Err(error) => return self.all_in_trouble(tickets, &error, now),
        };
        for ticket in tickets {
            let Some(partition) = self
                .current(ticket)
                .filter(|partition| partition.stage == Stage::Validate)
            else {
                continue;
            };
            match found.remove(&ticket.partition) {
                Some(Err(error)) => self.partition_in_trouble(ticket, error, now),
                Some(Ok(end)) if end.epoch >= 0 && end.offset >= 0 => {
                    partition.is_valid();
                    if end.offset < partition.fetch_offset {
                        self.diverged(ticket, end, now);
                    }
                }
                _ => {
                    partition.fetch_epoch = -1;
                    partition.is_valid();
                }
            }
        }
    }

    /// The leader's log is not the one that was read: up to `end` they are the same.
    pub(super) fn diverged(&mut self, ticket: &Ticket, end: EpochEnd, now: Instant) {
        let revision = self.next_revision();
        let may_reset = self.reset_stage() != Stage::Failed;
        let Some(partition) = self.current(ticket) else {
            return;
        };
        let name = ticket.partition.clone();
        if end.offset >= partition.fetch_offset {
            // What was read may be in there; only the epoch is another one.
            partition.fetch_epoch = end.epoch;
            return;
        }
        match partition.position {
            Some(position) if position.offset > end.offset => {
                let (offset, diverging_offset) = (position.offset, end.offset);
                tracing::warn!(partition = %name, offset, diverging_offset, "the log was truncated");
                partition.restart(Stage::Reading, revision);
                let reset = may_reset.then(|| Event::OffsetReset {
                    partition: name.clone(),
                    from: Some(offset),
                    to: end.offset,
                    reason: ResetReason::Truncated,
                });
                let truncated = Event::LogTruncated {
                    partition: name.clone(),
                    offset,
                    diverging_offset,
                };
                if may_reset {
                    partition.read_from(Position {
                        offset: end.offset,
                        leader_epoch: end.epoch,
                    });
                } else {
                    let error = Error::LogTruncation {
                        partition: name,
                        offset,
                        diverging_offset,
                    };
                    partition.fail(error, now);
                }
                self.events.extend([truncated].into_iter().chain(reset));
            }
            Some(position) => {
                // Nothing of it was handed out: it is fetched again.
                partition.restart(Stage::Reading, revision);
                partition.read_from(position);
            }
            None => {}
        }
    }
}
