//! The state machine on a clock of its own.

mod acknowledgements;
mod acquisitions;
mod model;
mod sessions;

use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use super::acknowledgement::AcknowledgementBatch;
use super::config::Rules;
use super::in_flight::{Span, State};
use super::partition::SharePartition;
use super::{AcquireMode, Acquired, ShareGroupConfig, ShareSettings, Wish};

const LOCK: Duration = Duration::from_secs(30);

/// A partition that a group reads, its log, and the moment.
struct Bench {
    share: SharePartition,
    /// The batches of the log.
    log: Vec<Span>,
    rules: Rules,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(ShareSettings::default())
    }

    fn with(settings: ShareSettings) -> Self {
        let mut share = SharePartition::default();
        share.begin(|| 0);
        Self {
            share,
            log: Vec::new(),
            rules: ShareGroupConfig::default().rules(&settings),
            now: Instant::now(),
        }
    }

    /// A partition with batches of so many records.
    fn of(batches: &[i64]) -> Self {
        let mut bench = Self::new();
        batches.iter().for_each(|len| bench.append(*len));
        bench
    }

    fn append(&mut self, len: i64) {
        let first = self.log.last().map_or(0, |last| last.last + 1);
        self.log.push(span(first, first + len - 1));
    }

    /// What a member gets that asks for so many records.
    fn acquire_by(&mut self, member: &str, mode: AcquireMode, max_records: i64) -> Vec<Acquired> {
        let Some(offset) = self
            .share
            .next_fetch_offset()
            .filter(|_| self.share.has_room(&self.rules))
        else {
            return Vec::new();
        };
        let read = self.log.iter().filter(|batch| batch.last >= offset);
        let read: Vec<Span> = read.copied().collect();
        let wish = Wish {
            member: member.into(),
            mode,
            max_records,
            batch_size: 100,
        };
        self.share.acquire(&wish, &read, &self.rules, self.now)
    }

    /// The same, in triples of first offset, last offset and deliveries.
    fn acquire(&mut self, member: &str, max_records: i64) -> Vec<(i64, i64, i16)> {
        triples(&self.acquire_by(member, AcquireMode::BatchOptimized, max_records))
    }

    fn acknowledge(
        &mut self,
        member: &str,
        first: i64,
        last: i64,
        types: &[i8],
    ) -> Result<(), ErrorCode> {
        let batch = AcknowledgementBatch::read([(first, last, types)].into_iter(), true)?;
        let acknowledged = self
            .share
            .acknowledge(member, &batch, &self.rules, self.now);
        acknowledged.map_err(|refusal| refusal.error)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.share.on_timeout(&self.rules, self.now);
        let next = self.share.next_deadline();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a deadline is dealt with"
        );
    }

    /// Every record that is not done with, by its offset: a letter for its state, and how often it was given out.
    fn states(&self) -> String {
        let records = self.share.in_flight.runs().flat_map(|(span, run)| {
            let letter = match run.state {
                State::Available => 'v',
                State::Acquired { .. } => 'q',
                State::Acknowledged => 'k',
                State::Archived => 'x',
            };
            let deliveries = run.deliveries;
            (span.first..=span.last).map(move |offset| format!("{offset}{letter}{deliveries}"))
        });
        records.collect::<Vec<_>>().join(" ")
    }
}

fn span(first: i64, last: i64) -> Span {
    Span { first, last }
}

fn triples(acquired: &[Acquired]) -> Vec<(i64, i64, i16)> {
    let acquired = acquired.iter();
    acquired
        .map(|acquired| (acquired.span.first, acquired.span.last, acquired.deliveries))
        .collect()
}
