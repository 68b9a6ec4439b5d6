//! Groups of the classic protocol, whose members share out the work themselves.

mod description;
mod group;
mod member;
mod rebalance;
#[cfg(test)]
mod tests;

pub(crate) use group::{ClassicGroup, Identity, Sync};
pub(crate) use member::{Join, Joined, Protocol, Synced};
