//! Which seeds are run, and what is printed of those that fail.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::run::{Report, simulate};

/// How many faults and steps are printed of a run that failed.
const LAST_NOTES: usize = 40;
/// How many runs that failed are printed.
const PRINTED: usize = 3;

/// Seeds to run.
pub(crate) enum Seeds {
    /// One, of which everything is printed.
    One(u64),
    Range(Range<u64>),
}

impl Seeds {
    /// Those that the environment says, or the first ones.
    pub(crate) fn chosen(by_default: u64) -> Self {
        if let Ok(seed) = std::env::var("SIMULATION_SEED") {
            return Self::One(seed.parse().expect("SIMULATION_SEED is a number"));
        }
        let Ok(seeds) = std::env::var("SIMULATION_SEEDS") else {
            return Self::Range(0..by_default);
        };
        let (from, to) = seeds
            .split_once("..")
            .expect("SIMULATION_SEEDS is FROM..TO");
        let number = |text: &str| text.parse().expect("SIMULATION_SEEDS is FROM..TO");
        Self::Range(number(from)..number(to))
    }

    /// Runs them, and panics if one has failed.
    pub(crate) fn run(self) {
        let failed = match self {
            Self::One(seed) => {
                let report = simulate(seed);
                report.trace.iter().for_each(|line| println!("{line}"));
                println!("{}", report.plan);
                vec![report]
            }
            Self::Range(range) => run_all(range),
        };
        let failed: Vec<Report> = failed
            .into_iter()
            .filter(|report| !report.broken.is_empty())
            .collect();
        let seeds: Vec<u64> = failed.iter().map(|report| report.plan.seed).collect();
        let printed: String = failed.iter().take(PRINTED).map(failure).collect();
        assert!(failed.is_empty(), "{printed}\nfailed: {seeds:?}");
    }
}

fn run_all(range: Range<u64>) -> Vec<Report> {
    let began = Instant::now();
    let next = AtomicU64::new(range.start);
    let failed = Mutex::new(Vec::new());
    let messages = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !range.contains(&seed) {
                return;
            }
            let report = simulate(seed);
            messages.fetch_add(report.trace.len() as u64, Ordering::Relaxed);
            if !report.broken.is_empty() {
                failed.lock().unwrap().push(report);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!(
        "{} seeds, {} lines of trace, {:.1?}",
        range.end - range.start,
        messages.into_inner(),
        began.elapsed()
    );
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|report| report.plan.seed);
    failed
}

fn failure(report: &Report) -> String {
    let mut text = String::new();
    let Report {
        plan,
        trace,
        broken,
    } = report;
    let notes: Vec<String> = trace
        .iter()
        .filter(|line| line.is_note())
        .map(ToString::to_string)
        .collect();
    let last = &notes[notes.len().saturating_sub(LAST_NOTES)..];
    let _ = write!(
        text,
        "\nseed {seed}\n\n{plan}\n{last}\n\nbroken:\n- {broken}\n\nagain: SIMULATION_SEED={seed} cargo test -p tests --test simulation invariants -- --nocapture\n",
        seed = plan.seed,
        last = last.join("\n"),
        broken = broken.join("\n- "),
    );
    text
}
