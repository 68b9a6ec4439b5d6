//! The producer against the embedded broker.

mod choosing;
mod faults;
mod fixture;
mod leaders;
mod sending;
mod topics;
mod wire;
