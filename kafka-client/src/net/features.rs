//! What a cluster has switched on.

use kafka_proto::messages::ApiVersionsResponse;

/// What the cluster had switched on when the broker was asked (KIP-584).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Features {
    /// Goes up with each change; -1 where the broker knows of no features.
    epoch: i64,
    /// Which transaction protocol may be spoken: the second from level 2 on (KIP-890).
    pub(crate) transaction_version: i16,
}

impl Features {
    pub(crate) const UNKNOWN: Self = Self {
        epoch: -1,
        transaction_version: 0,
    };

    pub(super) fn of(answer: &ApiVersionsResponse) -> Self {
        let finalized = answer
            .finalized_features
            .iter()
            .find(|feature| &*feature.name == "transaction.version");
        Self {
            epoch: answer.finalized_features_epoch,
            transaction_version: finalized.map_or(0, |feature| feature.max_version_level),
        }
    }

    /// The later of two views.
    pub(crate) fn latest(self, other: Self) -> Self {
        if other.epoch > self.epoch {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_with_the_later_epoch_counts() {
        let of = |epoch, transaction_version| Features {
            epoch,
            transaction_version,
        };
        let (old, new) = (of(3, 2), of(4, 1));
        assert_eq!(Features::UNKNOWN.latest(old), old);
        assert_eq!((old.latest(new), new.latest(old)), (new, new));
    }
}
