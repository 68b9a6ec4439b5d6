//! Acknowledgements on their way to the broker from which the records came.

use std::collections::BTreeMap;
use std::time::Instant;

use kafka_proto::codec::Uuid;

use super::acknowledge::{AcknowledgeType, GAP};
use crate::types::TopicPartition;

/// A partition as requests name it.
pub(super) type Key = (Uuid, i32);

/// Where records came from: it is this broker that holds their locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) broker: i32,
}

impl Source {
    pub(super) fn key(&self) -> Key {
        (self.topic_id, self.partition.partition)
    }
}

/// One acknowledgement for all offsets from first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) kind: i8,
}

impl Ack {
    pub(super) fn new(first: i64, last: i64, kind: AcknowledgeType) -> Self {
        Self {
            first,
            last,
            kind: kind.id(),
        }
    }

    pub(super) fn gap(first: i64, last: i64) -> Self {
        Self {
            first,
            last,
            kind: GAP,
        }
    }

    /// How many records it is about.
    fn records(&self) -> u64 {
        if self.kind == GAP {
            0
        } else {
            self.last
                .saturating_sub(self.first)
                .saturating_add(1)
                .max(0) as u64
        }
    }

    pub(super) fn renews(&self) -> bool {
        self.kind == AcknowledgeType::Renew.id()
    }
}

/// Acknowledgements of one partition that were given together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parcel {
    pub(super) source: Source,
    /// Ascending.
    pub(super) acks: Vec<Ack>,
    /// The commit that waits for it.
    pub(super) commit: Option<u64>,
    /// When it is given up.
    pub(super) until: Instant,
}

impl Parcel {
    /// How many records it is about.
    pub(super) fn records(&self) -> u64 {
        self.acks.iter().map(Ack::records).sum()
    }

    pub(super) fn renews(&self) -> bool {
        self.acks.iter().any(Ack::renews)
    }

    /// Whether nobody waits for it, so that it may wait for a request that goes out anyway.
    pub(super) fn may_wait(&self) -> bool {
        self.acks.iter().all(|ack| ack.kind == GAP)
    }

    /// Whether both are about the same record: one request must not have both.
    fn overlaps(&self, other: &Self) -> bool {
        self.source.key() == other.source.key()
            && self.acks.iter().any(|ack| {
                let meets = |other: &Ack| ack.first <= other.last && other.first <= ack.last;
                other.acks.iter().any(meets)
            })
    }
}

/// Takes those out of a queue that may go into one request, in order.
pub(super) fn pack(queue: &mut Vec<Parcel>) -> Vec<Parcel> {
    let (mut packed, mut rest) = (Vec::new(), Vec::new());
    for parcel in queue.drain(..) {
        let of_same = |other: &Parcel| other.source.key() == parcel.source.key();
        let has_to_wait =
            rest.iter().any(of_same) || packed.iter().any(|other| parcel.overlaps(other));
        if has_to_wait {
            rest.push(parcel);
        } else {
            packed.push(parcel);
        }
    }
    *queue = rest;
    packed
}

/// What a request says: for each partition, ascending, and neighbours of one kind as one.
pub(super) fn merged(parcels: &[Parcel]) -> BTreeMap<Key, Vec<Ack>> {
    let mut all: BTreeMap<Key, Vec<Ack>> = BTreeMap::new();
    for parcel in parcels {
        let acks = all.entry(parcel.source.key()).or_default();
        acks.extend(&parcel.acks);
    }
    for acks in all.values_mut() {
        acks.sort_unstable_by_key(|ack| ack.first);
        acks.dedup_by(|next, before| {
            let joins = {
                let follows = before.last.checked_add(1) == Some(next.first);
                follows && before.kind == next.kind
            };
            if joins {
                before.last = next.last;
            }
            joins
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(number: i32, acks: &[(i64, i64, i8)]) -> Parcel {
        let acks = acks
            .iter()
            .map(|&(first, last, kind)| Ack { first, last, kind });
        Parcel {
            source: Source {
                partition: TopicPartition::new("t", number),
                topic_id: Uuid([1; 16]),
                broker: 1,
            },
            acks: acks.collect(),
            commit: None,
            until: Instant::now(),
        }
    }

    #[test]
    fn a_request_has_ascending_acknowledgements_and_neighbours_as_one() {
        let parcels = [
            parcel(0, &[(5, 9, 1), (10, 10, 2)]),
            parcel(1, &[(0, 0, 1)]),
            parcel(0, &[(0, 4, 1), (11, 12, 2)]),
        ];
        let all = merged(&parcels);
        let of = |number| {
            let acks = &all[&(Uuid([1; 16]), number)];
            let plain = acks.iter().map(|ack| (ack.first, ack.last, ack.kind));
            plain.collect::<Vec<_>>()
        };
        assert_eq!(of(0), [(0, 9, 1), (10, 12, 2)]);
        assert_eq!(of(1), [(0, 0, 1)]);
    }

    #[test]
    fn a_record_is_acknowledged_once_in_a_request() {
        let renewed = parcel(0, &[(0, 3, 4)]);
        let accepted = parcel(0, &[(2, 2, 1)]);
        let (elsewhere, behind) = (parcel(1, &[(2, 2, 1)]), parcel(0, &[(9, 9, 1)]));
        let mut queue = vec![
            renewed.clone(),
            accepted.clone(),
            elsewhere.clone(),
            behind.clone(),
        ];
        assert_eq!(pack(&mut queue), [renewed, elsewhere]);
        assert_eq!(queue, [accepted, behind], "in the order of the program");
    }
}
