//! Which seeds are run, and what is printed of those that fail.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Report, simulate};
use crate::tally::Tally;

/// How many faults and steps are printed of a run that failed.
const LAST_NOTES: usize = 40;
/// After so many runs that failed no further one is begun.
const ENOUGH: usize = 3;
/// How many broken invariants are printed of a run.
const FIRST_BROKEN: usize = 12;

/// So many seeds have something of everything.
const MANY: u64 = 100;
/// How long a run may take, by the clock on the wall.
const LONGEST: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a thread runs, and since when.
type Running = Mutex<Option<(u64, Instant)>>;

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

    /// Runs them, and panics if one has failed. What has happened in all of them.
    pub(crate) fn run(self) -> Tally {
        let is_many = matches!(&self, Self::Range(range) if range.end - range.start >= MANY);
        let (failed, tally) = match self {
            Self::One(seed) => {
                let report = simulate(seed);
                report.trace.iter().for_each(|line| println!("{line}"));
                println!("{}", report.plan);
                let tally = report.tally;
                (vec![report], tally)
            }
            Self::Range(range) => run_all(range),
        };
        let failed: Vec<Report> = failed
            .into_iter()
            .filter(|report| !report.broken.is_empty())
            .collect();
        let seeds: Vec<u64> = failed.iter().map(|report| report.plan.seed).collect();
        let printed: String = failed.iter().map(failure).collect();
        assert!(failed.is_empty(), "{printed}\nfailed: {seeds:?}");
        assert!(!is_many || tally.is_full(), "nothing proven by {tally}");
        tally
    }
}

fn run_all(range: Range<u64>) -> (Vec<Report>, Tally) {
    let began = Instant::now();
    let next = AtomicU64::new(range.start);
    let failed = Mutex::new(Vec::new());
    let tally = Mutex::new(Tally::default());
    let work = |running: &Running| {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !range.contains(&seed) || failed.lock().unwrap().len() >= ENOUGH {
                break;
            }
            *running.lock().unwrap() = Some((seed, Instant::now()));
            let report = simulate(seed);
            *tally.lock().unwrap() += report.tally;
            if !report.broken.is_empty() {
                failed.lock().unwrap().push(report);
            }
        }
        *running.lock().unwrap() = None;
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let running: Vec<Running> = (0..threads).map(|_| Running::default()).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = running
            .iter()
            .map(|running| scope.spawn(|| work(running)))
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::park_timeout(LOOK_EVERY);
            running.iter().for_each(end_if_it_hangs);
        }
    });
    println!(
        "{} seeds in {:.1?}",
        range.end - range.start,
        began.elapsed()
    );
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|report| report.plan.seed);
    (failed, tally.into_inner().unwrap())
}

/// The clock of a run stands still while anything can be done: what goes round in circles would do so for ever.
fn end_if_it_hangs(running: &Running) {
    if let Some((seed, since)) = *running.lock().unwrap()
        && since.elapsed() > LONGEST
    {
        eprintln!("seed {seed} goes round in circles: no end after {LONGEST:?}");
        std::process::exit(1);
    }
}

fn failure(report: &Report) -> String {
    let mut text = String::new();
    let Report {
        plan,
        trace,
        broken,
        ..
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
        broken = broken[..broken.len().min(FIRST_BROKEN)].join("\n- "),
    );
    text
}
