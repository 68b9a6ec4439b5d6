//! Share groups, as far as members go (KIP-932): the coordinator tells each which partitions to read, several the same ones
//! if there are more of them than partitions. Nobody waits for anybody: a member may read at once what it is told.

mod assignor;
mod group;
#[cfg(test)]
mod tests;

pub(crate) use group::{ShareBeaten, ShareGroup, ShareHeartbeat};
