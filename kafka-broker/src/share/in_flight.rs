//! The records that a share group has in its hands, in runs of one state.

use std::collections::BTreeMap;
use std::time::Instant;

use bytestring::ByteString;

/// Offsets from the first to the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Span {
    pub(crate) fn len(self) -> i64 {
        // A request may name any offsets.
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// How far a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Whoever asks may have it.
    Available,
    /// A member has it, until then.
    Acquired { member: ByteString, until: Instant },
    /// It was processed.
    Acknowledged,
    /// It is not to be processed any more: it was rejected, tried too often, or is no record of the group's.
    Archived,
}

impl State {
    /// Whether it stays so.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::Archived)
    }
}

/// Neighbours with the same history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) last: i64,
    /// What they were first acquired with.
    pub(super) batch: Span,
    pub(super) state: State,
    /// How often they were acquired.
    pub(super) deliveries: i16,
}

/// Runs without a gap between them, by their first offsets.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    runs: BTreeMap<i64, Run>,
}

impl InFlight {
    /// The first and the last offset.
    pub(super) fn span(&self) -> Option<Span> {
        let (first, _) = self.runs.first_key_value()?;
        let (_, last) = self.runs.last_key_value()?;
        Some(Span {
            first: *first,
            last: last.last,
        })
    }

    /// All runs, each with its offsets.
    pub(super) fn runs(&self) -> impl Iterator<Item = (Span, &Run)> {
        self.runs
            .iter()
            .map(|(first, run)| (span(*first, run), run))
    }

    /// The runs that reach into a span.
    pub(super) fn within(&self, within: Span) -> impl Iterator<Item = (Span, &Run)> {
        let before = self.runs.range(..within.first).next_back();
        let inside = self
            .runs
            .range(within.first..=within.last.max(within.first));
        let runs = before.into_iter().chain(inside);
        let runs = runs.map(|(first, run)| (span(*first, run), run));
        runs.filter(move |(span, _)| span.overlaps(within))
    }

    /// Puts a run behind the others.
    pub(super) fn push(&mut self, first: i64, run: Run) {
        self.runs.insert(first, run);
    }

    /// Changes the records of a span.
    pub(super) fn change(&mut self, within: Span, mut change: impl FnMut(&mut Run)) {
        self.split_before(within.first);
        self.split_before(within.last + 1);
        for (_, run) in self.runs.range_mut(within.first..=within.last) {
            change(run);
        }
        self.join(within);
    }

    /// Drops everything before an offset.
    pub(super) fn drop_before(&mut self, offset: i64) {
        self.split_before(offset);
        self.runs = self.runs.split_off(&offset);
    }

    /// Drops everything from an offset on.
    pub(super) fn drop_from(&mut self, offset: i64) {
        self.split_before(offset);
        self.runs.split_off(&offset);
    }

    fn split_before(&mut self, offset: i64) {
        if let Some((_, run)) = self.runs.range_mut(..offset).next_back()
            && run.last >= offset
        {
            let tail = run.clone();
            run.last = offset - 1;
            self.runs.insert(offset, tail);
        }
    }

    /// Joins neighbours that do not differ any more, in a span and at its ends.
    fn join(&mut self, within: Span) {
        let before = self.runs.range(..within.first).next_back();
        let mut first = before.map_or(within.first, |(first, _)| *first);
        while let Some(run) = self.runs.get(&first) {
            let next = run.last + 1;
            if next > within.last + 1 {
                break;
            }
            let Some(following) = self.runs.get(&next) else {
                break;
            };
            let is_same = (&run.state, run.deliveries, run.batch)
                == (&following.state, following.deliveries, following.batch);
            if !is_same {
                first = next;
                continue;
            }
            let last = following.last;
            self.runs.remove(&next);
            if let Some(run) = self.runs.get_mut(&first) {
                run.last = last;
            }
        }
    }
}

fn span(first: i64, run: &Run) -> Span {
    Span {
        first,
        last: run.last,
    }
}
