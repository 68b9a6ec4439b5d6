//! Benchmarks, side by side with other clients and engines: see `README.md` beside this crate.
//!
//! `bench-client` and `bench-engine` take the command lines that the comparing harness gives to every peer;
//! `bench-failover` is run by `failover/run`.
