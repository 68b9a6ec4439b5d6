//! Membership in a classic group: members join, the leader shares partitions out, and everybody learns its share
//! (JoinGroup, SyncGroup, Heartbeat, LeaveGroup).

mod membership;
mod protocol;
mod run;
#[cfg(test)]
mod tests;

pub(super) use membership::{MemberConfig, Membership};
pub(crate) use protocol::read_assignment;
pub(super) use run::{leave, run};
