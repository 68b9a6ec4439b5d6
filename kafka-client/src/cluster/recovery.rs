//! When to go back to the bootstrap addresses (KIP-899, KIP-1102).

use std::time::{Duration, Instant};

use crate::config::MetadataRecovery;

/// For how long the cluster could not be asked.
#[derive(Debug)]
pub(super) struct Recovery {
    strategy: MetadataRecovery,
    trigger: Duration,
    /// When the first attempt began that nobody answered.
    unanswered_since: Option<Instant>,
}

/// Whom to ask what the cluster looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// The brokers that are known, and then the bootstrap addresses.
    Known,
    /// Nobody but the brokers that are known.
    OnlyKnown,
    /// The bootstrap addresses, and the known brokers if that is of no use.
    Bootstrap,
}

impl Recovery {
    pub(super) fn new(strategy: MetadataRecovery, trigger: Duration) -> Self {
        Self {
            strategy,
            trigger,
            unanswered_since: None,
        }
    }

    /// The cluster is about to be asked.
    pub(super) fn begin(&mut self, now: Instant) {
        self.unanswered_since.get_or_insert(now);
    }

    /// It was answered.
    pub(super) fn answered(&mut self) {
        self.unanswered_since = None;
    }

    /// Whom to ask, where brokers are known.
    pub(super) fn ask(&self, now: Instant) -> Ask {
        let unanswered = self
            .unanswered_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        match self.strategy {
            MetadataRecovery::None => Ask::OnlyKnown,
            MetadataRecovery::Rebootstrap if unanswered >= self.trigger => Ask::Bootstrap,
            MetadataRecovery::Rebootstrap => Ask::Known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIGGER: Duration = Duration::from_secs(300);

    #[test]
    fn bootstrap_addresses_come_first_once_the_cluster_was_silent_for_long() {
        let mut recovery = Recovery::new(MetadataRecovery::Rebootstrap, TRIGGER);
        let begin = Instant::now();
        assert_eq!(recovery.ask(begin), Ask::Known);
        recovery.begin(begin);
        recovery.begin(begin + TRIGGER / 2);
        assert_eq!(recovery.ask(begin + TRIGGER / 2), Ask::Known);
        assert_eq!(recovery.ask(begin + TRIGGER), Ask::Bootstrap);
        recovery.answered();
        assert_eq!(recovery.ask(begin + TRIGGER * 2), Ask::Known);
        recovery.begin(begin + TRIGGER * 2);
        assert_eq!(recovery.ask(begin + TRIGGER * 2), Ask::Known);
    }

    #[test]
    fn without_recovery_the_bootstrap_addresses_are_left_alone() {
        let mut recovery = Recovery::new(MetadataRecovery::None, TRIGGER);
        let begin = Instant::now();
        recovery.begin(begin);
        assert_eq!(recovery.ask(begin + TRIGGER * 2), Ask::OnlyKnown);
    }
}
