//! Where each leader's epoch began in a log (KIP-101).

/// The epochs of a log's leaders, each with the offset of its first record.
#[derive(Debug, Default)]
pub(super) struct LeaderEpochs {
    /// Ascending, both epochs and offsets.
    starts: Vec<(i32, i64)>,
}

impl LeaderEpochs {
    /// A leader begins to write at `offset`, unless it did so before.
    pub(super) fn begin(&mut self, epoch: i32, offset: i64) {
        if self.starts.last().is_some_and(|(last, _)| *last >= epoch) {
            return;
        }
        // An epoch without a record leaves no trace.
        self.truncate(offset);
        self.starts.push((epoch, offset));
    }

    /// Nothing from `offset` on was written.
    pub(super) fn truncate(&mut self, offset: i64) {
        self.starts.retain(|(_, start)| *start < offset);
    }

    /// The largest epoch not above this one, and where it ended; `None` if no epoch is that large, so that nothing can be
    /// said.
    pub(super) fn end_of(&self, epoch: i32, log_end: i64) -> Option<(i32, i64)> {
        let above = self.starts.partition_point(|(known, _)| *known <= epoch);
        let end = match self.starts.get(above) {
            Some((_, start)) => *start,
            // Only the last one ends with the log.
            None if self.starts.last().is_some_and(|(last, _)| *last == epoch) => log_end,
            None => return None,
        };
        let floor = above.checked_sub(1).map_or(epoch, |at| self.starts[at].0);
        Some((floor, end))
    }

    /// The epoch in which the record at `offset` was or will be written.
    pub(super) fn at(&self, offset: i64) -> Option<i32> {
        let after = self.starts.partition_point(|(_, start)| *start <= offset);
        let first_or_before = after.saturating_sub(1);
        self.starts.get(first_or_before).map(|(epoch, _)| *epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let mut epochs = LeaderEpochs::default();
        for (epoch, offset) in [(0, 0), (0, 5), (2, 10), (3, 20), (5, 20)] {
            epochs.begin(epoch, offset);
        }
        for (epoch, end) in [
            (-1, Some((-1, 0))),
            (0, Some((0, 10))),
            (1, Some((0, 10))),
            (2, Some((2, 20))),
            (3, Some((2, 20))),
            (5, Some((5, 30))),
            (6, None),
        ] {
            assert_eq!(epochs.end_of(epoch, 30), end, "{epoch}");
        }
        assert_eq!(LeaderEpochs::default().end_of(0, 0), None);
        let at: Vec<_> = [0, 9, 10, 20].map(|offset| epochs.at(offset)).into();
        assert_eq!(at, [Some(0), Some(0), Some(2), Some(5)]);
    }

    #[test]
    fn what_was_cut_off_belongs_to_no_epoch() {
        let mut epochs = LeaderEpochs::default();
        for (epoch, offset) in [(0, 0), (1, 10), (2, 20)] {
            epochs.begin(epoch, offset);
        }
        epochs.truncate(15);
        epochs.begin(3, 15);
        assert_eq!(epochs.end_of(2, 40), Some((1, 15)));
    }
}
