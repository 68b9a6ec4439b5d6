//! Share sessions: a member says once what it wants to read, and then only what has changed. With its session, or its
//! connection, everything that it has ends.

use std::collections::HashMap;
use std::sync::Mutex;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use crate::lock::lock;
use crate::node::Node;
use crate::topics::TopicIdPartition;

/// The epochs of a request that opens a session, and of one that closes it.
pub(crate) const OPEN: i32 = 0;
pub(crate) const CLOSE: i32 = -1;

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct MemberKey {
    pub(crate) group_id: ByteString,
    pub(crate) member_id: ByteString,
}

/// The sessions of one broker.
#[derive(Debug)]
pub(crate) struct ShareSessions {
    slots: usize,
    table: Mutex<HashMap<MemberKey, Session>>,
}

#[derive(Debug)]
struct Session {
    /// Of the request that is expected next.
    epoch: i32,
    /// In the order in which they came.
    partitions: Vec<TopicIdPartition>,
    connection: Connection,
}

/// Whose requests come over the same connection: each connection is a task.
type Connection = Option<tokio::task::Id>;

impl ShareSessions {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            table: Mutex::default(),
        }
    }

    /// A member opens its session, or goes on with it. Returns all that it wants to read, beginning with other partitions
    /// each time.
    ///
    /// # Errors
    /// What it is told of a session that is not there, or not as it believes, or for which there is no room.
    pub(crate) fn read(
        &self,
        key: &MemberKey,
        epoch: i32,
        added: impl Iterator<Item = TopicIdPartition>,
        forgotten: &[TopicIdPartition],
    ) -> Result<Vec<TopicIdPartition>, ErrorCode> {
        let table = &mut *lock(&self.table);
        if epoch == OPEN {
            table.remove(key);
            if table.len() >= self.slots {
                return Err(ErrorCode::ShareSessionLimitReached);
            }
            let opened = Session {
                epoch: OPEN,
                partitions: Vec::new(),
                connection: tokio::task::try_id(),
            };
            table.insert(key.clone(), opened);
        }
        let session = find(table, key, epoch)?;
        session.epoch = next(epoch);
        for partition in added {
            if !session.partitions.contains(&partition) {
                session.partitions.push(partition);
            }
        }
        session
            .partitions
            .retain(|partition| !forgotten.contains(partition));
        let mut partitions = session.partitions.clone();
        if !partitions.is_empty() {
            let first = usize::try_from(epoch).unwrap_or(0) % partitions.len();
            partitions.rotate_left(first);
        }
        Ok(partitions)
    }

    /// A member goes on with its session without wanting to read.
    ///
    /// # Errors
    /// What it is told of a session that is not there, or not as it believes.
    pub(crate) fn acknowledge(&self, key: &MemberKey, epoch: i32) -> Result<(), ErrorCode> {
        if epoch == OPEN {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        let table = &mut *lock(&self.table);
        if epoch == CLOSE {
            let is_there = table.contains_key(key);
            return if is_there {
                Ok(())
            } else {
                Err(ErrorCode::ShareSessionNotFound)
            };
        }
        find(table, key, epoch)?.epoch = next(epoch);
        Ok(())
    }

    /// Closes a member's session, if there is one. Returns what it was reading.
    pub(crate) fn close(&self, key: &MemberKey) -> Vec<TopicIdPartition> {
        let closed = lock(&self.table).remove(key);
        closed.map_or_else(Vec::new, |session| session.partitions)
    }

    /// Closes the sessions of a connection.
    fn close_all_of(&self, connection: Connection) -> Vec<(MemberKey, Vec<TopicIdPartition>)> {
        let table = &mut *lock(&self.table);
        let closed = table.extract_if(|_, session| session.connection == connection);
        closed
            .map(|(key, session)| (key, session.partitions))
            .collect()
    }
}

fn find<'a>(
    table: &'a mut HashMap<MemberKey, Session>,
    key: &MemberKey,
    epoch: i32,
) -> Result<&'a mut Session, ErrorCode> {
    match table.get_mut(key) {
        None => Err(ErrorCode::ShareSessionNotFound),
        Some(session) if session.epoch != epoch => Err(ErrorCode::InvalidShareSessionEpoch),
        Some(session) => Ok(session),
    }
}

fn next(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

/// Closes the share sessions of a connection when it is dropped, as the connection ends.
#[derive(Debug)]
pub(crate) struct ConnectionSessions<'a> {
    node: &'a Node,
    connection: Connection,
}

impl<'a> ConnectionSessions<'a> {
    /// Those of the connection that this task serves.
    pub(crate) fn of(node: &'a Node) -> Self {
        Self {
            node,
            connection: tokio::task::try_id(),
        }
    }
}

impl Drop for ConnectionSessions<'_> {
    fn drop(&mut self) {
        for (key, partitions) in self.node.share_sessions.close_all_of(self.connection) {
            self.node.cluster.share.release(&key, &partitions);
        }
    }
}
