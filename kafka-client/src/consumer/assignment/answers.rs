//! What brokers answered, and what that means.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FetchResponse;
use kafka_proto::messages::fetch::PartitionData;
use kafka_proto::records::Batches;

use super::Assignment;
use super::partition::{Position, Stage, Ticket};
use super::plan::{FetchTarget, FetchTask, Lookup};
use super::validation::EpochEnd;
use crate::cluster::{BrokerInfo, NewLeader};
use crate::consumer::config::OffsetReset;
use crate::consumer::fetch::{Chunk, glance};
use crate::consumer::trouble::TOPIC_GRACE;
use crate::error::{Error, Result};
use crate::events::{Event, ResetReason};
use crate::metrics::Haul;
use crate::types::TopicPartition;

/// The beginning and the end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogRange {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// What a fetch told beside records.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FetchNews {
    /// Leaders that those who no longer are have named (KIP-951).
    pub(crate) leaders: Vec<NewLeader>,
    /// How much it has brought, by topic.
    pub(crate) hauls: Vec<Haul>,
}

impl Assignment {
    /// A fetch was answered.
    pub(crate) fn fetched(
        &mut self,
        task: &FetchTask,
        answer: Result<FetchResponse>,
        now: Instant,
    ) -> FetchNews {
        self.fetching.remove(&task.broker);
        self.fetching_since.remove(&task.broker);
        let mut news = FetchNews::default();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if let Some(session) = self.sessions.get_mut(&task.broker) {
                    session.failed();
                }
                self.fetch_failed(task, &error, now);
                return news;
            }
        };
        let code = ErrorCode::from(answer.error_code);
        let session = self.sessions.entry(task.broker).or_default();
        let was_new = session.is_new();
        session.answered(answer.session_id, code);
        if code.is_error() {
            let error = Error::broker(code, format!("fetch from broker {}", task.broker));
            let of_the_session = matches!(
                code,
                ErrorCode::FetchSessionIdNotFound
                    | ErrorCode::InvalidFetchSessionEpoch
                    | ErrorCode::FetchSessionTopicIdError
            );
            // Ids that do not fit are those of a topic that was deleted, or made anew.
            self.outdated |= matches!(
                code,
                ErrorCode::FetchSessionTopicIdError
                    | ErrorCode::UnknownTopicId
                    | ErrorCode::InconsistentTopicId
            );
            // A new session at once, unless it was the new one that went wrong.
            if was_new || !of_the_session {
                self.fetch_failed(task, &error, now);
            }
            return news;
        }
        let targets: HashMap<(&[u8], i32), &FetchTarget> = task
            .targets
            .iter()
            .flat_map(|target| {
                let TopicPartition { topic, partition } = &target.ticket.partition;
                [
                    ((topic.as_bytes(), *partition), target),
                    ((&target.topic_id.0[..], *partition), target),
                ]
            })
            .collect();
        let endpoints: HashMap<i32, BrokerInfo> = answer
            .node_endpoints
            .iter()
            .map(|node| {
                let rack = node.rack.as_deref();
                let info = BrokerInfo::named(node.node_id, &node.host, node.port, rack);
                (node.node_id, info)
            })
            .collect();
        let mut answered = 0;
        for topic in answer.responses {
            let key = if topic.topic_id.is_zero() {
                topic.topic.as_bytes()
            } else {
                &topic.topic_id.0[..]
            };
            for data in topic.partitions {
                let Some(target) = targets.get(&(key, data.partition_index)) else {
                    continue;
                };
                answered += 1;
                let named = &data.current_leader;
                if named.leader_id >= 0 && named.leader_epoch > target.leader_epoch {
                    news.leaders.push(NewLeader {
                        partition: target.ticket.partition.clone(),
                        leader: named.leader_id,
                        epoch: named.leader_epoch,
                        broker: endpoints.get(&named.leader_id).cloned(),
                    });
                }
                self.fetched_partition(target, data, now);
            }
        }
        if was_new && answered < task.targets.len() {
            // Later answers of the session would pass over the missing ones, too, without a word.
            self.sessions.entry(task.broker).or_default().failed();
            let error = Error::Protocol {
                what: format!("fetch from broker {}", task.broker),
                reason: "the answer leaves out partitions that were asked for".to_owned(),
            };
            self.fetch_failed(task, &error, now);
        }
        news.hauls = std::mem::take(&mut self.hauls);
        news
    }

    fn fetched_partition(&mut self, target: &FetchTarget, data: PartitionData, now: Instant) {
        let committed_only = self.config.isolation_level.level() == 1;
        let lease = self.config.client.metadata_max_age;
        let Some(partition) = self.current(&target.ticket) else {
            return;
        };
        if partition.stage != Stage::Reading || partition.fetch_offset != target.offset {
            return;
        }
        let name = &target.ticket.partition;
        let code = ErrorCode::from(data.error_code);
        match code {
            ErrorCode::None if data.diverging_epoch.end_offset >= 0 => {
                let end = EpochEnd {
                    epoch: data.diverging_epoch.epoch,
                    offset: data.diverging_epoch.end_offset,
                };
                self.diverged(&target.ticket, end, now);
            }
            ErrorCode::None if data.preferred_read_replica >= 0 && !target.from_replica => {
                let replica = data.preferred_read_replica;
                tracing::debug!(partition = %name, replica, "to be read from a closer replica");
                partition.replica = Some((replica, now + lease));
            }
            ErrorCode::None => {
                partition.well();
                partition.end_offset = Some(if committed_only {
                    data.last_stable_offset
                } else {
                    data.high_watermark
                });
                partition.high_watermark = data.high_watermark;
                partition.start_offset = Some(data.log_start_offset).filter(|start| *start >= 0);
                let bytes = data.records.unwrap_or_default();
                if bytes.is_empty() {
                    return;
                }
                let (size, batches) = (bytes.len(), Batches::new(bytes));
                let glance = glance(batches.clone(), target.offset);
                if glance.only_part {
                    partition.fetch_size = partition.fetch_size.saturating_mul(2);
                    return;
                }
                partition.fetch_offset = glance.next_offset;
                partition.fetch_epoch = glance.leader_epoch;
                let aborted = data.aborted_transactions.unwrap_or_default();
                partition.chunks.push_back(Chunk::new(
                    name.clone(),
                    batches,
                    size,
                    target.offset,
                    aborted,
                ));
                Haul::add(&mut self.hauls, &name.topic, glance.records, size);
            }
            code if code.is_error() && target.from_replica => {
                // A replica may lag behind, or be none any more: only the leader's word counts.
                tracing::debug!(partition = %name, %code, "back to the leader");
                partition.leave_replica(now);
                self.outdated |= code.refreshes_metadata();
            }
            ErrorCode::OffsetOutOfRange if target.last_epoch >= 0 && partition.fetch_epoch >= 0 => {
                // It may be just the epoch that the leader knows nothing of, which is no loss.
                partition.fetch_epoch = -1;
            }
            ErrorCode::OffsetOutOfRange => {
                if partition.buffered() > 0 || partition.decoding {
                    // What was fetched before is handed out first.
                    partition.not_before = Some(now + partition.backoff.next());
                    return;
                }
                tracing::info!(partition = %name, offset = target.offset, "the offset is out of range");
                let revision = self.next_revision();
                let stage = match self.config.auto_offset_reset {
                    OffsetReset::None => Stage::Gone,
                    _ => self.reset_stage(),
                };
                if let Some(partition) = self.current(&target.ticket) {
                    partition.restart(stage, revision);
                    partition.reset = Some(ResetReason::OutOfRange);
                }
            }
            ErrorCode::CorruptMessage => {
                let (partition_name, offset) = (name.clone(), target.offset);
                let reason = "the broker could not read it".to_owned();
                let error = Error::Corrupt {
                    partition: partition_name,
                    offset,
                    next_offset: None,
                    reason,
                };
                partition.fail(error, now);
            }
            code => {
                let error = Error::broker(code, format!("partition {name}"));
                self.partition_in_trouble(&target.ticket, error, now);
            }
        }
    }

    /// No partition of a fetch was read.
    fn fetch_failed(&mut self, task: &FetchTask, error: &Error, now: Instant) {
        self.outdated |= error.refreshes_metadata();
        for target in &task.targets {
            if !target.from_replica {
                self.partition_in_trouble(&target.ticket, error.clone(), now);
            } else if let Some(partition) = self.current(&target.ticket) {
                partition.leave_replica(now);
            }
        }
    }

    pub(super) fn all_in_trouble<'a>(
        &mut self,
        tickets: impl Iterator<Item = &'a Ticket>,
        error: &Error,
        now: Instant,
    ) {
        for ticket in tickets {
            self.partition_in_trouble(ticket, error.clone(), now);
        }
    }

    pub(super) fn partition_in_trouble(&mut self, ticket: &Ticket, error: Error, now: Instant) {
        let grace = match &error {
            Error::Broker {
                code: ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId,
                ..
            } => TOPIC_GRACE,
            error if error.is_retriable() => self.config.client.request_timeout,
            _ => Duration::ZERO,
        };
        self.outdated |= error.refreshes_metadata();
        if let Some(partition) = self.current(ticket) {
            tracing::debug!(partition = %ticket.partition, %error, "no progress");
            partition.trouble(error, grace, now);
        }
    }

    /// The group's coordinator was asked for positions. What it does not name, it has none for.
    pub(crate) fn committed(
        &mut self,
        tickets: &[Ticket],
        answer: Result<HashMap<TopicPartition, Result<Option<Position>>>>,
        now: Instant,
    ) {
        self.asking_group = false;
        let mut found = match answer {
            Ok(found) => found,
            Err(error) => {
                self.all_in_trouble(tickets.iter(), &error, now);
                return;
            }
        };
        let without = self.reset_stage();
        for ticket in tickets {
            let position = found.remove(&ticket.partition).unwrap_or(Ok(None));
            let Some(partition) = self
                .current(ticket)
                .filter(|partition| partition.stage == Stage::Committed)
            else {
                continue;
            };
            match position {
                Ok(Some(position)) => partition.read_from(position),
                Ok(None) if without == Stage::Failed => {
                    let error = Error::NoOffset {
                        partition: ticket.partition.clone(),
                    };
                    partition.fail(error, now);
                }
                Ok(None) => {
                    partition.well();
                    partition.asking = false;
                    partition.stage = without;
                }
                Err(error) => self.partition_in_trouble(ticket, error, now),
            }
        }
    }

    /// A leader was asked for offsets. `ends` are those of the partitions whose range was asked for.
    pub(crate) fn looked_up(
        &mut self,
        lookup: &Lookup,
        answer: Result<HashMap<TopicPartition, Result<Position>>>,
        ends: Result<HashMap<TopicPartition, Result<Position>>>,
        now: Instant,
    ) {
        self.asking.remove(&lookup.broker);
        let (mut found, mut ends) = match (answer, ends) {
            (Ok(found), Ok(ends)) => (found, ends),
            (Err(error), _) | (_, Err(error)) => {
                self.all_in_trouble(lookup.tickets(), &error, now);
                return;
            }
        };
        let missing = |name: &TopicPartition| {
            Err(Error::Protocol {
                what: format!("offsets of {name}"),
                reason: "the broker did not answer for it".to_owned(),
            })
        };
        for (ticket, epoch, timestamp) in &lookup.partitions {
            let position = found
                .remove(&ticket.partition)
                .unwrap_or_else(|| missing(&ticket.partition));
            let Some(partition) = self.current(ticket) else {
                continue;
            };
            match position {
                Ok(position) if position.offset >= 0 => {
                    let from = partition.position.map(|before| before.offset);
                    let reset = partition.reset.take();
                    partition.read_from(position);
                    // The leader has just said so.
                    partition.leader_epoch = *epoch;
                    self.events.extend(reset.map(|reason| Event::OffsetReset {
                        partition: ticket.partition.clone(),
                        from,
                        to: position.offset,
                        reason,
                    }));
                }
                // No record is that young: what comes next will be.
                Ok(_) if *timestamp >= 0 => {
                    partition.asking = false;
                    partition.stage = Stage::Reset(super::LATEST);
                }
                Ok(_) => self.partition_in_trouble(
                    ticket,
                    Error::NoOffset {
                        partition: ticket.partition.clone(),
                    },
                    now,
                ),
                Err(error) => self.partition_in_trouble(ticket, error, now),
            }
        }
        for (ticket, _) in &lookup.ranges {
            let name = &ticket.partition;
            let start = found.remove(name).unwrap_or_else(|| missing(name));
            let end = ends.remove(name).unwrap_or_else(|| missing(name));
            match start.and_then(|start| {
                Ok(LogRange {
                    start: start.offset,
                    end: end?.offset,
                })
            }) {
                Ok(range) => self.out_of_range(ticket, range, now),
                Err(error) => self.partition_in_trouble(ticket, error, now),
            }
        }
    }

    fn out_of_range(&mut self, ticket: &Ticket, LogRange { start, end }: LogRange, now: Instant) {
        let Some(partition) = self.current(ticket) else {
            return;
        };
        let offset = partition.fetch_offset;
        let name = ticket.partition.clone();
        partition.fail(
            Error::OffsetOutOfRange {
                partition: name,
                offset,
                log_start: start,
                log_end: end,
            },
            now,
        );
    }

    /// The cluster was asked anew, with or without success.
    pub(crate) fn refreshed(&mut self, failure: Option<Error>, now: Instant) {
        self.refreshing = false;
        self.refresh_not_before = Some(now + self.refresh_backoff.next());
        if let Some(error) = failure {
            let grace = self.config.client.request_timeout;
            for partition in self
                .partitions
                .iter_mut()
                .filter(|partition| partition.position.is_none())
            {
                partition.trouble.goes_on(error.clone(), grace, now);
            }
            return;
        }
        if self
            .partitions
            .iter()
            .all(|partition| partition.trouble.is_none())
        {
            self.refresh_backoff.reset();
        }
    }

    /// The leaders have changed: who waited for that may be asked at once.
    pub(crate) fn leaders_changed(&mut self, partitions: &[TopicPartition]) {
        for name in partitions {
            if let Ok(partition) = self.get_mut(name) {
                partition.not_before = None;
            }
        }
    }
}
