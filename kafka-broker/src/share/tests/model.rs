//! Members that do whatever comes to their minds, against a table of all records: nobody has what somebody else has, what
//! is done with stays so, every delivery counts, and in the end each record was processed or given up for a reason.

use super::*;

const RECORDS: usize = 60;
const SEEDS: u64 = 400;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Available,
    Acquired(&'static str, Instant),
    Acknowledged,
    /// By a member.
    Rejected,
    /// It was tried too often.
    GivenUp,
}

struct Model {
    bench: Bench,
    /// By offset, with how often it was given out.
    records: Vec<(Fate, i16)>,
    random: fastrand::Rng,
    seed: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            bench: Bench::with(ShareSettings {
                delivery_count_limit: random.i16(1..=6),
                partition_max_record_locks: random.i64(3..30),
                ..ShareSettings::default()
            }),
            records: Vec::new(),
            random,
            seed,
        }
    }

    fn append(&mut self) {
        let len = self.random.usize(1..8).min(RECORDS - self.records.len());
        if len > 0 {
            self.bench.append(len as i64);
            let end = self.records.len() + len;
            self.records.resize(end, (Fate::Available, 0));
        }
    }

    fn acquire(&mut self, member: &'static str) {
        let mode = if self.random.bool() {
            AcquireMode::RecordLimit
        } else {
            AcquireMode::BatchOptimized
        };
        let most = self.random.i64(1..20);
        let acquired = self.bench.acquire_by(member, mode, most);
        let count: i64 = acquired.iter().map(|acquired| acquired.span.len()).sum();
        assert!(
            mode == AcquireMode::BatchOptimized || count <= most,
            "seed {}: {count} of {most}",
            self.seed
        );
        let until = self.bench.now + LOCK;
        for Acquired { span, deliveries } in acquired {
            for offset in span.first..=span.last {
                let (fate, count) = &mut self.records[offset as usize];
                assert_eq!(*fate, Fate::Available, "seed {}: {offset}", self.seed);
                *fate = Fate::Acquired(member, until);
                *count += 1;
                assert_eq!(*count, deliveries, "seed {}: {offset}", self.seed);
            }
        }
    }

    fn release(&mut self, is_concerned: impl Fn(&Fate) -> bool) {
        let limit = self.bench.rules.delivery_count_limit;
        for (fate, deliveries) in &mut self.records {
            if is_concerned(fate) {
                *fate = if *deliveries >= limit {
                    Fate::GivenUp
                } else {
                    Fate::Available
                };
            }
        }
    }

    fn acknowledge(&mut self, member: &'static str) {
        let first = self.random.usize(0..self.records.len());
        let last = (first + self.random.usize(0..6)).min(self.records.len() - 1);
        let is_own =
            |(fate, _): &(Fate, i16)| matches!(fate, Fate::Acquired(owner, _) if *owner == member);
        let start = self.bench.share.start().unwrap() as usize;
        let own = last < start || self.records[first.max(start)..=last].iter().all(is_own);
        let kind = self.random.i8(1..=4);
        let done = self
            .bench
            .acknowledge(member, first as i64, last as i64, &[kind]);
        assert_eq!(done.is_ok(), own, "seed {}: {first}..={last}", self.seed);
        if !own || last < start {
            return;
        }
        let (now, limit) = (self.bench.now, self.bench.rules.delivery_count_limit);
        for (fate, deliveries) in &mut self.records[first.max(start)..=last] {
            *fate = match kind {
                1 => Fate::Acknowledged,
                2 if *deliveries >= limit => Fate::GivenUp,
                2 => Fate::Available,
                3 => Fate::Rejected,
                _ => Fate::Acquired(member, now + LOCK),
            };
        }
    }

    fn step(&mut self) {
        let member = ["a", "b", "c"][self.random.usize(0..3)];
        match self.random.u8(0..10) {
            0 => self.append(),
            1..=4 => self.acquire(member),
            5..=7 if !self.records.is_empty() => self.acknowledge(member),
            8 => {
                let rules = self.bench.rules;
                self.bench.share.release_all_of(member, &rules);
                self.release(|fate| matches!(fate, Fate::Acquired(owner, _) if *owner == member));
            }
            _ => {
                let time = LOCK / self.random.u32(1..8);
                self.bench.pass(time);
                let now = self.bench.now;
                self.release(|fate| matches!(fate, Fate::Acquired(_, until) if *until <= now));
            }
        }
        self.compare();
    }

    /// Both have the same records in the same states.
    fn compare(&self) {
        let start = self.bench.share.start().unwrap();
        let open = self.records.iter().position(|(fate, _)| !is_done(fate));
        let open = open.unwrap_or(self.records.len()) as i64;
        assert_eq!(start, open, "seed {}", self.seed);
        let mut offset = start;
        for (span, run) in self.bench.share.in_flight.runs() {
            assert_eq!(span.first, offset, "seed {}: there is no gap", self.seed);
            for (fate, deliveries) in &self.records[span.first as usize..=span.last as usize] {
                let is_same = match (&run.state, fate) {
                    (State::Acquired { member, until }, Fate::Acquired(owner, ends)) => {
                        member == owner && until == ends
                    }
                    (State::Available, Fate::Available)
                    | (State::Acknowledged, Fate::Acknowledged)
                    | (State::Archived, Fate::Rejected | Fate::GivenUp) => true,
                    _ => false,
                };
                assert!(is_same, "seed {}: {run:?}, {fate:?}", self.seed);
                assert_eq!(run.deliveries, *deliveries, "seed {}", self.seed);
            }
            offset = span.last + 1;
        }
    }

    /// One member does all that is left.
    fn finish(&mut self) {
        while self.records.len() < RECORDS {
            self.append();
        }
        self.bench.pass(LOCK);
        let now = self.bench.now;
        self.release(|fate| matches!(fate, Fate::Acquired(_, until) if *until <= now));
        for _ in 0..=RECORDS {
            self.acquire("a");
            for offset in 0..self.records.len() {
                if let Fate::Acquired(..) = self.records[offset].0 {
                    let at = offset as i64;
                    self.bench.acknowledge("a", at, at, &[1]).unwrap();
                    self.records[offset].0 = Fate::Acknowledged;
                }
            }
            self.compare();
        }
        for (offset, (fate, deliveries)) in self.records.iter().enumerate() {
            assert!(is_done(fate), "seed {}: {offset} {fate:?}", self.seed);
            let limit = self.bench.rules.delivery_count_limit;
            assert!((1..=limit).contains(deliveries), "seed {}", self.seed);
            assert!(
                *fate != Fate::GivenUp || *deliveries == limit,
                "seed {}: {offset}",
                self.seed
            );
        }
    }
}

fn is_done(fate: &Fate) -> bool {
    matches!(fate, Fate::Acknowledged | Fate::Rejected | Fate::GivenUp)
}

#[test]
fn each_record_is_processed_or_given_up_and_in_one_hand_at_a_time() {
    for seed in 0..SEEDS {
        let mut model = Model::new(seed);
        for _ in 0..120 {
            model.step();
        }
        model.finish();
    }
}
