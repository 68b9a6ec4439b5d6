//! Records without a key: one partition for about a batch, then another (KIP-794).

use std::num::NonZeroU32;

/// Where records without a key go: all to one partition until about a batch has gathered there, then to another, so that
/// batches fill up. Which one comes next is left to chance, weighted by how long the partitions' queues are: what goes to a
/// slow broker piles up, so that it gets less.
#[derive(Debug, Default)]
pub(in crate::producer) struct StickyPartition {
    current: Option<u32>,
    /// What it got since it was chosen, in bytes as they are expected to be sent.
    bytes: usize,
    /// The partitions that may be chosen; empty: any.
    candidates: Vec<u32>,
    /// The sums of the candidates' weights up to each; empty: all weigh the same.
    ends: Vec<u64>,
}

/// A partition that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::producer) struct Candidate {
    pub(in crate::producer) partition: u32,
    /// How many batches wait for it.
    pub(in crate::producer) queued: usize,
    /// Whether its leader is in the producer's rack.
    pub(in crate::producer) is_near: bool,
}

impl StickyPartition {
    /// Whether anything was sent without a key so far.
    pub(in crate::producer) fn is_used(&self) -> bool {
        self.current.is_some()
    }

    /// The partition for the next record.
    pub(in crate::producer) fn current(&mut self, partitions: NonZeroU32) -> usize {
        match self.current.filter(|current| *current < partitions.get()) {
            Some(current) => current as usize,
            None => self.next(partitions),
        }
    }

    /// Whether a record of that size, for which a new batch would have to be begun, goes to another partition: this one
    /// has got its share.
    pub(in crate::producer) fn has_had_its_share(&self, size: usize, batch_size: usize) -> bool {
        self.bytes > 0 && self.bytes + size > batch_size
    }

    /// Whether the partition has got so much more than its share that it is left although its batch has room: records with
    /// keys, or a linger that ends often, may keep a batch from ever being full.
    pub(in crate::producer) fn has_had_too_much(&self, batch_size: usize) -> bool {
        self.bytes >= batch_size.saturating_mul(2)
    }

    /// After the current partition got that many bytes.
    pub(in crate::producer) fn got(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Goes over to another partition.
    pub(in crate::producer) fn next(&mut self, partitions: NonZeroU32) -> usize {
        let next = if self.ends.is_empty() {
            self.any(partitions)
        } else {
            self.weighted(partitions)
        };
        self.current = Some(next);
        self.bytes = 0;
        next as usize
    }

    /// Takes over which partitions may be chosen, and how they are doing. Those that are near come first if `near_first`;
    /// all others are for when there is none.
    pub(in crate::producer) fn weigh(
        &mut self,
        candidates: impl Iterator<Item = Candidate> + Clone,
        near_first: bool,
        adaptive: bool,
    ) {
        let only_near = near_first && candidates.clone().any(|candidate| candidate.is_near);
        let candidates = candidates.filter(|candidate| candidate.is_near || !only_near);
        self.candidates.clear();
        self.ends.clear();
        let queued = candidates.clone().map(|candidate| candidate.queued);
        let (shortest, longest) = queued.fold((usize::MAX, 0), |(least, most), queued| {
            (least.min(queued), most.max(queued))
        });
        self.candidates
            .extend(candidates.clone().map(|candidate| candidate.partition));
        if adaptive && shortest < longest {
            let mut end = 0;
            self.ends.extend(candidates.map(|candidate| {
                // The longest queue weighs 1: nobody is left out.
                end += (longest - candidate.queued) as u64 + 1;
                end
            }));
        }
    }

    /// Any but the current one, each as likely as the others.
    fn any(&self, partitions: NonZeroU32) -> u32 {
        // The topic may have got other partitions since they were weighed.
        let is_known = |candidate: &u32| *candidate < partitions.get();
        if self.candidates.is_empty() || !self.candidates.iter().all(is_known) {
            let at = self.current.filter(is_known);
            return other_than(at.map(|at| at as usize), partitions.get() as usize) as u32;
        }
        let at = self.current.and_then(|current| {
            let found = self.candidates.binary_search(&current);
            found.ok()
        });
        self.candidates[other_than(at, self.candidates.len())]
    }

    /// The current one, too, may be chosen again: left out, it would get less than its weight.
    fn weighted(&self, partitions: NonZeroU32) -> u32 {
        let end = self.ends.last().copied().unwrap_or(1);
        let place = fastrand::u64(0..end);
        let at = self.ends.partition_point(|end| *end <= place);
        match self.candidates.get(at) {
            Some(candidate) if *candidate < partitions.get() => *candidate,
            _ => self.any(partitions),
        }
    }
}

/// Any of `0..count` but this one, if there is another.
fn other_than(this: Option<usize>, count: usize) -> usize {
    match this {
        Some(this) if count > 1 => {
            let other = fastrand::usize(0..count - 1);
            other + usize::from(other >= this)
        }
        _ => fastrand::usize(0..count.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: NonZeroU32 = NonZeroU32::new(4).unwrap();

    fn candidate(partition: u32, queued: usize) -> Candidate {
        Candidate {
            partition,
            queued,
            is_near: false,
        }
    }

    /// How often each of four partitions is chosen.
    fn shares(sticky: &mut StickyPartition, choices: usize) -> [usize; 4] {
        let mut shares = [0; 4];
        for _ in 0..choices {
            shares[sticky.next(FOUR)] += 1;
        }
        shares
    }

    fn assert_shares(found: [usize; 4], expected: [usize; 4]) {
        let total: usize = expected.iter().sum();
        let choices: usize = found.iter().sum();
        for (found, expected) in found.iter().zip(expected) {
            let expected = (choices * expected) as f64 / total as f64;
            // Five standard deviations at the most.
            let tolerance = 5.0 * expected.sqrt();
            assert!(
                (*found as f64 - expected).abs() <= tolerance,
                "{found} of {choices}, expected {expected:.0} ± {tolerance:.0}"
            );
        }
    }

    #[test]
    fn without_loads_all_partitions_get_the_same_and_none_twice_in_a_row() {
        fastrand::seed(1);
        let mut sticky = StickyPartition::default();
        assert_shares(shares(&mut sticky, 40_000), [1, 1, 1, 1]);
        let mut last = sticky.current(FOUR);
        for _ in 0..1000 {
            let next = sticky.next(FOUR);
            assert_ne!(last, next);
            last = next;
        }
    }

    #[test]
    fn a_partition_is_chosen_the_less_the_longer_its_queue_is() {
        fastrand::seed(2);
        let mut sticky = StickyPartition::default();
        // As in KIP-794: the longest queue plus one, less the own.
        let loads = [0, 3, 1, 0];
        let candidates = (0..).zip(loads).map(|(at, queued)| candidate(at, queued));
        sticky.weigh(candidates.clone(), false, true);
        assert_shares(shares(&mut sticky, 100_000), [4, 1, 3, 4]);
        sticky.weigh(candidates, false, false);
        assert_shares(shares(&mut sticky, 100_000), [1, 1, 1, 1]);
    }

    #[test]
    fn queues_of_the_same_length_leave_it_to_chance() {
        fastrand::seed(3);
        let mut sticky = StickyPartition::default();
        sticky.weigh((0..4).map(|at| candidate(at, 7)), false, true);
        assert_shares(shares(&mut sticky, 40_000), [1, 1, 1, 1]);
    }

    #[test]
    fn what_is_no_candidate_gets_nothing_until_there_is_none() {
        fastrand::seed(4);
        let mut sticky = StickyPartition::default();
        sticky.weigh([candidate(1, 0), candidate(2, 0)].into_iter(), false, true);
        assert_shares(shares(&mut sticky, 10_000), [0, 1, 1, 0]);
        sticky.weigh([candidate(1, 2), candidate(2, 0)].into_iter(), false, true);
        assert_shares(shares(&mut sticky, 10_000), [0, 1, 3, 0]);
        sticky.weigh(std::iter::empty(), false, true);
        assert_shares(shares(&mut sticky, 10_000), [1, 1, 1, 1]);
    }

    #[test]
    fn partitions_in_the_rack_come_first_while_there_are_any() {
        fastrand::seed(5);
        let mut sticky = StickyPartition::default();
        let near = |partition, queued| Candidate {
            is_near: true,
            ..candidate(partition, queued)
        };
        let candidates = [candidate(0, 0), near(1, 0), near(2, 1), candidate(3, 0)];
        sticky.weigh(candidates.into_iter(), true, true);
        assert_shares(shares(&mut sticky, 10_000), [0, 2, 1, 0]);
        sticky.weigh(candidates.into_iter(), false, true);
        assert_shares(shares(&mut sticky, 10_000), [2, 2, 1, 2]);
        let far = [candidate(0, 0), candidate(3, 0)];
        sticky.weigh(far.into_iter(), true, true);
        assert_shares(shares(&mut sticky, 10_000), [1, 0, 0, 1]);
    }

    #[test]
    fn a_partition_that_is_gone_is_left() {
        let mut sticky = StickyPartition {
            current: Some(7),
            candidates: vec![5, 6, 7],
            ends: vec![1, 2, 4],
            ..StickyPartition::default()
        };
        assert_eq!(sticky.current(NonZeroU32::MIN), 0);
    }
}
