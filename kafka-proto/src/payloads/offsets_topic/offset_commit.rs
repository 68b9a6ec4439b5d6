use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Whose offset it is.
    OffsetCommitKey: data, versions "0", flexible "none" {
        group: ByteString,
        topic: ByteString,
        partition: i32,
    }
}

message! {
    /// The offset that a group has committed.
    OffsetCommitValue: data, versions "0-4", flexible "4+" {
        /// Of the next record to read.
        offset: i64,
        leader_epoch: i32 ["3+", ignorable] = -1,
        metadata: ByteString,
        /// Milliseconds since 1970.
        commit_timestamp: i64,
        expire_timestamp: i64 ["1", ignorable] = -1,
        topic_id: Uuid ["4+", tag 0 "4+", ignorable],
    }
}
