//! Which brokers have a partition. The brokers of a cluster share their logs, so that a broker has everything at once that it
//! is to have, and is in sync as long as it is up.

use kafka_proto::error_code::ErrorCode;

use crate::refusal::Refusal;

/// The leader of a partition whose brokers are all down.
pub(crate) const NO_LEADER: i32 = -1;

/// On how many brokers partitions are, and on which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replication {
    /// On each.
    All,
    /// On so many.
    Factor(usize),
    /// Partition by partition.
    Assigned(Vec<Vec<i32>>),
}

impl Replication {
    /// The brokers of a partition, of which `ids` are all. They take turns in coming first.
    pub(crate) fn replicas(&self, ids: &[i32], partition: i32) -> Vec<i32> {
        let partition = usize::try_from(partition).unwrap_or(0);
        let count = match self {
            Self::All => ids.len(),
            Self::Factor(count) => *count,
            Self::Assigned(assigned) => {
                return assigned.get(partition).cloned().unwrap_or_default();
            }
        };
        let first = partition % ids.len().max(1);
        ids.iter()
            .cycle()
            .skip(first)
            .take(count.min(ids.len()))
            .copied()
            .collect()
    }
}

/// Of a partition's brokers, those that are up and in sync, and those that are down.
pub(crate) fn in_sync(replicas: &[i32], up: &[i32]) -> (Vec<i32>, Vec<i32>) {
    replicas.iter().partition(|id| up.contains(id))
}

/// What clients are told of who leads.
pub(crate) fn led(leader: i32) -> ErrorCode {
    if leader == NO_LEADER {
        ErrorCode::LeaderNotAvailable
    } else {
        ErrorCode::None
    }
}

/// Whether a partition can be on these brokers, in Kafka's words.
pub(crate) fn check(replicas: &[i32], knows: impl Fn(i32) -> bool) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    if replicas.is_empty() {
        return invalid(
            "The manual partition assignment includes an empty replica list.".to_owned(),
        );
    }
    for (index, id) in replicas.iter().enumerate() {
        if !knows(*id) {
            return invalid(format!(
                "The manual partition assignment includes broker {id}, but no such broker is registered."
            ));
        }
        if replicas[..index].contains(id) {
            return invalid(format!(
                "The manual partition assignment includes the broker {id} more than once."
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_take_turns_in_leading() {
        let replicas =
            |replication: &Replication, partition| replication.replicas(&[1, 2, 3], partition);
        assert_eq!(replicas(&Replication::All, 1), [2, 3, 1]);
        assert_eq!(replicas(&Replication::Factor(2), 2), [3, 1]);
        assert_eq!(replicas(&Replication::Factor(2), 3), [1, 2]);
        let assigned = Replication::Assigned(vec![vec![3], vec![2, 1]]);
        assert_eq!(replicas(&assigned, 1), [2, 1]);
    }

    #[test]
    fn an_assignment_names_each_broker_that_there_is_once() {
        let check = |replicas: &[i32]| check(replicas, |id| (1..=3).contains(&id));
        assert_eq!(check(&[3, 1]), Ok(()));
        for (replicas, words) in [
            (
                &[7][..],
                "includes broker 7, but no such broker is registered",
            ),
            (&[1, 1], "includes the broker 1 more than once"),
            (&[], "empty replica list"),
        ] {
            let refused = check(replicas).unwrap_err();
            assert!(refused.message.contains(words), "{refused:?}");
        }
    }
}
