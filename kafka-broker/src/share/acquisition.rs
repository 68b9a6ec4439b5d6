//! Which records a member gets.

use std::time::Instant;

use bytestring::ByteString;

use super::config::Rules;
use super::in_flight::{Run, Span, State};
use super::partition::SharePartition;

/// How much a member gets at a time (KIP-1206).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcquireMode {
    /// Whole batches of the log, even if that is more than was asked for.
    BatchOptimized,
    /// Not one record more than was asked for.
    RecordLimit,
}

/// What a member asks for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) member: ByteString,
    pub(crate) mode: AcquireMode,
    pub(crate) max_records: i64,
    /// New records are handed out in batches of about this many, so that each has one lock.
    pub(crate) batch_size: i64,
}

/// Records that a member has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acquired {
    pub(crate) span: Span,
    pub(crate) deliveries: i16,
}

/// A wish that is being fulfilled.
struct Acquisition<'a> {
    wish: &'a Wish,
    rules: &'a Rules,
    until: Instant,
    left: i64,
    acquired: Vec<Acquired>,
    /// Nothing may be added: what is there has failed often, and is not to be mixed with anything.
    is_closed: bool,
}

impl Acquisition<'_> {
    fn state(&self) -> State {
        State::Acquired {
            member: self.wish.member.clone(),
            until: self.until,
        }
    }

    fn add(&mut self, span: Span, deliveries: i16) {
        self.left -= span.len();
        match self.acquired.last_mut() {
            Some(last) if last.span.last + 1 == span.first && last.deliveries == deliveries => {
                last.span.last = span.last;
            }
            _ => self.acquired.push(Acquired { span, deliveries }),
        }
    }
}

impl SharePartition {
    /// Acquires what there is in these batches of the log, which were read from
    /// [`next_fetch_offset`](Self::next_fetch_offset) on.
    pub(super) fn acquire(
        &mut self,
        wish: &Wish,
        batches: &[Span],
        rules: &Rules,
        now: Instant,
    ) -> Vec<Acquired> {
        let (Some(from), Some(first), Some(last)) =
            (self.next_fetch_offset(), batches.first(), batches.last())
        else {
            return Vec::new();
        };
        let room = rules.max_record_locks - self.in_flight_count();
        let (left, last) = match (room > 0, self.in_flight.span()) {
            (true, _) => (wish.max_records.min(room), last.last),
            // There is no room for more, but for what has come back.
            (false, Some(held)) if from <= held.last => (
                wish.max_records.min(held.last - from + 1),
                last.last.min(held.last),
            ),
            (false, _) => return Vec::new(),
        };
        let mut acquisition = Acquisition {
            wish,
            rules,
            until: now + rules.record_lock_duration,
            left,
            acquired: Vec::new(),
            is_closed: false,
        };
        let read = Span {
            first: first.first,
            last,
        };
        self.acquire_again(&mut acquisition, read);
        if acquisition.left > 0 && !acquisition.is_closed {
            self.acquire_new(&mut acquisition, batches, last);
        }
        acquisition.acquired
    }

    /// Acquires what has come back, batch by batch as it was acquired first.
    fn acquire_again(&mut self, acquisition: &mut Acquisition<'_>, read: Span) {
        let mut batches: Vec<Span> = Vec::new();
        for (_, run) in self.in_flight.within(read) {
            if batches.last() != Some(&run.batch) {
                batches.push(run.batch);
            }
        }
        for batch in batches {
            if acquisition.left <= 0 {
                return;
            }
            let wanted = Span {
                first: batch.first.max(read.first),
                last: batch.last.min(read.last),
            };
            let is_available = |run: &Run| run.state == State::Available;
            let runs = self.in_flight.within(wanted);
            let tried = runs
                .filter(|(_, run)| is_available(run))
                .map(|(_, run)| run.deliveries)
                .max();
            let Some(tried) = tried else {
                continue;
            };
            let has_failed_often = tried >= acquisition.rules.throttled_deliveries();
            if has_failed_often && !acquisition.acquired.is_empty() {
                acquisition.is_closed = true;
                return;
            }
            let first = self.in_flight.within(batch).next();
            let is_whole = wanted == batch
                && first.is_some_and(|(span, run)| span == batch && is_available(run));
            let is_too_much =
                acquisition.wish.mode == AcquireMode::RecordLimit && batch.len() > acquisition.left;
            if is_whole && !is_too_much && !has_failed_often {
                self.hand_out(acquisition, batch);
                continue;
            }
            let before = acquisition.left;
            self.acquire_one_by_one(acquisition, batch, wanted);
            if has_failed_often && acquisition.left < before {
                acquisition.is_closed = true;
                return;
            }
        }
    }

    /// Acquires of a batch what is available. What has failed often comes in smaller and smaller parts, and alone when it
    /// is tried for the last time, so that one bad record does not take the others with it.
    fn acquire_one_by_one(&mut self, acquisition: &mut Acquisition<'_>, batch: Span, wanted: Span) {
        let limit = acquisition.rules.delivery_count_limit;
        let throttled = acquisition.rules.throttled_deliveries();
        let is_alone = |deliveries: i16| limit > 2 && deliveries == limit - 1;
        let available: Vec<(Span, i16)> = self
            .in_flight
            .within(wanted)
            .filter(|(_, run)| run.state == State::Available)
            .map(|(span, run)| {
                let span = Span {
                    first: span.first.max(wanted.first),
                    last: span.last.min(wanted.last),
                };
                (span, run.deliveries)
            })
            .collect();
        let mut part: Option<i64> = None;
        let mut count = 0;
        for (span, deliveries) in available {
            if is_alone(deliveries) && count > 0 {
                return;
            }
            if deliveries >= throttled && part.is_none() {
                part = Some((batch.len() >> (deliveries - throttled + 1).min(62)).max(1));
            }
            let mut most = part.map_or(i64::MAX, |part| part - count);
            if acquisition.wish.mode == AcquireMode::RecordLimit {
                most = most.min(acquisition.left);
            }
            if is_alone(deliveries) {
                most = most.min(1);
            }
            let taken = Span {
                first: span.first,
                last: span.last.min(span.first.saturating_add(most) - 1),
            };
            if taken.len() > 0 {
                self.hand_out(acquisition, taken);
                count += taken.len();
            }
            if taken.last < span.last || part == Some(count) || is_alone(deliveries) {
                return;
            }
        }
    }

    /// Gives out records that are available and have the same history.
    fn hand_out(&mut self, acquisition: &mut Acquisition<'_>, span: Span) {
        let state = acquisition.state();
        let mut deliveries = 0;
        self.in_flight.change(span, |run| {
            run.state = state.clone();
            run.deliveries = run.deliveries.saturating_add(1);
            deliveries = run.deliveries;
        });
        acquisition.add(span, deliveries);
    }

    /// Acquires what nobody had before.
    fn acquire_new(&mut self, acquisition: &mut Acquisition<'_>, batches: &[Span], last: i64) {
        let Some(first) = self.end() else {
            return;
        };
        if first > last {
            return;
        }
        let limit = first.saturating_add(acquisition.left) - 1;
        let last = match acquisition.wish.mode {
            AcquireMode::RecordLimit => last.min(limit),
            AcquireMode::BatchOptimized => {
                let whole = batches.iter().find(|batch| batch.last >= limit);
                whole.map_or(last, |batch| batch.last.min(last))
            }
        };
        let mut start = first;
        for batch in batches {
            let end = batch.last.min(last);
            let is_last = end == last;
            if end < start || (!is_last && end - start + 1 < acquisition.wish.batch_size) {
                continue;
            }
            let batch = Span {
                first: start,
                last: end,
            };
            let run = Run {
                last: end,
                batch,
                state: acquisition.state(),
                deliveries: 1,
            };
            self.in_flight.push(start, run);
            acquisition.left -= batch.len();
            // Each has a lock of its own, and is named by itself.
            acquisition.acquired.push(Acquired {
                span: batch,
                deliveries: 1,
            });
            start = end + 1;
            if is_last {
                return;
            }
        }
    }

    /// Archives what a member has just got of these batches: their transactions were aborted. What it keeps is left.
    pub(super) fn archive_aborted(
        &mut self,
        acquired: Vec<Acquired>,
        aborted: &[Span],
    ) -> Vec<Acquired> {
        let mut kept = acquired;
        for gone in aborted {
            kept = kept
                .into_iter()
                .flat_map(|acquired| without(acquired, *gone))
                .collect();
            if let Some(held) = self.in_flight.span().filter(|held| held.overlaps(*gone)) {
                let gone = Span {
                    first: gone.first.max(held.first),
                    last: gone.last.min(held.last),
                };
                self.in_flight.change(gone, |run| {
                    if matches!(run.state, State::Acquired { .. }) {
                        run.state = State::Archived;
                    }
                });
            }
        }
        self.advance();
        kept
    }
}

/// What is left of acquired records without some.
fn without(acquired: Acquired, gone: Span) -> impl Iterator<Item = Acquired> {
    let Acquired { span, deliveries } = acquired;
    let parts = if span.overlaps(gone) {
        [
            Span {
                first: span.first,
                last: gone.first - 1,
            },
            Span {
                first: gone.last + 1,
                last: span.last,
            },
        ]
    } else {
        [span, Span { first: 0, last: -1 }]
    };
    let parts = parts.into_iter().filter(|span| span.len() > 0);
    parts.map(move |span| Acquired { span, deliveries })
}
