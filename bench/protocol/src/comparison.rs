//! Two ways to do the same work, taking turns.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::allocations::{Allocations, counted};

/// Turns that each way gets. Half of them may be disturbed without moving the median.
const TURNS: usize = 200;
/// How long a turn takes: long beside the clock's resolution, short beside a scheduler's time slice.
const TURN: Duration = Duration::from_millis(2);
/// How many times as fast as the peer every work is meant to be done.
const BAR: f64 = 2.0;

/// What one way of doing the work takes.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Median over the turns, in nanoseconds. Freeing the result is part of it.
    time: f64,
    allocations: Allocations,
}

/// What the work takes both ways.
#[derive(Debug)]
pub(crate) struct Comparison {
    work: String,
    ours: Cost,
    peer: Cost,
}

impl Comparison {
    /// How many times longer the peer takes.
    fn ratio(&self) -> f64 {
        self.peer.time / self.ours.time
    }
}

/// The works to be compared, or those of them whose name contains a text.
#[derive(Debug, Default)]
pub(crate) struct Comparisons {
    only: String,
    done: Vec<Comparison>,
}

impl Comparisons {
    /// Compares only the works whose name contains `only`.
    pub(crate) fn of(only: String) -> Self {
        Self {
            only,
            done: Vec::new(),
        }
    }

    /// Runs both ways in turns, and counts what one run of each allocates.
    pub(crate) fn compare<A, B>(
        &mut self,
        work: String,
        mut ours: impl FnMut() -> A,
        mut peer: impl FnMut() -> B,
    ) {
        if !work.contains(&self.only) {
            return;
        }
        let (our_runs, peer_runs) = (runs_per_turn(&mut ours), runs_per_turn(&mut peer));
        let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            // Who goes second finds the caches as the other left them: so each goes second half of the time.
            if turn % 2 == 0 {
                our_times.push(time(&mut ours, our_runs));
                peer_times.push(time(&mut peer, peer_runs));
            } else {
                peer_times.push(time(&mut peer, peer_runs));
                our_times.push(time(&mut ours, our_runs));
            }
        }
        self.done.push(Comparison {
            work,
            ours: Cost {
                time: median(our_times),
                allocations: counted(ours),
            },
            peer: Cost {
                time: median(peer_times),
                allocations: counted(peer),
            },
        });
    }
}

/// The mean time of a run, in nanoseconds.
fn time<T>(work: &mut impl FnMut() -> T, runs: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..runs {
        black_box(work());
    }
    start.elapsed().as_nanos() as f64 / f64::from(runs)
}

/// How many runs fill a turn. Warms up as well.
fn runs_per_turn<T>(work: &mut impl FnMut() -> T) -> u32 {
    let start = Instant::now();
    let mut runs = 0;
    while start.elapsed() < 5 * TURN {
        black_box(work());
        runs += 1;
    }
    (runs / 5).max(1)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl fmt::Display for Comparisons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| | ours, µs | peer, µs | ratio | allocations, ours | peer | KB allocated, ours | peer |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for comparison in &self.done {
            let Comparison { work, ours, peer } = comparison;
            let (calls, peer_calls) = (ours.allocations.calls, peer.allocations.calls);
            writeln!(
                f,
                "| {work} | {} | {} | {} | {} | {} | {} | {} |",
                significant(ours.time / 1e3),
                significant(peer.time / 1e3),
                bold_if(
                    comparison.ratio() < BAR,
                    format!("{:.2}", comparison.ratio())
                ),
                bold_if(calls >= peer_calls, grouped(calls)),
                grouped(peer_calls),
                significant(ours.allocations.bytes as f64 / 1e3),
                significant(peer.allocations.bytes as f64 / 1e3),
            )?;
        }
        write!(
            f,
            "\nBold: less than {BAR} times as fast, or not fewer allocations."
        )
    }
}

fn bold_if(bold: bool, text: String) -> String {
    if bold { format!("**{text}**") } else { text }
}

/// Three digits that mean something, or all in front of the point.
fn significant(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => grouped(value.round() as u64),
    }
}

/// 1,234,567
fn grouped(value: u64) -> String {
    match (value / 1000, value % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", grouped(thousands)),
    }
}
