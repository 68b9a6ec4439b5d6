//! Whole programs on a manual clock, compared with plain recomputations.

mod aligned;
mod long;
mod plain;
mod program;
mod random;
mod session;
