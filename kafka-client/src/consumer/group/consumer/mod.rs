//! Membership in a group of the consumer protocol (KIP-848): the coordinator shares the partitions out, and one kind of
//! request says everything both ways, the heartbeat.
//!
//! - `membership` decides when to be heard of, and what the answers mean;
//! - `heartbeat` makes the requests: everything when joining, afterwards only what has changed;
//! - `holdings` compares what the coordinator wants this member to read with what it reads;
//! - `run` carries that out.

mod heartbeat;
mod holdings;
mod membership;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use membership::new_member_id;
pub(super) use membership::{MemberConfig, Membership};
pub(super) use run::{leave, run};
