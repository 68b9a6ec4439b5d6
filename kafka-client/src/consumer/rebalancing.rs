//! A rebalance from its begin to its end, for those who want to know how it went.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::types::TopicPartition;

/// The rebalance that is under way, if one is.
#[derive(Debug, Default)]
pub(crate) struct Rebalancing(Mutex<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    since: Option<Instant>,
    revoked: Vec<TopicPartition>,
    lost: Vec<TopicPartition>,
}

/// A rebalance that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) took: Duration,
    pub(crate) revoked: Vec<TopicPartition>,
    pub(crate) lost: Vec<TopicPartition>,
}

impl Rebalancing {
    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It begins, unless it has begun. Says whether that is new.
    pub(crate) fn begin(&self, now: Instant) -> bool {
        let mut under_way = self.under_way();
        let is_new = under_way.since.is_none();
        under_way.since.get_or_insert(now);
        is_new
    }

    pub(crate) fn revoked(&self, partitions: &[TopicPartition]) {
        self.under_way().revoked.extend_from_slice(partitions);
    }

    pub(crate) fn lost(&self, partitions: &[TopicPartition]) {
        self.under_way().lost.extend_from_slice(partitions);
    }

    /// It has ended, if one was under way.
    pub(crate) fn end(&self, now: Instant) -> Option<Ended> {
        let UnderWay {
            since,
            revoked,
            lost,
        } = std::mem::take(&mut *self.under_way());
        since.map(|since| Ended {
            took: now.saturating_duration_since(since),
            revoked,
            lost,
        })
    }

    /// Nobody is interested in it any more.
    pub(crate) fn forget(&self) {
        *self.under_way() = UnderWay::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_between_begin_and_end_is_one_rebalance() {
        let (rebalancing, start) = (Rebalancing::default(), Instant::now());
        let partitions = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        assert_eq!(rebalancing.end(start), None);
        assert!(rebalancing.begin(start));
        assert!(!rebalancing.begin(start + Duration::from_secs(1)));
        rebalancing.revoked(&partitions[..1]);
        rebalancing.lost(&partitions[1..]);
        let ended = rebalancing.end(start + Duration::from_secs(3));
        let expected = Ended {
            took: Duration::from_secs(3),
            revoked: partitions[..1].to_vec(),
            lost: partitions[1..].to_vec(),
        };
        assert_eq!(ended, Some(expected));
        rebalancing.begin(start);
        rebalancing.forget();
        assert_eq!(rebalancing.end(start), None);
    }
}
