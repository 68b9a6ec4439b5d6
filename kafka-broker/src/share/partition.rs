//! What a share group has done of a partition. A state machine that neither waits nor sends.
//!
//! It has everything before its start behind it. From there on each record is available, acquired by a member for a
//! while, acknowledged or archived; what lies behind the last of those was not touched yet.

use std::sync::{Arc, Weak};
use std::time::Instant;

use kafka_proto::error_code::ErrorCode;
use tokio::sync::Notify;

use super::acknowledgement::{AcknowledgeType, AcknowledgementBatch};
use super::config::Rules;
use super::in_flight::{InFlight, Run, Span, State};
use crate::refusal::Refusal;

/// How far a group is with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Everything before is done.
    pub(crate) start_offset: i64,
    /// So many records behind the start are done, too.
    pub(crate) done_count: i64,
}

/// A partition as one share group sees it.
#[derive(Debug, Default)]
pub(crate) struct SharePartition {
    /// The first offset that is not done with; none until somebody asks for records.
    start: Option<i64>,
    /// What was written down when members last said something, which is what admins are told.
    written: Option<Progress>,
    pub(super) in_flight: InFlight,
    /// In which leader epoch records were acquired: a new leader does not know who has which.
    leader_epoch: i32,
    waiting: Vec<Weak<Notify>>,
}

impl SharePartition {
    /// One that begins at an offset.
    pub(super) fn starting_at(offset: i64) -> Self {
        Self {
            start: Some(offset),
            written: Some(Progress {
                start_offset: offset,
                done_count: 0,
            }),
            ..Self::default()
        }
    }

    /// How far it is, as admins are told.
    pub(super) fn written(&self) -> Option<Progress> {
        self.written
    }

    pub(super) fn start(&self) -> Option<i64> {
        self.start
    }

    /// How many records behind the start are done with.
    fn done_count(&self) -> i64 {
        let runs = self.in_flight.runs();
        let done = runs.filter(|(_, run)| run.state.is_final());
        done.map(|(span, _)| span.len()).sum()
    }

    /// Begins at an offset, unless it has begun.
    pub(super) fn begin(&mut self, offset: impl FnOnce() -> i64) {
        if self.start.is_none() {
            self.start = Some(offset());
        }
    }

    /// The offset behind everything that was ever acquired.
    pub(super) fn end(&self) -> Option<i64> {
        let held = self.in_flight.span().map(|held| held.last + 1);
        held.or(self.start)
    }

    /// Where records are to be read for the next member that asks.
    pub(super) fn next_fetch_offset(&self) -> Option<i64> {
        let mut runs = self.in_flight.runs();
        let available = runs.find(|(_, run)| run.state == State::Available);
        available.map(|(span, _)| span.first).or_else(|| self.end())
    }

    /// How many records there are between the start and the end.
    pub(super) fn in_flight_count(&self) -> i64 {
        self.in_flight.span().map_or(0, Span::len)
    }

    /// Whether somebody who asks may get something, if the log has it.
    pub(super) fn has_room(&self, rules: &Rules) -> bool {
        self.next_fetch_offset() != self.end() || self.in_flight_count() < rules.max_record_locks
    }

    /// Does what members say of records that they have: all of it, or nothing.
    pub(super) fn acknowledge(
        &mut self,
        member: &str,
        batches: &[AcknowledgementBatch],
        rules: &Rules,
        now: Instant,
    ) -> Result<(), Refusal> {
        let mut previous = None;
        for batch in batches {
            let span = batch.span();
            if previous.is_some_and(|previous: Span| previous.overlaps(span)) {
                let message = "a record of the batch is in the batch before, too";
                return Err(Refusal::new(ErrorCode::InvalidRecordState, message));
            }
            previous = Some(span);
            self.check(member, batch, rules)?;
        }
        for (span, kind) in batches.iter().flat_map(AcknowledgementBatch::parts) {
            self.in_flight.change(span, |run| match kind {
                AcknowledgeType::Accept => run.state = State::Acknowledged,
                AcknowledgeType::Gap | AcknowledgeType::Reject => run.state = State::Archived,
                AcknowledgeType::Release => release(run, rules),
                AcknowledgeType::Renew => {
                    if let State::Acquired { until, .. } = &mut run.state {
                        *until = now + rules.record_lock_duration;
                    }
                }
            });
        }
        // What was done with before is no news.
        let start = self.start.unwrap_or(0);
        if batches.iter().any(|batch| batch.span().last >= start) {
            self.changed();
        }
        Ok(())
    }

    fn check(
        &self,
        member: &str,
        batch: &AcknowledgementBatch,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        let span = batch.span();
        let refused = |message: &str| Err(Refusal::new(ErrorCode::InvalidRecordState, message));
        let start = self.start.unwrap_or(0);
        if span.last < start {
            // It is done with, however that came.
            return Ok(());
        }
        let invalid = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
        let Some(held) = self.in_flight.span().filter(|held| held.first <= span.last) else {
            return refused("no record of the batch was acquired");
        };
        if span.first > held.last {
            return invalid("the first offset of the batch lies behind the acquired records");
        }
        if span.last > held.last {
            return invalid("the last offset of the batch lies behind the acquired records");
        }
        for (_, run) in self.in_flight.within(span) {
            match &run.state {
                State::Acquired { member: owner, .. } if owner == member => {}
                State::Acquired { .. } => {
                    return refused("another member has acquired a record of the batch");
                }
                _ => return refused("a record of the batch is not acquired"),
            }
        }
        if batch.has_renewal() && !rules.renew_acknowledge {
            return refused("locks are not renewed in this group (share.renew.acknowledge.enable)");
        }
        Ok(())
    }

    /// Makes available again what a member has.
    pub(super) fn release_all_of(&mut self, member: &str, rules: &Rules) {
        self.release_where(
            rules,
            |state| matches!(state, State::Acquired { member: owner, .. } if owner == member),
        );
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let runs = self.in_flight.runs();
        let deadlines = runs.filter_map(|(_, run)| match run.state {
            State::Acquired { until, .. } => Some(until),
            _ => None,
        });
        deadlines.min()
    }

    /// Makes available again what was not acknowledged in time.
    pub(super) fn on_timeout(&mut self, rules: &Rules, now: Instant) {
        self.release_where(
            rules,
            |state| matches!(state, State::Acquired { until, .. } if *until <= now),
        );
    }

    fn release_where(&mut self, rules: &Rules, is_concerned: impl Fn(&State) -> bool) {
        let runs = self.in_flight.runs();
        let concerned = runs.filter(|(_, run)| is_concerned(&run.state));
        let concerned: Vec<Span> = concerned.map(|(span, _)| span).collect();
        if concerned.is_empty() {
            return;
        }
        for span in concerned {
            self.in_flight.change(span, |run| release(run, rules));
        }
        self.changed();
    }

    /// The log has lost what is before `offset`.
    pub(super) fn raise_start(&mut self, offset: i64) {
        if self.start.is_some_and(|start| start < offset) {
            self.in_flight.drop_before(offset);
            self.start = Some(offset);
            self.advance();
        }
    }

    /// Somebody leads in this epoch, with a log up to `end`: what was acquired before is available again, as if it had not
    /// been, and what the log has lost was never there.
    pub(super) fn follow_leader(&mut self, leader_epoch: i32, end: i64) {
        if self.leader_epoch == leader_epoch {
            return;
        }
        self.leader_epoch = leader_epoch;
        if self.start.is_some_and(|start| start > end) {
            self.start = Some(end);
        }
        self.in_flight.drop_from(end);
        let Some(held) = self.in_flight.span() else {
            return;
        };
        self.in_flight.change(held, |run| {
            if let State::Acquired { .. } = run.state {
                run.state = State::Available;
                run.deliveries -= 1;
            }
        });
    }

    /// Moves the start over what is done with.
    pub(super) fn advance(&mut self) {
        let end = self.end();
        let open = self.in_flight.runs().find(|(_, run)| !run.state.is_final());
        let start = open.map(|(span, _)| span.first).or(end);
        if let Some(start) = start {
            self.in_flight.drop_before(start);
            self.start = Some(start);
        }
    }

    fn changed(&mut self) {
        // As at Kafka, where it is written down before the start moves.
        self.written = self.start.map(|start_offset| Progress {
            start_offset,
            done_count: self.done_count(),
        });
        self.advance();
        self.wake();
    }

    /// Has `waiter` notified when something changes here, once.
    pub(super) fn notify_on_change(&mut self, waiter: &Arc<Notify>) {
        self.waiting.retain(|waiting| waiting.strong_count() > 0);
        self.waiting.push(Arc::downgrade(waiter));
    }

    /// Wakes those who wait for records.
    pub(super) fn wake(&mut self) {
        for waiter in self.waiting.drain(..).filter_map(|weak| weak.upgrade()) {
            waiter.notify_one();
        }
    }
}

/// A record comes back: somebody else may try, unless it was tried too often.
fn release(run: &mut Run, rules: &Rules) {
    run.state = if run.deliveries >= rules.delivery_count_limit {
        State::Archived
    } else {
        State::Available
    };
}
