//! What to ask of whom next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use super::partition::{Partition, Stage, Ticket};
use super::validation::Validation;
use super::{Assignment, EARLIEST};
use crate::consumer::trouble::TOPIC_GRACE;
use crate::error::Error;
use crate::types::TopicPartition;

/// While the position of a partition is still being looked up, fetches of others must not hold its broker for long.
const SHORT_WAIT: Duration = Duration::from_millis(50);
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What is known of a partition's leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// This broker, in this epoch.
    Leader {
        broker: i32,
        epoch: i32,
        topic_id: Uuid,
    },
    /// Nobody, at the moment.
    Vacant,
    /// The topic was not asked for yet.
    Unasked,
    /// There is no such topic, or it may not be seen.
    NoTopic(ErrorCode),
    /// The topic has only so many partitions.
    NoPartition(usize),
}

/// What is known of the cluster.
pub(crate) trait Leaders {
    /// Who leads a partition.
    fn leadership(&self, partition: &TopicPartition) -> Leadership;

    /// Whether a broker has a replica of a partition, and is there.
    fn is_replica(&self, partition: &TopicPartition, broker: i32) -> bool;
}

/// Something to be done, outside of the decisions.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    /// Ask the group's coordinator for positions.
    Committed(Vec<Ticket>),
    /// Ask a leader for offsets.
    Lookup(Lookup),
    /// Ask a leader whether it has what was read.
    Validate(Validation),
    /// Fetch records from a leader, or from a replica that is closer.
    Fetch(FetchTask),
    /// Decode what was fetched.
    Decode,
    /// Ask about topics that were not asked about yet.
    Topics(BTreeSet<Arc<str>>),
    /// Ask about the cluster anew.
    Refresh,
}

/// What to ask a leader about its logs.
#[derive(Debug, PartialEq)]
pub(crate) struct Lookup {
    pub(crate) broker: i32,
    /// With the leader's epoch, and the timestamp whose offset is wanted.
    pub(crate) partitions: Vec<(Ticket, i32, i64)>,
    /// Partitions whose whole range is wanted.
    pub(crate) ranges: Vec<(Ticket, i32)>,
}

/// What to fetch from a leader.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FetchTask {
    pub(crate) broker: i32,
    pub(crate) targets: Vec<FetchTarget>,
    pub(crate) max_bytes: usize,
    pub(crate) max_wait: Duration,
}

/// What to fetch of a partition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FetchTarget {
    pub(crate) ticket: Ticket,
    pub(crate) topic_id: Uuid,
    pub(crate) leader_epoch: i32,
    /// The leader's epoch of the record before the offset, or -1.
    pub(crate) last_epoch: i32,
    pub(crate) offset: i64,
    pub(crate) max_bytes: i32,
    /// Whether it is not the leader that is asked.
    pub(crate) from_replica: bool,
}

/// A partition's place, and what is known of its leader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located {
    pub(super) at: usize,
    pub(super) leader: i32,
    pub(super) epoch: i32,
    topic_id: Uuid,
    /// From whom it is read.
    source: i32,
}

/// Partitions by the broker to ask.
pub(super) type ByBroker = BTreeMap<i32, Vec<Located>>;

fn by(broker: impl Fn(&Located) -> i32, all: &[Located]) -> ByBroker {
    let mut by_broker = ByBroker::new();
    for located in all {
        by_broker.entry(broker(located)).or_default().push(*located);
    }
    by_broker
}

impl Assignment {
    /// Everything that can be begun now. What is begun is not planned again before its answer came.
    pub(crate) fn plan(&mut self, leaders: &dyn Leaders, now: Instant) -> Vec<Task> {
        let mut tasks = Vec::new();
        let located = self.find_leaders(leaders, now, &mut tasks);
        self.plan_committed(now, &mut tasks);
        // Only the leader knows what there is.
        for (broker, places) in &by(|located| located.leader, &located) {
            self.plan_lookup(*broker, places, now, &mut tasks);
            self.plan_validation(*broker, places, now, &mut tasks);
        }
        self.plan_fetches(&by(|located| located.source, &located), now, &mut tasks);
        if !self.decoding && self.has_work_to_decode() {
            tasks.push(Task::Decode);
        }
        tasks
    }

    /// When to plan again even if nothing happens.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let waiting = self
            .partitions
            .iter()
            .filter_map(|partition| partition.not_before);
        let refresh = self
            .refresh_not_before
            .filter(|_| self.outdated && !self.refreshing);
        waiting.chain(refresh).filter(|time| *time > now).min()
    }

    fn find_leaders(
        &mut self,
        leaders: &dyn Leaders,
        now: Instant,
        tasks: &mut Vec<Task>,
    ) -> Vec<Located> {
        let mut all = Vec::with_capacity(self.partitions.len());
        let may_reset = self.reset_stage() != Stage::Failed;
        let mut unasked = BTreeSet::new();
        let mut outdated = self.outdated;
        let patience = self.config.client.request_timeout;
        for (at, partition) in self.partitions.iter_mut().enumerate() {
            if partition.stage == Stage::Failed {
                continue;
            }
            let (error, grace) = match leaders.leadership(&partition.ticket.partition) {
                Leadership::Leader {
                    broker,
                    epoch,
                    topic_id,
                } => {
                    if partition.is_of_another_topic(topic_id) {
                        self.revision += 1;
                        partition.start_over(self.revision, may_reset, now);
                    }
                    partition.see_leader(epoch);
                    let mut source = partition.closer_replica(now).unwrap_or(broker);
                    if source != broker && !leaders.is_replica(&partition.ticket.partition, source)
                    {
                        // The leader knows of a replica that is not known here.
                        outdated = true;
                        partition.leave_replica(now);
                        source = broker;
                    }
                    all.push(Located {
                        at,
                        leader: broker,
                        epoch,
                        topic_id,
                        source,
                    });
                    continue;
                }
                Leadership::Unasked => {
                    unasked.insert(partition.ticket.partition.topic.clone());
                    continue;
                }
                Leadership::Vacant => (
                    Error::broker(
                        ErrorCode::LeaderNotAvailable,
                        format!("partition {}", partition.ticket.partition),
                    ),
                    patience,
                ),
                Leadership::NoTopic(code) => {
                    let grace = if code.is_retriable() {
                        TOPIC_GRACE
                    } else {
                        Duration::ZERO
                    };
                    (
                        Error::broker(
                            code,
                            format!("topic \"{}\"", partition.ticket.partition.topic),
                        ),
                        grace,
                    )
                }
                Leadership::NoPartition(partitions) => (
                    Error::NoSuchPartition {
                        partition: partition.ticket.partition.clone(),
                        partitions,
                    },
                    TOPIC_GRACE,
                ),
            };
            outdated = true;
            if partition.may_be_asked(now) {
                partition.trouble(error, grace, now);
            }
        }
        self.outdated = outdated;
        if self.refreshing || self.refresh_not_before.is_some_and(|time| time > now) {
            return all;
        }
        if !unasked.is_empty() {
            self.refreshing = true;
            tasks.push(Task::Topics(unasked));
        } else if outdated {
            self.refreshing = true;
            self.outdated = false;
            tasks.push(Task::Refresh);
        }
        all
    }

    fn plan_committed(&mut self, now: Instant, tasks: &mut Vec<Task>) {
        if self.asking_group {
            return;
        }
        let waiting = self
            .partitions
            .iter_mut()
            .filter(|partition| partition.stage == Stage::Committed);
        let tickets: Vec<Ticket> = waiting
            .filter(|partition| partition.may_be_asked(now))
            .map(|partition| {
                partition.asking = true;
                partition.ticket.clone()
            })
            .collect();
        if !tickets.is_empty() {
            self.asking_group = true;
            tasks.push(Task::Committed(tickets));
        }
    }

    fn plan_lookup(
        &mut self,
        broker: i32,
        places: &[Located],
        now: Instant,
        tasks: &mut Vec<Task>,
    ) {
        if self.asking.contains(&broker) {
            return;
        }
        let mut lookup = Lookup {
            broker,
            partitions: Vec::new(),
            ranges: Vec::new(),
        };
        for Located { at, epoch, .. } in places {
            let partition = &mut self.partitions[*at];
            if partition.asking || !partition.may_be_asked(now) {
                continue;
            }
            match partition.stage {
                Stage::Reset(timestamp) => {
                    lookup
                        .partitions
                        .push((partition.ticket.clone(), *epoch, timestamp));
                }
                Stage::Gone => lookup.ranges.push((partition.ticket.clone(), *epoch)),
                _ => continue,
            }
            partition.asking = true;
        }
        if !lookup.partitions.is_empty() || !lookup.ranges.is_empty() {
            self.asking.insert(broker);
            tasks.push(Task::Lookup(lookup));
        }
    }

    fn plan_fetches(&mut self, by_broker: &ByBroker, now: Instant, tasks: &mut Vec<Task>) {
        let buffered: usize = self.partitions.iter().map(Partition::buffered).sum();
        let in_flight: usize = self.fetching.values().sum();
        let mut room = self
            .config
            .buffer_memory
            .saturating_sub(buffered + in_flight);
        // Nobody's long poll may hold the whole buffer while others have records.
        let share = self.config.buffer_memory / by_broker.len().max(1);
        let partition_bytes = self.config.max_partition_fetch_bytes as usize;
        let worthwhile = partition_bytes.min(share);
        for (broker, places) in by_broker {
            if self.fetching.contains_key(broker) {
                continue;
            }
            let mut undecided = false;
            let mut targets = Vec::new();
            let mut sated = false;
            for located in places {
                let partition = &self.partitions[located.at];
                if partition.stage != Stage::Reading {
                    undecided |= partition.trouble.is_none();
                    continue;
                }
                if partition.paused || !partition.may_be_asked(now) {
                    continue;
                }
                // A fetch without this partition could wait at the broker for the others while this one is emptied.
                sated |= partition.buffered() >= partition_bytes;
                targets.push(FetchTarget {
                    ticket: partition.ticket.clone(),
                    topic_id: located.topic_id,
                    leader_epoch: located.epoch,
                    // Where leaders have no epochs, those of batches mean nothing either.
                    last_epoch: if located.epoch >= 0 {
                        partition.fetch_epoch
                    } else {
                        -1
                    },
                    offset: partition.fetch_offset,
                    max_bytes: partition.fetch_size,
                    from_replica: located.source != located.leader,
                });
            }
            if targets.is_empty() || sated || (room < worthwhile && buffered + in_flight > 0) {
                continue;
            }
            let wanted = targets
                .iter()
                .map(|target| target.max_bytes as usize)
                .sum::<usize>();
            let max_bytes = wanted
                .min(self.config.fetch_max_bytes as usize)
                .min(share)
                .min(room.max(1))
                .max(1);
            room = room.saturating_sub(max_bytes);
            self.fetching.insert(*broker, max_bytes);
            self.fetching_since.insert(*broker, now);
            for located in places {
                self.partitions[located.at].source = Some(*broker);
            }
            // Without a session the broker fills the answer in the order of the request: who comes first changes.
            let turn = self.turn % targets.len();
            targets.rotate_left(turn);
            // Some brokers other than Kafka's never answer a fetch that may not wait at all.
            let max_wait = self.config.fetch_max_wait.max(SHORTEST_WAIT);
            let max_wait = if undecided {
                max_wait.min(SHORT_WAIT)
            } else {
                max_wait
            };
            tasks.push(Task::Fetch(FetchTask {
                broker: *broker,
                targets,
                max_bytes,
                max_wait,
            }));
        }
    }
}

impl Lookup {
    /// All that is asked for: a partition whose range is wanted is asked for its beginning here, and for its end apart.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.partitions
            .iter()
            .map(|(ticket, ..)| ticket)
            .chain(self.ranges.iter().map(|(ticket, _)| ticket))
    }

    /// The look-ups of one request: for ranges, the beginning.
    pub(crate) fn first(&self) -> Vec<(TopicPartition, i32, i64)> {
        let ranges = self
            .ranges
            .iter()
            .map(|(ticket, epoch)| (ticket.partition.clone(), *epoch, EARLIEST));
        let offsets = self.partitions.iter();
        offsets
            .map(|(ticket, epoch, timestamp)| (ticket.partition.clone(), *epoch, *timestamp))
            .chain(ranges)
            .collect()
    }

    /// The look-ups of a second request: for ranges, the end.
    pub(crate) fn second(&self) -> Vec<(TopicPartition, i32, i64)> {
        let ranges = self.ranges.iter();
        ranges
            .map(|(ticket, epoch)| (ticket.partition.clone(), *epoch, super::LATEST))
            .collect()
    }
}
