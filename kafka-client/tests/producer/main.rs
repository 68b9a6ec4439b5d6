//! The producer against the embedded broker.

mod faults;
mod fixture;
mod sending;
mod topics;
mod wire;
