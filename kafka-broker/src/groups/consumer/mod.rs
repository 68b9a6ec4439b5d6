//! Groups of the consumer protocol (KIP-848), to whose members the coordinator hands out the work.
//!
//! A member says in its heartbeats what it wants to read and what it has; the answer says what it shall have. Whenever
//! what the members want, or what there is to read, has changed, the group enters a new epoch, and gets a new target
//! assignment. Members get there one by one: first each gives back what it shall lose, then it gets what the others
//! have given back.

mod assignor;
mod description;
mod fencing;
mod group;
mod heartbeat;
mod member;
mod reconciliation;
mod settings;
mod subscription;
#[cfg(test)]
mod tests;

pub use assignor::ConsumerGroupAssignor;
pub(crate) use group::ConsumerGroup;
pub(crate) use heartbeat::{Beaten, Heartbeat, JOIN, LEAVE, LEAVE_STATIC};
pub(crate) use settings::ConsumerGroupSettings;
