//! Whole programs on a manual clock, compared with plain recomputations.

mod aborted;
mod aligned;
mod long;
mod plain;
mod program;
mod random;
mod session;
