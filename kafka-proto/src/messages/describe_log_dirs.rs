//! DescribeLogDirs: what lies on a broker's disks (API key 35).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks a broker for its log directories and the replicas there (KIP-113); `None` means all
    /// topics.
    DescribeLogDirsRequest: request 35 -> DescribeLogDirsResponse, versions "1-5", flexible "2+" {
        topics: Option<Vec<DescribableLogDirTopic>> ["0+", nullable "0+"] = Some(Vec::new()),
    }

    /// Partitions of a topic to look for.
    DescribableLogDirTopic {
        topic: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// The directories.
    DescribeLogDirsResponse: response, versions "1-5", flexible "2+" {
        throttle_time_ms: i32,
        error_code: i16 ["3+", ignorable],
        results: Vec<DescribeLogDirsResult>,
    }

    /// A directory, the bytes of its volume (KIP-827), and whether it takes no new replicas
    /// (KIP-1066).
    DescribeLogDirsResult {
        error_code: i16,
        log_dir: ByteString,
        topics: Vec<DescribeLogDirsTopic>,
        total_bytes: i64 ["4+", ignorable] = -1,
        usable_bytes: i64 ["4+", ignorable] = -1,
        is_cordoned: bool ["5+", ignorable],
    }

    /// A topic that has replicas there.
    DescribeLogDirsTopic {
        name: ByteString,
        partitions: Vec<DescribeLogDirsPartition>,
    }

    /// A replica: its bytes, and by how many offsets it is behind. A future one takes the place
    /// of the present one when it has caught up.
    DescribeLogDirsPartition {
        partition_index: i32,
        partition_size: i64,
        offset_lag: i64,
        is_future_key: bool,
    }
}
