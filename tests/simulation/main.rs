//! A simulation: clients and brokers in one thread, on a network and a clock that are made up. A seed decides what goes
//! wrong; in the end, the invariants have to hold. The same seed gives the same run, message by message.
//!
//! - `plan` is what a seed decides, `network` the pipes, `world` what becomes of the brokers;
//! - `producing`, `transacting`, `consuming` and `copying` take part;
//! - `journal` is what they were told, `log` what the brokers have, and `invariants` hold the one against the other.
//!
//! `SIMULATION_SEED=7` runs one seed and prints what went over the network; `SIMULATION_SEEDS=100..2000` runs those.

mod consuming;
mod copying;
mod invariants;
mod journal;
mod log;
mod network;
mod plan;
mod producing;
mod run;
mod seeds;
mod tally;
mod trace;
mod transacting;
mod world;

use run::simulate;
use seeds::Seeds;
use tally::Tally;

/// How many seeds are run when nothing else is said.
const SEEDS: u64 = 300;

#[test]
fn invariants_hold_whatever_goes_wrong() {
    let tally: Tally = Seeds::chosen(SEEDS).run();
    println!("{tally}");
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in 0..4 {
        let (first, second) = (simulate(seed), simulate(seed));
        let both = first.trace.iter().zip(&second.trace);
        if let Some((one, other)) = both.clone().find(|(one, other)| one != other) {
            panic!("seed {seed}: first\n{one}\nand then\n{other}");
        }
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
        assert!(first.trace.len() > 100, "seed {seed}: something happens");
    }
}
