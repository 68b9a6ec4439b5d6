//! Which partitions make no progress, and why.

use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use super::Assignment;
use super::partition::{Partition, Stage};
use crate::consumer::config::Isolation;
use crate::error::Error;
use crate::events::{Event, Stall, StallReason};

/// How much later than it may a broker may answer a fetch before it counts as silent.
const LATE: Duration = Duration::from_secs(1);
/// Looking costs a little for each partition.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Since when a partition has made no progress, as far as somebody has looked.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    now: Option<(Instant, StallReason)>,
    /// Whether that was told.
    is_told: bool,
    /// The position at the last look.
    position: Option<i64>,
}

impl Standstill {
    fn lasts(&self, now: Instant) -> Option<(Duration, &StallReason)> {
        let (since, reason) = self.now.as_ref()?;
        Some((now.saturating_duration_since(*since), reason))
    }
}

impl Assignment {
    /// How often to look.
    pub(crate) fn stall_interval(&self) -> Duration {
        (self.config.stall_after / 4).max(SHORTEST_INTERVAL)
    }

    /// Looks at each partition, and notes what there is to tell.
    pub(crate) fn look_for_stalls(&mut self, now: Instant) {
        let mut partitions = std::mem::take(&mut self.partitions);
        for partition in &mut partitions {
            let reason = self.reason(partition, now);
            let known_since = partition.trouble.since();
            let name = &partition.ticket.partition;
            let standstill = &mut partition.standstill;
            standstill.position = partition.position.map(|position| position.offset);
            let Some(reason) = reason else {
                let before = std::mem::replace(
                    standstill,
                    Standstill {
                        position: standstill.position,
                        ..Standstill::default()
                    },
                );
                if let Some((after, _)) = before.lasts(now).filter(|_| before.is_told) {
                    tracing::info!(partition = %name, ?after, "progress again");
                    self.events.push(Event::PartitionResumed {
                        partition: name.clone(),
                        after,
                    });
                }
                continue;
            };
            let since = match &standstill.now {
                Some((since, _)) => *since,
                None => known_since.unwrap_or(now),
            };
            standstill.now = Some((since, reason.clone()));
            let lasts = now.saturating_duration_since(since);
            if lasts >= self.config.stall_after && !standstill.is_told {
                standstill.is_told = true;
                let stall = Stall::new(name.clone(), lasts, reason);
                tracing::warn!(partition = %name, ?lasts, reason = %stall.reason, "no progress");
                self.events.push(Event::PartitionStalled(stall));
            }
        }
        self.partitions = partitions;
    }

    /// Why a partition makes no progress, if it makes none.
    fn reason(&self, partition: &Partition, now: Instant) -> Option<StallReason> {
        if partition.paused {
            return Some(StallReason::Paused);
        }
        let error = partition.trouble.error();
        if partition.stage == Stage::Failed || error.is_some() {
            return Some(match error {
                None => StallReason::Unknown,
                Some(Error::Broker {
                    code: ErrorCode::LeaderNotAvailable,
                    ..
                }) => StallReason::NoLeader,
                Some(error) => StallReason::Failed(error.clone()),
            });
        }
        if partition.stage != Stage::Reading {
            return Some(StallReason::PositionUnknown);
        }
        let position = partition.position.map(|position| position.offset);
        let has_moved = position != partition.standstill.position;
        if !partition.ready.is_empty() || !partition.chunks.is_empty() {
            return Some(StallReason::NotPolled).filter(|_| !has_moved);
        }
        let is_late = |since: &Instant| *since + self.config.fetch_max_wait + LATE < now;
        if let Some(broker) = partition.source
            && self.fetching_since.get(&broker).is_some_and(is_late)
        {
            return Some(StallReason::BrokerSilent { broker });
        }
        let (position, end) = (position?, partition.end_offset);
        let is_held_up = self.config.isolation_level == Isolation::ReadCommitted
            && end.is_some_and(|end| position >= end && partition.high_watermark > end);
        if is_held_up {
            let offset = end.unwrap_or(position);
            return Some(StallReason::OpenTransaction { offset });
        }
        let is_behind = end.is_none_or(|end| position < end);
        (is_behind && !has_moved).then_some(StallReason::Unknown)
    }

    /// The partitions that have made no progress for as long as is worth telling.
    pub(crate) fn stalled(&self, now: Instant) -> Vec<Stall> {
        let all = self.partitions.iter();
        all.filter_map(|partition| {
            let (lasts, reason) = partition.standstill.lasts(now)?;
            let name = partition.ticket.partition.clone();
            (lasts >= self.config.stall_after).then(|| Stall::new(name, lasts, reason.clone()))
        })
        .collect()
    }

    /// For how long a partition has made no progress; zero where that is not worth telling.
    pub(super) fn stalled_for(&self, partition: &Partition, now: Instant) -> Duration {
        let lasts = partition.standstill.lasts(now).map(|(lasts, _)| lasts);
        lasts
            .filter(|lasts| *lasts >= self.config.stall_after)
            .unwrap_or_default()
    }
}
