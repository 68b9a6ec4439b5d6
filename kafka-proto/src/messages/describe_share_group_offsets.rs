//! DescribeShareGroupOffsets: where share groups start reading (API key 90).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Asks the coordinator of share groups where they start in partitions (KIP-932); `None`
    /// means all topics of the group.
    DescribeShareGroupOffsetsRequest: request 90 -> DescribeShareGroupOffsetsResponse, versions "0-1", flexible "0+" {
        groups: Vec<DescribeShareGroupOffsetsRequestGroup>,
    }

    /// A group.
    DescribeShareGroupOffsetsRequestGroup {
        group_id: ByteString,
        topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>> ["0+", nullable "0+"] = Some(Vec::new()),
    }

    /// Partitions of a topic.
    DescribeShareGroupOffsetsRequestTopic {
        topic_name: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// The offsets.
    DescribeShareGroupOffsetsResponse: response, versions "0-1", flexible "0+" {
        throttle_time_ms: i32,
        groups: Vec<DescribeShareGroupOffsetsResponseGroup>,
    }

    /// A group.
    DescribeShareGroupOffsetsResponseGroup {
        group_id: ByteString,
        topics: Vec<DescribeShareGroupOffsetsResponseTopic>,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
    }

    /// A topic.
    DescribeShareGroupOffsetsResponseTopic {
        topic_name: ByteString,
        topic_id: Uuid,
        partitions: Vec<DescribeShareGroupOffsetsResponsePartition>,
    }

    /// The first offset that is not done; how many are not is known from version 1 on
    /// (KIP-1226).
    DescribeShareGroupOffsetsResponsePartition {
        partition_index: i32,
        start_offset: i64,
        leader_epoch: i32,
        lag: i64 ["1+", ignorable] = -1,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
    }
}
