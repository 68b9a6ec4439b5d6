//! Transactions: records and a consumer's positions that become visible together, or not at all (KIP-98, KIP-447, KIP-890).
//!
//! - `state` decides where the producer stands and what may follow, without a clock or a socket; `remedy` decides what an
//!   error means for it;
//! - `coordinator` and `offsets` ask, again and again, until there is an answer that tells;
//! - `operations` are the methods of the [`Producer`](super::Producer): they move between the two.
//!
//! Invariants:
//! - once EndTxn has gone out with a commit, and until an answer tells that it did nothing, it is only ever repeated;
//! - nothing that belongs to a transaction is sent after its EndTxn, and nothing is sent to a partition that is not part of
//!   the transaction: what fails in between ends the transaction as failed;
//! - after a batch that had a place in a partition's sequence was given up, the next transaction has another epoch.

mod coordinator;
mod offsets;
mod operations;
mod remedy;
mod state;

pub(super) use coordinator::add_partitions;
pub(super) use remedy::{Api, SOON};
pub(super) use state::{Protocol, Transaction};
