//! `kafka-proto` beside the `kafka-protocol` crate: the same messages in one process, taking turns.
//!
//! ```text
//! bench-protocol            all works
//! bench-protocol TEXT       those whose name contains the text
//! ```
//!
//! Before anything is timed, both crates have encoded the message to the same bytes and read the same out of them. A run
//! starts from the received bytes or from the message, into memory of its own, and frees what it made.

mod allocations;
mod batches;
mod comparison;
mod fetch;
mod metadata;
mod produce;
mod twins;

use comparison::Comparisons;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() {
    // glibc's allocator gives memory back to the kernel and asks for it again until it has seen a large block come and
    // go. A client has been running for a while; without this the first works would measure page faults.
    drop(std::hint::black_box(vec![0_u8; 16 << 20]));
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut comparisons = Comparisons::of(only);
    metadata::compare(&mut comparisons);
    fetch::compare(&mut comparisons);
    produce::compare(&mut comparisons);
    println!("{comparisons}");
}
