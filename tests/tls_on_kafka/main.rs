//! TLS against real Kafkas of the test's own.

mod fixture;
mod mechanisms;
mod mutual;
mod rotation;
